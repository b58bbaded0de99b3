"""Acknowledged verbs per second of the group-commit writer, alone and beside a thread that spins.

``python -m benchmarks.writer``; prints one JSON object.
"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from pathlib import Path

import trio

from csms.config import DatabaseConfig
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import open_database
from csms.outside import SystemClock

TASKS = 300
SECONDS = 3.0


def verb(tx: Tx, number: int) -> None:
    """One small durable fact."""
    tx.run("INSERT INTO bench (tenant, number) VALUES (:tenant, :number)", number=number)


async def measure(folder: Path, spinning: bool) -> dict[str, float]:
    """Run ``TASKS`` tasks that each wait for their verb's commit before the next."""
    acknowledged = 0
    async with open_database(DatabaseConfig(url="sqlite:///bench.db"), clock=SystemClock(), folder=folder) as database:
        await database.write(
            lambda tx: tx.system("benchmark table").run(
                "CREATE TABLE IF NOT EXISTS bench (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, number INTEGER NOT NULL) STRICT"
            ),
            tenant=DEFAULT_TENANT,
        )
        stop = threading.Event()

        def spin() -> None:
            while not stop.is_set():
                pass

        async def ask_again() -> None:
            nonlocal acknowledged
            while True:
                await database.write(verb, acknowledged, tenant=DEFAULT_TENANT)
                acknowledged += 1

        thread = threading.Thread(target=spin, daemon=True)
        if spinning:
            thread.start()
        started = trio.current_time()
        with trio.move_on_after(SECONDS):
            async with trio.open_nursery() as nursery:
                for _ in range(TASKS):
                    nursery.start_soon(ask_again)
        seconds = trio.current_time() - started
        stop.set()
    return {"verbs_per_s": acknowledged / seconds}


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as name:
        print(json.dumps(trio.run(measure, Path(name), "spinning" in sys.argv)))


if __name__ == "__main__":
    main()
