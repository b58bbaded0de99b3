"""Failed log-ins, counted per charger id in bounded memory."""

from __future__ import annotations

from collections import OrderedDict

WINDOW_S = 60.0
CAPACITY = 10_000
"""Charger ids remembered; when full, the one that failed longest ago is forgotten."""


class FailedLogins:
    """Counts failures in windows of a minute. It never judges a right key: whoever shows one passes, however many others failed."""

    __slots__ = ("_capacity", "_counts", "_limit")

    def __init__(self, limit: int, *, capacity: int = CAPACITY) -> None:
        self._limit = limit
        self._capacity = capacity
        self._counts: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counts)

    def exhausted(self, charger_id: str, mono: float) -> bool:
        """Whether this id has used up its failures for now."""
        count, since = self._counts.get(charger_id, (0, 0.0))
        return count >= self._limit and mono - since < WINDOW_S

    def wait_s(self, charger_id: str, mono: float) -> int:
        """Whole seconds until the window of this id ends; at least 1."""
        _, since = self._counts.get(charger_id, (0, mono))
        return max(1, int(since + WINDOW_S - mono))

    def failed(self, charger_id: str, mono: float) -> int:
        """Count one failure; the number of failures in the present window."""
        count, since = self._counts.get(charger_id, (0, mono))
        if mono - since >= WINDOW_S:
            count, since = 0, mono
        self._counts[charger_id] = (count + 1, since)
        self._counts.move_to_end(charger_id)
        if len(self._counts) > self._capacity:
            self._counts.popitem(last=False)
        return count + 1
