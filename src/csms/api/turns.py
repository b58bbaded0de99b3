"""Turns of requests that read: so many are worked at together, and who only waits gives its place to the next."""

from __future__ import annotations

import trio

TURN_LIMIT_S = 20.0
"""Longest wait for a place."""
HELD_S = 1.0
"""Longest time that a place is kept from others: whoever takes longer waits for a thread or for somebody else's server, which costs the
loop nothing, and a few of them must not keep everybody out."""


class Turns:
    """``most`` places."""

    def __init__(self, most: int, *, limit_s: float = TURN_LIMIT_S, held_s: float = HELD_S) -> None:
        self._free = trio.Semaphore(most)
        self._since: dict[object, float] = {}
        """Since when each place is taken, the oldest first."""
        self._limit_s = limit_s
        self._held_s = held_s

    async def take(self) -> object:
        """A place, to be given back. Raises ``trio.TooSlowError``."""
        try:
            self._free.acquire_nowait()  # without the turn of the event loop that ``acquire`` takes
        except trio.WouldBlock:
            await self._wait(trio.current_time() + self._limit_s)
        place = object()
        self._since[place] = trio.current_time()
        return place

    def give_back(self, place: object) -> None:
        """Give it back; nothing happens where somebody else has it by now."""
        if self._since.pop(place, None) is not None:
            self._free.release()

    async def _wait(self, until: float) -> None:
        while True:
            over = next(iter(self._since.values()), trio.current_time()) + self._held_s  # none: they are just being handed on
            with trio.CancelScope(deadline=min(until, over)) as waited:
                await self._free.acquire()
            if not waited.cancelled_caught:
                return
            now = trio.current_time()
            if now >= until:
                raise trio.TooSlowError
            for place in [each for each, since in self._since.items() if since + self._held_s <= now]:
                self.give_back(place)
