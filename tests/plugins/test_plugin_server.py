"""A plugin in a whole running server hears a charge from beginning to end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from csms.config import PluginsConfig
from csms.hooks import DataVerdict, Delivered, Event, Handshake, MeterValues, Place, Token, TokenVerdict, Turned, hookimpl
from csms.plugins import Installed
from csms.testing.charger import connect
from csms.testing.server import config_for, running_server

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"}
START = {"connectorId": 1, "idTag": "GOOD", "meterStart": 1000, "timestamp": "2026-01-01T00:00:00Z"}
METER = [{"timestamp": "2026-01-01T00:01:00Z", "sampledValue": [{"value": "1500", "unit": "Wh"}]}]


class Recorder:
    """Hears and decides everything."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.asked: list[tuple[str, ...]] = []
        self.samples = trio.Event()
        self.gone = trio.Event()

    @hookimpl
    async def event_occurred(self, event: Event, delivery: Delivered) -> None:
        self.heard.append(event.type)

    @hookimpl
    async def charger_disconnected(self) -> None:
        self.gone.set()

    @hookimpl
    async def meter_values(self, event: MeterValues) -> None:
        self.samples.set()

    @hookimpl
    async def admit_charger(self, handshake: Handshake) -> Turned | None:
        self.asked.append(("admit", handshake.charger_id))
        return None

    @hookimpl
    async def authorize_token(self, token: Token, place: Place, purpose: str) -> TokenVerdict | None:
        self.asked.append((purpose, token.value, str(place)))
        return TokenVerdict("Blocked") if token.value == "LOST" else None

    @hookimpl
    def answer_data_transfer(self, vendor_id: str, data: str) -> DataVerdict | None:
        return DataVerdict("Accepted", data[::-1]) if vendor_id == "acme" else None


async def test_a_charge_is_heard_and_decided_by_a_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr("csms.plugins.bus.installed", lambda: {"recorder": Installed("recorder", "1.2.3", lambda: recorder)})
    config = config_for(tmp_path, plugins=PluginsConfig(enabled=("recorder",)))
    with trio.fail_after(30):
        async with running_server(config) as server:
            key = await server.add_charger("CP1")
            for token in ("GOOD", "LOST"):
                await server.add_token(token)
            async with connect(server.url, "CP1", password=key) as charger:
                await charger.boot_v16()
                await charger.call("StatusNotification", STATUS)
                assert (await charger.call("Authorize", {"idTag": "LOST"}))["idTagInfo"]["status"] == "Blocked"
                assert (await charger.call("Authorize", {"idTag": "GOOD"}))["idTagInfo"]["status"] == "Accepted"
                started = await charger.call("StartTransaction", START)
                assert started["idTagInfo"]["status"] == "Accepted"
                transaction_id = started["transactionId"]
                await charger.call("MeterValues", {"connectorId": 1, "transactionId": transaction_id, "meterValue": METER})
                await recorder.samples.wait()
                stop: dict[str, Any] = {"transactionId": transaction_id, "meterStop": 2000, "timestamp": "2026-01-01T01:00:00Z"}
                await charger.call("StopTransaction", stop)
                assert await charger.call("DataTransfer", {"vendorId": "acme", "data": "abc"}) == {
                    "status": "Accepted",
                    "data": "cba",
                }
                assert (await charger.call("DataTransfer", {"vendorId": "other"}))["status"] == "UnknownVendorId"
            await recorder.gone.wait()
            page = (await server.request("GET", "/health")).json()
    assert recorder.asked == [
        ("admit", "CP1"),
        ("authorize", "LOST", "0.0"),
        ("authorize", "GOOD", "0.0"),
        ("start", "GOOD", "1.1"),
    ]
    expected = {
        "charger_connected",
        "charger_booted",
        "charger_status_changed",
        "token_seen",
        "transaction_started",
        "transaction_ended",
    }
    assert expected <= set(recorder.heard)
    assert recorder.heard.index("transaction_started") < recorder.heard.index("transaction_ended")
    assert page["components"]["plugins"]["status"] == "ok"
