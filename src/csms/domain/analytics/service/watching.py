"""Watches ports come and go: when one is down, why, and for how long."""

from __future__ import annotations

import attrs

from csms.core.ports import Tx
from csms.domain.analytics.model import (
    CHARGER,
    DOWN_STATUSES,
    FAULTED,
    OFFLINE,
    PORT,
    STATION,
    TENANT,
    PortState,
    analytics_key,
    port,
)
from csms.domain.analytics.periods import by_day, day_of
from csms.domain.analytics.store import uptime as store
from csms.domain.analytics.store.counts import Tally
from csms.domain.stations import store as stations

from . import excluding
from .counting import time_zone


def _station(tx: Tx, charger_id: str) -> int | None:
    charger = stations.charger(tx, charger_id)
    return None if charger is None else charger.station_id


def _subjects(tx: Tx, charger_id: str) -> list[tuple[str, str]]:
    station_id = _station(tx, charger_id)
    subjects = [(TENANT, ""), (CHARGER, charger_id)]
    return subjects if station_id is None else [*subjects, (STATION, str(station_id))]


def link(tx: Tx, charger_id: str, *, up: bool, at: int, event_id: int) -> None:
    """A charger's connection came (``up``) or went; its ports follow."""
    tx.claim(analytics_key(tx.tenant))
    known = store.ports_of(tx, charger_id)
    whole = next((each for each in known if each.evse == 0), None)
    if whole is None:
        if not up or stations.charger(tx, charger_id) is None:
            return  # it was removed, which took its link away
        whole = _fresh(charger_id, 0, at)
    if event_id <= whole.last_event_id:
        return
    tally = Tally()
    if not up and not whole.offline:
        tally.add(day_of(at, time_zone(tx)), _subjects(tx, charger_id), disconnects=1)
    for each in [whole, *(each for each in known if each.evse)]:
        _become(tx, tally, attrs.evolve(each, offline=not up, last_event_id=max(event_id, each.last_event_id)), at)
    tally.write(tx)


def status(tx: Tx, charger_id: str, evse: int, word: str, *, at: int, event_id: int) -> None:
    """A port has another status. Its connectors share one port: the last word counts."""
    tx.claim(analytics_key(tx.tenant))
    if not evse:
        return
    known = store.port(tx, charger_id, evse)
    if known is None:
        if stations.charger(tx, charger_id) is None:
            return  # what it said before it was removed
        known = _fresh(charger_id, evse, at)
    if event_id <= known.last_event_id and known.status:
        return
    tally = Tally()
    if DOWN_STATUSES.get(word) == FAULTED and DOWN_STATUSES.get(known.status) != FAULTED:
        subjects = [*_subjects(tx, charger_id), (PORT, port(charger_id, evse))]
        tally.add(day_of(at, time_zone(tx)), subjects, faults=1)
    _become(tx, tally, attrs.evolve(known, status=word, last_event_id=max(event_id, known.last_event_id)), at)
    tally.write(tx)


def removed(tx: Tx, charger_id: str, station_id: int | None, *, at: int, event_id: int) -> None:
    """A charger was removed: its ports counted until then. One of the same id that is added later begins anew."""
    tx.claim(analytics_key(tx.tenant))
    ports = [each for each in store.ports_of(tx, charger_id) if each.last_event_id < event_id]
    tally = Tally()
    for each in ports:
        _over(tx, tally, each, station_id, at)
    tally.write(tx)
    store.end_lives(tx, ports, station_id, at)


def _fresh(charger_id: str, evse: int, at: int) -> PortState:
    return PortState(
        charger_id=charger_id, evse=evse, known_since_at=at, offline=False, status="", down_since_at=None, why="", last_event_id=0
    )


def _become(tx: Tx, tally: Tally, state: PortState, at: int) -> None:
    """Store a port's state, and close its outage when it is over or has another cause."""
    why = OFFLINE if state.offline else DOWN_STATUSES.get(state.status, "")
    if state.down_since_at is not None and why != state.why:
        _over(tx, tally, state, _station(tx, state.charger_id), at)
        state = attrs.evolve(state, down_since_at=None)
    if why and state.down_since_at is None:
        state = attrs.evolve(state, down_since_at=at)
    store.save_port(tx, attrs.evolve(state, why=why))


def _over(tx: Tx, tally: Tally, state: PortState, station_id: int | None, at: int) -> None:
    since = state.down_since_at
    if since is None or at <= since:
        return
    excluded = excluding.excluded_of(tx, state.charger_id, state.evse, station_id, (since, at)) if state.evse else ()
    store.add_outage(tx, state.charger_id, state.evse, station_id, since, at, why=state.why, excluded=excluding.as_text(excluded))
    if not state.evse:
        return
    whose, zone = excluding.subjects(state.charger_id, state.evse, station_id), time_zone(tx)
    for day, part_ms in by_day(since, at, zone):
        tally.add(day, whose, down_ms=part_ms)
    for part in excluded:
        for day, part_ms in by_day(*part, zone):
            tally.add(day, whose, excluded_ms=part_ms)
