"""How invoices are numbered: by financial year, in at most 16 characters (CGST rule 46 (b)). And the months of a tenant's calendar."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from csms.core.errors import Refused

from .model import LONGEST_NUMBER

JANUARY = 1
DIGITS = 4
"""At least so many digits has the running number."""


def local(at: int, time_zone: str) -> datetime:
    """An instant on the clock of a time zone."""
    return datetime.fromtimestamp(at / 1000, UTC).astimezone(ZoneInfo(time_zone))


def year_of(at: int, time_zone: str, starts: int) -> int:
    """The year in which the financial year of an instant began."""
    day = local(at, time_zone)
    return day.year if day.month >= starts else day.year - 1


def number_of(prefix: str, year: int, starts: int, sequence: int) -> str:
    """``INV/26-27/0001``; closer together where it would become too long. Raises ``Refused`` where no way is short enough."""
    if starts == JANUARY:
        years = (f"{year:04}", f"{year:04}")
    else:
        years = (f"{year % 100:02}-{(year + 1) % 100:02}", f"{year % 100:02}{(year + 1) % 100:02}")
    running = f"{sequence:0{DIGITS}}"
    for text in (f"{prefix}/{years[0]}/{running}", f"{prefix}/{years[1]}/{running}", f"{prefix}{years[1]}/{running}"):
        if len(text) <= LONGEST_NUMBER:
            return text
    raise Refused(f"number {sequence} of the series {prefix} does not fit {LONGEST_NUMBER} characters: choose a shorter prefix")


def month_of(at: int, time_zone: str) -> str:
    """The month of an instant, such as ``2026-10``."""
    return local(at, time_zone).strftime("%Y-%m")


def bounds(month: str, time_zone: str) -> tuple[int, int]:
    """When a month begins, and the one after it."""
    year, number = int(month[:4]), int(month[5:])
    after = (year + 1, 1) if number == 12 else (year, number + 1)
    begin, end = (int(datetime(*each, 1, tzinfo=ZoneInfo(time_zone)).timestamp() * 1000) for each in ((year, number), after))
    return begin, end
