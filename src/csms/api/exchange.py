"""One exchange of a declared route: what was asked, as its handler may look at it, and what goes out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import attrs
import trio
from werkzeug.http import parse_cookie
from werkzeug.urls import iri_to_uri  # noqa: F401 - it registers _KEPT

from csms.core.access import Principal
from csms.core.ports import Random

from .limits import Counted
from .problems import Problem

BODY_LIMIT_S = 60.0
"""Longest wait for a body that is taken whole."""
SEND_LIMIT_S = 60.0
"""Longest time for an answer to be taken, unless it says otherwise."""
_KEPT = "werkzeug.url_quote"
"""What to do with escapes in a query that are no text: leave them as they are."""
_NEVER_ONE_LINE = ("\r", "\n", "\x00")
LONGEST_ID = 64

Receive = Callable[[], Awaitable[Any]]


@lru_cache(512)
def _line_name(name: str) -> bytes:
    return name.lower().encode("latin-1", "replace")


class Headers:
    """The headers of a request, by name in whatever case; of one that comes several times the first."""

    __slots__ = ("_first", "_lines")

    def __init__(self, lines: Sequence[tuple[bytes, bytes]]) -> None:
        self._lines = lines
        self._first = dict(reversed(lines))

    def get(self, name: str, default: str = "") -> str:
        """The first value, ``default`` for none."""
        value = self._first.get(_line_name(name))
        return default if value is None else value.decode("latin-1")

    def __contains__(self, name: str) -> bool:
        return _line_name(name) in self._first

    def getlist(self, name: str) -> list[str]:
        """Every value, in order."""
        wanted = _line_name(name)
        return [value.decode("latin-1") for key, value in self._lines if key == wanted]

    def items(self) -> Iterator[tuple[str, str]]:
        """Names, in lower case, and values."""
        return ((name.decode("latin-1"), value.decode("latin-1")) for name, value in self._lines)


class Request:
    """What was asked. The body is taken from the line as it is read, and no faster."""

    __slots__ = (
        "_body",
        "_cookies",
        "_receive",
        "_scope",
        "_size",
        "_whole",
        "counted",
        "headers",
        "id",
        "method",
        "most_bytes",
        "path",
        "who",
    )

    def __init__(self, scope: Any, receive: Receive, most_bytes: int) -> None:
        self._scope = scope
        self._receive = receive
        self._body: bytes | None = None
        self._cookies: Mapping[str, str] | None = None
        self._size = 0
        self._whole = False
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = Headers(scope["headers"])
        self.most_bytes = most_bytes
        """The largest body that this takes."""
        self.id = ""
        """The request's id in logs, problems and the audit log."""
        self.counted: Sequence[Counted] = ()
        """The buckets that counted it."""
        self.who: Principal | None = None

    @property
    def remote_addr(self) -> str:
        """The client's address."""
        return str((self._scope.get("client") or ("", 0))[0])

    @property
    def cookies(self) -> Mapping[str, str]:
        """The cookies that it shows."""
        if self._cookies is None:
            lines = self.headers.getlist("Cookie")
            self._cookies = dict(parse_cookie(";".join(lines)).items()) if lines else {}
        return self._cookies

    @property
    def query(self) -> Mapping[str, str]:
        """The query's arguments; one that is given several times is a list with commas."""
        text: bytes = self._scope["query_string"]
        if not text:
            return {}
        found: dict[str, str] = {}
        for name, value in parse_qsl(text.decode("utf-8", "replace"), keep_blank_values=True, errors=_KEPT):
            found[name] = f"{found[name]},{value}" if name in found else value
        return found

    @property
    def target(self) -> bytes:
        """Path and query."""
        query: bytes = self._scope["query_string"]
        return self.path.encode("utf-8", "replace") + b"?" + query

    @property
    def content_length(self) -> int | None:
        """How long its body is said to be."""
        text = self.headers.get("Content-Length")
        return int(text) if text.isascii() and text.isdigit() else None

    @property
    def content_type(self) -> str:
        """The type of its body, in lower case and without parameters; "" where it says none."""
        return self.headers.get("Content-Type").partition(";")[0].strip().lower()

    def check_length(self) -> None:
        """Refuse a body that says it is too large. Raises ``Problem`` 413."""
        if (self.content_length or 0) > self.most_bytes:
            raise too_large(self.most_bytes)

    async def piece(self) -> bytes:
        """The next of the body as it comes, ``b""`` at its end. Raises ``Problem`` 413."""
        while not self._whole:
            message = await self._receive()
            if message["type"] != "http.request":
                raise Problem(400, "Bad Request", "the body ended before its end")
            self._whole = not message.get("more_body", False)
            if piece := message.get("body", b""):
                self._size += len(piece)
                if self._size > self.most_bytes:
                    raise too_large(self.most_bytes)
                return bytes(piece)
        return b""

    async def body(self) -> bytes:
        """The whole body. Raises ``Problem`` 413, or 408 when it does not come in time."""
        if self._body is None:
            self.check_length()
            with trio.move_on_after(BODY_LIMIT_S):
                pieces = []
                while piece := await self.piece():
                    pieces.append(piece)
                self._body = b"".join(pieces)
                return self._body
            raise Problem(408, "Request Timeout", "the body did not come in time")
        return self._body


def request_id(given: str, random: Random) -> str:
    """The id of a request: what it says itself, where that can be one."""
    given = given[:LONGEST_ID]
    return given if given.isascii() and given.isprintable() and given.strip() else random.token(9)


def too_large(most_bytes: int) -> Problem:
    """What is said of a body that is too large."""
    return Problem(413, "Content Too Large", f"the body is larger than the {most_bytes} bytes that this takes")


@attrs.define(slots=True, eq=False)
class Response:
    """What goes out. Names of ``headers`` are in lower case; with ``pieces`` it is a stream, and ``body`` is nothing."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    pieces: AsyncGenerator[bytes, None] | None = None
    limit_s: float | None = SEND_LIMIT_S
    cookies: Sequence[str] = ()

    async def collected(self) -> bytes:
        """All of it: a stream becomes a whole."""
        if self.pieces is not None:
            pieces, self.pieces = self.pieces, None
            async with aclosing(pieces):
                self.body = b"".join([piece async for piece in pieces])
            self.headers["content-length"] = str(len(self.body))
        return self.body

    def lines(self) -> Iterable[tuple[bytes, bytes]]:
        """Its headers as they are sent. Raises ``ValueError`` for one that would be two."""
        for name, value in self.headers.items():
            if any(each in value for each in _NEVER_ONE_LINE):
                raise ValueError(f"the header {name} is more than a line: {value!r}")
            yield name.encode(), value.encode()
        for cookie in self.cookies:
            yield b"set-cookie", cookie.encode()
