"""Prices per kWh from outside, such as the grid's: what was told for when."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal

import attrs


@attrs.frozen(slots=True)
class Quote:
    """A price per kWh from an instant, included, to another, not."""

    from_at: int
    to_at: int
    price: Decimal


class Quotes:
    """The quotes of one source. Of several that hold at a moment the one that began last is in force."""

    def __init__(self, quotes: Iterable[Quote]) -> None:
        self._quotes = sorted(quotes, key=lambda each: each.from_at)
        self._starts = [each.from_at for each in self._quotes]

    def at(self, at: int) -> Decimal | None:
        """The price in force at a moment, None where there is none."""
        number = bisect_right(self._starts, at) - 1
        if number < 0 or self._quotes[number].to_at <= at:
            return None
        return self._quotes[number].price

    def moments(self) -> Iterator[int]:
        """When the price may change."""
        for each in self._quotes:
            yield each.from_at
            yield each.to_at
