"""When a station is closed, by its opening hours and its time zone."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache

import cattrs
import msgspec

from csms.domain.stations.model import OpeningHours

from .model import Interval
from .periods import bounded, day_of, next_day, zone


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Intervals without overlaps, in order."""
    joined: list[Interval] = []
    for begin, end in sorted(intervals):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif begin < end:
            joined.append((begin, end))
    return joined


def common(some: list[Interval], others: list[Interval]) -> list[Interval]:
    """The time that both have; each must be a ``union``, as the answer is."""
    shared: list[Interval] = []
    first, second = 0, 0
    while first < len(some) and second < len(others):
        begin, end = max(some[first][0], others[second][0]), min(some[first][1], others[second][1])
        if begin < end:
            shared.append((begin, end))
        if some[first][1] < others[second][1]:
            first += 1
        else:
            second += 1
    return shared


@lru_cache(maxsize=256)
def hours_of(text: str) -> OpeningHours:
    """Opening hours as they are stored; not for ``""``, which is always open."""
    return cattrs.structure(msgspec.json.decode(text), OpeningHours)


def _instant(day: date, clock: str, zone_name: str) -> int:
    hour, minute = int(clock[:2]), int(clock[3:])
    moment = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
    moment = moment + timedelta(days=1) if hour == 24 else moment.replace(hour=hour, minute=minute)
    return int(moment.timestamp() * 1000)


@lru_cache(maxsize=16_384)
def closed_on(text: str, zone_name: str, day: str) -> tuple[Interval, ...]:
    """When it is closed on a day."""
    hours, that = hours_of(text), date.fromisoformat(day)
    special = next((each for each in hours.special if each.day == day), None)
    if special is not None:
        spans = [] if special.closed else [(special.opens, special.closes)]
    elif hours.always:
        spans = [("00:00", "24:00")]
    else:
        spans = [(each.opens, each.closes) for each in hours.weekly if each.weekday == that.isoweekday()]
    open_then = union((_instant(that, opens, zone_name), _instant(that, closes, zone_name)) for opens, closes in spans)
    closed = []
    since = _instant(that, "00:00", zone_name)
    for begin, end in open_then:
        if since < begin:
            closed.append((since, begin))
        since = end
    after = _instant(that, "24:00", zone_name)
    return (*closed, (since, after)) if since < after else tuple(closed)


def closed(text: str, zone_name: str, from_at: int, until_at: int) -> list[Interval]:
    """When a station is closed in a stretch of time; ``text`` are its hours as they are stored, ``""`` for always open."""
    if not text:
        return []
    from_at, until_at = bounded(from_at, until_at)
    found: list[Interval] = []
    day, last = day_of(from_at, zone_name), day_of(until_at, zone_name)
    while day <= last:
        found += closed_on(text, zone_name, day)
        day = next_day(day)
    return common(union(found), [(from_at, until_at)])
