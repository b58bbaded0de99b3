"""The listening sockets, and the end of the service."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import trio

from csms.net.fleet import Fleet
from csms.net.listener import BoundAddress, serve_chargers

from .conftest import BOOT, HEARTBEAT, STATUS, Serve, World, make_world, status_call


@pytest.mark.parametrize(
    ("address", "url"),
    [
        (BoundAddress("127.0.0.1", 9000, False, "/ocpp"), "ws://127.0.0.1:9000/ocpp"),
        (BoundAddress("::1", 9000, True, "ocpp/"), "wss://[::1]:9000/ocpp"),
        (BoundAddress("127.0.0.1", 80, False, "/"), "ws://127.0.0.1:80"),
    ],
)
def test_the_address_is_the_endpoint_url_that_chargers_need(address: BoundAddress, url: str) -> None:
    assert address.url == url


async def test_a_charger_boots_and_reports(serve: Serve) -> None:
    async with serve(registration="") as world:
        charger = await world.connect()
        assert (await charger.ask(BOOT))[2]["status"] == "Accepted"
        assert (await charger.ask([2, "s1", "StatusNotification", STATUS])) == [3, "s1", {}]
        assert [type(report).__name__ for report in world.heard] == ["Booted", "StatusReported"]


async def test_a_2_0_1_charger_boots_and_reports(serve: Serve) -> None:
    async with serve(registration="") as world:
        charger = await world.connect(protocols=["ocpp2.0.1"])
        boot = {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}}
        assert (await charger.ask([2, "b", "BootNotification", boot]))[2]["status"] == "Accepted"
        status = {"timestamp": "2026-01-01T00:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1}
        assert (await charger.ask([2, "s", "StatusNotification", status])) == [3, "s", {}]


async def test_accepted_sockets_do_not_wait_for_more_to_send(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    accept = trio.SocketListener.accept

    async def watched(self: trio.SocketListener) -> trio.SocketStream:
        stream = await accept(self)
        seen.append(stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        return stream

    monkeypatch.setattr(trio.SocketListener, "accept", watched)
    async with serve() as world:
        await world.connect()
        assert seen
        assert all(seen)


async def test_a_taken_port_is_an_os_error() -> None:
    from csms.net.wire import trio_websocket

    world = make_world(trio_websocket, {})
    taken = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port: int = taken[0].socket.getsockname()[1]
    world.config = type(world.config)(port=port)
    with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
        await serve_chargers(**world.wiring())
    await taken[0].aclose()


# --- shutdown -----------------------------------------------------------------------------------------------------------------


async def test_shutdown_commits_and_answers_what_was_received_then_says_goodbye(serve: Serve) -> None:
    release = trio.Event()

    async def hearing(report: Any) -> None:
        await release.wait()

    async with serve(hearing=hearing) as world, trio.open_nursery() as nursery:
        charger, idle = await world.connect(), await world.connect("/ocpp/CP2")
        await charger.say(status_call("1"), status_call("2"), status_call("3"))
        await world.until(lambda: len(world.logged) == 3)
        nursery.start_soon(lambda: world.fleet.stop(within_s=10))
        assert await idle.closed() == (1001, "server is going away")
        assert world.heard == []
        release.set()
        assert [(await charger.hear())[:2] for _ in range(3)] == [[3, "1"], [3, "2"], [3, "3"]]
        assert (await charger.closed())[0] == 1001
        with trio.fail_after(5):
            await world.served.wait()
        assert len(world.heard) == 3
        assert {what for what, _ in world.events[2:]} == {"disconnected"}
        assert all("shutdown" in who for _, who in world.events[2:])


async def test_nobody_comes_in_during_shutdown(serve: Serve) -> None:
    async with serve() as world:
        world.fleet.stopping = True
        assert (await world.knock()).status == 503


async def test_shutdown_waits_no_longer_than_it_may(serve: Serve) -> None:
    async def hearing(report: Any) -> None:
        await trio.sleep_forever()

    async with serve(hearing=hearing) as world:
        charger = await world.connect()
        await charger.say(HEARTBEAT)
        await world.until(lambda: len(world.logged) == 1)
        with trio.fail_after(5):
            await world.fleet.stop(within_s=0.3)
            await world.served.wait()
        assert len(world.fleet) == 0
        assert world.events[-1][0] == "disconnected"


async def test_stopping_an_idle_fleet_is_immediate() -> None:
    with trio.fail_after(1):
        await Fleet().stop(within_s=100)


def test_the_world_is_typed(framing: Any) -> None:
    assert isinstance(make_world(framing, {}), World)
