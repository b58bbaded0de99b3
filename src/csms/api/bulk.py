"""Bulky bodies: uploads that are taken as they come, downloads that are sent piece by piece."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping

import trio
from werkzeug.http import dump_options_header

from .exchange import Request
from .files import ranges
from .files.multipart import FilePart, Malformed
from .problems import Problem
from .routes import Raw, Streamed

PIECE_BYTES = 256 * 1024
IDLE_S = 30.0
"""Longest silence in the middle of an upload."""
SEND_LIMIT_S = 900.0
"""Longest download."""
FORM_BYTES = 64 * 1024
"""What a form may be larger than the file in it."""
LOCKED = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox"
"""The Content-Security-Policy of what strangers uploaded: shown, it can do nothing."""

Read = Callable[[int, int], Awaitable[bytes]]
"""``read(offset, length)``: a piece of a file, shorter at its end. Raises ``OSError``."""


class Upload:
    """The file in a request's body: the body itself, or the file in a form (``multipart/form-data``).

    ``name`` is what a form calls it, known once its first piece was read; ``keep_fields`` keeps the form's other ``fields`` as well.
    """

    def __init__(self, request: Request, most_bytes: int, *, keep_fields: bool = False) -> None:
        """Raises ``Problem`` 413 for one that says it is larger, 400 for a form without a boundary."""
        self._request = request
        self._most_bytes = most_bytes
        content_type = request.headers.get("Content-Type")
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
        return self._request.content_length

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
        body = _body(self._request, self._most_bytes)
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


async def _body(request: Request, most_bytes: int) -> AsyncIterator[bytes]:
    size = 0
    while True:
        try:
            with trio.fail_after(IDLE_S):
                piece = await request.piece()
        except trio.TooSlowError:
            raise Problem(408, "Request Timeout", f"nothing came for {IDLE_S:g} s") from None
        if not piece:
            return
        size += len(piece)
        if size > most_bytes + FORM_BYTES:
            raise too_large(most_bytes)
        yield piece


async def sent(
    request: Request,
    read: Read,
    *,
    size: int,
    content_type: str,
    name: str,
    sha256: str,
    inline: bool,
    cache: str = "private, no-cache",
) -> Raw | Streamed:
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
        "Cross-Origin-Resource-Policy": "cross-origin" if inline else "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    if etag in [each.strip().removeprefix("W/") for each in request.headers.get("If-None-Match").split(",")]:
        return Raw(body=b"", status=304, headers=headers, content_type=content_type)
    part = None
    if request.headers.get("If-Range", etag) == etag:
        try:
            part = ranges.wanted(request.headers.get("Range"), size)
        except ranges.Unsatisfiable:
            raise Problem(416, "Range Not Satisfiable", f"it has {size} bytes") from None
    first, after = part or (0, size)
    status = 200 if part is None else 206
    if part is not None:
        headers["Content-Range"] = f"bytes {first}-{after - 1}/{size}"
    headers["Content-Length"] = str(after - first)
    if request.method == "HEAD":
        return Raw(body=b"", status=status, headers=headers, content_type=content_type)
    piece = await read(first, min(PIECE_BYTES, after - first))
    pieces = _rest(read, piece, first, after)
    return Streamed(pieces=pieces, status=status, headers=headers, content_type=content_type, limit_s=SEND_LIMIT_S)


async def _rest(read: Read, piece: bytes, first: int, after: int) -> AsyncGenerator[bytes, None]:
    at = first
    while piece:
        yield piece
        at += len(piece)
        piece = await read(at, min(PIECE_BYTES, after - at)) if at < after else b""
