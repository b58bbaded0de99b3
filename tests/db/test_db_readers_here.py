"""SQLite's small reads are done at once; large, slow and failing ones in a thread, with the same results."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio.testing

from csms.config import DatabaseConfig
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx, Tx
from csms.db import open_database, sqlite_readers
from csms.db.location import SQLITE
from csms.db.migrate import core_migrations
from csms.outside import SystemClock
from csms.testing.stores import StoreMaker

CONFIG = DatabaseConfig(url="sqlite:///csms.db")
COUNT = (
    "WITH RECURSIVE counted (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < :most)"
    " SELECT count(*) FROM counted WHERE :tenant > 0"
)
LARGE = 20_000
"""To count so far takes three times what may be taken at once."""


@pytest.fixture(autouse=True)
def store(store_maker: StoreMaker, tmp_path: Path) -> Path:
    store_maker.url(SQLITE, [core_migrations()], tmp_path)
    return tmp_path


def counted(tx: ReadTx, most: int) -> tuple[int, bool]:
    """How far it counted, and whether it did so on the event loop's thread."""
    found = tx.value(COUNT, most=most)
    return found, threading.current_thread() is threading.main_thread()


async def test_a_small_read_is_done_at_once_and_a_large_one_in_a_thread(store: Path) -> None:
    async with open_database(CONFIG, clock=SystemClock(), folder=store) as database:
        read = partial(database.read, counted, tenant=DEFAULT_TENANT)
        assert await read(10) == (10, True)
        assert await read(LARGE) == (LARGE, False), "broken off, and done again"
        assert await read(10) == (10, False), "what was large is not tried at once again"
        for _ in range(sqlite_readers.FIRST_IN_THREADS):
            await read(10)
        assert await read(10) == (10, True), "but it may have been a matter of what was asked"
        in_threads = 0
        for _ in range(200):
            in_threads += not (await read(LARGE))[1]
        assert in_threads == 200
        tries = [(await read(10))[1] for _ in range(2 * sqlite_readers.MOST_IN_THREADS)]
        assert not any(tries[: sqlite_readers.FIRST_IN_THREADS * 4]), "the oftener it was too large, the rarer it is tried"
        assert tries[-1]


async def test_a_query_that_swallows_its_end_is_done_again(store: Path) -> None:
    def stubborn(tx: ReadTx) -> Any:
        try:
            return tx.value(COUNT, most=LARGE)
        except Exception:
            return "broken off"

    async with open_database(CONFIG, clock=SystemClock(), folder=store) as database:
        assert await database.read(stubborn, tenant=DEFAULT_TENANT) == LARGE


async def test_a_failing_read_fails_as_itself_and_spoils_no_other(store: Path) -> None:
    def wrong(tx: ReadTx) -> Any:
        return tx.value("SELECT some FROM nowhere WHERE :tenant > 0")

    async with open_database(CONFIG, clock=SystemClock(), folder=store) as database:
        with pytest.raises(Exception, match="no such table: nowhere"):
            await database.read(wrong, tenant=DEFAULT_TENANT)
        assert await database.read(counted, 10, tenant=DEFAULT_TENANT) == (10, True)


async def test_it_sees_what_was_just_written(store: Path) -> None:
    def write(tx: Tx, number: int) -> None:
        tx.run("UPDATE tenants SET name = :name WHERE id = :tenant", name=f"name {number}")

    def name(tx: ReadTx) -> Any:
        return tx.value("SELECT name FROM tenants WHERE id = :tenant")

    async with open_database(CONFIG, clock=SystemClock(), folder=store) as database:
        for number in range(20):
            await database.write(write, number, tenant=DEFAULT_TENANT)
            assert await database.read(name, tenant=DEFAULT_TENANT) == f"name {number}"


async def test_a_read_is_a_checkpoint(store: Path) -> None:
    async with open_database(CONFIG, clock=SystemClock(), folder=store) as database:
        with trio.testing.assert_checkpoints():
            await database.read(counted, 10, tenant=DEFAULT_TENANT)
