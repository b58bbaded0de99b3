"""A central system that says yes to everything and keeps nothing: to try chargers with no server, and to measure the fleet itself.

``python -m simulators.stub --port 9000``; tests bend it through ``StubServer.answer``.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import unquote

import attrs
import click
import trio
from trio_websocket import ConnectionClosed, wrap_server_stream

from simulators import frames
from simulators.clock import Clock
from simulators.command import on_signals, run
from simulators.frames import Payload

SUBPROTOCOLS = {"ocpp1.6": "1.6", "ocpp2.0.1": "2.0.1"}


@attrs.frozen(slots=True)
class Heard:
    """A CALL that the stub received."""

    charger_id: str
    connection: int
    message_id: str
    action: str
    payload: Payload
    at: float


Answer = Payload | tuple[str, str] | None
"""What a CALL gets: a payload, an error code with its description, or nothing at all."""


@attrs.define(slots=True, eq=False)
class StubConnection:
    """A connected charger."""

    charger_id: str
    version: str
    number: int
    socket: Any
    pending: dict[str, tuple[trio.Event, list[frames.Result | frames.Error]]] = attrs.field(factory=dict)


class StubServer:
    """See the module. ``password_of`` checks Basic authentication when it is given; ``record`` keeps every call heard."""

    def __init__(self, clock: Clock, *, heartbeat_s: int = 300, record: bool = False) -> None:
        self.clock = clock
        self.heartbeat_s = heartbeat_s
        self.record = record
        self.heard: list[Heard] = []
        self.answered = 0
        self.connections: dict[str, StubConnection] = {}
        self.connected = 0
        self.password_of: Callable[[str], bytes | None] | None = None
        self.subprotocols: tuple[str, ...] = tuple(SUBPROTOCOLS)
        self.fallback = "1.6"
        self.answer: Callable[[StubConnection, frames.Call], Answer] = self.yes
        self._transactions = 0
        self._commands = 0

    def yes(self, connection: StubConnection, call: frames.Call) -> Answer:
        """The least that each version wants to hear."""
        old = connection.version == "1.6"
        match call.action:
            case "BootNotification":
                return {"status": "Accepted", "interval": self.heartbeat_s, "currentTime": self.clock.now_iso()}
            case "Heartbeat":
                return {"currentTime": self.clock.now_iso()}
            case "Authorize":
                return {"idTagInfo": {"status": "Accepted"}} if old else {"idTokenInfo": {"status": "Accepted"}}
            case "StartTransaction":
                self._transactions += 1
                return {"transactionId": self._transactions, "idTagInfo": {"status": "Accepted"}}
            case "TransactionEvent" if "idToken" in call.payload:
                return {"idTokenInfo": {"status": "Accepted"}}
            case "DataTransfer":
                return {"status": "Accepted"}
            case "SignCertificate":
                return {"status": "Accepted"}
            case "StatusNotification" | "MeterValues" | "StopTransaction" | "TransactionEvent":
                return {}
            case "SecurityEventNotification" | "LogStatusNotification" | "FirmwareStatusNotification":
                return {}
            case "SignedFirmwareStatusNotification" | "DiagnosticsStatusNotification" if old:
                return {}
        return ("NotImplemented", call.action)

    async def serve_tcp(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        task_status: Any = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Listen, perhaps with TLS; the start value is the port."""
        listeners = await trio.open_tcp_listeners(port, host=host)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.serve_listeners, partial(self._serve_socket, tls), listeners)
            task_status.started(listeners[0].socket.getsockname()[1])

    async def _serve_socket(self, tls: ssl.SSLContext | None, stream: trio.SocketStream) -> None:
        if tls is None:
            await self.serve_stream(stream)
            return
        secured = trio.SSLStream(stream, tls, server_side=True, https_compatible=True)
        try:
            await secured.do_handshake()
        except trio.BrokenResourceError:
            await trio.aclose_forcefully(secured)
            return
        await self.serve_stream(secured)

    async def serve_stream(self, stream: trio.abc.Stream) -> None:
        """One charger, over any stream."""
        try:
            async with trio.open_nursery() as nursery:
                request = await wrap_server_stream(nursery, stream)
                charger_id = unquote(request.path.rsplit("/", 1)[-1])
                if not self._admits(charger_id, dict(request.headers)):
                    await request.reject(401)
                else:
                    offered = [protocol for protocol in request.proposed_subprotocols if protocol in self.subprotocols]
                    chosen = offered[0] if offered else None
                    socket = await request.accept(subprotocol=chosen)
                    if chosen is None and request.proposed_subprotocols:
                        await socket.aclose(1002)
                    else:
                        await self._serve(charger_id, SUBPROTOCOLS.get(chosen or "", self.fallback), socket)
                nursery.cancel_scope.cancel()
        except* (ConnectionClosed, trio.BrokenResourceError, trio.ClosedResourceError, OSError):
            pass
        finally:
            await trio.aclose_forcefully(stream)

    def _admits(self, charger_id: str, headers: dict[bytes, bytes]) -> bool:
        if self.password_of is None:
            return True
        shown = headers.get(b"authorization", b"").removeprefix(b"Basic ")
        wanted = self.password_of(charger_id)
        return wanted is not None and base64.b64decode(shown) == charger_id.encode() + b":" + wanted

    async def _serve(self, charger_id: str, version: str, socket: Any) -> None:
        self.connected += 1
        connection = StubConnection(charger_id, version, self.connected, socket)
        self.connections[charger_id] = connection
        try:
            while True:
                text = await socket.get_message()
                match frames.parse(text):
                    case frames.Call() as call:
                        await self._hear(connection, call)
                    case frames.Result() | frames.Error() as answer:
                        waiting = connection.pending.pop(answer.message_id, None)
                        if waiting is not None:
                            waiting[1].append(answer)
                            waiting[0].set()
                    case None:
                        await socket.send_message(frames.error_text("-1", "GenericError", "unreadable"))
        finally:
            if self.connections.get(charger_id) is connection:
                del self.connections[charger_id]

    async def _hear(self, connection: StubConnection, call: frames.Call) -> None:
        if self.record:
            self.heard.append(
                Heard(connection.charger_id, connection.number, call.message_id, call.action, call.payload, trio.current_time())
            )
        match self.answer(connection, call):
            case None:
                return
            case (code, description):
                await connection.socket.send_message(frames.error_text(call.message_id, code, description))
            case dict() as payload:
                await connection.socket.send_message(frames.result_text(call.message_id, payload))
        self.answered += 1

    async def command(
        self, charger_id: str, action: str, payload: Payload, *, timeout_s: float = 30
    ) -> frames.Result | frames.Error:
        """Send a CALL to a charger and wait for its answer; raises ``trio.TooSlowError`` or ``KeyError`` (not connected)."""
        connection = self.connections[charger_id]
        self._commands += 1
        message_id = f"stub-{self._commands}"
        arrived = trio.Event()
        answers: list[frames.Result | frames.Error] = []
        connection.pending[message_id] = (arrived, answers)
        await connection.socket.send_message(frames.call_text(message_id, action, payload))
        with trio.fail_after(timeout_s):
            await arrived.wait()
        return answers[0]


@click.command("simulators.stub", help=__doc__.split("\n\n")[0] if __doc__ else "")
@click.option("--port", default=9000, show_default=True, type=click.IntRange(0, 65535), help="port to listen on")
@click.option(
    "--heartbeat", default=300, show_default=True, type=click.IntRange(1), help="heartbeat interval given at boot, seconds"
)
def command(port: int, heartbeat: int) -> int:
    """Listen until a signal comes, then say how much was answered."""

    async def main() -> None:
        server = StubServer(Clock.start(), heartbeat_s=heartbeat)
        async with trio.open_nursery() as nursery:
            await nursery.start(on_signals, nursery.cancel_scope.cancel, nursery.cancel_scope.cancel)
            print(f"listening on ws://127.0.0.1:{await nursery.start(server.serve_tcp, port)}", flush=True)
        print(f"{server.connected} connections, {server.answered} calls answered", flush=True)

    try:
        trio.run(main)
    except* OSError as group:
        raise click.ClickException(f"cannot listen on port {port}: {group.exceptions[0]}") from None
    return 0


if __name__ == "__main__":
    run(command)
