"""HTTP on the wire: connections that must close do, and a client that stops reading holds nobody up."""

from __future__ import annotations

import socket
from typing import Any

import attrs
import pytest
import trio
from quart import Blueprint

from csms.config import Config
from csms.hooks import hookimpl
from csms.testing.server import TestServer, running_server

LONG = 50_000_000
"""More bytes than any socket buffers."""


class Wordy:
    """A plugin with a page that nobody reads to its end."""

    @hookimpl
    def register_routes(self) -> list[Blueprint]:
        routes = Blueprint("wordy", __name__)

        @routes.get("/page")
        async def page() -> bytes:
            return b"x" * LONG

        return [routes]


async def test_connection_close_closes_the_socket(server: TestServer, raw: Any) -> None:
    await raw.send("GET /health HTTP/1.1\nHost: x\nConnection: close\n\n")
    heard = await raw.end()
    assert heard.startswith(b"HTTP/1.1 200")
    assert heard.endswith(b"}")


async def test_http_1_0_closes_the_socket(server: TestServer, raw: Any) -> None:
    await raw.send("GET /ready HTTP/1.0\n\n")
    assert b" 200 " in (await raw.end())[:20]


async def test_an_error_with_connection_close_closes_the_socket(server: TestServer, raw: Any) -> None:
    await raw.send("POST /api/v1/chargers/C/commands/Reset HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 5\n\nhello")
    assert (await raw.end()).startswith(b"HTTP/1.1 401")


async def test_a_connection_serves_one_request_after_the_other(server: TestServer, raw: Any) -> None:
    for _ in range(3):
        raw.heard = b""
        await raw.send("GET /ready HTTP/1.1\nHost: x\n\n")
        await raw.until(b'"components"')


@pytest.mark.parametrize("odd", [b"\xfc\xff", b"\xe2\x82\xac", b'"\\', b"%0d%0aX-Evil: 1"])
async def test_odd_bytes_in_a_request_id_break_nothing(server: TestServer, raw: Any, odd: bytes) -> None:
    await raw.send(b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: " + odd + b"\r\n\r\n")
    head, _, body = (await raw.end()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")
    assert b"\r\nX-Evil" not in head
    assert b'"ok"' in body


async def test_what_is_no_http_is_refused_and_closed(server: TestServer, raw: Any) -> None:
    await raw.send(b"\x16\x03\x01 this is no request\r\n\r\n")
    assert (await raw.end()).startswith(b"HTTP/1.1 400")


async def test_a_header_that_never_ends_is_refused(server: TestServer, raw: Any) -> None:
    await raw.send("GET / HTTP/1.1\nHost: x\nX-Long: " + "x" * 40_000)
    assert b" 4" in (await raw.end())[:15]


@pytest.fixture
def stopping_quickly(server_config: Config) -> Config:
    return attrs.evolve(server_config, shutdown_grace_s=1.0)


async def test_a_client_that_stops_reading_does_not_hold_up_the_shutdown(stopping_quickly: Config) -> None:
    async def wake(deaf: trio.SocketStream) -> None:
        """Without the limit the server would wait for ever, and so would this test."""
        await trio.sleep(10)
        await trio.aclose_forcefully(deaf)

    async with trio.open_nursery() as nursery:
        async with running_server(stopping_quickly, plugins={"wordy": Wordy}) as server:
            deaf = await trio.open_tcp_stream("127.0.0.1", int(server.api_url.rsplit(":", 1)[1]))
            nursery.start_soon(wake, deaf)
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            page = f"GET /plugins/wordy/page HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.operator_key}\r\n\r\n"
            await deaf.send_all(page.encode())
            await deaf.receive_some(100)
            server.stop()
            started = trio.current_time()
        assert trio.current_time() - started < 5, "the grace of one second, and one more for bytes that nobody takes"
        nursery.cancel_scope.cancel()
        await trio.aclose_forcefully(deaf)


async def test_a_live_stream_nobody_reads_does_not_hold_up_the_shutdown(stopping_quickly: Config) -> None:
    async with running_server(stopping_quickly) as server:
        deaf = await trio.open_tcp_stream("127.0.0.1", int(server.api_url.rsplit(":", 1)[1]))
        await deaf.send_all(f"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.operator_key}\r\n\r\n".encode())
        await deaf.receive_some(100)
        server.stop()
        started = trio.current_time()
    assert trio.current_time() - started < 3
    await trio.aclose_forcefully(deaf)


async def test_kept_connections_do_not_hold_up_the_shutdown(server_config: Config) -> None:
    patient = attrs.evolve(server_config, shutdown_grace_s=60)
    async with running_server(patient) as server:
        address = ("127.0.0.1", int(server.api_url.rsplit(":", 1)[1]))
        kept = [await trio.open_tcp_stream(*address) for _ in range(3)]
        for stream in kept[:2]:
            await stream.send_all(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
            await stream.receive_some(10)
        server.stop()
        started = trio.current_time()
    assert trio.current_time() - started < 5
    for stream in kept:
        await trio.aclose_forcefully(stream)
