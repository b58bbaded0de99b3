"""Availability and maintenance over HTTP: places taken out of service, put back, and maintenance planned."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Reply, Routes
from csms.core.ids import Place, charger_key
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.stations.service import need_charger
from csms.domain.upkeep.flows import availability as flows
from csms.domain.upkeep.model.availability import (
    LONGEST_TEXT,
    AvailabilityQuery,
    PlaceAvailability,
    Window,
    WindowsQuery,
    shown,
)
from csms.domain.upkeep.model.settings import UpkeepSettings
from csms.domain.upkeep.service import maintenance
from csms.domain.upkeep.store import availability as store

MOST_WINDOWS = 200


@attrs.frozen(slots=True, kw_only=True)
class NewAvailability:
    """A place to be taken out of service or put back; the whole charger is EVSE 0. ``set_by`` is on whose word, ``""`` your own."""

    place: Place
    operative: bool
    reason: str = attrs.field(default="", validator=validators.max_len(LONGEST_TEXT))
    set_by: str = attrs.field(default="", validator=validators.max_len(LONGEST_TEXT))


@attrs.frozen(slots=True, kw_only=True)
class AvailabilityTold(Told):
    """What the charger answered, and how the place stands."""

    availability: PlaceAvailability


@attrs.frozen(slots=True, kw_only=True)
class ChargerAvailability:
    """The places of a charger that somebody took out of service or put back, the whole first, and its planned and running maintenance."""

    charger_id: str
    items: Sequence[PlaceAvailability]
    maintenance: Sequence[Window]


@attrs.frozen(slots=True, kw_only=True)
class NewWindow:
    """Maintenance to be planned; without ``from_at`` it begins now. ``set_by`` is on whose word, ``""`` your own."""

    place: Place = Place()
    from_at: int | None = None
    until_at: int
    reason: str = attrs.field(default="", validator=validators.max_len(LONGEST_TEXT))
    set_by: str = attrs.field(default="", validator=validators.max_len(LONGEST_TEXT))


def routes(settings: UpkeepSettings) -> Routes:
    """Routes of availability and maintenance."""
    made = Routes("availability", "Chargers and connectors out of service, and back; maintenance that is planned.")
    _availability(made, settings)
    _maintenance(made)
    return made


def _availability(made: Routes, settings: UpkeepSettings) -> None:
    @made.get("/availability", needs="upkeep:read", reach=LIST)
    async def list_(call: Call, query: AvailabilityQuery) -> Page[PlaceAvailability]:
        """Places that somebody took out of service or put back, and what their chargers made of it."""
        return await call.read(store.page_of_places, query, call.stations)

    @made.get("/chargers/<path:charger_id>/availability", needs="upkeep:read", reach=CHARGER)
    async def show(call: Call, charger_id: str) -> ChargerAvailability:
        """Which places of a charger should be in service, and its maintenance."""

        def query(tx: ReadTx) -> ChargerAvailability:
            need_charger(tx, charger_id)
            return ChargerAvailability(
                charger_id=charger_id,
                items=[shown(each) for each in store.of_charger(tx, charger_id)],
                maintenance=store.list_windows(tx, WindowsQuery(charger_id=charger_id, open=True, sort="from_at"), MOST_WINDOWS),
            )

        return await call.read(query)

    @made.post(
        "/chargers/<path:charger_id>/availability",
        needs="upkeep:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        example={"place": {"evse": 2, "connector": 1}, "operative": False, "reason": "broken display"},
        errors={409: "what the place is a part of is out of service, or maintenance of it runs"},
    )
    async def change(call: Call, charger_id: str, body: NewAvailability) -> AvailabilityTold:
        """Take a place out of service, or put it back.

        It holds: a charger that is not connected is told when it comes back, and one that forgets, as after a reboot, is told again.
        """
        said = {"place": str(body.place), "operative": body.operative, "reason": body.reason}
        async with call.noting(Subject("charger", charger_id), said) as noted:
            known, outcome = await flows.change(
                call.ports,
                settings,
                call.tenant,
                charger_id,
                body.place,
                body.operative,
                reason=body.reason,
                set_by=body.set_by or _name(call),
            )
            noted.detail["state"] = known.state
        return AvailabilityTold(**facts(outcome), availability=shown(known))


def _maintenance(made: Routes) -> None:
    def subject(window_id: int) -> Subject:
        def view(tx: ReadTx) -> Window:
            return maintenance.need_window(tx, window_id)

        return Subject("maintenance_window", str(window_id), view)

    async def need(call: Call, window_id: int) -> Window:
        found = await call.read(maintenance.need_window, window_id)
        await call.needs_charger(found.charger_id)
        return found

    @made.get("/maintenance-windows", needs="upkeep:read", reach=LIST, name="windows")
    async def windows(call: Call, query: WindowsQuery) -> Page[Window]:
        """Planned, running and past maintenance, the newest first."""
        return await call.read(store.page_of_windows, query, call.stations)

    @made.get("/maintenance-windows/<int:window_id>", needs="upkeep:read", reach=LIST)
    async def window(call: Call, window_id: int) -> Window:
        """One window of maintenance."""
        return await need(call, window_id)

    @made.post(
        "/chargers/<path:charger_id>/maintenance-windows",
        needs="upkeep:write",
        reach=CHARGER,
        status=201,
        tells=Window,
        moves=True,
        example={"from_at": "2030-01-31T22:00:00Z", "until_at": "2030-02-01T04:00:00Z", "reason": "new cables"},
    )
    async def plan(call: Call, charger_id: str, body: NewWindow) -> Reply:
        """Plan maintenance: the place is taken out of service when it begins, and put back when it ends."""
        verb = partial(
            maintenance.plan,
            charger_id=charger_id,
            place=body.place,
            from_at=call.ports.clock.now() if body.from_at is None else body.from_at,
            until_at=body.until_at,
            reason=body.reason,
            set_by=body.set_by or _name(call),
        )
        said = {"place": str(body.place), "from_at": body.from_at, "until_at": body.until_at, "reason": body.reason}
        planned = await call.write(verb, keys=(charger_key(charger_id),), of=Subject("charger", charger_id), detail=said)
        return Reply(body=planned, status=201, headers={"Location": f"/api/v1/maintenance-windows/{planned.id}"})

    @made.post(
        "/maintenance-windows/<int:window_id>/cancel", needs="upkeep:write", reach=LIST, moves=True, errors={409: "it is over"}
    )
    async def cancel(call: Call, window_id: int) -> Window:
        """Call maintenance off, or end it now: then the place is put back in service."""
        known = await need(call, window_id)
        return await call.write(maintenance.cancel, window_id, keys=(charger_key(known.charger_id),), of=subject(window_id))


def _name(call: Call) -> str:
    return call.who.name[:LONGEST_TEXT]
