"""A limit on bytes a second that all transfers share, so that chargers' messages get through."""

from __future__ import annotations

import trio


class Pace:
    """Whoever moved bytes waits until the next may move; waits are handed out in the order of asking, so that nobody starves."""

    def __init__(self, bytes_per_s: int) -> None:
        """0 is no limit."""
        self._per_byte_s = 1 / bytes_per_s if bytes_per_s else 0.0
        self._free_at = 0.0

    async def moved(self, size: int) -> None:
        """So many bytes were moved; always lets others run."""
        now = trio.current_time()
        self._free_at = max(self._free_at, now) + size * self._per_byte_s
        await trio.sleep(self._free_at - now)
