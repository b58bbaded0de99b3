"""The live feed: frames and events as they happen, to many listeners, none of which can slow a charger."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import msgspec
import trio
from quart import Response

from csms.core.events import EVENT_TYPES

from .calls import Call
from .problems import Problem
from .routes import Routes

BACKLOG = 1000
"""Items that may wait for one listener before it is dropped."""
KEEPALIVE_S = 15.0
FRAME = "frame"
"""The kind of an item that is a frame; the other kinds are the types of events."""
FOLLOWER_LIMIT_S = 2.0
"""Longest wait of a new stream for the stored events; with the store away it begins without them."""


@attrs.frozen(slots=True)
class Item:
    """One thing that happened. ``kind`` is ``frame`` or an event's type; ``event_id`` is 0 for what is not stored as an event."""

    kind: str
    tenant: int
    charger_id: str
    data: dict[str, Any]
    event_id: int = 0


@attrs.define(slots=True, eq=False)
class Listener:
    """One reader of the feed and what it wants to hear."""

    send: trio.MemorySendChannel[Item]
    receive: trio.MemoryReceiveChannel[Item]
    tenant: int
    charger_id: str
    kinds: frozenset[str]
    ended: str = ""
    """Why it gets nothing more."""

    def wants(self, item: Item) -> bool:
        """Whether this item is for this listener."""
        return (
            item.tenant == self.tenant
            and (not self.charger_id or item.charger_id == self.charger_id)
            and (not self.kinds or item.kind in self.kinds)
        )


class Feed:
    """Fans items out to bounded listeners; a full one is dropped and told so, the others go on.

    Stored events come from a follower: it sleeps in ``wanted`` while nobody listens and says ``following`` once it knows from where on
    it tells, so that a stream which has begun misses nothing.
    """

    def __init__(self, limit: int, *, backlog: int = BACKLOG) -> None:
        self.limit = limit
        self._backlog = backlog
        self._listeners: list[Listener] = []
        self._wanted = trio.Event()
        self._followed = trio.Event()
        self._draining = False
        self.dropped = 0

    @property
    def listening(self) -> int:
        """How many listeners there are; with none, nobody needs to prepare items."""
        return len(self._listeners)

    @property
    def full(self) -> bool:
        """Whether there is no room for another listener."""
        return self._draining or len(self._listeners) >= self.limit

    async def wanted(self) -> None:
        """Wait until somebody listens."""
        await self._wanted.wait()

    def following(self) -> None:
        """Every event that is stored from now on will be published."""
        self._followed.set()

    def publish(self, item: Item) -> None:
        """Give an item to all who want it; never waits."""
        for listener in self._listeners:
            if listener.ended or not listener.wants(item):
                continue
            try:
                listener.send.send_nowait(item)
            except trio.WouldBlock:
                self.dropped += 1
                _end(listener, "too slow")

    def drain(self) -> None:
        """End every stream once it has told what waits: the server is stopping."""
        self._draining = True
        for listener in self._listeners:
            _end(listener, "server stopping")

    @contextmanager
    def _listen(self, tenant: int, charger_id: str, kinds: frozenset[str]) -> Iterator[Listener]:
        send, receive = trio.open_memory_channel[Item](self._backlog)
        listener = Listener(send, receive, tenant, charger_id, kinds)
        if self.full:
            _end(listener, f"at most {self.limit} live feeds at a time")
        if not self._listeners:
            self._followed = trio.Event()
        self._listeners.append(listener)
        self._wanted.set()
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
            if not self._listeners:
                self._wanted = trio.Event()
            send.close()
            receive.close()

    async def stream(self, *, tenant: int, charger_id: str = "", kinds: frozenset[str] = frozenset()) -> AsyncIterator[bytes]:
        """Server-sent events (WHATWG HTML §9.2) for one listener, with a comment now and then so that a dead reader is noticed.

        ``charger_id`` and ``kinds`` choose; empty is all. The first bytes go out when nothing can be missed any more.
        """
        with self._listen(tenant, charger_id, kinds) as listener:
            with trio.move_on_after(FOLLOWER_LIMIT_S):
                await self._followed.wait()
            yield b": csms live feed\n\n"
            while True:
                item: Item | None = None
                ended = False
                with trio.move_on_after(KEEPALIVE_S):
                    try:
                        item = await listener.receive.receive()
                    except trio.EndOfChannel:
                        ended = True
                if ended:
                    yield b"event: end\ndata: " + msgspec.json.encode({"reason": listener.ended}) + b"\n\n"
                    return
                yield b": still here\n\n" if item is None else encode(item)


def _end(listener: Listener, reason: str) -> None:
    listener.ended = listener.ended or reason
    listener.send.close()


def encode(item: Item) -> bytes:
    """An item as one server-sent event."""
    head = f"id: {item.event_id}\n" if item.event_id else ""
    return (
        f"{head}event: {item.kind}\ndata: ".encode() + msgspec.json.encode({"charger_id": item.charger_id, **item.data}) + b"\n\n"
    )


@attrs.frozen(slots=True, kw_only=True)
class LiveQuery:
    """What of the feed somebody wants."""

    charger: str = ""
    kinds: tuple[str, ...] = ()


def routes(feed: Feed) -> Routes:
    """The feed over HTTP."""
    made = Routes("live", "What happens, as it happens.")

    @made.get("/live", needs="live:read", produces="text/event-stream", limit_s=None)
    async def follow(call: Call, query: LiveQuery) -> Response:
        """Follow what happens, as server-sent events."""
        kinds = frozenset(query.kinds)
        if unknown := sorted(kinds - {FRAME, *EVENT_TYPES}):
            known = ", ".join([FRAME, *sorted(EVENT_TYPES)])
            raise Problem(422, "Invalid Input", f"kinds: there is no {', '.join(unknown)}; there are {known}")
        if feed.full:
            raise Problem(503, "Service Unavailable", f"at most {feed.limit} live feeds at a time")
        stream = feed.stream(tenant=call.tenant, charger_id=query.charger, kinds=kinds)
        response = Response(
            stream, content_type="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        )
        response.timeout = None
        return response

    return made
