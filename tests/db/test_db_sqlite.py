"""SQLite when the disk is full, the file is read-only, locked or gone, and when the process is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.db import StoreDatabase, open_database, sqlite_connect
from csms.db.outbox import Consumer, Pace, run_consumer
from csms.testing.pace import IN_PRODUCTION
from csms.testing.stores import SettableClock, StoreMaker


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def write(database: StoreDatabase, verb: Any, *arguments: Any) -> Any:
    return await database.write(verb, *arguments, tenant=DEFAULT_TENANT, keys=("k",))


async def names(database: StoreDatabase, verbs: Any) -> list[str]:
    found: list[str] = await database.read(verbs.names, tenant=DEFAULT_TENANT)
    return found


async def limit_pages(database: StoreDatabase, pages: int) -> int:
    """As if the disk had room for this many pages."""
    count: int = await write(database, lambda tx: tx.value(f"PRAGMA max_page_count = {pages}"))
    return count


@pytest.fixture
def as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_connect, "SYNCHRONOUS", IN_PRODUCTION)


async def test_commits_are_on_the_disk(as_in_production: None, database: StoreDatabase) -> None:
    def settings(tx: Any) -> list[Any]:
        return [tx.value(f"PRAGMA {name}") for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert await write(database, settings) == ["wal", 2, 1]


async def test_a_full_disk_acknowledges_nothing_and_says_so(database: StoreDatabase, verbs: Any) -> None:
    await write(database, verbs.add, "before")
    await limit_pages(database, 1)
    ended: list[Any] = []

    async def attempt(number: int) -> None:
        try:
            ended.append(await write(database, verbs.add, f"big{number}", "x" * 9_000))
        except StoreUnavailable as error:
            ended.append(error)

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(attempt, number)
    assert all(isinstance(each, StoreUnavailable) for each in ended)
    assert "full" in str(ended[0])
    with pytest.raises(StoreUnavailable, match="full"):
        await database.check()
    assert await names(database, verbs) == ["before"]
    await limit_pages(database, 100_000)
    await database.check()
    await write(database, verbs.add, "after", "x" * 9_000)
    assert await names(database, verbs) == ["before", "after"]


async def test_rows_wait_until_there_is_room_again(store_config: DatabaseConfig, folder: Path, clock: Any, verbs: Any) -> None:
    config = attrs.evolve(store_config, queue_limit=100)
    insert = verbs.insert.replace("''", ":body")
    async with open_database(config, clock=clock, folder=folder) as database:
        await limit_pages(database, 1)
        rows = [{"name": f"row{number}", "body": "x" * 5_000} for number in range(100)]
        await database.append(insert, rows, key="k", tenant=DEFAULT_TENANT)
        with trio.fail_after(60):
            with pytest.raises(StoreUnavailable, match="full"):
                await write(database, verbs.add, "no room in the queue either")
            writer: Any = database._lanes[0]._writer
            writer._connection.execute("PRAGMA max_page_count = 100000")
            await database.append(verbs.insert, [{"name": "last"}], key="k", tenant=DEFAULT_TENANT)
            await write(database, verbs.add, "after")
        assert await names(database, verbs) == [*(f"row{number}" for number in range(100)), "last", "after"]
        assert database.stats.dropped_rows == 0


class BadSector:
    """A disk that fails once, at a COMMIT, with an I/O error."""

    def __init__(self) -> None:
        self.fail_next = False

    async def run(self, kind: str, function: Any, /, *arguments: Any) -> Any:
        if arguments == ("COMMIT",) and self.fail_next:
            self.fail_next = False
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
            raise error
        return function(*arguments)


async def test_an_error_of_the_disk_at_commit_fails_its_batch_and_no_more(
    store_config: DatabaseConfig, folder: Path, clock: Any, verbs: Any
) -> None:
    disk = BadSector()
    async with open_database(store_config, clock=clock, folder=folder, blocking=disk) as database:
        await write(database, verbs.add, "before")
        disk.fail_next = True
        with pytest.raises(StoreUnavailable, match="disk I/O error"):
            await write(database, verbs.add, "lost")
        await write(database, verbs.add, "after")
        assert await names(database, verbs) == ["before", "after"]


async def test_a_read_only_file_says_so(store_config: DatabaseConfig, folder: Path, clock: Any, verbs: Any) -> None:
    async with open_database(store_config, clock=clock, folder=folder) as database:
        await write(database, lambda tx: tx.run("PRAGMA query_only = ON"))
        with pytest.raises(StoreUnavailable, match=r"(?i)read-?only"):
            await write(database, verbs.add, "a")
        with pytest.raises(StoreUnavailable, match=r"(?i)read-?only"):
            await database.check()


async def test_a_verb_that_rolls_everything_back_takes_its_batch_with_it(database: StoreDatabase, verbs: Any) -> None:
    def whole_batch(tx: Any) -> None:
        verbs.add(tx, "twin")
        try:
            tx.run("INSERT OR ROLLBACK INTO notes (tenant, name) VALUES (:tenant, 'twin')")
        except sqlite3.IntegrityError:
            verbs.add(tx, "would be committed alone")

    ended: list[Any] = []

    async def attempt(verb: Any, *arguments: Any) -> None:
        try:
            ended.append(await write(database, verb, *arguments))
        except Exception as error:
            ended.append(error)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt, verbs.add, "a")
        nursery.start_soon(attempt, whole_batch)
        nursery.start_soon(attempt, verbs.add, "b")
    assert [type(each) for each in ended] == [StoreUnavailable] * 3
    assert await names(database, verbs) == []
    await write(database, verbs.add, "c")
    assert await names(database, verbs) == ["c"]


async def test_another_process_with_the_lock_is_waited_for_without_stopping_the_loop(
    store_config: DatabaseConfig, folder: Path, clock: Any, verbs: Any
) -> None:
    config = attrs.evolve(store_config, statement_timeout_s=0.3)
    other = sqlite3.connect(folder / "csms.db", isolation_level=None)
    async with open_database(config, clock=clock, folder=folder) as database:
        other.execute("BEGIN IMMEDIATE")
        longest = 0.0

        async def pulse() -> None:
            nonlocal longest
            while True:
                before = trio.current_time()
                await trio.sleep(0.001)
                longest = max(longest, trio.current_time() - before)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(pulse)
            with pytest.raises(StoreUnavailable, match="locked"):
                await write(database, verbs.add, "too late")
            async with trio.open_nursery() as waiters:
                waiters.start_soon(write, database, verbs.add, "patient")
                await trio.sleep(0.02)
                other.execute("ROLLBACK")
            nursery.cancel_scope.cancel()
        assert longest < 0.25
        assert await names(database, verbs) == ["patient"]
    other.close()


async def test_a_file_that_is_gone_is_noticed(store_config: DatabaseConfig, folder: Path, clock: Any, verbs: Any) -> None:
    async with open_database(store_config, clock=clock, folder=folder) as database:
        file, aside = folder / "csms.db", folder / "aside.db"
        file.rename(aside)
        with pytest.raises(StoreUnavailable, match="No such file"):
            await write(database, verbs.add, "nowhere")
        file.touch()
        with pytest.raises(StoreUnavailable, match="another file"):
            await database.check()
        aside.rename(file)
        await write(database, verbs.add, "back")
        assert await names(database, verbs) == ["back"]


async def test_a_database_that_was_never_migrated_says_what_to_do(folder: Path, clock: Any) -> None:
    sqlite3.connect(folder / "csms.db").close()
    with pytest.raises(StoreUnavailable, match="csms migrate"):
        async with open_database(DatabaseConfig(), clock=clock, folder=folder):
            pass
    with pytest.raises(StoreUnavailable, match="unable to open"):
        async with open_database(DatabaseConfig(url="sqlite:///none.db"), clock=clock, folder=folder):
            pass
    (folder / "text.db").write_text("this is no database " * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        async with open_database(DatabaseConfig(url="sqlite:///text.db"), clock=clock, folder=folder):
            pass


async def test_a_long_batch_lets_others_have_turns(database: StoreDatabase, verbs: Any) -> None:
    turns = most = before = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    def slow(tx: Any) -> None:
        nonlocal most, before
        most = max(most, turns - before)
        before = turns
        end = trio.current_time() + 0.003
        while trio.current_time() < end:
            pass

    async with trio.open_nursery() as nursery:
        async with trio.open_nursery() as writers:
            for _ in range(10):
                writers.start_soon(write, database, slow)
            await trio.lowlevel.checkpoint()
            nursery.start_soon(others)
        nursery.cancel_scope.cancel()
    assert database.stats.sizes[0] <= 2  # it was one batch, or nearly
    assert turns >= 8


async def test_it_runs_in_virtual_time_without_a_thread(
    store_config: DatabaseConfig, folder: Path, clock: Any, verbs: Any, autojump_clock: trio.testing.MockClock
) -> None:
    class Inline:
        async def run(self, kind: str, function: Any, /, *arguments: Any) -> Any:
            await trio.sleep(0.005)  # what a disk takes
            return function(*arguments)

    threads = threading.active_count()
    heard: list[int] = []

    async def hear(delivered: Delivered) -> None:
        event: Any = delivered.event
        await trio.sleep(600)
        heard.append(event.number)

    async with open_database(store_config, clock=clock, folder=folder, blocking=Inline()) as database:
        async with trio.open_nursery() as nursery:
            pace = Pace(timeout_s=10_000)
            await nursery.start(
                lambda task_status: run_consumer(database, Consumer("c", hear), clock=clock, pace=pace, task_status=task_status)
            )
            for number in range(6):
                await database.write(verbs.note, "a", number, tenant=DEFAULT_TENANT)
            await trio.sleep(6 * 600 + 60)
            nursery.cancel_scope.cancel()
        await database.check()
    assert heard == list(range(6))
    assert threading.active_count() <= threads


CHILD = """
import sys, trio
from pathlib import Path
from csms.config import DatabaseConfig
from csms.db import open_database
from csms.testing.stores import SettableClock

def add(tx, name):
    tx.run("INSERT INTO notes (tenant, name, at) VALUES (:tenant, :name, :now)", name=name)

async def main():
    folder = Path(sys.argv[1])
    async with open_database(DatabaseConfig(), clock=SettableClock(), folder=folder) as database:
        async def task(number):
            turn = 0
            while True:
                name = f"{sys.argv[2]}.{number}.{turn}"
                await database.write(add, name, tenant=1)
                sys.stdout.write(name + chr(10))
                sys.stdout.flush()
                turn += 1
        async with trio.open_nursery() as nursery:
            for number in range(50):
                nursery.start_soon(task, number)

trio.run(main)
"""


def test_a_killed_process_keeps_all_it_acknowledged(
    store_maker: StoreMaker, store_migrations: Any, tmp_path: Path, clock: SettableClock
) -> None:
    store_maker.url("sqlite", store_migrations, tmp_path)
    acknowledged: list[str] = []
    source = Path(__file__).parents[2] / "src"
    for kill in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path), str(kill)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(source)},
        )
        assert child.stdout is not None
        for _ in range(300 + 211 * kill):
            line = child.stdout.readline().strip()
            assert line, "the child ended by itself"
            acknowledged.append(line)
        child.send_signal(signal.SIGKILL)
        acknowledged += [line.strip() for line in child.stdout if line.endswith("\n")]
        child.wait()
        child.stdout.close()
    connection = sqlite3.connect(tmp_path / "csms.db")
    stored = [row[0] for row in connection.execute("SELECT name FROM notes")]
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    connection.close()
    assert len(acknowledged) > 1_000
    assert set(acknowledged) <= set(stored)
    assert len(stored) == len(set(stored))
