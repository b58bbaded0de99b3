"""The live feed over WebSocket: the same items as JSON; who is let in, and how it ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, open_websocket_url

from csms.api import feed as feeds
from csms.api import live_socket
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer

LIVE = "/api/v1/live/ws"


@asynccontextmanager
async def socket(server: TestServer, path: str = LIVE, **headers: str) -> AsyncIterator[WebSocketConnection]:
    url = server.api_url.replace("http://", "ws://") + path
    more = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    with trio.fail_after(20):
        async with open_websocket_url(url, extra_headers=more) as connection:
            yield connection


async def told(connection: WebSocketConnection, kind: str) -> dict[str, Any]:
    """The next message of a type."""
    with trio.fail_after(10):
        while True:
            message: dict[str, Any] = json.loads(await connection.get_message())
            if message["type"] == kind:
                return message


async def refused(server: TestServer, path: str = LIVE, **headers: str) -> int:
    """The status with which a handshake is refused."""
    with pytest.raises(ConnectionRejected) as caught:
        async with socket(server, path, **headers):
            pass
    return int(caught.value.status_code)


async def closed(connection: WebSocketConnection) -> tuple[int, str]:
    """Code and reason of the end, whatever comes before it."""

    async def read() -> None:
        while True:
            await connection.get_message()

    with trio.fail_after(10), pytest.raises(ConnectionClosed) as end:
        await read()
    reason = end.value.reason
    assert reason is not None
    return int(reason.code), reason.reason or ""


async def test_the_same_items_as_of_server_sent_events_and_it_can_be_taken_up_again(
    server: TestServer, charger: ConnectCharger
) -> None:
    bearer = f"Bearer {server.operator_key}"
    async with socket(server, f"{LIVE}?kinds=connections,frames&charger_id=CP1", Authorization=bearer) as connection:
        assert (await told(connection, "begin")) == {"type": "begin"}
        await charger("CP2")
        await charger("CP1")
        frame = await told(connection, "frame")
        assert (frame["charger_id"], frame["event_id"], frame["data"]["action"]) == ("CP1", None, "BootNotification")
        booted = await told(connection, "charger_booted")
        assert (booted["charger_id"], booted["data"]["registration"]) == ("CP1", "accepted")
    await charger("CP3")
    query = f"?kinds=charger_booted&last_event_id={booted['event_id']}"
    async with socket(server, LIVE + query, Authorization=bearer) as connection:
        assert (await told(connection, "charger_booted"))["charger_id"] == "CP3", "it happened in between"
        server.stop()
        assert await told(connection, "end") == {"type": "end", "reason": "server stopping"}
        assert await closed(connection) == (1001, "server stopping")


async def test_a_browser_says_its_token_first(server: TestServer, charger: ConnectCharger, monkeypatch: pytest.MonkeyPatch) -> None:
    async with socket(server) as connection:
        await connection.send_message(json.dumps({"token": server.operator_key}))
        assert await told(connection, "begin")
        await charger("CP1")
        assert await told(connection, "charger_booted")
    for wrong in (json.dumps({"token": "wrong"}), "nonsense", "[]", json.dumps({"token": ""})):
        async with socket(server) as connection:
            await connection.send_message(wrong)
            assert (await closed(connection))[0] == 1008
    monkeypatch.setattr(live_socket, "MOST_WAITING", 1)
    async with socket(server) as connection:
        assert await refused(server) == 503, "those who say nothing take no room"
        await connection.send_message(json.dumps({"token": server.operator_key}))
        await told(connection, "begin")
        async with socket(server):
            pass
    monkeypatch.setattr(live_socket, "LOGIN_LIMIT_S", 0.05)
    async with socket(server) as connection:
        assert (await closed(connection))[0] == 1008, "who says nothing is shown out"


async def test_who_is_refused_at_the_handshake(server: TestServer) -> None:
    assert await refused(server, Authorization="Bearer wrong") == 401
    driver = await server.login_as("driver")
    assert await refused(server, **driver) == 403
    bearer = f"Bearer {server.operator_key}"
    assert await refused(server, f"{LIVE}?kinds=nonsense", Authorization=bearer) == 422
    assert await refused(server, "/api/v1/me/live/ws", Authorization=bearer) == 403
    assert (await server.request("GET", LIVE)).status_code in (400, 404, 426), "no socket"


async def test_a_cookie_counts_only_from_pages_of_the_server(server: TestServer) -> None:
    operator = await server.login_as("tenant_operator")
    cookie = f"csms_access={operator['Authorization'].removeprefix('Bearer ')}"
    own = server.api_url
    async with socket(server, Cookie=cookie, Origin=own) as connection:
        assert await told(connection, "begin")
    assert await refused(server, Cookie=cookie, Origin="https://elsewhere.example") == 403
    assert await refused(server, Cookie=cookie) == 403


async def test_a_login_that_ends_and_a_client_that_talks(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    bearer = f"Bearer {server.operator_key}"
    async with socket(server, Authorization=bearer) as connection:
        await told(connection, "begin")
        for _ in range(live_socket.MOST_SAID + 1):
            await connection.send_message("hello")
        assert (await closed(connection))[1] == "there is nothing to say here"
    monkeypatch.setattr(feeds, "CHECK_S", 0.0)
    monkeypatch.setattr(feeds, "KEEPALIVE_S", 0.05)
    operator = await server.login_as("tenant_operator")
    async with socket(server, **operator) as connection:
        await told(connection, "begin")
        await server.request("POST", "/api/v1/auth/logout", headers=operator)
        assert await closed(connection) == (1008, feeds.LOGGED_OUT)


async def test_one_that_goes_away_is_forgotten(server: TestServer) -> None:
    async with socket(server, Authorization=f"Bearer {server.operator_key}") as connection:
        await told(connection, "begin")
    with trio.fail_after(10):
        while "csms_live_listeners 0.0" not in (await server.request("GET", "/metrics")).text:
            await trio.sleep(0.01)
