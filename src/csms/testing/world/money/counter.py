"""Where people and gateways ask the server something, in process: what is asked dies with the life of the server that it was asked in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs
import trio

from csms.core.errors import CsmsError, StoreUnavailable
from csms.core.ports import Ports
from csms.testing.world.trace import Trace

T = TypeVar("T")
LIMIT_S = 60.0


class Unreachable(Exception):
    """Nobody answered: the server is down, ended meanwhile, or could not store it. What was asked may have been done."""


@attrs.define(slots=True, eq=False)
class _Reply:
    there: trio.Event = attrs.field(factory=trio.Event)
    done: bool = False
    value: Any = None
    error: CsmsError | None = None


class Counter:
    """The counter of a server that dies and comes back."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._nursery: trio.Nursery | None = None
        self._ports: Ports | None = None

    async def serve(self, ports: Ports) -> None:
        """Be open for one life of the server."""
        async with trio.open_nursery() as nursery:
            self._nursery, self._ports = nursery, ports
            try:
                await trio.sleep_forever()
            finally:
                self._nursery = self._ports = None

    async def ask(self, work: Callable[[Ports], Awaitable[T]], *what: object) -> T:
        """Have the server do something. Raises what it refuses with, and ``Unreachable``."""
        if self._nursery is None or self._ports is None:
            await trio.lowlevel.checkpoint()
            raise Unreachable("the server is down")
        reply = _Reply()
        self._nursery.start_soon(self._do, work, self._ports, reply)
        with trio.move_on_after(LIMIT_S):
            await reply.there.wait()
        if not reply.done or isinstance(reply.error, StoreUnavailable):
            self._trace.line("counter", "no answer", *what)
            raise Unreachable("nobody answered")
        self._trace.line("counter", type(reply.error).__name__ if reply.error else "did", *what)
        if reply.error is not None:
            raise reply.error
        value: T = reply.value
        return value

    async def _do(self, work: Callable[[Ports], Awaitable[Any]], ports: Ports, reply: _Reply) -> None:
        try:
            reply.value = await work(ports)
            reply.done = True
        except CsmsError as error:
            reply.error, reply.done = error, True
        finally:
            reply.there.set()


class Chores:
    """What goes on by itself outside the server, such as a webhook on its way. The day is over when none is left."""

    def __init__(self) -> None:
        self._nursery: trio.Nursery | None = None
        self.under_way = 0

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as self._nursery:
            await trio.sleep_forever()

    def start(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """One more."""
        assert self._nursery is not None
        self.under_way += 1
        self._nursery.start_soon(self._count, work, *arguments)

    async def _count(self, work: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        try:
            await work(*arguments)
        finally:
            self.under_way -= 1
