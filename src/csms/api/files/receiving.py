"""A file from a charger: streamed to disk, and answered only when it and what is known of it are stored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import unquote

import attrs
import trio
from werkzeug.http import parse_options_header

from csms.core.files import Files, KeptFile

from .multipart import FilePart
from .pace import Pace
from .wire import Request, Tally, TooLarge

PIECE_BYTES = 256 * 1024
FORM_BYTES = 64 * 1024
"""What a form may be larger than the file in it."""
STORE_LIMIT_S = 30.0

Store = Callable[[KeptFile, str, str], Awaitable[None]]
"""``store(kept, file_name, address)`` makes a fact of a file that was received."""


@attrs.frozen(slots=True, kw_only=True)
class Limits:
    """What one upload may take."""

    most_bytes: int
    idle_s: float
    transfer_s: float


async def receive(request: Request, name: str, store: Store, files: Files, pace: Pace, tally: Tally, limits: Limits) -> KeptFile:
    """Take the body of a PUT or POST. ``name`` is what followed the link.

    Raises ``TooLarge``, ``BrokenOff``, ``Malformed`` or ``OSError``; then nothing is kept. Raises ``trio.TooSlowError`` past the limit.
    """
    length = request.length
    content_type = request.headers.get("content-type", "")
    form = FilePart(content_type) if content_type.casefold().startswith("multipart/") else None
    most_bytes = limits.most_bytes + (FORM_BYTES if form else 0)
    if length is not None and length > most_bytes:
        raise TooLarge
    body = request.body(idle_s=limits.idle_s, most_bytes=most_bytes)
    pieces = body if form is None else form.pieces(body)
    size = 0
    with trio.fail_after(limits.transfer_s):
        async with files.receive(length) as incoming:
            async for piece in _gathered(pieces):
                size += len(piece)
                if size > limits.most_bytes:
                    raise TooLarge
                await incoming.write(piece)
                tally.received_bytes += len(piece)
                await pace.moved(len(piece))
            kept: KeptFile = await incoming.keep()
    try:
        with trio.fail_after(STORE_LIMIT_S):
            await store(kept, _named(form.name if form else "", request, name), request.address)
    except BaseException:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + STORE_LIMIT_S):
            await files.remove(kept.name)
        raise
    tally.received += 1
    return kept


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Small pieces put together, so that not each costs a thread."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) >= PIECE_BYTES:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _named(in_form: str, request: Request, behind_link: str) -> str:
    """What the charger calls its file, by whichever way it says so."""
    options = parse_options_header(request.headers.get("content-disposition", ""))[1]
    for name in (in_form, options.get("filename", ""), behind_link):
        if plain := unquote(name).replace("\\", "/").rpartition("/")[2].strip():
            return plain[:255]
    return ""
