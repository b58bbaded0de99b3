"""The HTTP part of a handshake: reading a bounded request head, and the few answers there are."""

from __future__ import annotations

import base64
import hashlib
from http import HTTPStatus

import attrs
import h11
import trio

MAX_HEAD_BYTES = 16 * 1024
"""Largest request head, with room for bearer tokens and chains of proxies."""
LABELS = frozenset(
    {
        "broken",
        "certificate",
        "failed",
        "forbidden",
        "limit",
        "malformed",
        "no_protocol",
        "no_upgrade",
        "not_found",
        "timeout",
        "tls",
        "too_many",
        "unauthorized",
        "unavailable",
    }
)
"""Why a handshake may be refused, in words for metrics."""

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_LABEL = {400: "malformed", 401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "too_many", 503: "unavailable"}

Headers = tuple[tuple[str, str], ...]


class Refused(Exception):
    """A handshake that ends with an HTTP error. ``reason`` is for the log; the peer sees only the status."""

    def __init__(self, status: int, reason: str, *, label: str = "", headers: Headers = ()) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason
        self.label = label or _LABEL.get(status, "forbidden")
        self.headers = headers


@attrs.frozen(slots=True)
class Head:
    """A request head. Header names are lower case; ``early`` is what followed it on the wire."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    early: bytes = attrs.field(default=b"", repr=False)

    def all(self, name: str) -> list[str]:
        """Every value of a header, one per line that carried it."""
        return [value for key, value in self.headers if key == name]

    def tokens(self, name: str) -> list[str]:
        """The comma-separated items of a header, over all its lines, in order."""
        return [item for value in self.all(name) for part in value.split(",") if (item := part.strip())]


async def read_head(stream: trio.abc.Stream) -> Head | None:
    """Read one request head; None when the peer hung up before saying anything. Raises ``Refused`` for what is not HTTP/1.1."""
    http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
    while True:
        data = await stream.receive_some(MAX_HEAD_BYTES)
        try:
            http.receive_data(bytes(data))
            event = http.next_event()
        except h11.RemoteProtocolError as error:
            raise Refused(error.error_status_hint, f"not a request: {error}", label="malformed") from None
        if type(event) is h11.Request:
            # Latin-1 maps every byte to a character, as HTTP has it; nothing a peer sends can fail to decode.
            headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
            return Head(event.method.decode("latin-1"), event.target.decode("latin-1"), headers, http.trailing_data[0])
        if not data:
            return None


def switching_protocols(key: str, subprotocol: str | None) -> bytes:
    """The 101 answer (RFC 6455 §4.2.2); without ``subprotocol`` it carries no such header."""
    accept = base64.b64encode(hashlib.sha1(key.encode("latin-1") + _GUID, usedforsecurity=False).digest()).decode()
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {accept}"]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def refusal(status: int, headers: Headers = ()) -> bytes:
    """An error answer after which the connection ends. Its body says no more than the status does."""
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Refused"
    body = f"{status} {phrase}\n"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    if not any(name.lower() == "connection" for name, _ in headers):
        lines.append("Connection: close")
    lines += ["Content-Type: text/plain; charset=utf-8", f"Content-Length: {len(body)}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")
