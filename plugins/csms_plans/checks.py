"""What the fields of terms and of requests must be like, each telling so in words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
from attrs import validators as v

MOST_MINOR = 10**12
MOST_WH = 10**9
MOST_TRANSACTIONS = 100_000
LARGEST_ID = 2**31 - 1


def decimal(most: Decimal, digits: int) -> Any:
    """A decimal from 0 to ``most`` with so many digits behind the point at most."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: Decimal) -> None:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int) or -exponent > digits:
            raise ValueError(f"'{attribute.name}' may have {digits} digits behind the point: {value}")

    return v.and_(v.ge(Decimal(0)), v.le(most), check)


def text(most: int, *, least: int = 0) -> Any:
    """A text of bounded length."""
    return v.and_(v.min_len(least), v.max_len(most))


def between(least: int, most: int) -> Any:
    """A whole number."""
    return v.and_(v.ge(least), v.le(most))


def identity() -> Any:
    """An id of ours."""
    return between(1, LARGEST_ID)


def listed(member: Any, most: int = 200) -> Any:
    """Some members, not too many, none of them twice."""

    def check(_: Any, attribute: attrs.Attribute[Any], value: tuple[Any, ...]) -> None:
        if len(set(value)) != len(value):
            raise ValueError(f"'{attribute.name}' names something twice")

    return v.and_(v.deep_iterable(member, v.max_len(most)), check)
