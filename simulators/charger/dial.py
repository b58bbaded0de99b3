"""How a charger reaches its central system: the address, the TCP stream, the WebSocket handshake."""

from __future__ import annotations

import base64
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import quote, urlsplit

import attrs
import trio
from trio_websocket import wrap_client_stream

HANDSHAKE_S = 20.0
MAX_MESSAGE_BYTES = 1_048_576
PONG_FIRST_BYTE = 0x8A
"""FIN and opcode 10 (RFC 6455 §5.2): trio-websocket sends each frame in one ``send_all``, so the first byte tells a pong."""


@attrs.frozen(slots=True)
class Address:
    """A central system: ``path`` is what stands before the charger id."""

    host: str
    port: int
    path: str
    tls: ssl.SSLContext | None = attrs.field(default=None, eq=False, repr=False)

    def resource(self, charger_id: str) -> str:
        """The path of one charger; its id is percent-encoded (OCPP-J 1.6 §3.1.1)."""
        return f"{self.path}/{quote(charger_id, safe='')}"


def parse_url(url: str) -> Address:
    """The address in ``ws://HOST[:PORT]/PATH`` (or ``wss://``); raises ``ValueError`` with what would be right."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"not a WebSocket address: {url!r} (expected ws://HOST:PORT/PATH or wss://HOST:PORT/PATH)")
    try:
        port = parts.port or (443 if parts.scheme == "wss" else 80)
    except ValueError:
        raise ValueError(f"not a port in {url!r} (expected 1 to 65535)") from None
    tls = ssl.create_default_context() if parts.scheme == "wss" else None
    return Address(parts.hostname, port, parts.path.rstrip("/"), tls)


class TlsTrouble(OSError):
    """The TLS handshake failed; ``event`` is the security event that it is (whitepaper §8), if it is one."""

    def __init__(self, cause: BaseException | None) -> None:
        super().__init__(str(cause) or "TLS handshake failed")
        self.event = ""
        reason = (cause.reason or "").upper() if isinstance(cause, ssl.SSLError) else ""
        if isinstance(cause, ssl.SSLCertVerificationError):
            self.event = "InvalidCentralSystemCertificate"
        elif "PROTOCOL" in reason:
            self.event = "InvalidTLSVersion"
        elif "HANDSHAKE_FAILURE" in reason or "CIPHER" in reason:
            self.event = "InvalidTLSCipherSuite"


OpenStream = Callable[[Address], Awaitable[trio.abc.Stream]]


async def open_stream(address: Address) -> trio.abc.Stream:
    """A TCP (or TLS) stream; raises ``OSError``, ``TlsTrouble`` when the two could not agree on TLS."""
    if address.tls is None:
        return await trio.open_tcp_stream(address.host, address.port)
    stream = await trio.open_ssl_over_tcp_stream(address.host, address.port, ssl_context=address.tls, https_compatible=True)
    try:
        await stream.do_handshake()
    except trio.BrokenResourceError as broken:
        await trio.aclose_forcefully(stream)
        raise TlsTrouble(broken.__cause__) from None
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


class Wire(trio.abc.Stream):
    """The stream below the WebSocket, where a charger can misbehave: keep its pongs to itself, or be torn off.

    ``ended`` is set when the stream is over: trio-websocket itself would wait for ever for a handshake that nobody answers any more.
    """

    def __init__(self, stream: trio.abc.Stream, *, pongs: bool) -> None:
        self._stream = stream
        self._pongs = pongs
        self.ended = trio.Event()

    async def send_all(self, data: Any) -> None:
        """Send, except a pong where the charger never pongs."""
        if not self._pongs and data and data[0] == PONG_FIRST_BYTE:
            await trio.lowlevel.checkpoint()
            return
        try:
            await self._stream.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise

    async def wait_send_all_might_not_block(self) -> None:
        """As the stream below."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """As the stream below."""
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            self.ended.set()
            raise
        if not data:
            self.ended.set()
        return data

    async def aclose(self) -> None:
        """Close the stream below."""
        await self._stream.aclose()

    async def tear(self) -> None:
        """End it as a pulled cable or a modem does: a reset, no farewell. It may have ended before."""
        raw = self._stream.transport_stream if isinstance(self._stream, trio.SSLStream) else self._stream
        if isinstance(raw, trio.SocketStream) and raw.socket.fileno() != -1:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await trio.aclose_forcefully(self._stream)


def basic_authorization(charger_id: str, password: bytes) -> tuple[bytes, bytes]:
    """The header of HTTP Basic authentication (OCPP-J 1.6 §6.2.1; security profile 1)."""
    return (b"Authorization", b"Basic " + base64.b64encode(charger_id.encode() + b":" + password))


async def handshake(
    nursery: trio.Nursery,
    wire: Wire,
    address: Address,
    charger_id: str,
    *,
    password: bytes | None,
    subprotocols: tuple[str, ...],
) -> Any:
    """The opened WebSocket connection, whose reader runs in ``nursery``.

    Raises ``OSError`` when the stream ends or nothing comes in time. A refusal (``ConnectionRejected``) is raised by the reader, that
    is, out of the nursery.
    """
    headers = [] if password is None else [basic_authorization(charger_id, password)]
    host = address.host if address.port in (80, 443) else f"{address.host}:{address.port}"
    connection: Any = None
    with trio.move_on_after(HANDSHAKE_S) as scope:
        async with trio.open_nursery() as watching:

            async def give_up_at_end() -> None:
                await wire.ended.wait()
                scope.cancel()

            watching.start_soon(give_up_at_end)
            connection = await wrap_client_stream(
                nursery,
                wire,  # type: ignore[arg-type]  # any stream will do, whatever its annotation says
                host,
                address.resource(charger_id),
                subprotocols=subprotocols,
                extra_headers=headers,
                max_message_size=MAX_MESSAGE_BYTES,
            )
            watching.cancel_scope.cancel()
    if connection is None:
        raise OSError("the connection ended during the handshake" if wire.ended.is_set() else "no handshake in time")
    return connection
