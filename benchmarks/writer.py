"""Acknowledged verbs per second of the group-commit writer, alone and beside a thread that spins.

``python -m benchmarks.writer``; prints one JSON object.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import trio

from csms.config import DatabaseConfig
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import open_database
from csms.db.migrate import core_migrations, migrate
from csms.memory import SWITCH_INTERVAL_S
from csms.outside import SystemClock

FILE = "bench.db"
TASKS = 300
SECONDS = 3.0


def verb(tx: Tx, number: int) -> None:
    """One small durable fact."""
    tx.run("INSERT INTO bench (tenant, number) VALUES (:tenant, :number)", number=number)


async def measure(folder: Path, spinning: bool) -> dict[str, float]:
    """Run ``TASKS`` tasks that each wait for their verb's commit before the next."""
    acknowledged = 0
    config = DatabaseConfig(url=f"sqlite:///{FILE}")
    migrate(config, [core_migrations()], folder=folder, clock=SystemClock())
    with closing(sqlite3.connect(folder / FILE)) as connection:
        connection.execute("CREATE TABLE bench (id INTEGER PRIMARY KEY, tenant INTEGER NOT NULL, number INTEGER NOT NULL) STRICT")
    async with open_database(config, clock=SystemClock(), folder=folder) as database:
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
    """Measure and print, as the server is set up."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as name:
        print(json.dumps(trio.run(measure, Path(name), "spinning" in sys.argv)))


if __name__ == "__main__":
    main()
