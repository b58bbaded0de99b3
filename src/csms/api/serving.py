"""Serves an application over HTTP: hypercorn's protocols, on connections of our own of which none can harm another.

Under hypercorn's own loop an error in one connection ends the whole server (an HTTP/2 path that is not ASCII is enough, and needs no
key), a client that stops reading holds up every shutdown, and there may be any number of connections.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import h11
import structlog
import trio
from hypercorn.config import Config as HypercornConfig
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper, ws_stream
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from hypercorn.utils import parse_socket_addr, wrap_app

from . import everyday, http2
from .incoming import INCOMING, Incoming, Tasks, apply

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
    client: Any = None
    server: Any = None
    secure: bool = False
    incoming: Incoming | None = None
    """What comes in for the everyday request that is under way."""
    answered: trio.Event
    """Set when the one before is over."""
    over: bool = False
    """Whether it was said that nothing more is answered here: what comes then is not begun (RFC 9112 §9.6)."""

    async def run(self) -> None:
        """Serve it to its end; as hypercorn does, with tasks of our own."""
        secure, spoken, stream = isinstance(self.stream, trio.SSLStream), "http/1.1", self.stream
        if isinstance(stream, trio.SSLStream):
            try:
                with trio.fail_after(self.config.ssl_handshake_timeout):
                    await stream.do_handshake()
            except (trio.BrokenResourceError, trio.TooSlowError):
                return
            spoken = stream.selected_alpn_protocol() or spoken
        socket = stream.transport_stream.socket if isinstance(stream, trio.SSLStream) else stream.socket
        try:
            client, server = (parse_socket_addr(socket.family, name()) for name in (socket.getpeername, socket.getsockname))
            async with Tasks() as tasks:
                state = ConnectionState(self.state)
                given = (self.app, self.config, self.context, tasks, state, secure, client, server, self.protocol_send, spoken)
                self._task_group = tasks
                self.client, self.server, self.secure = client, server, secure
                self.protocol = ProtocolWrapper(*given)
                await self.protocol.initiate()
                await self.idle_task.restart(tasks, self._idle_timeout)
                await self._read_data()
        except OSError:
            pass
        finally:
            await self._close()

    async def _read_data(self) -> None:
        """Read until there is nothing more; everyday requests are served here, all else by hypercorn's protocol."""
        while True:
            try:
                data = bytes(await self.stream.receive_some(MAX_RECV))
            except (trio.ClosedResourceError, trio.BrokenResourceError):
                break
            if self.incoming is not None:  # it comes before its turn, or nothing more comes
                if not data:
                    break
                await self.answered.wait()
            if self.over:
                break
            if not (data and self._is_between() and await self._take(data)):
                await self.protocol.handle(RawData(data))
            if not data:
                break
        await self._left()
        await self.protocol.handle(Closed())

    def _is_between(self) -> bool:
        """Whether a request of HTTP/1.1 may begin now, and nothing of it came before."""
        spoken = self.protocol.protocol
        if not isinstance(spoken, H11Protocol) or spoken.stream is not None or not isinstance(spoken.connection, h11.Connection):
            return False
        return spoken.connection.our_state is h11.IDLE and spoken.connection.trailing_data == (b"", False)

    async def _take(self, data: bytes) -> bool:
        """Start on an everyday request; False for any other."""
        asked = everyday.read(data)
        if asked is None:
            return False
        spoken = self.protocol.protocol
        spoken.keep_alive_requests += 1
        last = spoken.keep_alive_requests >= self.config.keep_alive_max_requests
        state: dict[str, Any] = dict(self.state)
        self.incoming = state[INCOMING] = incoming = Incoming()
        self.answered = trio.Event()
        await self.protocol_send(Updated(idle=False))
        await incoming.put({"type": "http.request", "body": asked.body, "more_body": False})
        scope = everyday.scope_of(asked, secure=self.secure, client=self.client, server=self.server, state=state)
        answering = everyday.Answering(asked.method, self._write, last=last)
        self._task_group.spawn(self._serve, scope, incoming, answering)
        return True

    async def _serve(self, scope: Any, incoming: Incoming, answering: everyday.Answering) -> None:
        async def send(message: Any) -> None:
            if message is None:
                await self._finish(answering)
            else:
                await answering.send(message)

        await apply(self.app, scope, incoming, send)

    async def _finish(self, answering: everyday.Answering) -> None:
        try:
            await answering.finish()
        finally:
            self.incoming = None
            self.over = answering.closes or self.context.terminated.is_set()
            self.answered.set()
        await self.protocol_send(Closed() if self.over else Updated(idle=True))

    async def _write(self, data: bytes) -> None:
        await self.protocol_send(RawData(data))

    async def _left(self) -> None:
        """Tell the application of an everyday request, and all that wait to be taken, that the client has left."""
        await http2.left(self.protocol.protocol)
        if self.incoming is not None:
            await self.incoming.put({"type": "http.disconnect"})

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
                await self._left()
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
