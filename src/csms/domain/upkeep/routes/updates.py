"""Firmware updates over HTTP: asked for one by one, and followed."""

from __future__ import annotations

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Routes
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.domain.upkeep.flows import firmware as flows
from csms.domain.upkeep.model.firmware import FirmwareUpdate, UpdatesQuery, UpdateWish, as_shown
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.service import firmware as service
from csms.domain.upkeep.store import firmware as store

_WISHES = tuple(field.name for field in attrs.fields(UpdateWish))


@attrs.frozen(slots=True, kw_only=True)
class NewUpdate(UpdateWish):
    """An update to be asked for: which image, and how.

    ``signed`` false sends a signed image as unsigned, for chargers that know no better. ``force`` lets a charger of another vendor or
    model have it, and one that has it already.
    """

    image_id: int


@attrs.frozen(slots=True, kw_only=True)
class UpdateTold(Told):
    """What the charger answered, and how the update stands."""

    update: FirmwareUpdate


def routes(settings: FileSettings) -> Routes:
    """Routes of firmware updates."""
    made = Routes("firmware_updates", "Updates that bring firmware to chargers.", tag="Firmware")

    @made.get("/firmware-updates", needs="upkeep:read", reach=LIST)
    async def list_(call: Call, query: UpdatesQuery) -> Page[FirmwareUpdate]:
        """Firmware updates, the newest first."""
        return await call.read(store.page_of_updates, query, call.stations)

    @made.get("/firmware-updates/<int:update_id>", needs="upkeep:read", reach=LIST)
    async def show(call: Call, update_id: int) -> FirmwareUpdate:
        """One firmware update."""
        found = await call.read(service.need_shown, update_id)
        await call.needs_charger(found.charger_id)
        return found

    @made.post(
        "/chargers/<path:charger_id>/firmware-updates",
        needs="upkeep:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"image_id": 3, "retries": 3},
        errors={404: "no such charger or image", 409: "the image is not for this charger, or the charger has it already"},
    )
    async def ask(call: Call, charger_id: str, body: NewUpdate) -> UpdateTold:
        """Ask a charger to update its firmware. How it goes on is told by the update."""
        wish = UpdateWish(**{name: getattr(body, name) for name in _WISHES})
        async with call.noting(Subject("charger", charger_id), {"image_id": body.image_id, "force": body.force}) as noted:
            known, outcome = await flows.update(call.ports, settings, call.tenant, charger_id, body.image_id, wish)
            noted.detail |= {"update_id": known.id, "state": known.state}
        return UpdateTold(**facts(outcome), update=as_shown(known))

    return made
