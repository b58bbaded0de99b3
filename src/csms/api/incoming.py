"""What came of a request and waits for its application, and the tasks in which applications serve requests."""

from __future__ import annotations

from collections import deque
from typing import Any

import attrs
import structlog
import trio
from hypercorn.trio.task_group import TaskGroup

from .http2 import Untaken

INCOMING = "csms.incoming"
MOST_WAITING = 8
"""Messages of a request that wait for its application; no more is read from the line meanwhile."""

log = structlog.get_logger("csms.api")


@attrs.define(slots=True, eq=False)
class Incoming:
    """What came of one request and waits for its application, which may have its work cancelled when the client leaves."""

    _waiting: deque[Any] = attrs.field(factory=deque)
    _news: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    _room: trio.lowlevel.ParkingLot = attrs.field(factory=trio.lowlevel.ParkingLot)
    _life: trio.CancelScope | None = None
    _left: bool = False
    _done: bool = False

    def cancel_when_left(self, life: trio.CancelScope | None) -> None:
        """Cancel this when the client leaves, or when it has left; None for nothing."""
        self._life = life
        if life is not None and self._left:
            life.cancel()

    async def put(self, message: Any) -> None:
        """Add what came; it waits while there is no room, and is passed over when nobody wants it any more."""
        if message["type"] in ("http.disconnect", "websocket.disconnect"):
            self._left = True
            if self._life is not None:
                self._life.cancel()
        else:
            while len(self._waiting) >= MOST_WAITING and not self._done:
                await self._room.park()
        if not self._done:
            self._waiting.append(message)
            self._news.unpark()

    async def receive(self) -> Any:
        """The next message, for the application."""
        while not self._waiting:
            await self._news.park()
        message = self._waiting.popleft()
        self._room.unpark()
        return message

    def close(self) -> None:
        """The application has ended."""
        self._done = True
        self._room.unpark_all()


def incoming_of(scope: Any) -> Incoming | None:
    """Where the rest of a request that is served here comes in."""
    found: Incoming | None = (scope.get("state") or {}).get(INCOMING)
    return found


class Tasks(TaskGroup):
    """The tasks of one connection: one for each request."""

    async def spawn_app(self, app: Any, config: Any, scope: Any, send: Any) -> Any:
        """Start the application on a request; what takes the rest of it."""
        incoming = scope["state"][INCOMING] = Incoming()
        assert self._nursery is not None
        self._nursery.start_soon(apply, app, scope, incoming, send)
        return incoming.put


async def apply(app: Any, scope: Any, incoming: Incoming, send: Any) -> None:
    """Run an application on a request; ``send(None)`` says that it has ended, however it did."""
    try:
        await app(scope, incoming.receive, send, trio.to_thread.run_sync, trio.from_thread.run)
    except Untaken:
        log.info("an answer was not taken")
    except Exception as error:
        log.error("the application failed", exc_info=error)
    finally:
        incoming.close()
        await send(None)
