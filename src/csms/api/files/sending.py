"""A file to a charger: whole, or from where it left off (RFC 9110 §14; RFC 9530 for the digest)."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

import attrs
import trio

from csms.core.files import Files

from . import ranges
from .pace import Pace
from .wire import Request, Tally

PIECE_BYTES = 256 * 1024


@attrs.frozen(slots=True, kw_only=True)
class Offer:
    """A file that may be fetched: its name among the files that are kept, the name it is to have, and what is in it.

    ``began`` and ``ended`` are awaited before the first byte goes out and after the last one of the file did.
    """

    file: str
    file_name: str
    size_bytes: int
    sha256: str
    began: Callable[[], Awaitable[None]]
    ended: Callable[[], Awaitable[None]]


async def send(request: Request, offer: Offer, files: Files, pace: Pace, tally: Tally, *, limit_s: float) -> bool:
    """Answer a GET or HEAD; whether everything that was asked for went out. Raises ``OSError`` before anything did."""
    etag = f'"{offer.sha256}"'
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{offer.file_name}"',
        "accept-ranges": "bytes",
        "etag": etag,
        "repr-digest": f"sha-256=:{base64.b64encode(bytes.fromhex(offer.sha256)).decode()}:",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    if etag in [each.strip() for each in request.headers.get("if-none-match", "").split(",")]:
        await request.begin(304, headers)
        await request.end()
        return True
    part = None
    if request.headers.get("if-range", etag) == etag:
        try:
            part = ranges.wanted(request.headers.get("range", ""), offer.size_bytes)
        except ranges.Unsatisfiable:
            await request.answer(416, content_range=f"bytes */{offer.size_bytes}")
            return False
    first, after = part or (0, offer.size_bytes)
    if part is not None:
        headers["content-range"] = f"bytes {first}-{after - 1}/{offer.size_bytes}"
    headers["content-length"] = str(after - first)
    status = 200 if part is None else 206
    if request.method == "HEAD":
        await request.begin(status, headers)
        await request.end()
        return True
    piece = await files.read(offer.file, first, min(PIECE_BYTES, after - first))
    await offer.began()
    await request.begin(status, headers)
    if not await _stream(request, offer, files, pace, tally, first=first, after=after, piece=piece, limit_s=limit_s):
        tally.broken += 1
        return False
    tally.fetched += 1
    if after == offer.size_bytes:
        await offer.ended()
    await request.end()
    return True


async def _stream(
    request: Request,
    offer: Offer,
    files: Files,
    pace: Pace,
    tally: Tally,
    *,
    first: int,
    after: int,
    piece: bytes,
    limit_s: float,
) -> bool:
    """Send the bytes, as long as somebody takes them; whether all went out. Sends that are stuck end with the connection.

    Who has got all that was promised may go without waiting for the end of the answer.
    """
    at = first
    async with trio.open_nursery() as nursery:

        async def watch() -> None:
            await request.until_gone()
            nursery.cancel_scope.cancel()

        nursery.start_soon(watch)
        nursery.cancel_scope.deadline = trio.current_time() + limit_s
        while piece:
            await request.go_on(piece)
            at += len(piece)
            tally.sent_bytes += len(piece)
            await pace.moved(len(piece))
            piece = await files.read(offer.file, at, min(PIECE_BYTES, after - at)) if at < after else b""
        nursery.cancel_scope.cancel()
    return at == after
