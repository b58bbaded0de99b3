"""Smaller answers for those who take them: brotli or gzip (RFC 9110 §8.4), whole or piece by piece, never for live feeds."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import lru_cache
from typing import Protocol

import brotli

from csms.core.ports import Blocking

BR, GZIP = "br", "gzip"
LEAST_BYTES = 1024
"""Smaller bodies go as they are: a packet is a packet."""
IN_A_THREAD_BYTES = 16_384
"""Larger bodies are packed in a thread, which takes the interpreter from nobody meanwhile."""
_BROTLI_QUALITY, _GZIP_LEVEL = 4, 5
_GZIP_WBITS = 31

_PACKABLE = frozenset(
    {
        "application/json",
        "application/problem+json",
        "application/javascript",
        "application/xml",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/plain",
    }
)


class Labels(Protocol):
    """Headers of an answer, by names in lower case."""

    def get(self, name: str, /) -> str | None:
        """A header's value."""
        ...

    def __contains__(self, name: str, /) -> bool: ...

    def __setitem__(self, name: str, value: str, /) -> None: ...


@lru_cache(1024)
def accepted(header: str) -> str:
    """Of brotli and gzip what an ``Accept-Encoding`` likes best; "" for neither."""
    wanted: dict[str, float] = {}
    for each in header.lower().split(","):
        name, _, parameters = each.partition(";")
        wanted[name.strip()] = _quality(parameters)
    found = {name: wanted.get(name, wanted.get("*", 0.0)) for name in (BR, GZIP)}
    best = max(found, key=lambda name: found[name])  # the first of equals, which is brotli
    return best if found[best] > 0 and found[best] >= wanted.get("identity", 0.0) else ""


def _quality(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


def is_packable(content_type: str) -> bool:
    """Whether content of this type gets smaller."""
    return content_type.partition(";")[0].strip().lower() in _PACKABLE


def pack(data: bytes, encoding: str) -> bytes:
    """``data`` in an encoding that ``accepted`` named."""
    if encoding == BR:
        packed: bytes = brotli.compress(data, quality=_BROTLI_QUALITY)
        return packed
    return zlib.compress(data, _GZIP_LEVEL, _GZIP_WBITS)


async def packed(data: bytes, encoding: str, blocking: Blocking) -> bytes:
    """``pack`` where it disturbs nobody."""
    if len(data) > IN_A_THREAD_BYTES:
        return await blocking.run("pack", pack, data, encoding)
    return pack(data, encoding)


class Packer:
    """Packs what comes piece by piece."""

    def __init__(self, encoding: str) -> None:
        if encoding == BR:
            packer = brotli.Compressor(quality=_BROTLI_QUALITY)
            self.take: Callable[[bytes], bytes] = packer.process
            self.end: Callable[[], bytes] = packer.finish
        else:
            squeezer = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WBITS)
            self.take, self.end = squeezer.compress, squeezer.flush


async def packed_by_pieces(pieces: AsyncGenerator[bytes, None], encoding: str, blocking: Blocking) -> AsyncGenerator[bytes, None]:
    """``pieces`` in an encoding that ``accepted`` named. It closes them when it is closed."""
    packer = Packer(encoding)
    async with aclosing(pieces):
        async for piece in pieces:
            large = len(piece) > IN_A_THREAD_BYTES
            if out := await blocking.run("pack", packer.take, piece) if large else packer.take(piece):
                yield out
        yield packer.end()


def etag_in(etag: str, encoding: str) -> str:
    """The ETag of a representation in an encoding: strong ones differ with every byte (RFC 9110 §8.8.3.3)."""
    return f'{etag[:-1]}-{encoding}"' if etag.endswith('"') and not etag.startswith("W/") else etag


def plain_etag(etag: str) -> str:
    """The ETag of what was encoded, out of that of what was sent."""
    for encoding in (BR, GZIP):
        if etag.endswith(f'-{encoding}"'):
            return f'{etag[: -len(encoding) - 2]}"'
    return etag


def wanted(headers: Labels, length: int, accept: str) -> str:
    """How a whole answer of so many bytes is to be packed for who sends this ``Accept-Encoding``; "" for not at all.

    What could have been packed says so (``Vary``). Parts and what is packed already stay as they are.
    """
    return "" if length <= LEAST_BYTES else _chosen(headers, accept)


def wanted_by_pieces(headers: Labels, accept: str) -> str:
    """The same for an answer that is sent piece by piece, of which nobody knows how long it will be."""
    return "" if "content-length" in headers else _chosen(headers, accept)


def _chosen(headers: Labels, accept: str) -> str:
    if not is_packable(headers.get("content-type") or "") or "content-encoding" in headers or "content-range" in headers:
        return ""
    varies = headers.get("vary")
    headers["vary"] = f"{varies}, Accept-Encoding" if varies else "Accept-Encoding"
    return accepted(accept)


def label(headers: Labels, encoding: str) -> None:
    """Say of an answer that it is packed."""
    headers["content-encoding"] = encoding
    if etag := headers.get("etag"):
        headers["etag"] = etag_in(etag, encoding)
