"""Opens the store that the configuration names: connections, lanes, and the nursery in which they write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import trio

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable
from csms.core.ports import Blocking, Clock

from .database import OnBatch, OnVolatile, Readers, StoreDatabase
from .lane import Lane, Writer
from .location import PostgresLocation, SqliteLocation, locate
from .remembered import Remembered
from .stats import Stats
from .threads import Threads

STOP_GRACE_S = 10.0
LANE_VERBS = 64
"""Most verbs in a PostgreSQL batch: more would hold their keys for too long."""


@asynccontextmanager
async def open_database(
    config: DatabaseConfig,
    *,
    clock: Clock,
    folder: Path,
    on_batch: OnBatch | None = None,
    on_volatile: OnVolatile | None = None,
    blocking: Blocking | None = None,
    stop_grace_s: float = STOP_GRACE_S,
) -> AsyncIterator[StoreDatabase]:
    """The store that ``config`` names, already migrated (``csms.db.migrate``), with its writer running in a nursery of its own.

    ``folder`` is where relative paths start. ``on_batch`` hears of every group commit. ``blocking`` replaces the threads, for a
    simulation; it must run every call to its end. On leaving, new writes are refused, what is queued is written within
    ``stop_grace_s``, and the connections are closed. Raises ``StoreUnavailable`` when the database cannot be opened.
    """
    location = locate(config, folder)
    stats, remembered = Stats(), Remembered()
    threads = blocking or Threads({"writer": config.lanes + 1, "reader": config.pool_size + 1})
    readers: Readers
    writers: list[Writer]
    if isinstance(location, SqliteLocation):
        readers, writers = await _open_sqlite(location, config, clock, threads, remembered, stats)
        most = config.batch_limit
    else:
        readers, writers = await _open_postgres(location, config, clock, threads, remembered, stats)
        most = min(config.batch_limit, LANE_VERBS)
    database = StoreDatabase(location.engine, config, readers, remembered, stats, on_batch)
    lanes = [
        Lane(
            f"{location.engine} {number}",
            writer,
            most_verbs=most,
            most_rows=config.batch_limit,
            stats=stats,
            taken=database.taken,
            settled=database.settled if len(writers) > 1 else None,
            committed=database.committed,
        )
        for number, writer in enumerate(writers, start=1)
    ]
    database.on_volatile = on_volatile
    database.serve(lanes)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        shields = [trio.CancelScope(shield=True) for _ in lanes]
        for lane, shield in zip(lanes, shields, strict=True):
            nursery.start_soon(_serve, lane, shield)
        try:
            yield database
        except Exception as error:
            failure = error
        finally:
            database.stop()
            for shield in shields:
                shield.deadline = trio.current_time() + stop_grace_s
    with trio.CancelScope(shield=True):
        await database.close()
    if failure is not None:
        raise failure


async def _serve(lane: Lane, shield: trio.CancelScope) -> None:
    with shield:
        await lane.serve()


async def _open_sqlite(
    location: SqliteLocation, config: DatabaseConfig, clock: Clock, threads: Blocking, remembered: Remembered, stats: Stats
) -> tuple[Readers, list[Writer]]:
    from .sqlite import SqliteWriter
    from .sqlite_readers import SqliteReaders

    patience_s = config.statement_timeout_s
    writer = SqliteWriter(
        location.path, clock=clock, threads=threads, stats=stats, remembered=remembered, busy_timeout_s=patience_s
    )
    real = isinstance(threads, Threads)  # in simulated time everything is at once, in its own order
    readers = SqliteReaders(
        location.path,
        config.pool_size,
        clock=clock,
        threads=threads,
        remembered=remembered,
        stats=stats,
        busy_timeout_s=patience_s,
        here=real,
    )
    readers.open(await writer.open())
    return readers, [writer]


async def _open_postgres(
    location: PostgresLocation, config: DatabaseConfig, clock: Clock, threads: Blocking, remembered: Remembered, stats: Stats
) -> tuple[Readers, list[Writer]]:
    try:
        from .postgres import PostgresWriter
        from .postgres_readers import PostgresReaders
    except ImportError as error:
        raise StoreUnavailable("PostgreSQL needs psycopg: install csms[postgres]") from error
    readers = PostgresReaders(location, config, clock=clock, threads=threads, remembered=remembered, stats=stats)
    await readers.open()
    lane = partial(PostgresWriter, location, config, readers.tables, clock=clock, threads=threads, stats=stats)
    return readers, [lane() for _ in range(config.lanes)]
