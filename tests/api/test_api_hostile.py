"""Bytes that no honest client sends: each ends its own connection at most, never the API and never a charger's link."""

from __future__ import annotations

import random
from typing import Any

import h2.config
import h2.connection
import pytest
import trio

from csms.api import serving
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer


def http2(**pseudo: bytes) -> bytes:
    """A request in HTTP/2 with prior knowledge, unchecked."""
    config = h2.config.H2Configuration(
        client_side=True, validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
    )
    connection = h2.connection.H2Connection(config)
    connection.initiate_connection()
    headers = {"method": b"GET", "path": b"/ready", "scheme": b"http", "authority": b"x"} | pseudo
    connection.send_headers(1, [(f":{name}".encode(), value) for name, value in headers.items() if value], end_stream=True)
    return connection.data_to_send()


def http1(head: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([head + b" HTTP/1.1", b"Host: x", *headers, b"", body])


UPGRADE = (b"Connection: Upgrade", b"Sec-WebSocket-Version: 13")
CASES = {
    "http/2": http2(),
    "http/2 path that is not ascii": http2(path=b"/\xff\xfe"),
    "http/2 method that is not ascii": http2(method=b"G\xffT"),
    "http/2 without a path": http2(path=b""),
    "http/2 connect": http2(method=b"CONNECT", path=b"", scheme=b""),
    "http/2 websocket": http2(method=b"CONNECT", protocol=b"websocket", path=b"/\xff"),
    "http/2 preface and garbage": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage garbage garbage",
    "upgrade to h2c": http1(b"GET /ready", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: !!!"),
    "websocket": http1(b"GET /api/v1/live", *UPGRADE, b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="),
    "websocket without a key": http1(b"GET /health", *UPGRADE, b"Upgrade: websocket"),
    "connect": http1(b"CONNECT x:1"),
    "broken url": http1(b"GET http://[::1/health"),
    "no slash": http1(b"GET health"),
    "odd percent": http1(b"GET /%ff%fe%00%"),
    "odd query": http1(b"GET /api/v1/live?kinds=%ff&charger_id=%00"),
    "odd host": http1(b"GET /health", b"Host: a]b[:x"),
    "odd cookie": http1(b"GET /health", b"Cookie: \xff=\x80; a"),
    "odd key": http1(b"GET /api/v1/connections", b"Authorization: Bearer \xff\xfe"),
    "odd type": http1(
        b"POST /api/v1/chargers/a/commands/Reset", b"Content-Type: \xff; charset=\xff", b"Content-Length: 2", body=b"{}"
    ),
    "broken chunks": http1(b"POST /x", b"Transfer-Encoding: chunked", body=b"zz\r\n"),
    "endless chunk": http1(b"POST /x", b"Transfer-Encoding: chunked", body=b"ffffffffffffffffffff\r\n"),
    "two lengths": http1(b"POST /x", b"Content-Length: 1", b"Content-Length: 2", body=b"ab"),
    "body that never comes": http1(b"POST /x", b"Content-Length: 500000", body=b"abc"),
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
}


async def say(server: TestServer, data: bytes, *, until: bytes = b"") -> bytes:
    """Send it, and read for a moment; or ``until`` that came, for as long as it may take on a busy machine."""
    heard = b""
    stream = await trio.open_tcp_stream("127.0.0.1", int(server.api_url.rsplit(":", 1)[1]))
    try:
        await stream.send_all(data)
        with trio.move_on_after(10 if until else 0.05):
            while part := await stream.receive_some(65536):
                heard += part
                if until and until in heard:
                    break
    except trio.BrokenResourceError:
        pass
    finally:
        await trio.aclose_forcefully(stream)
    return heard


async def test_nothing_that_a_client_says_ends_the_server_or_a_link(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    chance = random.Random(1)
    said = list(CASES.values())
    for _ in range(100):
        mutant = bytearray(chance.choice(said[: len(CASES)]))
        for _ in range(chance.randrange(1, 6)):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        said += [bytes(mutant), bytes(mutant[: len(mutant) // 2])]
    for start in range(0, len(said), 25):
        async with trio.open_nursery() as nursery:
            for data in said[start : start + 25]:
                nursery.start_soon(say, server, data)
        assert (await server.request("GET", "/ready")).status_code == 200, said[start : start + 25]
    await script(scripted).heartbeat()


async def test_http_2_is_spoken(server: TestServer) -> None:
    assert b"components" in await say(server, http2(), until=b"components")


async def test_there_is_a_limit_of_connections(server: TestServer, raw: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await raw.send("GET /ready HTTP/1.1\nHost: x\n\n")
    await raw.until(b'"components"')
    monkeypatch.setattr(serving, "MOST_CONNECTIONS", 1)
    heard = await say(server, http1(b"GET /ready"), until=b"components")
    assert b"components" in heard, "the one before it asks for nothing any more"
    await raw.end()
