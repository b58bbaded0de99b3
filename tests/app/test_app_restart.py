"""A server that ends and starts again on the same database, as its chargers see it: on both engines, in both OCPP versions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from csms import jobs
from csms.config import Config
from csms.outside import SystemClock
from csms.testing.charger import connect
from csms.testing.script import Script, script
from csms.testing.server import TestServer, running_server

KEY = "the key of charger CP1"


@pytest.fixture
def now_ms() -> int:
    return SystemClock().now()


@asynccontextmanager
async def visit(server: TestServer, protocol: str) -> AsyncIterator[Script]:
    async with connect(server.url, "CP1", password=KEY, protocol=protocol) as scripted:
        yield script(scripted)


async def prepare(server: TestServer) -> None:
    await server.add_charger("CP1", KEY)
    await server.add_token("CARD")


async def test_a_charger_that_comes_back_without_a_boot_is_accepted(server_config: Config, protocol: str) -> None:
    async with running_server(server_config) as server:
        await prepare(server)
        async with visit(server, protocol) as say:
            assert await say.boot() == "Accepted"
    async with running_server(server_config) as server, visit(server, protocol) as say:
        assert await say.authorize("CARD") == "Accepted"
        (live,) = server.ports.chargers.connections()
        assert live.registration == "accepted"


async def test_a_transaction_goes_on_after_a_restart(server_config: Config, protocol: str, now_ms: int) -> None:
    async with running_server(server_config) as server:
        await prepare(server)
        async with visit(server, protocol) as say:
            await say.boot()
            charge = await say.start("CARD", wh=100, at=now_ms - 50_000)
            await say.meter(charge, 200, now_ms - 40_000)
    async with running_server(server_config) as server:
        async with visit(server, protocol) as say:
            await say.meter(charge, 300, now_ms - 30_000)
            (row,) = await server.rows("SELECT id, state, last_meter_wh FROM transactions")
            assert (row["state"], row["last_meter_wh"]) == ("running", 300)
            await say.stop(charge, 400, now_ms - 20_000)
        (row,) = await server.rows("SELECT state, energy_wh, stop_source FROM transactions")
        assert row == {"state": "completed", "energy_wh": 300, "stop_source": "reported"}
        readings = await server.rows("SELECT energy_wh, transaction_id FROM meter_readings WHERE energy_wh IN (200, 300)")
        assert len(readings) == 2
        assert len({row["transaction_id"] for row in readings}) == 1


async def test_what_a_charger_sends_again_after_a_restart_is_stored_once(server_config: Config, protocol: str, now_ms: int) -> None:
    """It had no answer, perhaps, and after the restart nothing remembers the message ids: only the facts themselves tell."""
    numbers: list[int | None] = []
    for _ in range(2):
        async with running_server(server_config) as server:
            if not numbers:
                await prepare(server)
            async with visit(server, protocol) as say:
                await say.boot()
                await say.status(1, "Charging", now_ms - 60_000)
                charge = await say.start("CARD", wh=100, at=now_ms - 50_000)
                await say.meter(charge, 200, now_ms - 40_000)
                await say.stop(charge, 300, now_ms - 30_000)
            numbers.append(charge.transaction_id)
    assert numbers[0] == numbers[1]
    async with running_server(server_config) as server:
        assert [row["energy_wh"] for row in await server.rows("SELECT energy_wh FROM transactions")] == [200]
        assert len(await server.rows("SELECT 1 AS one FROM meter_readings WHERE energy_wh = 200")) == 1
        assert len(await server.rows("SELECT 1 AS one FROM connector_status_history")) == 1
        told = await server.rows("SELECT type, count(*) AS times FROM events WHERE type LIKE 'transaction_%' GROUP BY type")
        assert {row["type"]: row["times"] for row in told if row["type"] != "transaction_updated"} == {
            "transaction_started": 1,
            "transaction_ended": 1,
        }


async def test_a_boot_in_the_middle_leaves_the_transaction_in_doubt_until_its_stop(
    server_config: Config, protocol: str, now_ms: int
) -> None:
    async with running_server(server_config) as server:
        await prepare(server)
        async with visit(server, protocol) as say:
            await say.boot()
            charge = await say.start("CARD", wh=100, at=now_ms - 50_000)
            assert await say.boot() == "Accepted"
            (row,) = await server.rows("SELECT state, deadline_at FROM transactions")
            assert row["state"] == "pending_reconciliation"
            assert row["deadline_at"] > now_ms
    async with running_server(server_config) as server, visit(server, protocol) as say:
        await say.stop(charge, 400, now_ms - 20_000, reason="PowerLoss")
        (row,) = await server.rows("SELECT state, stop_source, stop_reason, energy_wh FROM transactions")
        assert row == {"state": "completed", "stop_source": "reported", "stop_reason": "PowerLoss", "energy_wh": 300}


async def test_an_orderly_end_leaves_nobody_connected_and_nothing_waiting(server_config: Config, protocol: str) -> None:
    async with running_server(server_config) as server:
        await prepare(server)
        async with visit(server, protocol) as say:
            await say.boot()
            server.stop()
            assert (await say.charger.wait_closed())[0] == 1001
    async with running_server(server_config) as server:
        (row,) = await server.rows("SELECT connection_id, connected_at FROM chargers")
        assert row == {"connection_id": "", "connected_at": None}
        ends = await server.rows("SELECT payload FROM events WHERE type = 'charger_disconnected'")
        assert len(ends) == 1
        assert '"shutdown"' in ends[0]["payload"]


async def test_a_server_that_was_cut_off_finds_its_connections_gone_at_the_next_start(server_config: Config, protocol: str) -> None:
    async with running_server(server_config) as server:
        await prepare(server)
        async with visit(server, protocol) as say:
            await say.boot()
            (live,) = server.ports.chargers.connections()
    async with running_server(server_config) as server:
        await server.do(_connected, live.connection_id)  # as a server leaves it that is killed
    async with running_server(server_config) as server:
        (row,) = await server.rows("SELECT connection_id FROM chargers")
        assert row["connection_id"] == ""
        ends = await server.rows("SELECT payload FROM events WHERE type = 'charger_disconnected' ORDER BY sequence")
        assert '"the server stopped"' in ends[-1]["payload"]


def _connected(tx: Any, connection_id: str) -> None:
    tx.run(
        "UPDATE chargers SET connection_id = :connection_id, connected_at = :now WHERE tenant = :tenant",
        connection_id=connection_id,
        now=tx.now,
    )


async def test_a_deadline_that_passed_while_nothing_ran(server_config: Config, protocol: str, now_ms: int) -> None:
    async with running_server(server_config) as server:
        await prepare(server)
        async with visit(server, protocol) as say:
            await say.boot()
            charge = await say.start("CARD", wh=100, at=now_ms - 50_000)
            await say.meter(charge, 250, now_ms - 40_000)
            await say.boot()
        await server.do(_overdue)
    async with running_server(server_config) as server:
        database: Any = server.ports.database
        (close,) = [job for job in jobs.table(server_config, database) if job.name == "close overdue transactions"]
        await close.work(server.ports)
        (row,) = await server.rows("SELECT * FROM transactions")
    assert (row["stop_source"], row["energy_wh"], row["stop_reason"]) == ("estimated", 150, "Overdue")


def _overdue(tx: Any) -> None:
    tx.run("UPDATE transactions SET deadline_at = 1 WHERE tenant = :tenant")
