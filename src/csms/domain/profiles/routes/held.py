"""What chargers hold of charging profiles over HTTP: sent, cleared, and the schedules that follow from it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Routes
from csms.core.charging import PURPOSES, UNITS
from csms.core.commands import ClearChargingProfile, GetCompositeSchedule
from csms.core.ids import Place
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.profiles import flows, service, store
from csms.domain.profiles.comparing import Difference
from csms.domain.profiles.composing import LONGEST_S, Stretch
from csms.domain.profiles.model import LARGEST, LARGEST_EVSE, Rules
from csms.domain.profiles.service import Composite
from csms.domain.profiles.shown import LONGEST_NAME, ChargerLimits, HeldAnywhereQuery, HeldProfile, HeldQuery, held_shown
from csms.domain.stations.service import need_charger

_EVSE = (validators.ge(0), validators.le(LARGEST_EVSE))


@attrs.frozen(slots=True, kw_only=True)
class SendProfile:
    """Which charging profile goes, by its name, to which EVSE, 0 being the whole charger."""

    template: str = attrs.field(validator=validators.max_len(LONGEST_NAME))
    evse: int = attrs.field(default=0, validator=list(_EVSE))


@attrs.frozen(slots=True, kw_only=True)
class ProfileTold(Told):
    """What the charger answered, and how the profile stands."""

    profile: HeldProfile


@attrs.frozen(slots=True, kw_only=True)
class ClearProfiles:
    """What to clear: what meets every criterion given, or all. With a ``profile_id`` nothing else counts."""

    profile_id: int | None = attrs.field(
        default=None, validator=validators.optional(validators.and_(validators.ge(0), validators.le(LARGEST)))
    )
    evse: int | None = attrs.field(default=None, validator=validators.optional(validators.and_(*_EVSE)))
    purpose: str = attrs.field(default="", validator=validators.in_(("", *PURPOSES)))
    stack_level: int | None = attrs.field(
        default=None, validator=validators.optional(validators.and_(validators.ge(0), validators.le(LARGEST)))
    )


@attrs.frozen(slots=True, kw_only=True)
class ClearTold(Told):
    """What the charger answered, and what is over by it as far as we know."""

    cleared: Sequence[HeldProfile]


@attrs.frozen(slots=True, kw_only=True)
class ScheduleQuery:
    """Which composite schedule somebody wants, from now on."""

    evse: int = attrs.field(default=0, validator=list(_EVSE), metadata={"help": "which EVSE; 0 is the whole charger"})
    duration_s: int = attrs.field(
        default=86_400, validator=[validators.ge(1), validators.le(LONGEST_S)], metadata={"help": "seconds from now"}
    )
    unit: str = attrs.field(
        default="",
        validator=validators.in_(("", *UNITS)),
        metadata={"help": "A per phase, or W in total; not given, as the profiles"},
    )


@attrs.frozen(slots=True, kw_only=True)
class ScheduleTold(Told):
    """A composite schedule as the charger reports it, null where it does not, beside the one reckoned here, and where they differ."""

    computed: Composite
    reported: Sequence[Stretch] | None
    differences: Sequence[Difference]


def routes(rules: Rules) -> Routes:
    """Routes of what chargers hold."""
    made = Routes("charger_profiles", "What chargers hold of charging profiles, and what follows from it.", tag="Smart charging")
    _held(made, rules)
    _schedules(made, rules)
    return made


def _held(made: Routes, rules: Rules) -> None:
    @made.get("/charger-profiles", needs="profiles:read", reach=LIST)
    async def list_(call: Call, query: HeldAnywhereQuery) -> Page[HeldProfile]:
        """What chargers hold, or shall."""
        return await call.read(store.page_of_held, query, call.stations)

    @made.get("/chargers/<path:charger_id>/profiles", needs="profiles:read", reach=CHARGER)
    async def of_charger(call: Call, charger_id: str, query: HeldQuery) -> Page[HeldProfile]:
        """What a charger holds, or shall."""

        def read(tx: ReadTx) -> Page[HeldProfile]:
            need_charger(tx, charger_id)
            return store.page_of_held(tx, query, charger_id=charger_id)

        return await call.read(read)

    @made.get("/chargers/<path:charger_id>/profiles/limits", needs="profiles:read", reach=CHARGER)
    async def limits(call: Call, charger_id: str) -> ChargerLimits:
        """What a charger can hold, as far as it said."""

        def read(tx: ReadTx) -> ChargerLimits:
            need_charger(tx, charger_id)
            known = store.limits(tx, charger_id)
            return ChargerLimits(**{**attrs.asdict(known, recurse=False), "units": sorted(known.units)})

        return await call.read(read)

    @made.post(
        "/chargers/<path:charger_id>/profiles",
        needs="profiles:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"template": "night", "evse": 1},
        errors={404: "no such charger or charging profile", 409: "the charger cannot hold it"},
    )
    async def send(call: Call, charger_id: str, body: SendProfile) -> ProfileTold:
        """Send a charging profile to a connected charger now, once."""
        place = Place(body.evse, min(body.evse, 1))
        async with call.noting(Subject("charger", charger_id), {"template": body.template, "evse": body.evse}) as noted:
            held, outcome = await flows.send_template(call.ports, rules, charger_id, place, body.template, tenant=call.tenant)
            noted.detail |= {"profile_id": held.profile.id, "state": held.state}
        return ProfileTold(**facts(outcome), profile=held_shown(held))

    @made.post(
        "/chargers/<path:charger_id>/profiles/clear",
        needs="profiles:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"evse": 1, "purpose": "TxDefaultProfile"},
    )
    async def clear(call: Call, charger_id: str, body: ClearProfiles) -> ClearTold:
        """Clear charging profiles at a connected charger. What is assigned stays cleared until it is assigned again."""
        criteria = ClearChargingProfile(
            profile_id=body.profile_id,
            place=None if body.evse is None else Place(body.evse, min(body.evse, 1)),
            purpose=body.purpose,
            stack_level=body.stack_level,
        )
        async with call.noting(Subject("charger", charger_id), {"criteria": body}) as noted:
            over, outcome = await flows.clear(call.ports, charger_id, criteria, tenant=call.tenant)
            noted.detail["cleared"] = [each.profile.id for each in over]
        return ClearTold(**facts(outcome), cleared=[held_shown(each) for each in over])


def _schedules(made: Routes, rules: Rules) -> None:
    @made.get("/chargers/<path:charger_id>/composite-schedule", needs="profiles:read", reach=CHARGER)
    async def computed(call: Call, charger_id: str, query: ScheduleQuery) -> Composite:
        """How much may be drawn in the time to come, reckoned from what the charger is believed to hold. It is not asked."""

        def read(tx: ReadTx) -> Composite:
            need_charger(tx, charger_id)
            return service.composite(tx, charger_id, Place(query.evse), query.duration_s, query.unit, tx.now, rules)

        return await call.read(read)

    @made.post(
        "/chargers/<path:charger_id>/composite-schedule/compare",
        needs="profiles:write",
        reach=CHARGER,
        limit_s=CHARGER_LIMIT_S,
        example={"evse": 1, "duration_s": 3600, "unit": "W"},
    )
    async def compare(call: Call, charger_id: str, body: ScheduleQuery) -> ScheduleTold:
        """Ask a connected charger how much it may draw, and compare that with what follows from its profiles.

        It may know of limits of its own, such as its wiring's.
        """
        await call.read(need_charger, charger_id)
        asked = GetCompositeSchedule(Place(body.evse, min(body.evse, 1)), body.duration_s, body.unit)
        async with call.noting(Subject("charger", charger_id), {"asked": body}):
            found = await flows.composite(call.ports, rules, charger_id, asked, tenant=call.tenant)
        return ScheduleTold(**facts(found.outcome), computed=found.computed, reported=found.reported, differences=found.differences)
