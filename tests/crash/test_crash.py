"""The server is killed at random moments under load: everything it acknowledged is there, exactly once, and nothing else is.

``CRASH_SEED`` repeats a run (as far as two processes can), ``CRASH_KILLS`` says how many kills.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import pytest
import trio

from csms.outside import SystemClock
from csms.testing.swarm import Swarm

CHARGERS = 16
LOAD = 60
"""Acknowledged calls at least between a start and the next kill."""
LONGEST_WAIT_S = 0.3
DAY_MS = 86_400_000


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(10**6))


def kills(engine: str, campaign: bool) -> int:
    default = {("sqlite", False): 6, ("postgresql", False): 2, ("sqlite", True): 200, ("postgresql", True): 50}[engine, campaign]
    return int(os.environ.get("CRASH_KILLS") or default)


def tell(*words: str) -> None:
    sys.stdout.write("\n".join([*words, ""]))


async def run(server: Any, swarm: Swarm, times: int, chance: random.Random) -> None:
    """Start, load, kill, so many times; then let every charge that was begun come to its end, and stop in good order."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(swarm.run)
        for _ in range(times):
            await server.start()
            enough = swarm.acknowledged + chance.randrange(LOAD, 2 * LOAD)
            with trio.fail_after(30):
                while swarm.acknowledged < enough:
                    await trio.sleep(0.005)
            await trio.sleep(chance.uniform(0, LONGEST_WAIT_S))
            await server.kill()
        await server.start()
        swarm.finish()
    assert await server.end() == 0


async def crash(server: Any, query: Callable[[str], list[Any]], tokens: Callable[[list[str]], Any], times: int, seed: int) -> None:
    now = SystemClock().now() - DAY_MS
    swarm = Swarm.of(server.url, CHARGERS, now=now, seed=seed)
    await tokens([charger.token for charger in swarm.chargers])
    try:
        await run(server, swarm, times, random.Random(seed))
        broken = list(swarm.promises.broken(query))
        assert not broken, f"{len(broken)} broken promises, the first: {broken[:10]}"
        assert not server.complaints()
    except BaseException as error:
        error.add_note(f"CRASH_SEED={seed}; the server's last words:\n{server.log.read_text()[-3000:]}")
        raise
    kept = Counter(swarm.promises.said[message_id].action for message_id in swarm.promises.acknowledged)
    tell(
        f"seed {seed}: {times} kills, {sum(kept.values())} promises kept: {dict(kept)}; median start {median(server.starting_s):.2f} s"
    )
    assert set(kept) >= {"BootNotification", "StatusNotification", "Authorize", "StartTransaction", "TransactionEvent"}


async def test_what_was_acknowledged_survives_every_kill(
    server_process: Any, query: Any, tokens: Any, engine: str, seed: int
) -> None:
    await crash(server_process, query, tokens, kills(engine, campaign=False), seed)


@pytest.mark.campaign
async def test_a_long_campaign_of_kills(server_process: Any, query: Any, tokens: Any, engine: str, seed: int) -> None:
    await crash(server_process, query, tokens, kills(engine, campaign=True), seed)


@pytest.mark.campaign
async def test_a_simulated_fleet_loses_nothing_to_kills(server_process: Any, tokens: Any, seed: int) -> None:
    """With simulators that share no code with the server: quirks, drops, offline queues, power cuts; judged by its export."""
    fleet = ["--chargers", "40", "--duration", "0", "--ramp", "5", "--seed", str(seed), "--url", server_process.url]
    people = [
        "--speed",
        "20",
        "--meter-interval",
        "20",
        "--gap",
        "60",
        "--stay",
        "300",
        "--drop-rate",
        "60",
        "--longest-absence",
        "60",
    ]
    hurry = ["--backoff-min", "0.1", "--backoff-max", "1", "--retry-interval", "1", "--call-timeout", "5", "--grace", "100"]
    record = server_process.folder / "acked.jsonl"
    chance = random.Random(seed)
    listed = await command(server_process, "simulators.fleet", *fleet, "--list")
    await tokens([token for line in listed.splitlines()[1:] for token in line.split(",")[3].split()])
    await server_process.start()
    load = subprocess.Popen(
        [sys.executable, "-m", "simulators.fleet", *fleet, *people, *hurry, "--acked", str(record)],
        cwd=server_process.folder,
        stdout=(server_process.folder / "fleet.log").open("w"),
        stderr=subprocess.STDOUT,
    )
    try:
        for _ in range(int(os.environ.get("CRASH_KILLS") or 20)):
            await trio.sleep(chance.uniform(0.5, 4))
            await server_process.kill()
            await server_process.start()
        load.send_signal(signal.SIGINT)
        code = await trio.to_thread.run_sync(partial(load.wait, 120))
        assert code == 0, (server_process.folder / "fleet.log").read_text()[-3000:]
    finally:
        load.kill()
    assert await server_process.end() == 0
    await command(server_process, "csms", "export", "--all", "--output", "exported", "--config", "csms.toml")
    tell(f"seed {seed}", await command(server_process, "simulators.check", "--acked", str(record), "--export-dir", "exported"))


async def command(server: Any, module: str, *arguments: str) -> str:
    """Run a command in the server's folder; what it printed. It must end with 0."""
    command = [sys.executable, "-m", module, *arguments]
    done = await trio.run_process(command, cwd=server.folder, capture_stdout=True, capture_stderr=True, check=False)
    assert done.returncode == 0, done.stdout.decode()[-3000:] + done.stderr.decode()[-3000:]
    return done.stdout.decode()
