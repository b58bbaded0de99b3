"""``python -m csms serve`` as a process of its own: what it says, how it ends, and with which exit code."""

from __future__ import annotations

import signal
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from csms.testing.charger import connect


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_says_where_it_listens_serves_and_ends_in_good_order(serving: Any, tmp_path: Path, number: int) -> None:
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
async def test_a_port_that_is_taken_ends_it_with_one_line(serving: Any, tmp_path: Path, variable: str, what: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with serving(tmp_path, **{variable: port}) as served:
            assert await served.end() == 1
    last = served.lines[-1]["event"]
    assert last == f"csms: cannot listen for {what} on 127.0.0.1:{port}: Address already in use"
    assert not any("Traceback" in line["event"] for line in served.lines)


async def test_a_store_that_cannot_be_reached_ends_it_with_one_line(serving: Any, tmp_path: Path) -> None:
    async with serving(tmp_path, CSMS_DATABASE_URL="postgresql://nobody@127.0.0.1:1/x") as served:
        assert await served.end() == 6
    assert [line["event"].startswith("csms: PostgreSQL database x on 127.0.0.1:1:") for line in served.lines] == [True]
