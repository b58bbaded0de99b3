"""The running server on both engines, and a charge told in both OCPP versions."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from csms.config import Config, DatabaseConfig
from csms.testing import forked
from csms.testing.script import SCRIPTS
from csms.testing.server import TestServer, config_for

HOUR_MS = 3_600_000


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config)


@pytest.fixture(params=list(SCRIPTS))
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def an_hour_ago(server: TestServer) -> int:
    return server.ports.clock.now() - HOUR_MS


# --- the server as a process of its own ---------------------------------------------------------------------------------------------

CONFIG = """
[ocpp]
port = 0
unknown_chargers = "accepted"
authentication = false
[api]
port = 0
[files]
port = 0
[log]
format = "json"
"""


@attrs.define
class Served:
    """A server process and what it has said."""

    process: forked.Forked
    _said: trio.lowlevel.FdStream
    lines: list[dict[str, Any]] = attrs.field(factory=list)
    ended: trio.Event = attrs.field(factory=trio.Event)
    _news: trio.Condition = attrs.field(factory=trio.Condition)

    async def listen(self) -> None:
        rest = b""
        async for chunk in self._said:
            *whole, rest = (rest + chunk).split(b"\n")
            async with self._news:
                self.lines += [json.loads(line) if line.startswith(b"{") else {"event": line.decode()} for line in whole]
                self._news.notify_all()
        self.ended.set()

    async def says(self, event: str, **fields: str) -> dict[str, Any]:
        wanted = {"event": event, **fields}
        with trio.fail_after(20):
            async with self._news:
                while not (found := [line for line in self.lines if wanted.items() <= line.items()]):
                    await self._news.wait()
                return found[0]

    async def end(self) -> int:
        with trio.fail_after(20):
            await self.ended.wait()
            return await self.process.wait()


@asynccontextmanager
async def serve(folder: Path, *arguments: str, program: str = "csms", **environment: str) -> AsyncIterator[Served]:
    (folder / "csms.toml").write_text(CONFIG)
    command = (program, "serve", "--config", "csms.toml", *arguments)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")}
    said, err = forked.pipe()
    async with said, trio.open_nursery() as nursery:
        with err:
            process = await forked.start(*command, folder=folder, environ=inherited | environment, out=Path(os.devnull), err=err)
        served = Served(process, said)
        nursery.start_soon(served.listen)
        try:
            yield served
        finally:
            process.kill()


@pytest.fixture
def serving() -> Callable[..., AbstractAsyncContextManager[Served]]:
    """``async with serving(folder, "--demo", CSMS_API_PORT="0") as served``: ``csms serve`` in a folder of its own.

    With ``program="csms.testing.hurried"`` its jobs have their turns ten times a second.
    """
    return serve
