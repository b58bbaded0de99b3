"""What is measured: every benchmark of the suite, one function each, returning its figures."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import attrs

from . import servers
from .servers import OPERATOR_KEY, Server

Figures = dict[str, float]
SUBJECTS = ("csms", "peer", "floor trio-websocket", "floor sans-I/O")


@attrs.frozen
class Size:
    """How much is measured: the full suite, or a quick look that says whether everything still runs."""

    few: int
    many: int
    seconds: float
    warmup: float
    rate: float
    commands: int


FULL = Size(few=300, many=5000, seconds=6.0, warmup=3.0, rate=500.0, commands=500)
QUICK = Size(few=50, many=300, seconds=1.5, warmup=0.5, rate=200.0, commands=50)


def start(subject: str, template: Path) -> AbstractContextManager[Server]:
    """A context manager that runs one subject."""
    if subject == "csms":
        return servers.csms(template)
    if subject == "peer":
        return servers.simple("benchmarks.peer")
    return servers.simple("benchmarks.floors", "trio-websocket" if subject.endswith("websocket") else "sans-io")


def requests(scenario: str, connections: int) -> Callable[[Server, Size], Figures]:
    """(a) CPU per request and requests per second, everybody sending again as soon as answered."""

    def measure(server: Server, size: Size) -> Figures:
        return servers.load(
            server,
            *("--scenario", scenario, "--connections", str(connections)),
            *("--seconds", str(size.seconds), "--warmup", str(size.warmup)),
        )

    return measure


def memory(server: Server, size: Size) -> Figures:
    """(b) Resident memory per connected, booted charger."""
    return servers.load(server, "--mode", "hold", "--connections", str(size.many), "--seconds", "2")


def latency(server: Server, size: Size) -> Figures:
    """(c) Open-loop latency of MeterValues at a fixed rate with many connected."""
    return servers.load(
        server,
        *("--mode", "rate", "--scenario", "meter", "--connections", str(size.many)),
        *("--rate", str(size.rate), "--seconds", str(size.seconds * 2), "--warmup", str(size.warmup)),
    )


def storm(server: Server, size: Size) -> Figures:
    """(d) Everybody reconnects at once; afterwards every boot and status that was answered must be in the store."""
    figures = servers.load(server, "--mode", "storm", "--connections", str(size.many))
    if server.api:
        figures["lost"] = _lost(server, int(figures["connected"]))
    return figures


def _lost(server: Server, connected: int) -> float:
    import sqlite3

    with sqlite3.connect(server.folder / "csms.db") as database:
        (booted,) = database.execute("SELECT count(*) FROM chargers WHERE registration = 'accepted'").fetchone()
        (placed,) = database.execute("SELECT count(DISTINCT charger_id) FROM connectors").fetchone()
    return float(2 * connected - min(booted, connected) - min(placed, connected))


def commands(server: Server, size: Size) -> Figures:
    """(e) Round trip of a remote command over HTTP: request, CALL to the charger, its answer, response."""
    generator = subprocess.Popen(
        [
            *(sys.executable, "-m", "benchmarks.load", "--url", server.url, "--server-pid", str(server.pid)),
            *("--mode", "commands", "--connections", str(size.few)),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert generator.stdin is not None
    assert generator.stdout is not None
    try:
        generator.stdout.readline()
        took_ms = []
        for number in range(size.commands):
            request = urllib.request.Request(
                f"{server.api}/api/v1/chargers/BENCH-{number % size.few:05d}/commands/GetVariables",
                data=b'{"variables":[{"name":"HeartbeatInterval"}]}',
                headers={"Authorization": f"Bearer {OPERATOR_KEY}", "Content-Type": "application/json"},
            )
            started = time.perf_counter()
            with urllib.request.urlopen(request, timeout=30) as answer:
                outcome = json.loads(answer.read())
            took_ms.append((time.perf_counter() - started) * 1000)
            if outcome["outcome"] != "Answered":
                raise RuntimeError(f"the command was not answered: {outcome}")
        took_ms.sort()
        return {"p50_ms": took_ms[len(took_ms) // 2], "p99_ms": took_ms[len(took_ms) * 99 // 100]}
    finally:
        generator.stdin.close()
        try:
            generator.wait(30)
        except subprocess.TimeoutExpired:
            generator.kill()
            generator.wait()


def writer(*arguments: str) -> Figures:
    """(f) Acknowledged verbs per second of the writer."""
    done = subprocess.run([sys.executable, "-m", "benchmarks.writer", *arguments], capture_output=True, text=True, check=True)
    figures: Figures = json.loads(done.stdout)
    return figures


def median(runs: list[Figures]) -> Figures:
    """The median of each figure over interleaved runs."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
