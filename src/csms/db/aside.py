"""Keys that a consumer has set aside, because an event of theirs is to be tried again, and when each is due."""

from __future__ import annotations

from collections.abc import Collection
from heapq import heappop, heappush

DELIVERING = -1
"""Stands for the due time of a key whose waiting events are being delivered now."""


class Aside:
    """When the first waiting event of each key is due (an instant). A key leaves only when no event of it waits any more."""

    def __init__(self, most_delivering: int) -> None:
        self._most_delivering = most_delivering
        self._keys: dict[str, int] = {}
        self._heap: list[tuple[int, str]] = []
        """By due time; entries that do not agree with ``_keys`` are old."""
        self._delivering = 0

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def put(self, key: str, due: int) -> None:
        """Set a key aside until ``due``, also one that is being delivered."""
        before = self._keys.get(key)
        if before == DELIVERING:
            self._delivering -= 1
        if before != due:
            self._keys[key] = due
            heappush(self._heap, (due, key))

    def put_back(self, key: str) -> None:
        """Its delivery ended, or one of newer events: look at it again when it is due, or at once."""
        due = self._keys.get(key)
        if due == DELIVERING:
            self.put(key, 0)
        elif due is not None:
            heappush(self._heap, (due, key))

    def deliver(self, key: str) -> None:
        """Its first waiting events are being delivered from now on."""
        self._keys[key] = DELIVERING
        self._delivering += 1

    def drop(self, key: str) -> None:
        """Nothing of it waits any more."""
        del self._keys[key]

    def next_due(self) -> int | None:
        """When to look for ``due`` again; None when there is nothing to wait for."""
        return self._heap[0][0] if self._heap and self._delivering < self._most_delivering else None

    def due(self, now: int, busy: Collection[str]) -> str | None:
        """A key that is due, unless enough are being delivered; one that is ``busy`` is passed, and is to be ``put_back`` later."""
        while self._heap and self._heap[0][0] <= now and self._delivering < self._most_delivering:
            due, key = heappop(self._heap)
            if self._keys.get(key) == due and key not in busy:
                return key
        return None

    def learn(self, found: dict[str, int], newer: Collection[str]) -> None:
        """Take over what the database says, except of keys being delivered and of those about which memory knows better."""
        for key, due in list(self._keys.items()):
            if due != DELIVERING and key not in found and key not in newer:
                self.drop(key)
        for key, due in found.items():
            if self._keys.get(key) != DELIVERING and key not in newer:
                self.put(key, due)
