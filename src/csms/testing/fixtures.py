"""pytest fixtures for whoever builds on csms: a running server, and chargers that say what the test says.

Register with ``pytest_plugins = ["csms.testing.fixtures"]``; pytest-trio runs the tests (``trio_mode = true``). Override
``server_config`` and ``server_plugins`` for a server of your own kind.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol

import pytest
import trio

from csms.config import Config

from .charger import ScriptedCharger, connect
from .hurried import hurry
from .script import script
from .server import TestServer, config_for, running_server

__all__ = ["ConnectCharger", "charger", "hurried_jobs", "server", "server_config", "server_plugins"]


class ConnectCharger(Protocol):
    """What the fixture ``charger`` gives."""

    async def __call__(
        self, charger_id: str, *, protocol: str = "ocpp1.6", password: str | None = None, boot: bool = True
    ) -> ScriptedCharger:
        """A connected charger, until the test ends. One that is new to the server is added to it first, with a key.

        ``password`` shows another key than its own. ``boot`` sends a BootNotification, too, and waits for its answer.
        """
        ...


@pytest.fixture
def server_config(tmp_path: Path) -> Config:
    """The server's configuration: free ports, SQLite in the test's own folder."""
    return config_for(tmp_path)


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    """Plugins that the server loads although they are not installed: modules, classes or objects, by name."""
    return {}


@pytest.fixture
def hurried_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server does every few seconds it does ten times a second: for a test that waits until a job has had its turn.

    Plugins get an event that they could not take again as soon.
    """
    hurry(monkeypatch.setattr)


@pytest.fixture
async def server(server_config: Config, server_plugins: Mapping[str, object]) -> AsyncIterator[TestServer]:
    """A running server; stopped gracefully when the test ends."""
    async with running_server(server_config, plugins=server_plugins) as running:
        yield running


@pytest.fixture
async def charger(server: TestServer) -> AsyncIterator[ConnectCharger]:
    """Connects chargers: ``await charger("CP1", protocol="ocpp2.0.1")``."""
    keys: dict[str, str] = {}

    async def live(
        charger_id: str, protocol: str, password: str, task_status: trio.TaskStatus[ScriptedCharger] = trio.TASK_STATUS_IGNORED
    ) -> None:
        async with connect(server.url, charger_id, password=password, protocol=protocol) as scripted:
            task_status.started(scripted)
            await trio.sleep_forever()

    async def appear(
        charger_id: str, *, protocol: str = "ocpp1.6", password: str | None = None, boot: bool = True
    ) -> ScriptedCharger:
        if charger_id not in keys:
            keys[charger_id] = await server.add_charger(charger_id)
        shown = keys[charger_id] if password is None else password
        scripted: ScriptedCharger = await nursery.start(partial(live, charger_id, protocol, shown))
        if boot:
            await script(scripted).boot()
        return scripted

    async with trio.open_nursery() as nursery:
        yield appear
        nursery.cancel_scope.cancel()
