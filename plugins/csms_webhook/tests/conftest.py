"""A receiver of webhooks on the loopback interface."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import attrs
import pytest
import trio

SECRET = "a secret of thirty-two characters"  # a test's own


@attrs.define
class Post:
    """A request as it arrived: header names in lower case, the body as bytes."""

    line: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A small HTTP/1.1 server that keeps what it is sent and answers the statuses it was given, then 204."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.posts: list[Post] = []
        self.port = 0
        self._news = trio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/csms?for=test"

    async def received(self, count: int) -> list[Post]:
        """The posts, once there are so many."""
        with trio.fail_after(10):
            while len(self.posts) < count:
                await self._news.wait()
        return self.posts

    async def serve(self, stream: trio.SocketStream) -> None:
        async with stream:
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    chunk = await stream.receive_some()
                    if not chunk:
                        return
                    data += chunk
                head, _, data = data.partition(b"\r\n\r\n")
                line, *fields = head.decode().split("\r\n")
                headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
                while len(data) < int(headers.get("content-length", 0)):
                    data += await stream.receive_some()
                body, data = data[: int(headers["content-length"])], data[int(headers["content-length"]) :]
                status, more = self.answers.pop(0) if self.answers else (204, {})
                answer = [f"HTTP/1.1 {status} Whatever", "Content-Length: 0", *(f"{name}: {value}" for name, value in more.items())]
                await stream.send_all("\r\n".join([*answer, "", ""]).encode())
                self.posts.append(Post(line, headers, body))
                news, self._news = self._news, trio.Event()
                news.set()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        receiver.port = listener.socket.getsockname()[1]
        serve: Any = partial(trio.serve_listeners, receiver.serve, [listener])
        nursery.start_soon(serve)
        yield receiver
        nursery.cancel_scope.cancel()


@pytest.fixture
def secret() -> str:
    return SECRET
