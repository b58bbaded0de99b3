"""What does not count as down: exclusions, planned maintenance, and the hours in which a station is closed (23 CFR 680.116(b)(3))."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import msgspec

from csms.core.errors import Invalid, NotFound
from csms.core.ports import ReadTx, Tx
from csms.domain.analytics.model import CHARGER, PORT, STATION, TENANT, Exclusion, Interval, NewExclusion, analytics_key, port
from csms.domain.analytics.opening import closed, common, union
from csms.domain.analytics.periods import by_day
from csms.domain.analytics.store import exclusions as store
from csms.domain.analytics.store.counts import Tally
from csms.domain.stations.service import need_charger

from .counting import time_zone

RECOUNTED_AT_ONCE = 500
"""Outages that are reckoned again in one write; the others come next."""


class Free:
    """What is excluded in a stretch of time, of every charger or of one, ``(charger_id, station_id)``."""

    def __init__(self, tx: ReadTx, from_at: int, until_at: int, one: tuple[str, int | None] | None = None) -> None:
        charger_id, station_id = one or (None, None)
        self._stretch = from_at, until_at
        self._zone = time_zone(tx)
        self._times: dict[str, list[tuple[int, Interval]]] = {}
        for row in store.excluded_times(tx, from_at, until_at, charger_id):
            self._times.setdefault(row["charger_id"], []).append((row["evse"], (row["from_at"], row["until_at"])))
        self._hours = store.hours_of_stations(tx, station_id) if one is None or station_id is not None else {}
        self._closed: dict[tuple[str, str], list[Interval]] = {}

    def within(self, charger_id: str, evse: int, station_id: int | None, outage: Interval) -> tuple[Interval, ...]:
        """The parts of a port's outage in that stretch which do not count as down."""
        free = [times for place, times in self._times.get(charger_id, ()) if place in (0, evse)]
        if station_id in self._hours:
            free += self._closed_in(*self._hours[station_id], outage)
        return tuple(common(union(free), union([outage])))

    def _closed_in(self, hours: str, zone: str, outage: Interval) -> list[Interval]:
        key = hours, zone or self._zone
        if key not in self._closed:
            self._closed[key] = closed(*key, *self._stretch)
        found = self._closed[key]
        first = bisect_right(found, outage[0], key=lambda each: each[1])
        return found[first : bisect_right(found, outage[1], lo=first, key=lambda each: each[0])]


def excluded_of(tx: ReadTx, charger_id: str, evse: int, station_id: int | None, outage: Interval) -> tuple[Interval, ...]:
    """The parts of one outage that do not count as down."""
    return Free(tx, *outage, (charger_id, station_id)).within(charger_id, evse, station_id, outage)


def as_text(excluded: Sequence[Interval]) -> str:
    """Parts of an outage as they are stored."""
    return msgspec.json.encode(excluded).decode() if excluded else ""


def of_text(text: str) -> list[Interval]:
    """Parts of an outage as they were stored."""
    return msgspec.json.decode(text, type=list[Interval]) if text else []


def subjects(charger_id: str, evse: int, station_id: int | None) -> list[tuple[str, str]]:
    """Whose figures have the time that a port was down."""
    found = [(TENANT, ""), (CHARGER, charger_id), (PORT, port(charger_id, evse))]
    return found if station_id is None else [*found, (STATION, str(station_id))]


def recount(tx: Tx) -> int:
    """Reckon again what is excluded of outages of which it may be something else now; of how many. Job."""
    tx.claim(analytics_key(tx.tenant))
    outages = store.to_recount(tx, RECOUNTED_AT_ONCE)
    if not outages:
        return 0
    free = Free(tx, min(each["from_at"] for each in outages), max(each["until_at"] for each in outages))
    zone = time_zone(tx)
    tally = Tally()
    changed = []
    for row in outages:
        whose = subjects(row["charger_id"], row["evse"], row["station_id"])
        outage = row["from_at"], row["until_at"]
        now = free.within(row["charger_id"], row["evse"], row["station_id"], outage) if row["evse"] else ()
        for sign, parts in ((-1, of_text(row["excluded"])), (1, now)):
            for part in parts:
                for day, part_ms in by_day(*part, zone):
                    tally.add(day, whose, excluded_ms=sign * part_ms)
        changed.append((row["id"], as_text(now)))
    tally.write(tx)
    store.save_recounted(tx, changed)
    return len(changed)


def _recount_of(tx: Tx, known: Exclusion) -> None:
    store.have_recounted(tx, known.charger_id, known.from_at, known.until_at)
    recount(tx)  # what is more than that follows soon


def exclude(tx: Tx, new: NewExclusion) -> Exclusion:
    """Exclude a time from what counts as down. Raises ``Invalid`` or ``NotFound``."""
    tx.claim(analytics_key(tx.tenant))
    need_charger(tx, new.charger_id)
    if new.from_at >= new.until_at:
        raise Invalid("until_at must be after from_at", field="until_at")
    added = need_exclusion(tx, store.insert_exclusion(tx, new))
    _recount_of(tx, added)
    return added


def need_exclusion(tx: ReadTx, exclusion_id: int) -> Exclusion:
    """One exclusion. Raises ``NotFound``."""
    found = store.exclusion(tx, exclusion_id)
    if found is None:
        raise NotFound(f"there is no exclusion {exclusion_id}")
    return found


def include(tx: Tx, exclusion_id: int) -> None:
    """Take an exclusion away. Raises ``NotFound``."""
    tx.claim(analytics_key(tx.tenant))
    known = need_exclusion(tx, exclusion_id)
    store.delete_exclusion(tx, exclusion_id)
    _recount_of(tx, known)
