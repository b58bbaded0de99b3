"""``python -m benchmarks api``: the management API over a year of data, with chargers connected; CPU per route, and a mixed load."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import attrs
import trio
from rich.console import Console

from csms.config import DatabaseConfig
from csms.core.access import PERMISSIONS
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import open_database
from csms.db.migrate import core_migrations
from csms.domain.stations import keys
from csms.domain.stations import service as stations
from csms.outside import SystemClock, SystemEntropy

from . import api_report, proc, servers, year
from .api_load import Heard, Took, at_once, listening, one_after_another, settled, steady
from .api_routes import Data, Measured, charger, routes
from .http_client import Connection, asked
from .servers import OPERATOR_KEY, PASSWORD, Server

EXAMPLES = """examples:
  python -m benchmarks api                          5,000 chargers connected, a year of 1,000 (makes it once: 1 GB, a few minutes)
  python -m benchmarks api --year year.db           with a database that benchmarks.year made
  python -m benchmarks api --quick                  under two minutes: small sizes, does everything still run?
"""
NO_LIMITS = (
    "max_live_streams_each = 100\n[limits]\naddress_per_min = 10000000\ncaller_per_min = 10000000\ntenant_per_min = 10000000\n"
)
"""Buckets that count and are never empty."""
BEHIND_S = 3 * 3600
"""What chargers tell began so long ago, for every message moves its time on by a second."""


@attrs.frozen
class Size:
    """How much is measured."""

    chargers: int
    connected: int
    rounds: int
    requests: int
    seconds: float
    warmup: float
    listeners: int
    patience: float
    """Seconds in which the server may do what thousands of arrivals left it to do."""
    arrival: float
    """Seconds that chargers which send all the time have for that, before anybody asks anything."""
    rate: float = 500.0
    charger_rate: float = 300.0


FULL = Size(
    chargers=1000, connected=5000, rounds=3, requests=100, seconds=20.0, warmup=10.0, listeners=50, patience=120.0, arrival=60.0
)
QUICK = Size(chargers=50, connected=300, rounds=1, requests=30, seconds=5.0, warmup=4.0, listeners=10, patience=20.0, arrival=4.0)


async def per_route(
    server: Server, floor_port: int, floor_pid: int, key: str, measured: list[Measured], size: Size
) -> list[api_report.Row]:
    """Every route in turn, in several rounds, the floor among them."""
    port = int(server.api.rpartition(":")[2])
    floor = Measured("empty Quart-Trio handler", "floor", lambda _: asked("GET", "/empty"))
    took: dict[str, list[Took]] = defaultdict(list)
    rates: dict[str, float] = {}
    for turn in range(size.rounds):
        ours, theirs = Connection(port, key), Connection(floor_port, key)
        idle = await settled(server.pid, size.patience if turn == 0 else size.patience / 20)
        try:
            for each in [floor, *measured]:
                pid, connection, less = (floor_pid, theirs, 0.0) if each is floor else (server.pid, ours, idle)
                took[each.name].append(await one_after_another(pid, connection, each, turn * 10_000, size.requests, less))
        finally:
            ours.close()
            theirs.close()
    for each in [floor, *measured]:
        where = floor_port if each is floor else port
        rates[each.name] = await at_once(where, key, each, 100_000, min(size.seconds / 10, 1.0))
    return [
        api_report.Row(
            name=each.name,
            kind=each.kind,
            cpu_us=statistics.median(one.cpu_us for one in took[each.name]),
            p50_ms=api_report.percentile([ms for one in took[each.name] for ms in one.times_ms], 50),
            p99_ms=api_report.percentile([ms for one in took[each.name] for ms in one.times_ms], 99),
            requests_per_s=rates[each.name],
            answer_bytes=took[each.name][-1].answer_bytes,
        )
        for each in [floor, *measured]
    ]


@contextlib.contextmanager
def chargers(server: Server, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The load generator, from when all are connected."""
    command = [sys.executable, "-m", "benchmarks.load", "--url", server.url, "--server-pid", str(server.pid), *arguments]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONWARNINGS": "ignore"}
    )
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError("the chargers could not connect")
        yield process
    finally:
        process.kill()
        process.wait()


async def mixed(server: Server, key: str, measured: list[Measured], size: Size) -> api_report.Mixed:
    """Requests, listeners and chargers at the same time, each at its rate."""
    port = int(server.api.rpartition(":")[2])
    arguments = ["--mode", "rate", "--scenario", "meter", "--connections", str(size.connected), "--announce"]
    arguments += ["--begin-at", str(int(time.time()) - BEHIND_S)]
    arguments += ["--rate", str(size.charger_rate), "--warmup", str(size.arrival + size.warmup), "--seconds", str(size.seconds)]
    heard = Heard()
    with chargers(server, *arguments) as generator:
        stations = max(1, size.chargers // year.PER_STATION)
        async with listening(port, key, size.listeners, stations, heard):
            await asyncio.sleep(size.arrival)
            await steady(port, key, measured, size.rate, size.warmup)
            heard.ms.clear()
            began, cpu = time.perf_counter(), proc.cpu_ns(server.pid)
            load = await steady(port, key, measured, size.rate, size.seconds)
            share = (proc.cpu_ns(server.pid) - cpu) / 1e9 / (time.perf_counter() - began)
        told, _ = await asyncio.to_thread(generator.communicate, None, 120)
    return api_report.Mixed(
        rate=size.rate,
        charger_rate=size.charger_rate,
        listeners=size.listeners,
        requests_per_s=sum(map(len, load.times_ms.values())) / load.seconds,
        wrong=dict(load.wrong),
        times_ms=dict(load.times_ms),
        heard_ms=heard.ms,
        dropped=heard.dropped,
        server_cpu_share=share,
        chargers=json.loads(told),
    )


def api_key(server: Server) -> str:
    """An API key that may do everything: what integrations use, counted and limited as they are."""
    usable = [name for name in PERMISSIONS if not name.startswith("me:") and name != "api_keys:write"]
    request = urllib.request.Request(
        f"{server.api}/api/v1/api-keys",
        data=json.dumps({"name": "benchmark", "permissions": usable}).encode(),
        headers={"Authorization": f"Bearer {OPERATOR_KEY}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return str(json.loads(answer.read())["secret"])


def more_chargers(file: Path, known: int, connected: int) -> None:
    """Chargers beside those of the year, for as many to connect."""

    async def add() -> None:
        config = DatabaseConfig(url=f"sqlite:///{file.name}")
        sealed = keys.seal(PASSWORD.encode(), SystemEntropy())
        async with open_database(config, clock=SystemClock(), folder=file.parent) as database:
            for first in range(known, connected, 100):
                await database.write(_only_chargers, range(first, min(first + 100, connected)), sealed, tenant=DEFAULT_TENANT)

    trio.run(add)


def _only_chargers(tx: Tx, numbers: range, sealed: str) -> None:
    for number in numbers:
        stations.add_charger(tx, charger(number), sealed_key=sealed)


def run(file: Path, size: Size, console: Console) -> api_report.Report:
    """Everything, on a copy of the year."""
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as name:
        template = Path(name) / "year.db"
        shutil.copyfile(file, template)
        more_chargers(template, size.chargers, size.connected)
        with sqlite3.connect(template) as store:
            counts = [
                store.execute(f"SELECT max(id) FROM {table}").fetchone()[0] for table in ("transactions", "drivers", "stations")
            ]
        store.close()
        data = Data(size.chargers, size.connected, *counts)
        measured = routes(data)
        with servers.csms(template, settings=NO_LIMITS) as server, servers.simple("benchmarks.api_floor") as floor:
            key = api_key(server)
            floor_port = int(floor.url.split(":")[2].partition("/")[0])
            console.print(f"each route, {size.connected} chargers connected")
            with chargers(server, "--mode", "commands", "--connections", str(size.connected)):
                rows = asyncio.run(per_route(server, floor_port, floor.pid, key, measured, size))
            console.print("the mixed load")
            together = asyncio.run(mixed(server, key, measured, size))
    return api_report.Report(
        rows=rows, mixed=together, connected=size.connected, chargers=size.chargers, transactions=data.transactions
    )


def schema() -> str:
    """What tells the tables of this version from those of another."""
    folder = core_migrations().folder
    texts = sorted(each.name + each.read_text() for each in folder.iterdir() if each.name.endswith(".sql"))
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:8]


def main(arguments: list[str] | None = None) -> int:
    """Read the arguments, make the year where it is not there, measure, print Markdown; exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks api", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument("--year", type=Path, help="a database of benchmarks.year; made in --output and kept there unless given")
    parser.add_argument("--rounds", type=int, help="rounds over all routes, of which the median counts")
    parser.add_argument("--output", type=Path, default=Path("benchmarks-out"), help="folder for api.md and api.json")
    options = parser.parse_args(arguments)
    console = Console(stderr=True)
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = attrs.evolve(size, rounds=options.rounds)
    options.output.mkdir(parents=True, exist_ok=True)
    file = options.year or options.output / f"year-{size.chargers}-{schema()}.db"
    if not file.exists():
        console.print(f"making a year of {size.chargers} chargers in {file}")
        year.make(file.resolve(), size.chargers, console)
    proc.allow_many_files()
    report = run(file, size, console)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    page = api_report.page(report, machine=machine, rounds=size.rounds)
    (options.output / "api.md").write_text(page)
    (options.output / "api.json").write_text(json.dumps(attrs.asdict(report), indent=1))
    print(page)
    return int(any(not met for _, _, met in api_report.targets(report)))


if __name__ == "__main__":
    sys.exit(main())
