"""Intervals summed over any period, without looking at each of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from itertools import accumulate


class Spans:
    """Intervals in milliseconds, of which some go on, summed over any period."""

    def __init__(self, intervals: Iterable[tuple[int, int | None]]) -> None:
        known = list(intervals)
        self._begins = sorted(begin for begin, _ in known)
        self._ends = sorted(end for _, end in known if end is not None)
        self._begin_sums = [0, *accumulate(self._begins)]
        self._end_sums = [0, *accumulate(self._ends)]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._begins)

    def within(self, from_at: int, until_at: int) -> int:
        """Their time in a period."""
        return self._until(until_at) - self._until(from_at) if from_at < until_at else 0

    def _until(self, at: int) -> int:
        begun, ended = bisect_left(self._begins, at), bisect_left(self._ends, at)
        return begun * at - self._begin_sums[begun] - (ended * at - self._end_sums[ended])
