"""How connections are served: what goes out together, and how long one may be idle."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import trio
import trio.testing
from hypercorn.config import Config as HypercornConfig

from csms.api.edge import Edge
from csms.api.serving import serve
from csms.config import ApiConfig
from csms.outside import SystemEntropy

Application = Callable[[Any, Any, Any], Awaitable[None]]


@asynccontextmanager
async def served(application: Application, *, keep_alive_s: float = 30.0) -> AsyncIterator[tuple[trio.SocketStream, trio.Event]]:
    """A client of an application behind the edge, and what stops the server."""
    edge = Edge(ApiConfig(), most=10, random=SystemEntropy())

    async def edged(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
            return
        await edge.pass_on(application, scope, receive, send)

    config = HypercornConfig()
    config.errorlog = config.accesslog = None
    config.keep_alive_timeout = keep_alive_s
    stop = trio.Event()

    async def start(task_status: trio.TaskStatus[list[str]]) -> None:
        await serve(edged, config, host="127.0.0.1", port=0, grace_s=5, stopping=stop.wait, task_status=task_status)

    async with trio.open_nursery() as nursery:
        (url, *_) = await nursery.start(start)
        async with await trio.open_tcp_stream("127.0.0.1", urlsplit(url).port or 0) as client:
            yield client, stop
        stop.set()


async def in_pieces(scope: Any, receive: Any, send: Any) -> None:
    """As Quart does: the head, the body, and its end by itself."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": b"body", "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def ask(client: trio.SocketStream) -> bytes:
    await client.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    with trio.fail_after(10):
        return bytes(await client.receive_some(65536))


async def test_head_body_and_end_go_out_together() -> None:
    async with served(in_pieces) as (client, _):
        for _ in range(3):
            answer = await ask(client)  # one read is all of it
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"\r\n\r\nbody")


async def test_a_body_of_unknown_length_goes_out_as_it_comes() -> None:
    go_on = trio.Event()

    async def streaming(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await go_on.wait()
        await send({"type": "http.response.body", "body": b"last", "more_body": False})

    async with served(streaming) as (client, _):
        heard = await ask(client)
        with trio.fail_after(10):
            while b"first" not in heard:
                heard += await client.receive_some(65536)
            assert b"last" not in heard
            go_on.set()
            while b"last" not in heard:
                heard += await client.receive_some(65536)


async def test_an_idle_connection_is_closed_and_a_busy_one_is_not() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await trio.sleep(0.4)
        await in_pieces(scope, receive, send)

    async with served(slow, keep_alive_s=0.15) as (client, _):
        assert (await ask(client)).endswith(b"body"), "longer than a connection may be idle"
        with trio.fail_after(5):
            assert await client.receive_some(10) == b"", "closed"


async def test_a_server_that_stops_waits_for_no_idle_connection() -> None:
    async with served(in_pieces, keep_alive_s=600) as (client, stop):
        await ask(client)
        stop.set()
        with trio.fail_after(2):
            assert await client.receive_some(10) == b""


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    """Answers before it has seen the body."""

    async def read() -> None:
        while (await receive()).get("more_body", False):
            pass

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await in_pieces(scope, receive, send)


async def test_who_is_refused_before_the_body_came_keeps_the_connection() -> None:
    async with served(refusing) as (client, _):
        for _ in range(3):
            await client.send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
            await trio.testing.wait_all_tasks_blocked()
            await client.send_all(b"hello")
            with trio.fail_after(10):
                answer = bytes(await client.receive_some(65536))
            assert answer.endswith(b"body")
            assert b"connection: close" not in answer.lower()


async def test_who_does_not_send_it_is_told_that_the_connection_ends() -> None:
    async with served(refusing) as (client, _):
        await client.send_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500000\r\n\r\nhello")
        with trio.fail_after(10):
            answer = bytes(await client.receive_some(65536))
            assert b"connection: close" in answer.lower()
            assert await client.receive_some(10) == b""
