"""What waits for a stream of HTTP/2 to be taken: no more than its client lets go out, and no longer than it may take.

hypercorn's own buffer goes on as soon as it was asked for a piece, even where the client's window lets none out: whoever never opens it has
the server keep whole answers, and every event of a live feed, for as long as the connection lives.
"""

from __future__ import annotations

import trio
from hypercorn.protocol import h2
from hypercorn.protocol.h2 import BUFFER_LOW_WATER, H2Protocol, StreamBuffer

TAKE_LIMIT_S = 20.0
"""Longest wait for a client to take what fills the buffer."""


class Untaken(Exception):
    """A client does not take what it asked for."""


class Buffer(StreamBuffer):
    """What waits on one stream. It is empty once nobody waits for it to be."""

    async def push(self, data: bytes) -> None:
        """Add a piece, and wait while there is too much. Raises ``Untaken``."""
        try:
            with trio.move_on_after(TAKE_LIMIT_S) as scope:
                await super().push(data)
        except trio.Cancelled:
            await self.close()
            raise
        if scope.cancelled_caught:
            await self.close()
            raise Untaken

    async def pop(self, max_length: int) -> bytes:
        """Take a piece; whoever waits goes on once little is left."""
        data = bytes(self.buffer[:max_length])
        del self.buffer[:max_length]
        if len(self.buffer) < BUFFER_LOW_WATER:
            await self._paused.set()
        if not self.buffer:
            await self._is_empty.set()
        return data

    async def drain(self) -> None:
        """Wait until all was taken."""
        try:
            await super().drain()
        except trio.Cancelled:
            await self.close()
            raise


h2.StreamBuffer = Buffer  # type: ignore[misc]  # hypercorn has no setting for it


async def left(protocol: object) -> None:
    """The client of a connection has left: nobody waits for it any more."""
    if isinstance(protocol, H2Protocol):
        for buffer in list(protocol.stream_buffers.values()):
            await buffer.close()
