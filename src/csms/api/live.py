"""The live feed: frames and events as they happen, to many listeners, none of which can slow a charger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any

import attrs
import msgspec
import trio

from .problems import Problem

BACKLOG = 1000
"""Items that may wait for one listener before it is dropped."""
KEEPALIVE_S = 15.0


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
    dropped: bool = False

    def wants(self, item: Item) -> bool:
        """Whether this item is for this listener."""
        return (
            item.tenant == self.tenant
            and (not self.charger_id or item.charger_id == self.charger_id)
            and (not self.kinds or item.kind in self.kinds)
        )


class Feed:
    """Fans items out to bounded listeners; a full one is dropped and told so, the others go on."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._listeners: list[Listener] = []
        self._draining = trio.Event()
        self.dropped = 0

    @property
    def listening(self) -> int:
        """How many listeners there are; with none, nobody needs to prepare items."""
        return len(self._listeners)

    def publish(self, item: Item) -> None:
        """Give an item to all who want it; never waits."""
        for listener in self._listeners:
            if listener.dropped or not listener.wants(item):
                continue
            try:
                listener.send.send_nowait(item)
            except trio.WouldBlock:
                listener.dropped = True
                self.dropped += 1
                listener.send.close()

    def drain(self) -> None:
        """End every stream: the server is stopping."""
        self._draining.set()
        for listener in self._listeners:
            listener.send.close()

    @contextmanager
    def listen(self, *, tenant: int, charger_id: str = "", kinds: frozenset[str] = frozenset()) -> Any:
        """A listener for the time of a ``with`` block. Raises ``Problem`` 503 when there are too many."""
        if self._draining.is_set() or len(self._listeners) >= self._limit:
            raise Problem(503, "Service Unavailable", f"at most {self._limit} live feeds at a time")
        send, receive = trio.open_memory_channel[Item](BACKLOG)
        listener = Listener(send, receive, tenant, charger_id, kinds)
        self._listeners.append(listener)
        try:
            yield listener
        finally:
            self._listeners.remove(listener)
            send.close()
            receive.close()

    async def stream(self, listener: Listener) -> AsyncIterator[bytes]:
        """Server-sent events (WHATWG HTML §9.2) for one listener, with a comment now and then so that a dead reader is noticed."""
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
                reason = "too slow" if listener.dropped else "server stopping"
                yield b"event: end\ndata: " + msgspec.json.encode({"reason": reason}) + b"\n\n"
                return
            yield b": still here\n\n" if item is None else encode(item)


def encode(item: Item) -> bytes:
    """An item as one server-sent event."""
    head = f"id: {item.event_id}\n" if item.event_id else ""
    return (
        f"{head}event: {item.kind}\ndata: ".encode() + msgspec.json.encode({"charger_id": item.charger_id, **item.data}) + b"\n\n"
    )
