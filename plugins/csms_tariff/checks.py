"""What the fields of rules and of requests must be like, each telling so in words."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
from attrs import validators as v

MOST = Decimal(1_000_000_000)
"""The largest rate or amount, in whole currency units."""
PLACES = 6
"""Digits behind the point that a rate may have."""
ENERGY_PLACES = 3
"""The same for kWh: a meter reads whole Wh."""

TIME = r"|(?:[01]\d|2[0-3]):[0-5]\d|24:00"
DAY_OF_YEAR = r"|(?:\d{4}-)?(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
DATE = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
NAME_OF_SOURCE = r"|[a-z0-9][a-z0-9_.-]{0,49}"
CODE = r"[A-Za-z0-9][A-Za-z0-9_-]{1,39}"


def places(most: int) -> Any:
    """At most so many digits behind the point."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Decimal) -> None:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or -exponent > most:
            raise ValueError(f"'{attribute.name}' may have {most} digits behind the point: {value}")

    return check


def amount(*, most: Decimal = MOST, digits: int = PLACES) -> Any:
    """A rate or amount: not below zero, of sane size, with ``digits`` digits behind the point at most."""
    return v.and_(v.ge(Decimal(0)), v.le(most), places(digits))


def percent() -> Any:
    """A percentage from 0 to 100, with four digits behind the point at most."""
    return amount(most=Decimal(100), digits=4)


def text(most: int, *, least: int = 0) -> Any:
    """A text of bounded length."""
    return v.and_(v.min_len(least), v.max_len(most))


def texts(most_items: int, most: int) -> Any:
    """Some texts, none of them empty."""
    return v.deep_iterable(v.and_(v.min_len(1), v.max_len(most)), v.max_len(most_items))


def is_day(value: str) -> bool:
    """Whether ``2026-12-24`` or ``12-24`` is in the calendar."""
    try:
        date.fromisoformat(value if len(value) == 10 else f"2024-{value}")
    except ValueError:
        return False
    return True


def minute_of(value: str) -> int:
    """The minute of the day that ``06:30`` is: 390."""
    hour, minute = value.split(":")
    return int(hour) * 60 + int(minute)


def is_source(name: str) -> bool:
    """Whether a source may have this name."""
    return bool(name) and re.fullmatch(NAME_OF_SOURCE, name) is not None
