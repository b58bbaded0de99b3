"""What a link does wrong besides its messages, gathered and told now and then: a nuisance must not cost a write each time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from csms.core.ports import Admission
from csms.core.reports import Oddity

EVERY_S = 10.0
MOST = 50
"""Kinds that are gathered between two tellings."""

Counted = tuple[Oddity, int]
Notice = Callable[[Admission, Sequence[Counted]], Awaitable[None]]
"""Stores what was noticed about a charger, each with how often; waits only when the store cannot keep up."""


async def unnoticed(admission: Admission, noticed: Sequence[Counted]) -> None:
    """Nobody cares."""


class Notices:
    """What was noticed since it was last told."""

    __slots__ = ("_counted", "_tell_at")

    def __init__(self, mono: float) -> None:
        self._counted: dict[tuple[str, str], Counted] = {}
        self._tell_at = mono

    def add(self, oddities: Iterable[Oddity]) -> None:
        """Count some; of each kind the first one heard is the example."""
        for oddity in oddities:
            kind = oddity.rule, oddity.field
            known = self._counted.get(kind)
            if known is not None:
                self._counted[kind] = known[0], known[1] + 1
            elif len(self._counted) < MOST:
                self._counted[kind] = oddity, 1

    def due(self, mono: float) -> bool:
        """Whether there is something to tell, and it is time."""
        return bool(self._counted) and mono >= self._tell_at

    def taken(self, mono: float) -> list[Counted]:
        """What there is to tell; it is told by whoever takes it."""
        self._tell_at = mono + EVERY_S
        counted = list(self._counted.values())
        self._counted.clear()
        return counted
