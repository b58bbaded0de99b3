"""A receiver of webhooks for tests: an HTTP server on the loopback interface that answers as a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import attrs
import h11
import msgspec
import trio

PATIENCE_S = 10.0


@attrs.frozen(slots=True)
class Received:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


@attrs.define(slots=True, eq=False)
class Receiver:
    """Keeps what it is sent. ``status`` is how it answers, after ``wait_s``, or once the ``gate`` is open; ``judge`` decides for each
    request, where given."""

    url: str = ""
    status: int = 200
    wait_s: float = 0.0
    answer: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    gate: trio.Event | None = None
    judge: Callable[[Received], int] | None = None
    received: list[Received] = attrs.field(factory=list)
    """What it answered with 2xx."""
    refused: list[Received] = attrs.field(factory=list)
    most_at_once: int = 0
    _at_once: int = 0
    _news: trio.Event = attrs.field(factory=trio.Event)

    async def until(self, count: int, *, refused: bool = False) -> None:
        """Wait until it took (or refused) so many."""
        with trio.fail_after(PATIENCE_S):
            while len(self.refused if refused else self.received) < count:
                await self._news.wait()

    async def serve(self, stream: trio.SocketStream) -> None:
        """One connection."""
        connection = h11.Connection(h11.SERVER)
        head: h11.Request | None = None
        body = b""
        async with stream:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    try:
                        connection.receive_data(await stream.receive_some(65_536))
                    except trio.BrokenResourceError:
                        return
                elif isinstance(event, h11.Request):
                    head, body = event, b""
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage) and head is not None:
                    said = {name.decode(): value.decode() for name, value in head.headers}
                    status = await self._take(Received(head.target.decode(), said, body))
                    more = [("Content-Length", str(len(self.answer))), *self.headers]
                    reply = connection.send(h11.Response(status_code=status, headers=more)) or b""
                    if self.answer:
                        reply += connection.send(h11.Data(data=self.answer)) or b""
                    try:
                        await stream.send_all(reply + (connection.send(h11.EndOfMessage()) or b""))
                    except trio.BrokenResourceError:
                        return
                    if connection.our_state is h11.MUST_CLOSE:
                        return
                    connection.start_next_cycle()
                else:
                    return

    async def _take(self, request: Received) -> int:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await trio.sleep(self.wait_s)
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self._at_once -= 1
        status = self.judge(request) if self.judge is not None else self.status
        (self.received if 200 <= status < 300 else self.refused).append(request)
        self._news.set()
        self._news = trio.Event()
        return status


@asynccontextmanager
async def receiving(**kind: Any) -> AsyncIterator[Receiver]:
    """A receiver for the time of an ``async with`` block."""
    async with trio.open_nursery() as nursery:
        receiver = Receiver(**kind)
        (listener,) = await nursery.start(partial(trio.serve_tcp, receiver.serve, 0, host="127.0.0.1"))
        receiver.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/hook"
        yield receiver
        nursery.cancel_scope.cancel()
