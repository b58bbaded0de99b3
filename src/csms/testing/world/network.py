"""The network between chargers and server: streams in memory that take time, break, and fall silent."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable

import trio

Serve = Callable[[trio.abc.Stream], Awaitable[None]]

USUAL_S = (0.005, 0.08)
SLOW_S = (0.5, 8.0)


class Wire:
    """One connection, both ends of it."""

    def __init__(self, draws: random.Random) -> None:
        self._draws = draws
        self.broken = False
        self.silent = False
        self.slow_until = 0.0
        self.charger, self.server = End(self), End(self)
        self.charger.peer, self.server.peer = self.server, self.charger

    def delay_s(self) -> float:
        """How long the next bytes take."""
        return self._draws.uniform(*(SLOW_S if trio.current_time() < self.slow_until else USUAL_S))

    def cut(self) -> None:
        """Break it: both ends see so at once, and what was under way is lost."""
        self.broken = True
        for end in (self.charger, self.server):
            end.arriving.clear()
            end.news.unpark_all()

    def hush(self) -> None:
        """Make it half-open: nothing arrives any more, not even that an end was closed, and nobody is told."""
        self.silent = True
        self.charger.arriving.clear()
        self.server.arriving.clear()


class End(trio.abc.Stream):
    """One end of a wire."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.peer: End = self
        self.arriving: deque[tuple[float, bytes]] = deque()
        """What the peer sent, with the moment at which it arrives; empty bytes are its goodbye."""
        self.news = trio.lowlevel.ParkingLot()
        self.closed = False
        self._last_at = 0.0

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; returns before it has arrived, if it ever does."""
        await trio.lowlevel.checkpoint()
        if self.closed:
            raise trio.ClosedResourceError
        if self.wire.broken or (self.peer.closed and not self.wire.silent):
            raise trio.BrokenResourceError
        self._put(bytes(data))

    def _put(self, data: bytes) -> None:
        if not self.wire.silent and not self.wire.broken:
            self._last_at = max(self._last_at, trio.current_time() + self.wire.delay_s())
            self.peer.arriving.append((self._last_at, data))
            self.peer.news.unpark_all()

    async def wait_send_all_might_not_block(self) -> None:
        """It never does."""
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What has arrived; empty when the peer hung up."""
        await trio.lowlevel.checkpoint()
        while True:
            if self.closed:
                raise trio.ClosedResourceError
            if self.wire.broken:
                raise trio.BrokenResourceError
            if not self.arriving:
                await self.news.park()
                continue
            at, data = self.arriving[0]
            if at > trio.current_time():
                with trio.move_on_at(at):
                    await self.news.park()
                continue
            if not data:
                return b""
            self.arriving.popleft()
            if max_bytes is not None and len(data) > max_bytes:
                self.arriving.appendleft((at, data[max_bytes:]))
                data = data[:max_bytes]
            return data

    async def aclose(self) -> None:
        """Hang up: the peer hears of it after everything that was sent."""
        self.close()
        await trio.lowlevel.checkpoint()

    def close(self) -> None:
        """Hang up at once."""
        if not self.closed:
            self._put(b"")
            self.closed = True
            self.news.unpark_all()


class Network:
    """Where the server can be reached, while it can."""

    def __init__(self, draws: random.Random) -> None:
        self._draws = draws
        self._serve: Serve | None = None
        self._nursery: trio.Nursery | None = None
        self._wires: list[Wire] = []

    def open(self, serve: Serve, nursery: trio.Nursery) -> None:
        """A server listens; it runs in this nursery."""
        self._serve, self._nursery = serve, nursery

    def close(self) -> None:
        """Nobody listens any more; what is connected stays so."""
        self._serve = self._nursery = None

    def lose(self, *, silently: bool) -> None:
        """The server is gone from one moment to the next: its peers see their connections break, or ``silently`` nothing at all."""
        self.close()
        for wire in self._wires:
            if silently:
                wire.hush()
            else:
                wire.cut()
        self._wires.clear()

    def open_wires(self) -> int:
        """Connections of which the server has not let go."""
        return sum(not wire.server.closed for wire in self._wires)

    async def connect(self) -> Wire:
        """A connection to the server. Raises ``OSError`` when it cannot be reached."""
        await trio.sleep(self._draws.uniform(*USUAL_S))
        if self._serve is None or self._nursery is None:
            raise OSError("connection refused")
        self._wires = [wire for wire in self._wires if not wire.server.closed]
        wire = Wire(self._draws)
        self._wires.append(wire)
        self._nursery.start_soon(self._serve, wire.server)
        return wire
