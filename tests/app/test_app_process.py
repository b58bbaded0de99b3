"""``python -m csms serve`` as a process of its own: what it says, how it ends, and with which exit code."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

from csms.testing.charger import connect

CONFIG = """
[ocpp]
port = 0
unknown_chargers = "accepted"
authentication = false
[api]
port = 0
[log]
format = "json"
"""


@attrs.define
class Served:
    """A server process and what it has said."""

    process: trio.Process
    lines: list[dict[str, Any]] = attrs.field(factory=list)
    ended: trio.Event = attrs.field(factory=trio.Event)
    _news: trio.Condition = attrs.field(factory=trio.Condition)

    async def listen(self) -> None:
        assert self.process.stderr is not None
        rest = b""
        async for chunk in self.process.stderr:
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
async def serving(folder: Path, **environment: str) -> AsyncIterator[Served]:
    (folder / "csms.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "csms", "serve", "--config", "csms.toml"]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")}
    async with trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(
            command, cwd=folder, env=inherited | environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        served = Served(process)
        nursery.start_soon(served.listen)
        try:
            yield served
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_serves_and_ends_in_good_order(tmp_path: Path, number: int) -> None:
    async with serving(tmp_path) as served:
        chargers = await served.says("listening", what="chargers")
        api = await served.says("listening", what="api", database="sqlite")
        assert (tmp_path / "csms.db").exists()
        assert (tmp_path / "csms.key").stat().st_mode & 0o777 == 0o600
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{api['url']}/ready")).status_code == 200
        async with connect(chargers["url"].removesuffix("/CHARGER-ID"), "CP1") as scripted:
            assert (await scripted.boot_v16())["status"] == "Accepted"
            served.process.send_signal(number)
            assert await scripted.wait_closed() == (1001, "server is going away")
        assert await served.end() == 0
        assert served.lines[-1]["event"] == "stopped"
        connected = await served.says("charger.connected", charger="CP1")
        assert connected["connection"], "logs carry the ids"
        assert not [line for line in served.lines if line.get("level") in ("warning", "error")]


@pytest.mark.parametrize(("variable", "what"), [("CSMS_API_PORT", "the API"), ("CSMS_OCPP_PORT", "chargers")])
async def test_a_port_that_is_taken_ends_it_with_one_line(tmp_path: Path, variable: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with serving(tmp_path, **{variable: port}) as served:
            assert await served.end() == 1
    last = served.lines[-1]["event"]
    assert last == f"csms: cannot listen for {what} on 127.0.0.1:{port}: Address already in use"
    assert not any("Traceback" in line["event"] for line in served.lines)
