"""A server as a process that is killed and started again on one store, and a look into that store."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from csms.config import DatabaseConfig
from csms.testing import forked
from csms.testing.server import config_for, running_server

START_LIMIT_S = 30.0


@attrs.define(eq=False)
class ServerProcess:
    """``csms serve``, again and again, always at the same address."""

    folder: Path
    port: int
    process: forked.Forked | None = None
    starting_s: list[float] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        began = trio.current_time()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")}
        with self.log.open("ab") as log:
            beginning = log.tell()
        command = ("csms", "serve", "--config", "csms.toml")
        self.process = await forked.start(*command, folder=self.folder, environ=inherited, out=self.log, err=self.log)
        with trio.fail_after(START_LIMIT_S):
            while b'"what": "api"' not in self.log.read_bytes()[beginning:]:
                assert self.process.poll() is None, self.log.read_text()[-4000:]
                await trio.sleep(0.01)
        self.starting_s.append(trio.current_time() - began)

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        with trio.fail_after(START_LIMIT_S):
            return await self.process.wait()

    async def kill(self) -> None:
        """The end without any warning."""
        assert await self.end(signal.SIGKILL) == -signal.SIGKILL, self.log.read_text()[-4000:]

    def complaints(self) -> list[str]:
        """What it logged as an error. A killed server may leave half a line, behind which the next one goes on."""
        return [line for line in self.log.read_text().splitlines() if '"level": "error"' in line or "Traceback" in line]


@pytest.fixture
async def server_process(store_config: DatabaseConfig, tmp_path: Path) -> Any:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (tmp_path / "csms.toml").write_text(
        f"""
        [database]
        url = "{store_config.url}"
        [ocpp]
        port = {port}
        authentication = false
        unknown_chargers = "accepted"
        [api]
        port = 0
        [files]
        port = 0
        [log]
        format = "json"
        level = "info"
        """
    )
    process = ServerProcess(tmp_path, port)
    yield process
    if process.process is not None:
        process.process.kill()


@pytest.fixture
def tokens(store_config: DatabaseConfig, tmp_path: Path) -> Callable[[Sequence[str]], Any]:
    """Issues tokens before the first start."""

    async def issue(values: Sequence[str]) -> None:
        async with running_server(config_for(tmp_path, database=store_config)) as server:
            for value in values:
                await server.add_token(value, max_transactions=0)

    return issue


@pytest.fixture
def query(store_config: DatabaseConfig) -> Callable[[str], list[Any]]:
    """SELECTs on the store, while no server runs."""

    def on_sqlite(sql: str) -> list[Any]:
        with sqlite3.connect(store_config.url.removeprefix("sqlite:///")) as connection:
            connection.row_factory = sqlite3.Row
            return connection.execute(sql).fetchall()

    def on_postgresql(sql: str) -> list[Any]:
        import psycopg
        from psycopg.rows import dict_row

        with psycopg.connect(store_config.url, row_factory=dict_row) as connection:
            return connection.execute(sql).fetchall()

    return on_sqlite if store_config.url.startswith("sqlite") else on_postgresql
