"""Places out of service: told over the wire, remembered while nobody is there, told again to a charger that forgets, on schedule."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio

from csms import jobs, turns
from csms.config import Config, DatabaseConfig, UpkeepConfig
from csms.core.ids import Place
from csms.core.ports import Ports
from csms.domain.upkeep.service import availability as service
from csms.domain.upkeep.service import maintenance
from csms.outside import SystemClock
from csms.testing.charger import ScriptedCharger, connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import Script16
from csms.testing.server import TestServer, config_for, running_server

pytestmark = pytest.mark.usefixtures("hurried_jobs")

KEY = "the key of charger C1"
HOUR_MS = 3_600_000
STATE = "SELECT evse, operative, state FROM availability_wishes WHERE state = :state"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "EVERY_S", 0.02)


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Any) -> Config:
    return config_for(tmp_path, database=store_config, upkeep=UpkeepConfig(status_wait_s=1))


async def status(server: TestServer, scripted: ScriptedCharger, connector: int, word: str) -> None:
    await Script16(scripted).status(connector, word, server.ports.clock.now())


async def ordered(
    server: TestServer, scripted: ScriptedCharger, connector: int, kind: str, answer: str, **more: Any
) -> dict[str, Any]:
    """An operator's order, and the charger's answer: what the API said."""
    said: list[dict[str, Any]] = []

    async def ask() -> None:
        body = {"place": {"evse": connector}, "operative": kind == "Operative", **more}
        said.append((await server.request("POST", "/api/v1/chargers/C1/availability", body)).json())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        assert await scripted.obey("ChangeAvailability", {"status": answer}) == {"connectorId": connector, "type": kind}
    return said[0]


async def test_an_order_is_answered_and_then_shown(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    await status(server, scripted, 1, "Available")
    told = await ordered(server, scripted, 1, "Inoperative", "Accepted", reason="broken display", set_by="ann")
    assert (told["status"], told["availability"]["state"]) == ("Accepted", "accepted")
    await status(server, scripted, 1, "Unavailable")
    (row,) = await server.eventually(STATE, state="in_force")
    assert row == {"evse": 1, "operative": 0, "state": "in_force"}
    events = await server.rows("SELECT payload FROM events WHERE type = 'availability_changed' ORDER BY sequence")
    assert [part in row["payload"] for row, part in zip(events, ("pending", "accepted", "in_force"), strict=True)] == [True] * 3
    assert all('"reason":"broken display"' in row["payload"] for row in events)


async def test_what_is_scheduled_waits_for_the_end_of_the_transaction(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_token("CARD")
    scripted = await charger("C1")
    say, now = Script16(scripted), server.ports.clock.now()
    await status(server, scripted, 1, "Charging")
    charge = await say.start("CARD", at=now)
    told = await ordered(server, scripted, 1, "Inoperative", "Scheduled")
    assert told["availability"]["state"] == "scheduled"
    await status(server, scripted, 1, "Finishing")
    assert await server.rows(STATE, state="scheduled")
    await say.stop(charge, 100, now + 1000)
    await status(server, scripted, 1, "Unavailable")
    assert await server.rows(STATE, state="in_force")


@pytest.mark.parametrize("answer", ["Rejected", "NotImplemented"])
async def test_a_refusal_is_kept(server: TestServer, charger: ConnectCharger, answer: str) -> None:
    scripted = await charger("C1")
    if answer == "Rejected":
        told = await ordered(server, scripted, 1, "Inoperative", answer)
        assert told["availability"]["state"] == "rejected"
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(server.command, "C1", "ChangeAvailability", place={"evse": 1}, operative=False))
        message_id, _ = await scripted.expect("ChangeAvailability")
        await scripted.refuse(message_id, answer)
    assert await server.rows(STATE, state="not_supported")


async def test_an_absent_charger_is_told_when_it_comes_back_after_a_restart(server_config: Config) -> None:
    async with running_server(server_config) as server:
        await server.add_charger("C1", KEY)
        async with connect(server.url, "C1", password=KEY) as scripted:
            await scripted.boot_v16()
        with trio.fail_after(10):
            while server.ports.chargers.connection("C1") is not None:
                await trio.sleep(0.01)
        told = await server.command("C1", "ChangeAvailability", place={"evse": 2}, operative=False)
        assert (told["outcome"], told["state"]) == ("Offline", "pending")
    async with running_server(server_config) as server, connect(server.url, "C1", password=KEY) as scripted:
        _, asked = await scripted.expect("ChangeAvailability")
        assert asked == {"connectorId": 2, "type": "Inoperative"}
        server.stop()  # before it hears the answer
        await scripted.wait_closed()
    async with running_server(server_config) as server, connect(server.url, "C1", password=KEY) as scripted:
        assert await server.rows(STATE, state="uncertain") or await server.rows(STATE, state="pending")
        assert await scripted.obey("ChangeAvailability", {"status": "Accepted"}) == {"connectorId": 2, "type": "Inoperative"}
        await server.eventually(STATE, state="accepted")


async def test_a_charger_that_forgets_at_a_reboot_is_told_again(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    for connector in (1, 2):
        await status(server, scripted, connector, "Available")
    await ordered(server, scripted, 0, "Inoperative", "Accepted")
    for connector in (1, 2):
        await status(server, scripted, connector, "Unavailable")
    assert await server.rows(STATE, state="in_force")
    await scripted.boot_v16()
    await status(server, scripted, 1, "Unavailable")
    assert await server.rows(STATE, state="in_force")
    await status(server, scripted, 2, "Available")
    assert await scripted.obey("ChangeAvailability", {"status": "Accepted"}) == {"connectorId": 0, "type": "Inoperative"}
    await status(server, scripted, 2, "Unavailable")
    await server.eventually(STATE, state="in_force")


async def test_a_charger_that_says_yes_and_does_nothing_is_told_again(
    server: TestServer, charger: ConnectCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "FIRST_RETRY_MS", 50)
    scripted = await charger("C1")
    await status(server, scripted, 1, "Available")
    await ordered(server, scripted, 1, "Inoperative", "Accepted")
    assert (await scripted.obey("ChangeAvailability", {"status": "Accepted"}))["type"] == "Inoperative"
    await status(server, scripted, 1, "Unavailable")
    await server.eventually(STATE, state="in_force")


async def test_a_connector_stays_out_of_service_when_its_charger_is_put_back(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    for connector in (1, 2):
        await status(server, scripted, connector, "Available")
    await ordered(server, scripted, 2, "Inoperative", "Accepted")
    await status(server, scripted, 2, "Unavailable")
    await ordered(server, scripted, 0, "Inoperative", "Accepted")
    await status(server, scripted, 1, "Unavailable")
    refused = await server.request("POST", "/api/v1/chargers/C1/availability", {"place": {"evse": 1}, "operative": True})
    assert refused.status_code == 409
    assert "put that in service first" in refused.json()["detail"]
    await ordered(server, scripted, 0, "Operative", "Accepted")
    assert await scripted.obey("ChangeAvailability", {"status": "Accepted"}) == {"connectorId": 2, "type": "Inoperative"}
    await status(server, scripted, 1, "Available")
    with trio.fail_after(10):
        while len(await server.rows(STATE, state="in_force")) < 2:
            await trio.sleep(0.01)


async def test_maintenance_comes_and_goes_across_a_restart(server_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    async def turn(ports: Ports) -> None:
        await jobs.each_tenant(maintenance.turn, ports)

    async with running_server(server_config) as server:
        await server.add_charger("C1", KEY)
        now = server.ports.clock.now()
        async with connect(server.url, "C1", password=KEY) as scripted:
            await scripted.boot_v16()
            await status(server, scripted, 1, "Available")
            await server.do(partial(maintenance.plan, reason="new cables"), "C1", Place(1, 0), now, now + HOUR_MS)
            await turn(server.ports)
            assert await scripted.obey("ChangeAvailability", {"status": "Accepted"}) == {"connectorId": 1, "type": "Inoperative"}
            await status(server, scripted, 1, "Unavailable")
            (row,) = await server.eventually("SELECT state, reason FROM availability_wishes WHERE state = 'in_force'")
            assert row["reason"] == "new cables"
    present = SystemClock.now
    monkeypatch.setattr(SystemClock, "now", lambda clock: present(clock) + HOUR_MS)
    async with running_server(server_config) as server, connect(server.url, "C1", password=KEY) as scripted:
        await server.eventually("SELECT 1 AS one FROM maintenance_windows WHERE state = 'over'")
        assert await scripted.obey("ChangeAvailability", {"status": "Accepted"}) == {"connectorId": 1, "type": "Operative"}
        await status(server, scripted, 1, "Available")
        await server.eventually("SELECT 1 AS one FROM availability_wishes WHERE state = 'in_force' AND operative = 1")


async def test_cancelled_maintenance_puts_the_place_back(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    now = server.ports.clock.now()
    window = await server.do(maintenance.plan, "C1", Place(), now, now + 3_600_000)
    assert (await scripted.obey("ChangeAvailability", {"status": "Accepted"}))["type"] == "Inoperative"
    refused = await server.request("POST", "/api/v1/chargers/C1/availability", {"place": {}, "operative": True})
    assert refused.status_code == 409
    await server.do(maintenance.cancel, window.id)
    assert (await scripted.obey("ChangeAvailability", {"status": "Accepted"}))["type"] == "Operative"
