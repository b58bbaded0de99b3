"""The store is away, full or elsewhere: no unsaved answer goes out, ``/ready`` says why, and all is well again afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import attrs
import pytest
import trio
import trio_websocket

from csms.config import Config, DatabaseConfig
from csms.testing.charger import CallFailed, ScriptedCharger, connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer
from csms.testing.stores import PostgresTestServer

sqlite_only = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
postgres_only = pytest.mark.parametrize("engine", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)


class Outage(Protocol):
    """Takes the store away and brings it back."""

    def begin(self) -> None: ...

    def end(self) -> None: ...


class FileGone:
    def __init__(self, path: Path) -> None:
        self._path, self._elsewhere = path, path.with_suffix(".elsewhere")

    def begin(self) -> None:
        self._path.rename(self._elsewhere)

    def end(self) -> None:
        if self._elsewhere.exists():
            self._elsewhere.rename(self._path)


class ServerGone:
    def __init__(self, server: PostgresTestServer, name: str) -> None:
        self._server, self._name = server, name

    def begin(self) -> None:
        self._server.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS false')
        self._server.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{self._name}'")

    def end(self) -> None:
        self._server.execute(f'ALTER DATABASE "{self._name}" ALLOW_CONNECTIONS true')


@pytest.fixture
def outage(engine: str, store_config: DatabaseConfig, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Outage]:
    away: Outage
    if engine == "sqlite":
        away = FileGone(tmp_path / "csms.db")
    else:
        postgres: PostgresTestServer = request.getfixturevalue("postgres_server")
        postgres.backends.forget()  # what was there before an outage is of no use in it
        away = ServerGone(postgres, urlsplit(store_config.url).path.strip("/"))
    yield away
    away.end()


@pytest.fixture
def server_config(outage: Outage, server_config: Config) -> Config:
    """The outage is over before the server is stopped; it waits for the store no longer than it must to notice that it is away."""
    return attrs.evolve(server_config, database=attrs.evolve(server_config.database, connect_timeout_s=2.0))


async def until_ready(server: TestServer, status: int) -> dict[str, Any]:
    with trio.fail_after(15):
        while (response := await server.request("GET", "/ready", authorized=False)).status_code != status:
            await trio.sleep(0.02)
    page: dict[str, Any] = response.json()
    return page


async def until_stored(scripted: ScriptedCharger, action: str, payload: dict[str, Any]) -> None:
    with trio.fail_after(15):
        while True:
            try:
                await scripted.call(action, payload)
            except CallFailed:
                await trio.sleep(0.05)
            else:
                return


@pytest.mark.parametrize(
    ("engine", "protocol"),
    [("sqlite", "ocpp2.0.1"), pytest.param("postgresql", "ocpp1.6", marks=pytest.mark.postgres)],
    indirect=True,
)
async def test_nothing_is_acknowledged_while_the_store_is_away(
    server: TestServer, charger: ConnectCharger, outage: Outage, protocol: str, an_hour_ago: int
) -> None:
    scripted = await charger("CP1", protocol=protocol)
    say = script(scripted)
    await say.status(1, "Available", an_hour_ago)
    assert (await until_ready(server, 200))["status"] == "ok"
    outage.begin()
    for attempt in (
        say.status(1, "Charging", an_hour_ago + 1),
        say.authorize("CARD"),
        say.start("CARD", at=an_hour_ago),
        say.boot(),
    ):
        with pytest.raises(CallFailed) as error:
            await attempt
        assert (error.value.code, error.value.description) == ("InternalError", "not stored, try again")
    assert (await say.heartbeat()).endswith("Z"), "the time can be told all the same, and the link lives"
    page = await until_ready(server, 503)
    failed = {name: component["reason"] for name, component in page["components"].items() if component["status"] == "failed"}
    assert "writer" in failed
    assert all(failed.values()), "with a reason"
    metrics = (await server.request("GET", "/metrics")).text
    assert 'csms_failed_messages_total{action="StatusNotification"} 1.0' in metrics

    outage.end()
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Charging"}
    if protocol != "ocpp1.6":
        payload = {"evseId": 1, "connectorId": 1, "connectorStatus": "Occupied", "timestamp": "2026-01-01T00:00:00Z"}
    await until_stored(scripted, "StatusNotification", payload)
    assert (await until_ready(server, 200))["status"] == "ok"
    assert await server.rows("SELECT * FROM transactions") == [], "what was refused was not stored behind the charger's back"
    frames = await server.rows("SELECT message_id FROM frames WHERE direction = 'in'")
    assert len({frame["message_id"] for frame in frames}) == len(frames) >= 8, "every frame of the meantime was kept, once"


@postgres_only
async def test_a_charger_that_knocks_while_the_store_is_away_is_told_to_come_later(server: TestServer, outage: Outage) -> None:
    key = await server.add_charger("CP1")
    outage.begin()
    with pytest.raises(trio_websocket.ConnectionRejected) as info:
        async with connect(server.url, "CP1", password=key):
            pass
    outage.end()
    assert info.value.status_code == 503


async def test_the_api_says_that_the_store_is_away(server: TestServer, outage: Outage) -> None:
    await server.add_charger("CP1")
    outage.begin()
    response = await server.request("POST", "/api/v1/chargers/CP1/approve")
    outage.end()
    assert response.status_code == 503
    assert response.json()["title"] == "Store Unavailable"
    assert response.headers["Content-Type"] == "application/problem+json"


@sqlite_only
async def test_a_full_disk_acknowledges_exactly_what_it_took(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    await server.add_token("CARD")
    scripted = await charger("CP1")
    say = script(scripted)
    charge = await say.start("CARD", at=an_hour_ago)
    await server.do(_no_more_pages)  # it cannot be less than there are: full as soon as it must grow
    stored: list[int] = []
    refused: list[int] = []
    for number in range(1, 2000):
        try:
            await say.meter(charge, number, an_hour_ago + number * 1000)
        except CallFailed as error:
            assert error.code == "InternalError"  # noqa: PT017 - which of the calls is refused is not known before
            refused.append(number)
            if len(refused) == 3:
                break
        else:
            stored.append(number)
    assert stored
    assert refused
    page = await until_ready(server, 503)
    assert "full" in page["components"]["writer"]["reason"]
    rows = await server.rows("SELECT energy_wh FROM meter_readings ORDER BY energy_wh")
    assert [row["energy_wh"] for row in rows] == stored

    database: Any = server.ports.database
    database._lanes[0]._writer._connection.execute("PRAGMA max_page_count = 1000000")  # as if somebody had made room
    assert (await until_ready(server, 200))["status"] == "ok"
    await say.meter(charge, 5000, an_hour_ago + 5_000_000)
    rows = await server.rows("SELECT energy_wh FROM meter_readings ORDER BY energy_wh")
    assert [row["energy_wh"] for row in rows] == [*stored, 5000]


def _no_more_pages(tx: Any) -> None:
    tx.run("PRAGMA max_page_count = 1")
