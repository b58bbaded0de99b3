"""Bulky bodies: uploads that are taken as they come, downloads that are sent piece by piece.

Quart collects a request's body in memory however slowly it is read. Of a route that declares ``most_body_bytes`` no more is read from the
socket than its handler has room for.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Mapping
from typing import Any

import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable
from quart import Quart, Request, Response, request
from quart_trio.asgi import TrioASGIHTTPConnection
from quart_trio.wrappers.request import TrioBody
from werkzeug.http import dump_options_header

from .files import ranges
from .files.multipart import FilePart, Malformed
from .problems import Problem

ROOM_BYTES = 256 * 1024
"""Of an upload this much may wait to be read."""
PIECE_BYTES = 256 * 1024
IDLE_S = 30.0
"""Longest silence in the middle of an upload."""
SEND_LIMIT_S = 900.0
"""Longest download."""
FORM_BYTES = 64 * 1024
"""What a form may be larger than the file in it."""
LOCKED = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox"
"""The Content-Security-Policy of what strangers uploaded: shown, it can do nothing."""

_EXPECTED = "CSMS_BULKY_ROUTES"
_PARAMETER = re.compile(r"<(?:\w+:)?\w+>")

Read = Callable[[int, int], Awaitable[bytes]]
"""``read(offset, length)``: a piece of a file, shorter at its end. Raises ``OSError``."""


class StreamedBody(TrioBody):
    """A request's body of which only so much is held as was not read yet; read whole, it is held whole."""

    def __init__(self, expected_content_length: int | None, max_content_length: int | None) -> None:
        super().__init__(expected_content_length, max_content_length)
        self._whole = False
        self._read = trio.Event()

    async def __anext__(self) -> bytes:
        piece: bytes = await super().__anext__()
        self._read.set()
        return piece

    def __await__(self) -> Generator[Any, None, Any]:
        self._whole = True
        self._read.set()
        return super().__await__()

    async def room(self) -> None:
        """Wait until more may come."""
        while len(self._data) >= ROOM_BYTES and not self._whole and self._must_raise is None:
            self._read = trio.Event()
            await self._read.wait()


class BulkConnection(TrioASGIHTTPConnection):
    """One request; the body of a bulky one is read no faster than its handler takes it."""

    def _create_request_from_scope(self, send: ASGISendCallable) -> Request:
        made: Request = super()._create_request_from_scope(send)
        if made.method in ("POST", "PUT"):
            for rule, most_bytes in self.app.config.get(_EXPECTED, ()):
                if rule.fullmatch(made.path):
                    made.body = StreamedBody(made.content_length, most_bytes + FORM_BYTES)
        return made

    async def __call__(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Serve the request in this task; only what hears that the client left has one of its own."""
        request = self._create_request_from_scope(send)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.handle_messages, nursery, request, receive)
            await self.handle_request(nursery, request, send)

    async def handle_messages(  # type: ignore[override]  # as TrioASGIHTTPConnection has it
        self, nursery: trio.Nursery, request: Request, receive: ASGIReceiveCallable
    ) -> None:
        """Take the body as it comes, and notice that the client is gone."""
        body = request.body
        if not isinstance(body, StreamedBody):
            await super().handle_messages(nursery, request, receive)
            return
        while (message := await receive())["type"] == "http.request":
            body.append(message.get("body", b""))
            if message.get("more_body", False):
                await body.room()
            else:
                body.set_complete()
        nursery.cancel_scope.cancel()


def expect(app: Quart, rule: str, most_bytes: int) -> None:
    """Take larger bodies at a rule (werkzeug's spelling)."""
    pattern = "".join(re.escape(part) if number % 2 == 0 else "[^/]+" for number, part in enumerate(_split(rule)))
    app.config.setdefault(_EXPECTED, []).append((re.compile(pattern), most_bytes))


def _split(rule: str) -> list[str]:
    """Literal, parameter, literal, ..."""
    parts, end = [], 0
    for found in _PARAMETER.finditer(rule):
        parts += [rule[end : found.start()], found[0]]
        end = found.end()
    return [*parts, rule[end:]]


class Upload:
    """The file in the present request's body: the body itself, or the file in a form (``multipart/form-data``).

    ``name`` is what a form calls it, known once its first piece was read; ``keep_fields`` keeps the form's other ``fields`` as well.
    """

    def __init__(self, most_bytes: int, *, keep_fields: bool = False) -> None:
        """Raises ``Problem`` 413 for one that says it is larger, 400 for a form without a boundary."""
        self._most_bytes = most_bytes
        content_type = request.headers.get("Content-Type", "")
        self._form: FilePart | None = None
        try:
            if content_type.casefold().startswith("multipart/"):
                self._form = FilePart(content_type, keep_fields=keep_fields)
        except Malformed as error:
            raise Problem(400, "Bad Request", str(error)) from None
        length = request.content_length
        if length is not None and length > most_bytes + (FORM_BYTES if self._form else 0):
            raise too_large(most_bytes)

    @property
    def length(self) -> int | None:
        """How large the body is said to be."""
        return request.content_length

    @property
    def name(self) -> str:
        """What a form calls the file."""
        return "" if self._form is None else self._form.name.replace("\\", "/").rpartition("/")[2]

    @property
    def fields(self) -> Mapping[str, str]:
        """The form's other fields, as far as they were read."""
        return {} if self._form is None else self._form.fields

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The file, in pieces of a size worth a thread. Raises ``Problem`` 400, 408 or 413."""
        held, size = bytearray(), 0
        body = _body(self._most_bytes)
        try:
            async for piece in body if self._form is None else self._form.pieces(body):
                held += piece
                size += len(piece)
                if size > self._most_bytes:
                    raise too_large(self._most_bytes)
                if len(held) >= PIECE_BYTES:
                    yield bytes(held)
                    held.clear()
        except Malformed as error:
            raise Problem(400, "Bad Request", str(error)) from None
        if held:
            yield bytes(held)


def too_large(most_bytes: int) -> Problem:
    """What is said of an upload that is too large."""
    return Problem(413, "Content Too Large", f"at most {most_bytes} bytes are taken here")


async def _body(most_bytes: int) -> AsyncIterator[bytes]:
    body, size = request.body, 0
    while True:
        try:
            with trio.fail_after(IDLE_S):
                piece = await anext(body, None)
        except trio.TooSlowError:
            raise Problem(408, "Request Timeout", f"nothing came for {IDLE_S:g} s") from None
        if piece is None:
            return
        size += len(piece)
        if size > most_bytes + FORM_BYTES:
            raise too_large(most_bytes)
        yield piece


async def sent(
    read: Read, *, size: int, content_type: str, name: str, sha256: str, inline: bool, cache: str = "private, no-cache"
) -> Response:
    """A file as an answer: whole, or the part that is asked for (RFC 9110 §14), or 304 where the client has it already.

    ``inline`` lets a browser show it; anything else is a download. Raises ``OSError`` when its beginning cannot be read.
    """
    etag = f'"{sha256[:40]}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": cache,
        "Content-Disposition": dump_options_header("inline" if inline else "attachment", {"filename": name}),
        "Content-Security-Policy": LOCKED,
        "Content-Type": content_type,
        "Cross-Origin-Resource-Policy": "cross-origin" if inline else "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match", "").split(",")]:
        return Response(b"", status=304, headers=headers)
    part = None
    if request.headers.get("If-Range", etag) == etag:
        try:
            part = ranges.wanted(request.headers.get("Range", ""), size)
        except ranges.Unsatisfiable:
            raise Problem(416, "Range Not Satisfiable", f"it has {size} bytes") from None
    first, after = part or (0, size)
    status = 200 if part is None else 206
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{after - 1}/{size}"
    if request.method == "HEAD":
        response = Response(b"", status=status, headers=headers)
    else:
        piece = await read(first, min(PIECE_BYTES, after - first))
        response = Response(_rest(read, piece, first, after), status=status, headers=headers)
    response.headers["Content-Length"] = str(after - first)
    response.timeout = SEND_LIMIT_S
    return response


async def _rest(read: Read, piece: bytes, first: int, after: int) -> AsyncIterator[bytes]:
    at = first
    while piece:
        yield piece
        at += len(piece)
        piece = await read(at, min(PIECE_BYTES, after - at)) if at < after else b""
