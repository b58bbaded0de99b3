"""Which lane takes a piece of work: the same key always the same lane, so that order per key is the order of a queue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

import trio

from csms.core.errors import StoreUnavailable

from .lane import Lane
from .work import Append, Work, Write


@lru_cache(maxsize=65_536)
def key_number(key: str) -> int:
    """A signed 64-bit number for a write key, the same in every process: what PostgreSQL's advisory locks take."""
    return int.from_bytes(blake2b(key.encode(), digest_size=8, person=b"csms key").digest(), "big", signed=True)


class Router:
    """Rows go to the lane of their key. A verb with several keys goes where rows of one of its keys still wait, else by its first."""

    def __init__(self, lanes: list[Lane], *, longest_wait_s: float) -> None:
        self._lanes = lanes
        self._longest_wait_s = longest_wait_s
        self._appending: Counter[str] = Counter()
        self._settled = trio.lowlevel.ParkingLot()
        self._turn = 0

    def of(self, key: str) -> Lane:
        """The lane of a key."""
        return self._lanes[key_number(key) % len(self._lanes)]

    def put(self, work: Append) -> None:
        """Queue rows."""
        self.of(work.key).put(work)
        self._appending[work.key] += 1

    async def for_keys(self, keys: Iterable[str]) -> Lane:
        """The lane for a verb. Waits in the rare case that rows of two of its keys are waiting in two lanes."""
        keys = tuple(keys)
        if not keys:
            self._turn = (self._turn + 1) % len(self._lanes)
            return self._lanes[self._turn]
        while True:
            waiting = {self.of(key) for key in keys if key in self._appending}
            if len(waiting) < 2:
                return waiting.pop() if waiting else self.of(keys[0])
            for lane in waiting:
                lane.hurry()
            with trio.move_on_after(self._longest_wait_s) as patience:
                await self._settled.park()
            if patience.cancelled_caught:
                raise StoreUnavailable("rows of the same keys wait in two lanes and cannot be written")

    def settled(self, work: Work) -> None:
        """A piece of work was written or given up."""
        if isinstance(work, Write):
            return
        self._appending[work.key] -= 1
        if not self._appending[work.key]:
            del self._appending[work.key]
            self._settled.unpark_all()
