"""Resets over HTTP: asked for, and seen by the boot that follows."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Routes
from csms.core.commands import Reset
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.domain.stations.model import LARGEST_PLACE
from csms.domain.upkeep.flows import resets as flows
from csms.domain.upkeep.model.resets import KINDS, WHEN_IDLE, ChargerReset, ResetsQuery
from csms.domain.upkeep.model.settings import UpkeepSettings
from csms.domain.upkeep.service import resets as service
from csms.domain.upkeep.store import resets as store


@attrs.frozen(slots=True, kw_only=True)
class NewReset:
    """A reset: of the charger, or of one EVSE (OCPP 2.x). ``force`` also ``immediately`` while transactions run there."""

    when: str = attrs.field(default=WHEN_IDLE, validator=validators.in_(KINDS))
    evse: int | None = attrs.field(
        default=None, validator=validators.optional(validators.and_(validators.ge(1), validators.le(LARGEST_PLACE)))
    )
    force: bool = False


@attrs.frozen(slots=True, kw_only=True)
class ResetTold(Told):
    """What the charger answered, and how the reset stands."""

    reset: ChargerReset


def routes(settings: UpkeepSettings, running: flows.Running) -> Routes:
    """Routes of resets."""
    made = Routes("resets", "Chargers that are to restart, and whether they did.")

    @made.get("/resets", needs="upkeep:read", reach=LIST)
    async def list_(call: Call, query: ResetsQuery) -> Page[ChargerReset]:
        """Resets and what became of them, the newest first."""
        return await call.read(store.page_of_resets, query, call.stations)

    @made.get("/resets/<int:reset_id>", needs="upkeep:read", reach=LIST)
    async def show(call: Call, reset_id: int) -> ChargerReset:
        """One reset."""
        found = await call.read(service.need_reset, reset_id)
        await call.needs_charger(found.charger_id)
        return found

    @made.post(
        "/chargers/<path:charger_id>/resets",
        needs="upkeep:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"when": "when_idle"},
        errors={409: "transactions run there, and it is not forced"},
    )
    async def ask(call: Call, charger_id: str, body: NewReset) -> ResetTold:
        """Have a connected charger reset itself. It is `done` when the charger boots."""
        said = {"when": body.when, "evse": body.evse, "force": body.force}
        async with call.noting(Subject("charger", charger_id), said) as noted:
            known, outcome = await flows.reset(
                call.ports,
                settings,
                call.tenant,
                charger_id,
                Reset(when=body.when, evse=body.evse),
                running=running,
                force=body.force,
            )
            noted.detail |= {"reset_id": known.id, "state": known.state}
        return ResetTold(**facts(outcome), reset=known)

    return made
