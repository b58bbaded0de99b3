"""How often something may be said: a log line for each of thousands of equal troubles would be trouble of its own."""

from __future__ import annotations


class Budget:
    """So many times in so many seconds."""

    __slots__ = ("_left", "_limit", "_per_s", "_since", "_unsaid")

    def __init__(self, limit: int, per_s: float) -> None:
        self._limit = self._left = limit
        self._per_s = per_s
        self._since = float("-inf")
        self._unsaid = 0

    def take(self, mono: float) -> int | None:
        """None when it may not be said now; else how many times it went unsaid before."""
        if mono - self._since >= self._per_s:
            self._since, self._left = mono, self._limit
        if self._left == 0:
            self._unsaid += 1
            return None
        self._left -= 1
        unsaid, self._unsaid = self._unsaid, 0
        return unsaid
