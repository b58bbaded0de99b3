"""Virtual time, and a scheduler that takes the same turns for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import trio
from trio._core import _run as scheduler

START_AT = 1_767_225_600_000
"""2026-01-01T00:00:00Z, where every world begins."""


class WorldClock:
    """The server's wall clock (``ports.Clock``): true time, which is Trio's virtual time."""

    def now(self) -> int:
        """The present instant."""
        return START_AT + round(trio.current_time() * 1000)


@contextmanager
def deterministic_turns(seed: str) -> Iterator[None]:
    """Make Trio's choice among runnable tasks depend on the seed alone; two names of Trio that are not public are used for it.

    Without this Trio shuffles with entropy of its own, on purpose, and no two runs would be alike.
    """
    private: Any = scheduler
    allowed, state = private._ALLOW_DETERMINISTIC_SCHEDULING, private._r.getstate()
    private._ALLOW_DETERMINISTIC_SCHEDULING = True
    private._r.seed(seed)
    try:
        yield
    finally:
        private._ALLOW_DETERMINISTIC_SCHEDULING = allowed
        private._r.setstate(state)


def stream(seed: int, *names: object) -> random.Random:
    """A stream of random numbers of its own for one part of the world: what one part draws does not change what another does."""
    return random.Random(":".join(map(str, (seed, *names))))  # noqa: S311 - a seed is the point


def skew_ms(draws: random.Random, *, only_behind: bool = False) -> int:
    """How far a charger's clock is off. Most are right; some by seconds, hours, months; some were never set, some point beyond 2100.

    Nothing between 20 hours and 2 days ahead: whether a time of that kind is believed depends on when it is told.
    """
    minute, hour, day = 60_000, 3_600_000, 86_400_000
    kinds: list[tuple[int, int]] = [
        (0, 0),
        (0, 0),
        (0, 0),
        (-minute, minute),
        (-20 * hour, 20 * hour),
        (-400 * day, -2 * day),
        (2 * day, 3_000 * day),
        (day - START_AT, 20 * day - START_AT),
        (30_000 * day, 40_000 * day),
    ]
    low, high = draws.choice(kinds[:1] + kinds[5:6] if only_behind else kinds)
    return draws.randint(low, high)
