"""Where blocking database calls run: threads that are always waited for, each kind under its own limiter."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

T = TypeVar("T")


class Threads:
    """``ports.Blocking`` for the store. Unlike other blocking work, a call is never abandoned: its connection is in use until it ends."""

    def __init__(self, limits: dict[str, int]) -> None:
        self._limiters = {kind: trio.CapacityLimiter(limit) for kind, limit in limits.items()}

    async def run(self, kind: str, function: Callable[..., T], /, *arguments: object) -> T:
        """Run ``function`` in a thread of its kind, to its end."""
        return await trio.to_thread.run_sync(function, *arguments, limiter=self._limiters[kind])
