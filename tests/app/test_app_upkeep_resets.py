"""Resets over the wire: refused while somebody charges, done when the charger boots, failed when it does not, also across a restart."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from csms import jobs
from csms.config import Config, DatabaseConfig
from csms.domain.upkeep.service import resets as service
from csms.testing.charger import ScriptedCharger, connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import Script16
from csms.testing.server import TestServer, config_for, running_server

KEY = "the key of charger C1"


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Any) -> Config:
    return config_for(tmp_path, database=store_config)


async def reset(server: TestServer, scripted: ScriptedCharger, answer: str, **body: Any) -> tuple[str, dict[str, Any]]:
    """The type of the Reset that the charger heard, and what the API said."""
    said: list[dict[str, Any]] = []

    async def ask() -> None:
        said.append((await server.request("POST", "/api/v1/chargers/C1/resets", body)).json())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        asked = await scripted.obey("Reset", {"status": answer})
    return asked["type"], said[0]


async def test_a_reset_is_done_when_the_charger_boots(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    kind, told = await reset(server, scripted, "Accepted")
    assert (kind, told["status"], told["reset"]["state"]) == ("Soft", "Accepted", "accepted")
    await scripted.boot_v16()
    (row,) = await server.rows("SELECT state, booted_at, closed_at FROM charger_resets")
    assert row["state"] == "done"
    assert row["booted_at"] is not None


async def test_a_refused_reset_is_over(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    _, told = await reset(server, scripted, "Rejected", when="immediately")
    assert told["reset"]["state"] == "refused"
    await scripted.boot_v16()
    (row,) = await server.rows("SELECT state, booted_at FROM charger_resets")
    assert row == {"state": "refused", "booted_at": None}


async def test_nobody_who_charges_is_cut_off_by_mistake(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_token("CARD")
    scripted = await charger("C1")
    charge = await Script16(scripted).start("CARD", at=server.ports.clock.now())
    refused = await server.request("POST", "/api/v1/chargers/C1/resets", {"when": "immediately"})
    assert refused.status_code == 409
    assert f"transaction {charge.transaction_id} runs" in refused.json()["detail"]
    assert not await server.rows("SELECT 1 AS one FROM charger_resets")
    kind, _ = await reset(server, scripted, "Accepted")
    assert kind == "Soft"
    kind, told = await reset(server, scripted, "Accepted", when="immediately", force=True)
    assert (kind, told["reset"]["note"]) == ("Hard", f"forced: transaction {charge.transaction_id} runs")


async def test_the_bare_command_is_remembered_too(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.command, "C1", "Reset")
        await scripted.obey("Reset", {"status": "Accepted"})
    await server.eventually("SELECT 1 AS one FROM charger_resets WHERE state = 'accepted'")


async def test_a_charger_that_does_not_come_back_is_seen(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    await reset(server, scripted, "Accepted")
    overdue = "UPDATE charger_resets SET deadline_at = :now WHERE tenant = :tenant"
    await server.do(lambda tx: tx.run(overdue))
    assert await jobs.each_tenant(service.close_overdue, server.ports) == 1
    (row,) = await server.rows("SELECT state, note FROM charger_resets")
    assert row == {"state": "failed", "note": "it said yes, and did not boot in time"}


async def test_a_lost_answer_is_settled_by_the_boot_after_our_restart(server_config: Config) -> None:
    async with running_server(server_config) as server:
        await server.add_charger("C1", KEY)
        async with connect(server.url, "C1", password=KEY) as scripted, trio.open_nursery() as nursery:
            await scripted.boot_v16()
            nursery.start_soon(server.command, "C1", "Reset")
            await scripted.expect("Reset")
            await scripted.hang_up()
        await server.eventually("SELECT 1 AS one FROM charger_resets WHERE state = 'sending' AND answer = 'Lost'")
    async with running_server(server_config) as server, connect(server.url, "C1", password=KEY) as scripted:
        await scripted.boot_v16()
        (row,) = await server.rows("SELECT state FROM charger_resets")
        assert row["state"] == "done"
