"""``csms serve --demo``: what it puts into a database, and that a newcomer sees charging and gets rid of it with one key."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
import trio

from csms import demo
from csms.config import Config, PluginsConfig
from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports
from csms.db import StoreDatabase
from csms.demo import processes, stubs
from csms.domain.drivers import service as drivers
from csms.domain.drivers import store as drivers_store
from csms.domain.stations import keys
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.outside import SystemEntropy
from csms.testing.plugins import FakeHttp

IDS = [each.charger_id for each in demo.CHARGERS]
PATIENCE_S = 60.0


def sealed(word: str) -> dict[str, str]:
    return {charger_id: keys.seal(f"{word} {charger_id}".encode(), SystemEntropy()) for charger_id in IDS}


async def prepare(database: StoreDatabase, word: str = "first") -> bool:
    """As a demo that starts does it."""
    ground = await database.write(demo.lay, tenant=DEFAULT_TENANT)
    return await database.write(demo.prepare, ground, sealed(word), tenant=DEFAULT_TENANT)


async def opened_by(database: StoreDatabase, word: str) -> list[bool]:
    """Whether this word's keys let each of the chargers in."""
    gates = [await database.read(stations_store.gate, charger_id, tenant=DEFAULT_TENANT) for charger_id in IDS]
    return [
        gate is not None and keys.opens(gate.sealed, f"{word} {charger_id}".encode())
        for charger_id, gate in zip(IDS, gates, strict=True)
    ]


async def do(database: StoreDatabase, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    return await database.write(partial(verb, **more), *arguments, tenant=DEFAULT_TENANT)


async def chargers(database: StoreDatabase) -> dict[str, str]:
    found = await database.read(stations_store.list_chargers, tenant=DEFAULT_TENANT)
    return {each.id: each.name for each in found}


# --- the database ---------------------------------------------------------------------------------------------------------------


async def test_an_empty_database_is_filled(database: StoreDatabase) -> None:
    assert await prepare(database) is True
    assert list(await chargers(database)) == IDS
    (site,) = await database.read(stations_store.list_stations, tenant=DEFAULT_TENANT)
    found = await database.read(stations_store.list_chargers, tenant=DEFAULT_TENANT)
    assert {(each.station_id, each.approval) for each in found} == {(site.id, "accepted")}
    (driver,) = await database.read(drivers_store.list_drivers, tenant=DEFAULT_TENANT)
    tokens = await database.read(drivers_store.list_tokens, tenant=DEFAULT_TENANT)
    assert {(each.value, each.driver_id, each.max_transactions) for each in tokens} == {(t, driver.id, 0) for t in demo.TOKENS}
    assert await opened_by(database, "first") == [True] * len(IDS)


async def test_its_own_database_goes_on_with_new_keys(database: StoreDatabase) -> None:
    await prepare(database, "first")
    await do(database, stations.add_charger, "MINE", name="an operator's own")
    assert await prepare(database, "second") is False
    assert await opened_by(database, "first") == [False] * len(IDS)
    assert await opened_by(database, "second") == [True] * len(IDS)
    assert list(await chargers(database)) == [*IDS, "MINE"]
    assert len(await database.read(stations_store.list_stations, tenant=DEFAULT_TENANT)) == 1
    assert len(await database.read(drivers_store.list_tokens, tenant=DEFAULT_TENANT)) == len(demo.TOKENS)
    assert len(await database.read(drivers_store.list_drivers, tenant=DEFAULT_TENANT)) == 1


async def test_somebody_elses_database_is_refused_and_left_alone(database: StoreDatabase) -> None:
    await do(database, stations.add_charger, "THEIRS", name="a real one")
    with pytest.raises(Refused, match="other chargers"):
        await prepare(database)
    assert await chargers(database) == {"THEIRS": "a real one"}
    assert not await database.read(stations_store.list_stations, tenant=DEFAULT_TENANT)
    assert not await database.read(drivers_store.list_tokens, tenant=DEFAULT_TENANT)


async def test_what_was_taken_away_of_the_example_comes_back(database: StoreDatabase) -> None:
    await prepare(database)
    await do(database, stations.remove_charger, IDS[1])
    await do(database, drivers.remove_token, demo.TOKENS[0])
    assert await prepare(database, "second") is False
    assert list(await chargers(database)) == IDS
    assert await opened_by(database, "second") == [True] * len(IDS)
    tokens = await database.read(drivers_store.list_tokens, tenant=DEFAULT_TENANT)
    assert sorted(each.value for each in tokens) == sorted(demo.TOKENS)


async def test_drivers_who_are_there_already_are_no_obstacle(database: StoreDatabase) -> None:
    await do(database, drivers.add_driver, "Asha", email="driver@example.org")
    assert await prepare(database) is True
    tokens = await database.read(drivers_store.list_tokens, tenant=DEFAULT_TENANT)
    assert len(tokens) == len(demo.TOKENS)


# --- the configuration ----------------------------------------------------------------------------------------------------------


def test_what_the_operators_file_says_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stubs, "installed", lambda: dict.fromkeys((*stubs.PLUGINS, "webhook")))
    own = {"email": {"host": "mail.example.org", "sender": "me@example.org"}, "razorpay": {"merchant_name": "Mine"}}
    config = Config(folder=tmp_path, plugins=PluginsConfig(enabled=("webhook", "email"), settings=own))
    equipped, beside = demo.equip(config)
    assert equipped.plugins.enabled == ("webhook", "email", "tariff", "plans", "razorpay", "whatsapp", "sms")
    assert {name: equipped.plugins.settings[name] for name in own} == own
    assert not beside.own_gateway, "the operator's own gateway is not spoken to with the stub's keys"
    assert equipped.plugins.settings["sms"]["url"] == beside.url(3)
    assert equipped.plugins.settings["whatsapp"]["url"] == beside.url(2)
    assert beside.own_whatsapp


def test_where_a_port_is_taken_the_stubs_go_elsewhere() -> None:
    first = stubs.free_ports(stubs.FIRST, stubs.COUNT)
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a demo may just have ended there
        taken.bind(("127.0.0.1", first + 3))
        taken.listen()
        other = stubs.free_ports(first, stubs.COUNT)
    assert not set(range(other, other + stubs.COUNT)) & {first + 3}


# --- the processes --------------------------------------------------------------------------------------------------------------


class Prepared:
    """A store that has what the demo wants."""

    async def write(self, verb: Any, /, *arguments: Any, **_: Any) -> Any:
        return {demo.lay: demo.Ground(1, 1), demo.prepare: True}[verb]


@asynccontextmanager
async def running_with(program: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The demo, with a shell script in place of the simulated charger."""
    script = folder / "charger"
    script.write_text(f"#!/bin/sh\ncd '{folder}'\n{program}\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    monkeypatch.setattr(processes, "RESTART_S", 0.01)
    monkeypatch.setattr(processes, "STOP_S", 0.2)
    absent: Any = None
    database: Any = Prepared()
    ports = Ports(
        database=database,
        chargers=absent,
        decisions=absent,
        clock=absent,
        random=SystemEntropy(),
        blocking=absent,
        http=FakeHttp([OSError("there is no API")] * demo.TRIES),
    )
    address: Any = SimpleNamespace(url="ws://127.0.0.1:9/ocpp")
    server: Any = SimpleNamespace(ports=ports, gate=absent, chargers=[address], api_url="http://127.0.0.1:8", operator_key="key")
    _, beside = demo.equip(Config(folder=folder))
    async with trio.open_nursery() as nursery:
        with trio.fail_after(PATIENCE_S):
            await nursery.start(demo.run, server, beside)
            yield
            nursery.cancel_scope.cancel()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_charger_that_ends_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "AGAIN_S", 0.01)
    with structlog.testing.capture_logs() as logs:
        async with running_with('echo "$CHARGER_PASSWORD $*" >> lives; exit 3', tmp_path, monkeypatch):
            lives = tmp_path / "lives"
            while not lives.exists() or any(lives.read_text().count(charger_id) < 3 for charger_id in IDS):
                await trio.sleep(0.01)
            while "demo.no_money" not in {entry["event"] for entry in logs}:  # what cannot be laid is no obstacle
                await trio.sleep(0.01)
    every = lives.read_text().splitlines()
    said = [line for line in every if "simulators.charger" in line]
    assert any("-m simulators.providers --folder" in line for line in every), "the stubs, too"
    passwords = {line.split()[0] for line in said}
    assert len(passwords) == len(IDS), "each its own, the same in every life"
    assert all("--url ws://127.0.0.1:9/ocpp --id DEMO-" in line and "--tag DEMO-TAG-1" in line for line in said)
    assert all(password not in line.partition(" ")[2] for line in said for password in passwords), "not for everybody to see in ps"
    assert {(entry["what"], entry["exit_code"]) for entry in logs if entry["event"] == "demo.process_ended"} == {
        (what, 3) for what in [*IDS, "provider stubs"]
    }
    assert "http://127.0.0.1:8/health" in capsys.readouterr().out


@pytest.mark.parametrize("program", ["exec sleep 30", "trap '' TERM\nexec sleep 30"], ids=["willing", "stubborn"])
async def test_no_charger_outlives_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    async with running_with(f"echo $$ >> pids\n{program}", tmp_path, monkeypatch):
        pids = tmp_path / "pids"
        while not pids.exists() or len(pids.read_text().split()) < len(IDS) + 1:
            await trio.sleep(0.01)
        ended_at = trio.current_time()
    assert trio.current_time() - ended_at < 20, "it did not wait for them to end by themselves"
    assert not any(alive(int(pid)) for pid in pids.read_text().split())


# --- the real thing -------------------------------------------------------------------------------------------------------------


def transactions(file: Path) -> set[tuple[int, str]]:
    """Transactions and how they are."""
    if not file.exists():
        return set()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return set(connection.execute("SELECT id, state FROM transactions"))
    except sqlite3.OperationalError:
        return set()  # not migrated yet
    finally:
        connection.close()


def in_session(session: int) -> list[str]:
    """The command lines of a session's processes, zombies left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((folder / "cmdline").read_text().replace("\0", " "))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def connected(log: Path) -> set[str]:
    """The chargers that a server says have connected, but for a line that it is just writing."""
    said = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("}\n")]
    return {entry["charger"] for entry in said if entry["event"] == "charger.connected"}


@asynccontextmanager
async def real_demo(folder: Path) -> AsyncIterator[trio.Process]:
    """``csms serve --demo`` in a session of its own, as a terminal would have it; ``out`` and ``err`` hold what it says."""
    ours = ("CSMS_", "DATABASE_URL", "REDIS_URL", "PORT", "LOG_LEVEL", "COV_CORE")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    command = [sys.executable, "-m", "csms", "serve", "--demo", "--config", "csms.toml"]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = await trio.lowlevel.open_process(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
    try:
        yield process
    finally:
        if in_session(process.pid):  # which is ours: it began with this process
            os.killpg(process.pid, signal.SIGKILL)
        with trio.CancelScope(shield=True):
            await process.wait()


async def test_a_newcomer_sees_charging_and_ends_it(tmp_path: Path) -> None:
    (tmp_path / "csms.toml").write_text("[ocpp]\nport = 0\n[api]\nport = 0\n[files]\nport = 0\n")
    file = tmp_path / "csms.db"
    for number, welcome in ((signal.SIGINT, "put into the empty database"), (signal.SIGTERM, "was there already")):
        before = {transaction_id for transaction_id, _ in transactions(file)}
        async with real_demo(tmp_path) as process:
            with trio.fail_after(PATIENCE_S):
                while not {each for each, state in transactions(file) if state == "running"} - before:
                    assert process.returncode is None, (tmp_path / "err").read_text()
                    await trio.sleep(0.1)
                while welcome not in (tmp_path / "out").read_text():
                    await trio.sleep(0.1)
                while connected(tmp_path / "err") != set(IDS):
                    await trio.sleep(0.1)
            assert sum("simulators.charger" in each for each in in_session(process.pid)) == len(IDS)
            if number is signal.SIGINT:
                os.killpg(process.pid, number)  # Ctrl+C: everybody at the terminal hears it
            else:
                process.send_signal(number)
            with trio.fail_after(PATIENCE_S):
                assert await process.wait() == 0
            said = (tmp_path / "err").read_text()
            assert "Traceback" not in said
            assert '"level": "error"' not in said
            assert in_session(process.pid) == []
