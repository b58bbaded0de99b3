"""When windows are, as stretches of instants: a time of day in a time zone, over changes of its clocks."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from csms.hooks import from_datetime, to_datetime

from .checks import minute_of
from .rules import DAYS, Window

Interval = tuple[int, int]
"""From an instant, included, to another, not."""

_DAY = timedelta(days=1)


@lru_cache(maxsize=16_384)
def instant_of(zone: ZoneInfo, day: date, minute: int) -> int:
    """The first instant at which the clocks of a zone show a time of a day, or a later one where that time is left out.

    ``minute`` counts from midnight; 1440 is the next day's midnight.
    """
    moment = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)
    local = moment.replace(tzinfo=zone)
    at = from_datetime(local)
    if to_datetime(at).astimezone(zone).replace(tzinfo=None) == moment:
        return at
    before = from_datetime(local.replace(fold=1))  # clocks went forward over it: the change lies between the two
    offset = to_datetime(before).astimezone(zone).utcoffset()
    while at - before > 1000:
        middle = (before + at) // 2
        if to_datetime(middle).astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            at = middle
    return at - at % 1000


def local_day(zone: ZoneInfo, at: int) -> date:
    """The date in a zone."""
    return to_datetime(at).astimezone(zone).date()


def intervals(
    windows: Iterable[Window], zone: ZoneInfo, holidays: Collection[str], from_at: int, to_at: int
) -> tuple[Interval, ...]:
    """Where any of the windows holds within ``from_at`` and ``to_at``, both included, in order and without overlap."""
    first, last = local_day(zone, from_at) - _DAY, local_day(zone, to_at)
    found: list[Interval] = []
    for window in windows:
        start, end = (minute_of(window.start), minute_of(window.end)) if window.start else (0, 24 * 60)
        over_midnight = end <= start
        day = first
        while day <= last:
            if _is_on(window, day, holidays):
                began = instant_of(zone, day, start)
                ended = instant_of(zone, day + _DAY if over_midnight else day, end)
                if began < ended and ended > from_at and began <= to_at:
                    found.append((began, ended))
            day += _DAY
    return _merged(sorted(found))


def _is_on(window: Window, day: date, holidays: Collection[str]) -> bool:
    """Whether a window begins on a day."""
    if window.days and DAYS[day.weekday()] not in window.days:
        return False
    written = day.isoformat()
    if window.holidays != "any" and (written in holidays) != (window.holidays == "only"):
        return False
    if not window.from_day:
        return True
    if len(window.from_day) == 10:
        return window.from_day <= written <= window.to_day
    yearly = written[5:]
    if window.from_day <= window.to_day:
        return window.from_day <= yearly <= window.to_day
    return yearly >= window.from_day or yearly <= window.to_day  # over New Year


def _merged(found: list[Interval]) -> tuple[Interval, ...]:
    whole: list[Interval] = []
    for began, ended in found:
        if whole and began <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(ended, whole[-1][1]))
        else:
            whole.append((began, ended))
    return tuple(whole)
