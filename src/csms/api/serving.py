"""Serves an application over HTTP: hypercorn's protocols, on connections of our own of which none can harm another.

Under hypercorn's own loop an error in one connection ends the whole server (an HTTP/2 path that is not ASCII is enough, and needs no
key), a client that stops reading holds up every shutdown, and there may be any number of connections.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial

import attrs
import structlog
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ws_stream
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from hypercorn.utils import wrap_app

MOST_CONNECTIONS = 1000
"""A further one takes the place of the one that has been without a request for longest, or is closed at once where there is none: the
API must not take the files and the time that chargers need, and those who say nothing must not keep out those who do."""
REMARK_EVERY_S = 10.0
"""Broken connections are logged at most so often, with their count: anybody can break as many as they like."""
SEND_LIMIT_S = 20.0
"""Longest wait for a client to take ``PIECE_BYTES``."""
PIECE_BYTES = 65_536
CONNECTION = "csms.connection"

log = structlog.get_logger("csms.api")


def _uncompressed(requested: object, supported: object) -> None:
    """Agree to no extension of WebSocket: a few packed bytes from anybody would have us unpack a thousand times as many."""


ws_stream.server_extensions_handshake = _uncompressed  # type: ignore[attr-defined]  # hypercorn has no setting for it


@attrs.define(slots=True, eq=False)
class Clients:
    """The connections that are open, and the sends that are under way."""

    open: int = 0
    idle: dict[trio.CancelScope, None] = attrs.field(factory=dict)
    """Those without a request under way, the one for longest first."""
    failed: int = 0
    """Those that broke and were not logged yet."""
    remarked_at: float = float("-inf")
    stopping: bool = False
    gone: trio.Event = attrs.field(factory=trio.Event)
    """Set when, stopping, none is left."""
    sending: set[trio.CancelScope] = attrs.field(factory=set)

    async def hurry(self) -> None:
        """Wait until all are gone; cancelled, no send is shielded any more."""
        try:
            await self.gone.wait()
        finally:
            for scope in self.sending:
                scope.shield = False

    def displaced(self) -> bool:
        """Whether the one that has been idle for longest was given up for a newer one."""
        oldest = next(iter(self.idle), None)
        if oldest is not None:
            del self.idle[oldest]
            oldest.cancel()
        return oldest is not None

    def broke(self, error: Exception) -> None:
        """One ended with an error."""
        self.failed += 1
        if trio.current_time() - self.remarked_at >= REMARK_EVERY_S:
            log.warning("api.connection_failed", error=repr(error)[:500], count=self.failed)
            self.remarked_at, self.failed = trio.current_time(), 0

    def stop(self) -> None:
        """No more will come, and those without a request may go."""
        self.stopping = True
        for life in self.idle:
            life.cancel()
        self.left()

    def left(self) -> None:
        """One has gone, perhaps the last."""
        if self.stopping and not self.open:
            self.gone.set()


@attrs.frozen(slots=True)
class Idleness:
    """How long a connection may be without a request: a deadline of its life, where hypercorn starts a task for each wait."""

    life: trio.CancelScope
    limit_s: float

    async def restart(self, task_group: object, action: object) -> None:
        """It is idle from now on."""
        self.life.deadline = trio.current_time() + self.limit_s

    async def stop(self) -> None:
        """It has a request."""
        self.life.deadline = math.inf


class Connection(TCPServer):
    """One client's connection. hypercorn shields its sends from cancellation; here they have a limit, and an end with the server.

    An application may ``hold`` what goes out, so that head and body go together (HTTP/1 only: streams of HTTP/2 would wait for each
    other). It finds the connection in ``scope["state"]`` under ``CONNECTION``.
    """

    clients: Clients
    send_limit_s: float
    life: trio.CancelScope
    held: list[bytes] | None = None

    def hold(self) -> None:
        """Collect what goes out until ``release``."""
        self.held = []

    async def release(self) -> None:
        """Send what was collected."""
        await self._flush()
        self.held = None

    async def protocol_send(self, event: Event) -> None:
        """Send what the protocol says; a client that takes nothing for too long is gone."""
        if isinstance(event, RawData):
            if self.held is not None:
                self.held.append(event.data)
            elif event.data:
                await self._push(event.data)
            return
        await self._flush()
        if isinstance(event, Updated):
            self.clients.idle.pop(self.life, None)
            if event.idle:
                self.clients.idle[self.life] = None
        await super().protocol_send(event)

    async def _flush(self) -> None:
        if self.held and (data := b"".join(self.held)):
            self.held.clear()
            await self._push(data)

    async def _push(self, data: bytes) -> None:
        if self.send_lock.locked():
            await self.send_lock.acquire()
        else:
            self.send_lock.acquire_nowait()  # without the turn of the event loop that ``acquire`` takes
        try:
            if not await self._sent(memoryview(data)):
                await trio.aclose_forcefully(self.stream)
                await self.protocol.handle(Closed())
        finally:
            self.send_lock.release()

    async def _sent(self, data: memoryview) -> bool:
        for start in range(0, len(data), PIECE_BYTES):
            with trio.CancelScope(shield=True, deadline=trio.current_time() + self.send_limit_s) as scope:
                self.clients.sending.add(scope)
                try:
                    await self.stream.send_all(data[start : start + PIECE_BYTES])
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    return False
                finally:
                    self.clients.sending.discard(scope)
            if scope.cancelled_caught:
                return False
        return True


async def serve(
    app: ASGIFramework,
    config: HypercornConfig,
    *,
    host: str,
    port: int,
    grace_s: float,
    stopping: Callable[[], Awaitable[None]],
    most_connections: int | None = None,
    send_limit_s: float | None = None,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until ``stopping`` returns, then let requests finish for ``grace_s``. Starts with the URLs. Raises ``OSError``.

    ``most_connections`` and ``send_limit_s`` are ``MOST_CONNECTIONS`` and ``SEND_LIMIT_S`` unless given.
    """
    wrapped = wrap_app(app, config.wsgi_max_body_size, "asgi")
    context = WorkerContext(None)
    clients = Clients()

    async def handle(stream: trio.SocketStream) -> None:
        try:
            if clients.open < (most_connections or MOST_CONNECTIONS) or clients.displaced():
                clients.open += 1
                life = trio.CancelScope()
                clients.idle[life] = None
                try:
                    connection = Connection(wrapped, config, context, ConnectionState({}), stream)  # type: ignore[arg-type]  # or TLS
                    connection.clients = clients
                    connection.send_limit_s = send_limit_s or SEND_LIMIT_S
                    connection.life = life
                    connection.idle_task = Idleness(life, config.keep_alive_timeout)  # type: ignore[assignment]  # as hypercorn uses it
                    connection.state[CONNECTION] = connection
                    with life:
                        await connection.run()
                finally:
                    clients.idle.pop(life, None)
                    clients.open -= 1
        except* Exception as errors:
            clients.broke(errors.exceptions[0])
        finally:
            await trio.aclose_forcefully(stream)
            clients.left()

    tls = config.create_ssl_context()
    sockets = await trio.open_tcp_listeners(port, host=host)
    listeners = [socket if tls is None else trio.SSLListener(socket, tls, https_compatible=True) for socket in sockets]
    names = [socket.socket.getsockname() for socket in sockets]
    urls = [f"http{'' if tls is None else 's'}://{f'[{name[0]}]' if ':' in name[0] else name[0]}:{name[1]}" for name in names]
    lifespan = Lifespan(wrapped, config, {})
    async with trio.open_nursery() as living:
        await living.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        async with trio.open_nursery() as connections:
            connections.start_soon(clients.hurry)
            async with trio.open_nursery() as doors:
                doors.start_soon(partial(trio.serve_listeners, handle, listeners, handler_nursery=connections))
                task_status.started(urls)
                await stopping()
                doors.cancel_scope.cancel()
            await context.terminated.set()
            clients.stop()
            connections.cancel_scope.deadline = trio.current_time() + grace_s
        await lifespan.wait_for_shutdown()
        living.cancel_scope.cancel()
