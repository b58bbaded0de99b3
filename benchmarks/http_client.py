"""A keep-alive HTTP client that costs little: one connection, one request at a time, whole answers or a stream of events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import attrs

ANSWER_LIMIT_S = 60.0


@attrs.frozen
class Asked:
    """A request, ready to be sent."""

    method: str
    path: str
    body: bytes = b""

    def text(self, host: str, key: str) -> bytes:
        """It as HTTP/1.1."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {key}"]
        if self.method != "GET":
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def asked(method: str, path: str, body: Any = None) -> Asked:
    """A request under ``/api/v1``, unless the path begins with another slash."""
    whole = path[1:] if path.startswith("//") else f"/api/v1{path}"
    return Asked(method, whole, b"" if body is None else json.dumps(body).encode())


class Connection:
    """One connection. ``ask`` one thing after another, or ``events`` to the end."""

    def __init__(self, port: int, key: str) -> None:
        self._port, self._key = port, key
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        return self._reader, self._writer

    async def ask(self, request: Asked) -> tuple[int, bytes]:
        """Status and body. Raises ``OSError`` and ``asyncio.IncompleteReadError`` when the server goes away."""
        async with asyncio.timeout(ANSWER_LIMIT_S):
            reader, writer = await self._open()
            writer.write(request.text(f"127.0.0.1:{self._port}", self._key))
            status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
            length = int(headers.get("content-length", 0))
            body = await reader.readexactly(length) if length else b""
            if headers.get("connection") == "close":  # after a thousand requests
                self.close()
            return status, body

    async def events(self, path: str) -> AsyncIterator[dict[str, Any]]:
        """The data of each server-sent event. Raises ``ValueError`` for an answer that is no stream."""
        reader, writer = await self._open()
        writer.write(Asked("GET", f"/api/v1{path}").text(f"127.0.0.1:{self._port}", self._key))
        status, _ = _head(await reader.readuntil(b"\r\n\r\n"))
        if status != 200:
            raise ValueError(f"GET {path} answered {status}")
        async for line in reader:  # the sizes of chunks are no fields of an event
            if line.startswith(b"data: {"):
                yield json.loads(line[6:])

    def close(self) -> None:
        """Close it."""
        if self._writer is not None:
            self._writer.close()
            self._reader = self._writer = None


def _head(text: bytes) -> tuple[int, dict[str, str]]:
    first, *lines = text.decode("latin-1").split("\r\n")
    pairs = (line.partition(":") for line in lines if line)
    return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}
