"""What a charger does wrong is remembered about it, and what is known of its kind holds for it."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from csms.config import Config, DatabaseConfig
from csms.core.units import iso
from csms.testing.charger import connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, config_for

OWN = """
[[quirk]]
vendor = "Silent Motors"
subprotocol = "ocpp1.6"
heartbeat_interval_s = 17
register_unit = "kWh"
time_zone = "local"
"""


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    (tmp_path / "quirks.toml").write_text(OWN)
    config = config_for(tmp_path, database=store_config)
    return attrs.evolve(config, ocpp=attrs.evolve(config.ocpp, quirks_file=str(tmp_path / "quirks.toml")))


async def test_what_a_charger_does_wrong_is_counted_and_shown(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("BAD")
    for _ in range(3):
        await scripted.send_text('[3,"strange",{}]')
    await scripted.call("StatusNotification", {"connectorId": "1", "errorCode": "My own words", "status": "available"})
    await scripted.hang_up()
    rows = await server.eventually(
        "SELECT rule, field, count FROM oddities WHERE charger_id = 'BAD' ORDER BY rule, field", at_least=4
    )
    assert {(row["rule"], row["field"]): row["count"] for row in rows} == {
        ("answer", "CALLRESULT"): 3,
        ("enum", "errorCode"): 1,
        ("enum", "status"): 1,
        ("type", "connectorId"): 1,
    }
    metrics = (await server.request("GET", "/metrics")).text
    assert 'csms_oddities_total{action="link",rule="answer"}' in metrics


async def test_what_is_known_of_its_kind_holds_for_a_charger(server: TestServer) -> None:
    key = await server.add_charger("MUTE")
    async with connect(server.url, "MUTE", password=key) as first:
        told = await first.call("BootNotification", {"chargePointVendor": "Silent Motors", "chargePointModel": "M"})
        assert told["interval"] == 17
        await server.add_token("CARD")
        start = {"connectorId": 1, "idTag": "CARD", "meterStart": 12, "timestamp": "2026-01-01T05:30:00"}
        await first.call("StartTransaction", start)
    (row,) = await server.rows("SELECT meter_start_wh, started_at FROM transactions WHERE charger_id = 'MUTE'")
    assert row["meter_start_wh"] == 12_000
    assert iso(row["started_at"]) == "2026-01-01T00:00:00.000Z", "the default tenant is in Kolkata"
    async with connect(server.url, "MUTE", password=key, protocol="") as again:
        assert again.subprotocol is None
        assert "currentTime" in await again.call("Heartbeat", {})
    rows = await server.eventually("SELECT rule FROM oddities WHERE charger_id = 'MUTE' AND rule = 'subprotocol'")
    assert rows
