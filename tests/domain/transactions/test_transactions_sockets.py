"""An OCPP 1.6 charger on a bad network: what it kept is told again over new connections and to a server that was started again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from csms.config import Config, DatabaseConfig
from csms.core.units import iso
from csms.outside import SystemClock
from csms.testing.charger import ScriptedCharger, connect
from csms.testing.server import TestServer, config_for, running_server

KEY = "the key of charger CP1"
MINUTE = 60_000
HOUR = 60 * MINUTE
OCMF = 'OCMF|{"FV":"1.0","RD":[{"RV":9.0,"RU":"kWh"}]}|{"SD":"3045"}'


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config)


@pytest.fixture
def began_at() -> int:
    return SystemClock().now() - 10 * HOUR


@asynccontextmanager
async def visit(server: TestServer) -> AsyncIterator[ScriptedCharger]:
    async with connect(server.url, "CP1", password=KEY) as charger:
        yield charger


def start(at: int, meter: int) -> dict[str, Any]:
    return {"connectorId": 1, "idTag": "CARD", "meterStart": meter, "timestamp": iso(at)}


def stop(at: int, meter: int, number: int, *signed: str) -> dict[str, Any]:
    sample = {"value": str(meter), "context": "Transaction.End", "unit": "Wh"}
    samples = [sample, *({"value": each, "format": "SignedData", "context": "Transaction.End"} for each in signed)]
    data = [{"timestamp": iso(at), "sampledValue": samples}]
    return {"transactionId": number, "idTag": "CARD", "meterStop": meter, "timestamp": iso(at), "transactionData": data}


def meter(at: int, wh: int, number: int) -> dict[str, Any]:
    return {
        "connectorId": 1,
        "transactionId": number,
        "meterValue": [{"timestamp": iso(at), "sampledValue": [{"value": str(wh), "unit": "Wh"}]}],
    }


async def told(server: TestServer) -> list[tuple[Any, ...]]:
    found = await server.rows("SELECT started_at, stopped_at, energy_wh, stop_source FROM transactions ORDER BY started_at")
    return [tuple(row.values()) for row in found]


async def test_an_offline_day_is_told_out_of_order_over_several_connections_and_servers(
    server_config: Config, began_at: int
) -> None:
    second = began_at + 3 * HOUR
    kept = [
        ("StopTransaction", stop(second + HOUR, 15_000, -1)),
        ("MeterValues", meter(began_at + 10 * MINUTE, 3000, -1)),
        ("StartTransaction", start(second, 9000)),
        ("StopTransaction", stop(began_at + HOUR, 9000, 0, OCMF)),
        ("StartTransaction", start(began_at, 1000)),
    ]
    async with running_server(server_config) as server:
        await server.add_charger("CP1", KEY)
        await server.add_token("CARD")
        async with visit(server) as charger:
            await charger.boot_v16()
            for number, (action, payload) in enumerate(kept[:3]):
                await charger.call(action, payload, f"first-{number}")
        async with visit(server) as charger:
            for number, (action, payload) in enumerate(kept[1:4]):
                await charger.call(action, payload, f"again-{number}")
    async with running_server(server_config) as server:
        ids = []
        for _ in range(2):
            async with visit(server) as charger:
                for number, (action, payload) in enumerate(kept):
                    answer = await charger.call(action, payload, f"again-{number}")
                    if action == "StartTransaction":
                        assert answer["idTagInfo"]["status"] == "Accepted"
                        ids.append(answer["transactionId"])
        assert ids[:2] == ids[2:]
        assert len(set(ids)) == 2
        assert await told(server) == [
            (began_at, began_at + HOUR, 8000, "reported"),
            (second, second + HOUR, 6000, "reported"),
        ]
        assert await server.rows("SELECT id FROM quarantine WHERE resolved_at IS NULL") == []
        readings = await server.rows("SELECT energy_wh, transaction_id, samples FROM meter_readings ORDER BY sampled_at")
        assert [row["energy_wh"] for row in readings] == [3000, 9000, 15_000]
        assert readings[0]["transaction_id"] == readings[1]["transaction_id"] == ids[1]
        assert OCMF in readings[1]["samples"].replace('\\"', '"')


async def test_a_stop_that_names_no_transaction_is_answered_and_found(server_config: Config, began_at: int) -> None:
    async with running_server(server_config) as server:
        await server.add_charger("CP1", KEY)
        await server.add_token("CARD")
        async with visit(server) as charger:
            await charger.boot_v16()
            for number in (0, -1, 2**63 - 1):
                answer = await charger.call("StopTransaction", stop(began_at, 5000 + number % 7, number))
                assert answer["idTagInfo"]["status"] == "Accepted"
        waiting = await server.rows("SELECT kind, heard_transaction FROM quarantine WHERE resolved_at IS NULL ORDER BY id")
        assert [tuple(row.values()) for row in waiting] == [("stop", "0"), ("stop", "-1"), ("stop", str(2**63 - 1))]
        assert await told(server) == []
