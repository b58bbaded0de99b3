"""Periods: how long each lasts in the time zone of its subscription, and what part of one is left. No I/O."""

from __future__ import annotations

import calendar
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

from csms.hooks import from_datetime, to_datetime

Period = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]
PERIODS: tuple[Period, ...] = ("daily", "weekly", "monthly", "quarterly", "yearly")
_DAYS = {"daily": 1, "weekly": 7}
_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}
DAY_MS = 86_400_000
_LONGEST_MS = {"daily": DAY_MS, "weekly": 7 * DAY_MS, "monthly": 31 * DAY_MS, "quarterly": 92 * DAY_MS, "yearly": 366 * DAY_MS}


def boundary(period: str, anchor_at: int, number: int, zone: ZoneInfo) -> int:
    """The ``number``-th end of a period that first began at ``anchor_at``; 0 is that beginning itself.

    It keeps the day and the time of day of the beginning, on the clocks of the zone; of a day that a month has not, it is the month's
    last. What the clocks leave out is as much later, what they show twice is the first of the two.
    """
    if not number:
        return anchor_at
    began = to_datetime(anchor_at).astimezone(zone)
    if period in _DAYS:
        then = began.replace(tzinfo=None, fold=0) + timedelta(days=_DAYS[period] * number)
    else:
        months = began.year * 12 + began.month - 1 + _MONTHS[period] * number
        year, month = divmod(months, 12)
        day = min(began.day, calendar.monthrange(year, month + 1)[1])
        then = began.replace(tzinfo=None, fold=0, year=year, month=month + 1, day=day)
    return _instant(then, zone)


def days_after(at: int, days: int, zone: ZoneInfo) -> int:
    """So many days later at the same time of day."""
    return boundary("daily", at, days, zone)


def _instant(local: datetime, zone: ZoneInfo) -> int:
    return from_datetime(local.replace(tzinfo=zone))


def following(period: str, anchor_at: int, after_at: int, now: int, zone: ZoneInfo) -> tuple[int, int]:
    """The period that follows on what ended at ``after_at``; whole ones that passed meanwhile, while nobody could use them, are left out."""
    number = max(0, (after_at - anchor_at) // _LONGEST_MS[period] - 2)
    while boundary(period, anchor_at, number, zone) <= after_at:
        number += 1
    starts_at = after_at
    while (ends_at := boundary(period, anchor_at, number, zone)) <= now:
        starts_at, number = ends_at, number + 1
    return starts_at, ends_at


def left_of(starts_at: int, ends_at: int, now: int) -> Fraction:
    """What part of a period is left: 1 at its beginning and before, 0 at its end and after."""
    if ends_at <= starts_at or now >= ends_at:
        return Fraction(0)
    return Fraction(ends_at - max(now, starts_at), ends_at - starts_at)


def unused(granted: int, left: int) -> Fraction:
    """What part of what a period included is not used; what was carried over from the one before counts as used first."""
    return Fraction(min(left, granted), granted) if granted > 0 else Fraction(1)


def part_of(amount: int, part: Fraction) -> int:
    """A part of an amount, rounded half up; never more than the amount."""
    return int((amount * part * 2 + 1) // 2)
