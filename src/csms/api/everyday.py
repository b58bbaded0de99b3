"""Everyday requests of HTTP/1.1, read and answered without a general parser: whole in one piece, and nothing unusual about them.

What is taken here is a strict part of RFC 9112, checked as a whole; everything else is left to hypercorn and h11, byte by byte as it came:
bodies in pieces or in chunks, upgrades, ``Expect``, ``Connection``, HTTP/1.0, folded lines, anything that is not ASCII, and whatever is
wrong (ADR 15).
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote
from wsgiref.handlers import format_date_time

import attrs

MOST_HEAD_BYTES = 16_384
_HEAD = re.compile(
    rb"(?P<method>GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<target>/[!-~]*) HTTP/1\.1\r\n"
    rb"(?P<lines>(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~]*\r\n)+)\r\n"
)
_LENGTH = re.compile(rb"\d{1,9}")
_UNUSUAL = frozenset({b"connection", b"expect", b"http2-settings", b"te", b"trailer", b"transfer-encoding", b"upgrade"})
_BODILESS = frozenset({204, 304})
_END = b"0\r\n\r\n"

HeaderList = list[tuple[bytes, bytes]]


@attrs.frozen(slots=True)
class Asked:
    """A request."""

    method: str
    target: bytes
    headers: HeaderList
    body: bytes


def read(data: bytes) -> Asked | None:
    """The one request that these bytes are, exactly; None where they are less, more or anything unusual."""
    match = _HEAD.match(data)
    if match is None or match.end() > MOST_HEAD_BYTES:
        return None
    headers: HeaderList = []
    length: bytes | None = None
    hosts = 0
    for line in match["lines"][:-2].split(b"\r\n"):
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip(b" \t")
        if name in _UNUSUAL:
            return None
        if name == b"host":
            hosts += 1
        elif name == b"content-length":
            if length is not None or not _LENGTH.fullmatch(value):
                return None
            length = value
        headers.append((name, value))
    if hosts != 1 or len(data) - match.end() != int(length or 0):
        return None
    return Asked(match["method"].decode(), match["target"], headers, data[match.end() :])


def scope_of(asked: Asked, *, secure: bool, client: Any, server: Any, state: dict[str, Any]) -> dict[str, Any]:
    """The same as an application is told it (ASGI)."""
    path, _, query = asked.target.partition(b"?")
    return {
        "type": "http",
        "http_version": "1.1",
        "asgi": {"spec_version": "2.1", "version": "3.0"},
        "method": asked.method,
        "scheme": "https" if secure else "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": asked.headers,
        "client": client,
        "server": server,
        "state": state,
        "extensions": {},
    }


class _Usual:
    """The headers of every answer, made anew every second."""

    second = 0
    lines = b""

    def now(self) -> bytes:
        """Them as lines."""
        second = int(time.time())  # noqa: TID251 - a header about the machine's clock, as hypercorn writes it
        if second != self.second:
            self.lines = b"date: " + format_date_time(second).encode() + b"\r\nserver: hypercorn-h11\r\n"
            self.second = second
        return self.lines


_USUAL = _Usual()


class Answering:
    """Writes one answer as an application tells it. ``last`` says in its head that the connection ends with it."""

    __slots__ = ("_bodiless", "_chunked", "_head", "_left", "_method", "_write", "closes", "ended", "last", "started")

    def __init__(self, method: str, write: Callable[[bytes], Awaitable[None]], *, last: bool) -> None:
        self._method = method
        self._write = write
        self._head = b""
        self._left = 0
        self._chunked = False
        self._bodiless = False
        self.last = last
        self.started = False
        self.ended = False
        self.closes = last
        """Whether the connection ends with it: the head says so, or it was not sent whole."""

    async def send(self, message: Any) -> None:
        """Send a message of the application. Raises ``ValueError`` for what would be no answer."""
        kind = message["type"]
        if kind == "http.response.start" and not self.started:
            self._begin(int(message["status"]), message.get("headers", ()))
            if self._chunked:
                head, self._head = self._head, b""
                await self._write(head)
        elif kind == "http.response.body" and self.started and not self.ended:
            more = bool(message.get("more_body", False))
            text = self._framed(bytes(message.get("body", b"")), more)
            head, self._head = self._head, b""
            self.ended = not more
            if head or text:
                await self._write(head + text)
        else:
            raise ValueError(f"{kind} is not what comes next in an answer")

    def _begin(self, status: int, given: Any) -> None:
        self._bodiless = status in _BODILESS or self._method == "HEAD"
        parts = [b"HTTP/1.1 %d " % status]
        length: bytes | None = None
        for name, value in given:
            name, value = name.strip(), value.strip()
            if name == b"content-length":
                length = value
            elif name == b"connection":
                self.closes = self.closes or value.lower() == b"close"
                continue
            parts.append(name + b": " + value)
        if length is None and status not in _BODILESS:
            parts.append(b"transfer-encoding: chunked")
            self._chunked = not self._bodiless
        if self.closes:
            parts.append(b"connection: close")
        head = b"\r\n".join(parts)
        if not head.count(b"\n") == head.count(b"\r") == len(parts) - 1 or b"\0" in head:
            raise ValueError("a header is more than a line")
        self._left = int(length or 0)
        self._head = head + b"\r\n" + _USUAL.now() + b"\r\n"
        self.started = True

    def _framed(self, body: bytes, more: bool) -> bytes:
        if self._bodiless:
            return b""
        if self._chunked:
            text = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            return text if more else text + _END
        self._left -= len(body)
        if self._left < 0 or (self._left and not more):
            self.closes = True
            raise ValueError("the body is not as long as its head says")
        return body

    async def finish(self) -> None:
        """The application has ended; an answer that it did not give is that it failed."""
        if not self.started:
            self.closes = True
            await self.send({"type": "http.response.start", "status": 500, "headers": [(b"content-length", b"0")]})
            await self.send({"type": "http.response.body", "body": b""})
        elif not self.ended:
            self.closes = True
