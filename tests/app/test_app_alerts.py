"""Alerts in the running server: a fault at a charger becomes one and ends it, and so does an event that a plugin cannot take."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from csms.config import Config, DatabaseConfig, PluginsConfig
from csms.hooks import ChargerStatusChanged, TransactionEnded, hookimpl
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer, config_for

OPEN = "SELECT * FROM alerts WHERE resolved_at IS NULL AND kind = :kind"
OVER = "SELECT * FROM alerts WHERE resolved_at IS NOT NULL AND kind = :kind"


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config, plugins=PluginsConfig(max_attempts=1))


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    """A plugin that cannot take a transaction's end."""

    @hookimpl
    async def transaction_ended(event: TransactionEnded) -> None:
        raise OSError("no paper")

    return {"printer": SimpleNamespace(transaction_ended=transaction_ended)}


async def test_a_fault_is_an_alert_until_it_is_over(server: TestServer, charger: ConnectCharger) -> None:
    say = script(await charger("C1"))
    now = server.ports.clock.now()
    await say.status(1, "Faulted", now - 2000)
    (stored,) = await server.eventually(OPEN, kind="charger_faulted")
    (shown,) = (await server.request("GET", "/api/v1/alerts?open=true&severity=error&charger_id=C1")).json()["items"]
    assert shown["id"] == stored["id"]
    assert shown["detail"]["place"] == {"evse": 1, "connector": 1}
    path = f"/api/v1/alerts/{shown['id']}"
    seen = await server.request("POST", f"{path}/acknowledge", {"note": "on my way"})
    assert (seen.status_code, seen.json()["acknowledged_by"]) == (200, "operator key")
    assert (await server.request("GET", "/api/v1/alerts?acknowledged=false&open=true")).json()["items"] == []
    await say.status(1, "Available", now - 1000)
    await server.eventually(OVER, kind="charger_faulted")
    over = (await server.request("GET", path)).json()
    assert (over["resolved_by"], over["note"]) == ("", "on my way; it is Available")
    assert (await server.request("POST", f"{path}/resolve", {})).status_code == 409


async def test_a_dead_letter_is_an_alert(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_token("CARD")
    say = script(await charger("C1"))
    now = server.ports.clock.now()
    await say.stop(await say.start("CARD", at=now - 2000), 10, now - 1000)
    (stored,) = await server.eventually(OPEN, kind="dead_letter")
    assert stored["subject"] == "consumer:plugin:printer"
    assert "transaction_ended" in stored["message"]
    resolved = await server.request("POST", f"/api/v1/alerts/{stored['id']}/resolve", {"note": "paper"})
    assert resolved.json()["resolved_by"] == "operator key"


async def test_an_event_of_a_type_that_nobody_knows_stops_nothing(server: TestServer, charger: ConnectCharger) -> None:
    def emit_strange(tx: Any) -> None:
        sql = "INSERT INTO events (tenant, key, type, payload, at) VALUES (:tenant, 'charger:C1', :type, :payload, :now)"
        for kind, payload in (("of_a_later_version", "{}"), (ChargerStatusChanged.type, '{"status": 5}')):
            tx.run(sql, type=kind, payload=payload, now=tx.now)

    await server.do(emit_strange)
    say = script(await charger("C1"))
    await say.status(1, "Faulted", server.ports.clock.now())
    await server.eventually(OPEN, kind="charger_faulted")
    await server.eventually(f"{OPEN} AND subject = 'consumer:core.alerts'", kind="dead_letter")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "alerts/99", 404),
        ("GET", "alerts?severity=bad", 422),
        ("GET", "alerts?open=yes", 422),
        ("GET", "alerts?limit=201", 422),
        ("GET", "alerts?sort=colour", 422),
        ("POST", "alerts/99/acknowledge", 404),
        ("POST", "alerts/99/resolve", 404),
    ],
)
async def test_what_cannot_be(server: TestServer, method: str, path: str, status: int) -> None:
    body: dict[str, str] | None = {} if method == "POST" else None
    assert (await server.request(method, f"/api/v1/{path}", body)).status_code == status
