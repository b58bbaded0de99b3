"""``/health`` and ``/ready``: each component is really asked, which shows when it breaks."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from csms import __version__
from csms.api import health
from csms.api.health import Component, examine
from csms.config import Config
from csms.hooks import TokenVerdict, hookimpl
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

COMPONENTS = {"database", "writer", "bus", "listener", "plugins"}


class Broken:
    """A plugin that fails whatever it is asked."""

    @hookimpl
    async def authorize_token(self) -> TokenVerdict | None:
        raise RuntimeError("out of cards")

    @hookimpl
    async def charger_booted(self) -> None:
        raise RuntimeError("cannot hear it")


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    return {"broken": Broken}


@pytest.fixture
def server_config(server_config: Config) -> Config:
    plugins = attrs.evolve(server_config.plugins, breaker_failures=2, max_attempts=1)
    return attrs.evolve(server_config, plugins=plugins)


async def page(server: TestServer, path: str) -> tuple[int, dict[str, Any]]:
    response = await server.request("GET", path, authorized=False)
    return response.status_code, response.json()


async def test_a_sound_server_says_so_without_a_key(server: TestServer) -> None:
    status, health_page = await page(server, "/health")
    assert (status, health_page["status"], health_page["version"]) == (200, "ok", __version__)
    assert set(health_page["components"]) == COMPONENTS
    assert all(component["status"] == "ok" and component["took_ms"] >= 0 for component in health_page["components"].values())
    status, ready_page = await page(server, "/ready")
    assert (status, ready_page["status"]) == (200, "ok")
    assert set(ready_page["components"]) == {"database", "writer", "listener"}, "what it cannot do without"


async def test_the_number_of_chargers_is_told(server: TestServer, charger: ConnectCharger) -> None:
    await charger("CP1")
    _, told = await page(server, "/health")
    assert told["components"]["listener"]["connected"] == 1
    assert told["components"]["listener"]["urls"] == [server.url]


async def test_a_store_that_cannot_be_written_is_not_ready(server: TestServer, tmp_path: Path) -> None:
    (tmp_path / "csms.db").rename(tmp_path / "elsewhere.db")
    try:
        for path in ("/ready", "/health"):
            status, told = await page(server, path)
            assert (status, told["status"]) == (503, "failed")
            assert "csms.db" in told["components"]["writer"]["reason"]
            assert told["components"]["listener"]["status"] == "ok"
    finally:
        (tmp_path / "elsewhere.db").rename(tmp_path / "csms.db")


async def test_a_store_that_cannot_be_read_is_not_ready(server: TestServer) -> None:
    database: Any = server.ports.database
    assert (await page(server, "/ready"))[0] == 200, "it reads"

    async def broken(*anything: Any) -> None:
        raise sqlite3.ProgrammingError("Cannot operate on a closed database.")

    database._readers.run = broken
    status, told = await page(server, "/ready")
    assert status == 503
    assert told["components"]["database"]["status"] == "failed"


async def test_a_listener_that_accepts_no_more_is_not_ready(server: TestServer) -> None:
    relay: Any = server.ports.chargers
    fleet = relay._chargers
    for scope in list(fleet._listeners):
        scope.cancel()
    with trio.fail_after(5):
        while (await page(server, "/ready"))[0] == 200:
            await trio.sleep(0.01)
    _, told = await page(server, "/health")
    assert told["status"] == "failed"
    assert told["components"]["listener"]["reason"]
    assert told["components"]["writer"]["status"] == "ok"


async def test_a_plugin_in_trouble_degrades_but_the_server_stays_ready(server: TestServer, charger: ConnectCharger) -> None:
    say = script(await charger("CP1", boot=True))
    for _ in range(2):
        await say.authorize("CARD")
    status, told = await page(server, "/health")
    assert (status, told["status"]) == (200, "degraded")
    assert "out of cards" in told["components"]["plugins"]["reason"]
    assert (await page(server, "/ready"))[0] == 200


@pytest.mark.usefixtures("hurried_jobs")
async def test_an_event_that_was_given_up_degrades_the_bus(server: TestServer, charger: ConnectCharger) -> None:
    await charger("CP1")
    await server.eventually("SELECT * FROM deliveries WHERE state = 'dead'")
    status, told = await page(server, "/health")
    assert (status, told["status"]) == (200, "degraded")
    reason = told["components"]["bus"]["reason"]
    assert "plugin:broken could not take 1" in reason
    assert "csms events replay" in reason


async def test_a_component_that_does_not_answer_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_LIMIT_S", 0.05)

    async def silent() -> dict[str, Any]:
        await trio.sleep_forever()
        return {}

    async def well() -> dict[str, Any]:
        return {"answer": 42}

    async def mute() -> dict[str, Any]:
        raise ValueError

    ready, told = await examine([Component("silent", silent), Component("well", well), Component("mute", mute, vital=False)])
    assert not ready
    assert told["components"]["silent"]["reason"] == "no answer within 0.05 s"
    assert (told["components"]["well"]["status"], told["components"]["well"]["answer"]) == ("ok", 42)
    assert told["components"]["mute"]["reason"] == "ValueError"
