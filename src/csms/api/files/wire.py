"""One request of the file server: what it says, how it is answered, and what is counted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus

import attrs
import trio
from hypercorn.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope

LINGER_S = 5.0
LINGER_BYTES = 4 * 1024 * 1024
"""How much of an unwanted body is still read after its refusal: a client that is cut off while it sends may never read the answer."""


@attrs.define(slots=True)
class Tally:
    """What the file server has done since it started."""

    open: int = 0
    """Transfers under way."""
    fetched: int = 0
    """Downloads that went out to the last byte asked for."""
    sent_bytes: int = 0
    received: int = 0
    """Uploads that were stored."""
    received_bytes: int = 0
    refused: dict[str, int] = attrs.field(factory=dict)
    """Requests that were answered with an error, by its status."""
    broken: int = 0
    """Transfers that the charger broke off."""


class BrokenOff(Exception):
    """The charger went away, or was silent for too long, in the middle of its body."""

    def __init__(self, why: str, *, gone: bool) -> None:
        super().__init__(why)
        self.gone = gone


class TooLarge(Exception):
    """The body is larger than is taken."""


@attrs.define(slots=True, eq=False)
class Request:
    """A request that is being answered."""

    method: str
    path: str
    headers: Mapping[str, str]
    address: str
    _receive: ASGIReceiveCallable
    _send: ASGISendCallable
    unread: bool = True
    """Whether there may be more of its body."""
    answered: bool = False

    @classmethod
    def of(cls, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> Request:
        """The request of an ASGI scope. Its path is as it was sent: escapes are the signed link's affair."""
        headers: dict[str, str] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
        client = scope.get("client")
        return cls(
            scope["method"].upper(),
            scope["raw_path"].partition(b"?")[0].decode("latin-1"),
            headers,
            str(client[0]) if client else "",
            receive,
            send,
        )

    @property
    def length(self) -> int | None:
        """The length its body is said to have."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None

    async def body(self, *, idle_s: float, most_bytes: int) -> AsyncIterator[bytes]:
        """The body, piece by piece. Raises ``BrokenOff`` or ``TooLarge``."""
        size = 0
        while self.unread:
            try:
                with trio.fail_after(idle_s):
                    message = await self._receive()
            except trio.TooSlowError:
                raise BrokenOff(f"silent for {idle_s:g} s", gone=False) from None
            if message["type"] != "http.request":
                self.unread = False
                raise BrokenOff("the connection ended", gone=True)
            self.unread = message["more_body"]
            size += len(message["body"])
            if size > most_bytes:
                raise TooLarge
            if message["body"]:
                yield message["body"]

    async def until_gone(self) -> None:
        """Wait until the client goes away."""
        while (await self._receive())["type"] == "http.request":
            pass

    async def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of the answer."""
        self.answered = True
        lines = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": lines})

    async def go_on(self, piece: bytes) -> None:
        """Send some of the answer's body."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": True})

    async def end(self) -> None:
        """The answer is complete."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def answer(self, status: int, words: str = "", **headers: str) -> None:
        """Answer in a few words. An error says no more than HTTP does, and takes some of the body that it does not want."""
        body = (words or HTTPStatus(status).phrase).encode() + b"\n"
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.unread and status >= 400:
            more["connection"] = "close"
        await self.begin(status, {"content-type": "text/plain; charset=utf-8", "content-length": str(len(body)), **more})
        await self.go_on(body)
        if self.unread and status >= 400:
            await self._linger()
        await self.end()

    async def _linger(self) -> None:
        size = 0
        with trio.move_on_after(LINGER_S):
            while self.unread and size < LINGER_BYTES:
                message = await self._receive()
                self.unread = message["type"] == "http.request" and message["more_body"]
                size += len(message["body"]) if message["type"] == "http.request" else 0
