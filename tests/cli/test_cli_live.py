"""The command line beside a real server and a real connection: sending, tailing, approving, stopping, looking."""

from __future__ import annotations

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
import trio

from csms.testing import forked
from csms.testing.charger import connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

Csms = Callable[..., Awaitable[CompletedProcess[bytes]]]


@pytest.fixture
def csms(server: TestServer, tmp_path: Path) -> Csms:
    """``await csms("charger", "list")``: a process of its own, configured for the running server."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")} | {
        "CSMS_SERVER": server.api_url,
        "CSMS_API_KEY": server.operator_key,
        "CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db",
    }

    async def run(*arguments: str, code: int = 0) -> CompletedProcess[bytes]:
        with trio.fail_after(60):
            ended = await forked.run("csms", *arguments, folder=tmp_path, environ=environ)
        assert ended.returncode == code, f"{arguments} ended {ended.returncode}: {ended.stdout!r} {ended.stderr!r}"
        return ended

    return run


async def test_send_and_what_the_charger_answers(csms: Csms, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    answers: list[dict[str, Any]] = [{"status": "Accepted"}, {"status": "Rejected"}]
    for payload, code in zip(answers, (0, 4), strict=True):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_end_with, csms, ("send", "C1", "Reset", "immediately"), code)
            message_id, asked = await scripted.expect("Reset")
            assert asked == {"type": "Hard"}
            await scripted.reply(message_id, payload)


async def _end_with(csms: Csms, arguments: tuple[str, ...], code: int) -> None:
    await csms(*arguments, code=code)


async def test_sending_to_nobody(csms: Csms, server: TestServer) -> None:
    await server.add_charger("C8")
    ended = await csms("send", "C8", "ClearCache", code=5)
    assert b"C8 is offline" in ended.stderr
    ended = await csms("send", "C9", "Reset", code=1)
    assert b"there is no charger 'C9'" in ended.stderr


async def test_a_remote_charge_from_start_to_stop(csms: Csms, charger: ConnectCharger, server: TestServer) -> None:
    await server.add_token("ABC")
    scripted = await charger("C1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_with, csms, ("send", "C1", "StartCharging", "token=ABC", "evse=1"), 0)
        message_id, asked = await scripted.expect("RemoteStartTransaction")
        assert asked == {"connectorId": 1, "idTag": "ABC"}
        await scripted.reply(message_id, {"status": "Accepted"})
    started = await scripted.call(
        "StartTransaction", {"connectorId": 1, "idTag": "ABC", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
    )
    number = started["transactionId"]
    (listed,) = json.loads((await csms("transaction", "list", "--open", "--json")).stdout)
    assert (listed["id"], listed["charger_id"], listed["token"]) == (number, "C1", "ABC")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_with, csms, ("transaction", "stop", str(number)), 0)
        message_id, asked = await scripted.expect("RemoteStopTransaction")
        assert asked == {"transactionId": number}
        await scripted.reply(message_id, {"status": "Accepted"})


async def test_tail_shows_frames_and_what_they_meant(csms: Csms, charger: ConnectCharger) -> None:
    lines: list[dict[str, Any]] = []

    async def follow() -> None:
        ended = await csms("tail", "C1", "--json", "--count", "4")
        lines.extend(json.loads(line) for line in ended.stdout.splitlines())
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        scripted = await charger("C1")
        while True:  # until the tail has heard enough; nobody knows when it begins to listen
            await scripted.call("Heartbeat", {})
    assert len(lines) == 4
    assert {line["charger_id"] for line in lines} == {"C1"}
    assert any(line["type"] == "frame" and line["data"]["action"] == "Heartbeat" for line in lines)


async def test_an_approval_reaches_the_connected_charger(csms: Csms, server: TestServer) -> None:
    key = await server.add_charger("C1", approval="pending")
    async with connect(server.url, "C1", password=key, protocol="ocpp1.6") as scripted:
        assert await script(scripted).boot() == "Pending"
        await csms("charger", "approve", "C1")
        assert [each.registration for each in server.ports.chargers.connections()] == ["accepted"]
        assert await script(scripted).boot() == "Accepted"


async def test_a_removed_charger_is_disconnected(csms: Csms, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    await csms("charger", "remove", "C1")
    with trio.fail_after(10):
        await scripted.wait_closed()


async def test_plugins_and_backup_beside_a_server(csms: Csms, tmp_path: Path) -> None:
    await csms("plugins", "--json")
    await csms("backup")
    assert b"stop it first" in (await csms("restore", "--newest", "--replace", code=1)).stderr
    assert list((tmp_path / "backups").iterdir())
