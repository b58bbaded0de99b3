"""Days, months and hours of a time zone, and how an interval is shared out over them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import attrs

HOUR_MS = 3_600_000
DAY = "day"
MONTH = "month"
MOST_DAYS = 8_192
"""Days that are remembered: figures of a year go through each of them, again and again."""
LONGEST_PART_MS = 400 * 24 * HOUR_MS
"""Longest interval that is shared out; a longer one is the fault of a clock, and counts with its last part."""


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name."""
    return ZoneInfo(name)


def local(instant: int, name: str) -> datetime:
    """An instant on the clocks of a time zone."""
    return datetime.fromtimestamp(instant / 1000, UTC).astimezone(zone(name))


def day_of(instant: int, name: str) -> str:
    """The day of an instant."""
    return local(instant, name).date().isoformat()


def month_of(day: str) -> str:
    """The first day of a day's month."""
    return f"{day[:7]}-01"


@lru_cache(MOST_DAYS)
def begin_of(day: str, name: str) -> int:
    """The instant at which a day begins."""
    return int(datetime.combine(date.fromisoformat(day), datetime.min.time(), zone(name)).timestamp() * 1000)


@lru_cache(MOST_DAYS)
def next_day(day: str) -> str:
    """The day after."""
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


@lru_cache(MOST_DAYS)
def next_month(day: str) -> str:
    """The first day of the month after."""
    return (date.fromisoformat(day).replace(day=28) + timedelta(days=4)).replace(day=1).isoformat()


def bounded(from_at: int, until_at: int) -> tuple[int, int]:
    """An interval that can be shared out."""
    return max(from_at, until_at - LONGEST_PART_MS), until_at


def by_day(from_at: int, until_at: int, name: str) -> Iterator[tuple[str, int]]:
    """The days that an interval touches, each with the milliseconds in it."""
    from_at, until_at = bounded(from_at, until_at)
    while from_at < until_at:
        day = day_of(from_at, name)
        end = min(until_at, begin_of(next_day(day), name))
        yield day, end - from_at
        from_at = end


@attrs.frozen(slots=True)
class Hour:
    """An hour of the week in a month; weekday 0 is Monday."""

    month: str
    weekday: int
    hour: int


def hour_of(instant: int, name: str) -> Hour:
    """The hour of the week of an instant."""
    moment = local(instant, name)
    return Hour(moment.date().replace(day=1).isoformat(), moment.weekday(), moment.hour)


def by_hour(from_at: int, until_at: int, name: str) -> Iterator[tuple[Hour, int]]:
    """The hours that an interval touches, each with the milliseconds in it."""
    from_at, until_at = bounded(from_at, until_at)
    while from_at < until_at:
        moment = local(from_at, name)
        rest_ms = HOUR_MS - (moment.minute * 60_000 + moment.second * 1000 + moment.microsecond // 1000)
        end = min(until_at, from_at + rest_ms)
        yield hour_of(from_at, name), end - from_at
        from_at = end
