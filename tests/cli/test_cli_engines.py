"""The command line on both engines: what is written is listed, and exported the same."""

from __future__ import annotations

import json
import os
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from csms.config import DatabaseConfig
from csms.core.ids import DEFAULT_TENANT, charger_key
from csms.db import StoreDatabase
from csms.domain.stations import service, store

from .conftest import Run, facts


@pytest.fixture
def either(run: Run, store_config: DatabaseConfig, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A database on SQLite and on PostgreSQL, and no server."""
    monkeypatch.setenv("CSMS_DATABASE_URL", store_config.url)
    monkeypatch.setenv("CSMS_API_PORT", "1")
    return run


def test_from_a_charger_to_an_export(either: Run, tmp_path: Path) -> None:
    station = facts(either("station", "add", "North", "--latitude", "18.52", "--longitude", "73.86", "--json"))["id"]
    either("charger", "add", "C1", "--name", 'Bay "4"', "--station", "North", "--pending")
    either("charger", "approve", "C1")
    either("token", "add", "ABC", "--expires", "2030-01-01")
    either("token", "grant", "abc", str(station))
    assert facts(either("charger", "show", "C1", "--json"))["approval"] == "accepted"
    assert facts(either("token", "show", "ABC", "--json"))["grants"][0]["station_id"] == station
    assert facts(either("transaction", "list", "--json")) == []
    assert [each["type"] for each in facts(either("events", "list", "--json"))] == [
        "tokens_changed",
        "tokens_changed",
        "charger_registration_changed",
    ]
    assert facts(either("events", "consumers", "--json")) == []
    either("migrate", "--check")

    (charger,) = json.loads(either("export", "chargers", "--format", "json").stdout)
    assert (charger["id"], charger["name"], charger["removed_at"]) == ("C1", 'Bay "4"', None)
    written = facts(either("export", "--all", "--output", "out", "--json"))
    assert {each["table"] for each in written} >= {"chargers", "tokens", "transactions", "frames", "events"}
    assert (tmp_path / "out" / "stations.csv").read_text().splitlines()[1].startswith("1,1,North,,18.52,")
    assert "there is no table charger; did you mean chargers?" in either("export", "charger", code=1).stderr


async def test_a_command_beside_a_process_that_has_the_database_open(
    database: StoreDatabase, store_config: DatabaseConfig, tmp_path: Path
) -> None:
    """A running server holds the database; what a command writes beside it is there at the server's next read, and the other way."""
    command = [sys.executable, "-m", "csms", "charger", "add", "C1", "--json"]
    environ = {**os.environ, "CSMS_DATABASE_URL": store_config.url}
    await database.write(partial(service.add_charger, charger_id="C0"), tenant=DEFAULT_TENANT, keys=(charger_key("C0"),))
    with trio.fail_after(60):
        added = await trio.run_process(command, env=environ, cwd=tmp_path, capture_stdout=True)
    assert json.loads(added.stdout)["id"] == "C1"
    found = await database.read(store.list_chargers, tenant=DEFAULT_TENANT)
    assert [each.id for each in found] == ["C0", "C1"]
    await database.write(partial(service.approve, charger_id="C1"), tenant=DEFAULT_TENANT, keys=(charger_key("C1"),))


def test_a_database_that_is_away(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_DATABASE_URL", "postgresql://me:sesame@127.0.0.1:1/csms")
    for command in (["charger", "list"], ["export", "--list"], ["migrate"]):
        result = run(*command, code=6)
        assert len(result.stderr.splitlines()) == 1
        assert "sesame" not in result.stderr
