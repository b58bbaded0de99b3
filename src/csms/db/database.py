"""The store as everybody else sees it: ``write``, ``read``, ``append``, and news of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import structlog
import trio

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable, WriterStopped
from csms.core.events import Event
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Blocking, Clock, Tx

from .lane import Batch, Lane, Writer
from .location import PostgresLocation, SqliteLocation, locate
from .routing import Router
from .stats import BatchReport, Stats
from .threads import Threads
from .work import Append, Write

log = structlog.get_logger(__name__)

T = TypeVar("T")
OnBatch = Callable[[BatchReport], None]
OnVolatile = Callable[[TenantId, int, Event], None]

CHECK_TIMEOUT_S = 5.0
STOP_GRACE_S = 10.0
LANE_VERBS = 64
"""Most verbs in a PostgreSQL batch: more would hold their keys for too long."""
PROBE_BYTES = 8_192
"""What a check writes: more than a free page of the probe's own row, so that a full database shows."""


class Readers(Protocol):
    """An engine's reading side."""

    async def run(self, query: Callable[..., T], arguments: tuple[Any, ...], tenant: TenantId) -> T:
        """Run a query on a snapshot, in a thread. Raises ``StoreUnavailable``."""
        ...

    async def close(self) -> None:
        """Give the connections back."""
        ...


class StoreDatabase:
    """The store; ``core.ports.Database``, and what telemetry, health and consumers need of it."""

    def __init__(self, engine: str, config: DatabaseConfig, readers: Readers, stats: Stats, on_batch: OnBatch | None) -> None:
        self.engine = engine
        """``sqlite`` or ``postgresql``."""
        self.stats = stats
        self.on_volatile: OnVolatile | None = None
        """Hears volatile events after their commit, on the event loop; set by whoever builds the bus."""
        self.event_mark = 0
        """Grows with every commit that stored events; see ``wait_for_events``."""
        self.replay_mark = 0
        """Grows when a replay was asked for in this process."""
        self._limit = config.queue_limit
        self._patience_s = config.statement_timeout_s
        self._readers = readers
        self._on_batch = on_batch
        self._lanes: list[Lane] = []
        self._router: Router | None = None
        self._room = trio.lowlevel.ParkingLot()
        self._news = trio.lowlevel.ParkingLot()
        self._stopped = False
        self._closed = False

    def serve(self, lanes: list[Lane]) -> None:
        """Take the lanes that will do the writing; before the first use."""
        self._lanes = lanes
        self._router = Router(lanes, longest_wait_s=self._patience_s) if len(lanes) > 1 else None

    # --- writing ------------------------------------------------------------------------------------------------------------

    async def write(self, verb: Callable[..., T], /, *arguments: Any, tenant: TenantId, keys: Iterable[str] = ()) -> T:
        """Run ``verb(tx, *arguments)`` and return its result once it is durable; see ``core.ports.Database``."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self.stats.queued >= self._limit or len(self._room):
            await self._wait_for_room()
        if self._stopped:
            raise WriterStopped("the writer has stopped; nothing was written")
        if self._router is None:
            work = Write(verb, arguments, tenant, frozenset())
            lane = self._lanes[0]
        else:
            keys = tuple(keys)
            work = Write(verb, arguments, tenant, frozenset(keys))
            lane = await self._router.for_keys(keys)
            if self._stopped:
                raise WriterStopped("the writer has stopped; nothing was written")
        self.stats.queued += 1
        lane.put(work)
        result: T = await work.wait()
        return result

    async def append(self, sql: str, rows: Sequence[Mapping[str, Any]], /, *, key: str, tenant: TenantId) -> None:
        """Queue rows, in order with the writes of ``key``; waits only when the queue is full.

        A row that the database refuses is logged and counted; the others are stored. Raises ``WriterStopped``.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not rows:
            return
        if self.stats.queued >= self._limit or len(self._room):
            await self._wait_for_room()
        if self._stopped:
            raise WriterStopped("the writer has stopped; nothing was written")
        work = Append(sql, rows, key, tenant)
        self.stats.queued += len(rows)
        if self._router is None:
            self._lanes[0].put(work)
        else:
            self._router.put(work)

    async def _wait_for_room(self) -> None:
        while not self._stopped:
            await self._room.park()
            if self.stats.queued < self._limit:
                return

    def taken(self, count: int) -> None:
        """A lane took ``count`` verbs and rows off its queue (negative: put back)."""
        stats = self.stats
        stats.queued -= count
        if len(self._room) and stats.queued < self._limit:
            self._room.unpark(count=self._limit - stats.queued)

    def settled(self, work: Write | Append) -> None:
        """A lane wrote a piece of work, or gave it up."""
        if self._router is not None:
            self._router.settled(work)

    def committed(self, batch: Batch, report: BatchReport) -> None:
        """A lane committed: count it, tell volatile events, wake the consumers."""
        self.stats.record(report)
        self.stats.rows += batch.rows
        if self.on_volatile is not None:
            for tenant, now, event in batch.volatile:
                try:
                    self.on_volatile(tenant, now, event)
                except Exception:
                    log.exception("a listener of volatile events failed", event_type=event.type)
        if batch.emitted:
            self.wake_consumers()
        if self._on_batch is not None:
            self._on_batch(report)

    # --- reading ------------------------------------------------------------------------------------------------------------

    async def read(self, query: Callable[..., T], /, *arguments: Any, tenant: TenantId) -> T:
        """Run ``query(tx, *arguments)`` on a consistent snapshot, off the event loop. Raises ``StoreUnavailable``."""
        if self._closed:
            raise StoreUnavailable("the database is closed")
        started = trio.current_time()
        result = await self._readers.run(query, arguments, tenant)
        self.stats.reads += 1
        self.stats.read_seconds += trio.current_time() - started
        return result

    # --- events -------------------------------------------------------------------------------------------------------------

    def wake_consumers(self) -> None:
        """There is something for the consumers to do."""
        self.event_mark += 1
        self._news.unpark_all()

    async def wait_for_events(self, after: int | None = None) -> int:
        """Wait for a commit of this process that stored events; the new ``event_mark``.

        Take the mark, read, then wait ``after`` that mark: a commit in between returns at once.
        """
        if after is None or after >= self.event_mark:
            await self._news.park()
        else:
            await trio.lowlevel.checkpoint()
        return self.event_mark

    # --- health and end -----------------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """Write a little through every lane, and read. Raises ``StoreUnavailable`` with the reason."""
        if self._stopped:
            raise WriterStopped("the writer has stopped")
        with trio.move_on_after(CHECK_TIMEOUT_S):
            async with trio.open_nursery() as nursery:
                problems: list[StoreUnavailable] = []
                for number, lane in enumerate(self._lanes, start=1):
                    nursery.start_soon(self._probe, lane, number, problems)
            if problems:
                raise problems[0]
            await self.read(_look, tenant=DEFAULT_TENANT)
            return
        problem = next((lane.problem for lane in self._lanes if lane.problem), "")
        raise StoreUnavailable(problem or f"the database did not answer within {CHECK_TIMEOUT_S:g} s")

    async def _probe(self, lane: Lane, number: int, problems: list[StoreUnavailable]) -> None:
        work = Write(_probe, (number,), DEFAULT_TENANT, frozenset())
        self.stats.queued += 1
        lane.put(work)
        try:
            await work.wait()
        except StoreUnavailable as error:
            problems.append(error)

    def stop(self) -> None:
        """From now on ``write`` and ``append`` raise; what is queued is still written."""
        self._stopped = True
        self._room.unpark_all()
        for lane in self._lanes:
            lane.stop()

    async def close(self) -> None:
        """Give the reading connections back; nothing can be read any more."""
        self._closed = True
        await self._readers.close()


def _probe(tx: Tx, number: int) -> None:
    tx.run("INSERT INTO probes (id, filler) VALUES (:id, :filler)", id=number, filler=bytes(PROBE_BYTES))
    tx.run("DELETE FROM probes WHERE id = :id", id=number)


def _look(tx: Any) -> None:
    tx.value("SELECT count(*) FROM probes")


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
    stats = Stats()
    threads = blocking or Threads({"writer": config.lanes + 1, "reader": config.pool_size + 1})
    readers: Readers
    writers: list[Writer]
    if isinstance(location, SqliteLocation):
        readers, writers = await _open_sqlite(location, config, clock, threads, stats)
        most = config.batch_limit
    else:
        readers, writers = await _open_postgres(location, config, clock, threads, stats)
        most = min(config.batch_limit, LANE_VERBS)
    database = StoreDatabase(location.engine, config, readers, stats, on_batch)
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
    location: SqliteLocation, config: DatabaseConfig, clock: Clock, threads: Blocking, stats: Stats
) -> tuple[Readers, list[Writer]]:
    from .sqlite import SqliteReaders, SqliteWriter

    patience_s = config.statement_timeout_s
    writer = SqliteWriter(location.path, clock=clock, threads=threads, stats=stats, busy_timeout_s=patience_s)
    readers = SqliteReaders(location.path, config.pool_size, clock=clock, threads=threads, stats=stats, busy_timeout_s=patience_s)
    readers.open(await writer.open())
    return readers, [writer]


async def _open_postgres(
    location: PostgresLocation, config: DatabaseConfig, clock: Clock, threads: Blocking, stats: Stats
) -> tuple[Readers, list[Writer]]:
    try:
        from .postgres import PostgresReaders, PostgresWriter
    except ImportError as error:
        raise StoreUnavailable("PostgreSQL needs psycopg: install csms[postgres]") from error
    readers = PostgresReaders(location, config, clock=clock, threads=threads, stats=stats)
    await readers.open()
    return readers, [PostgresWriter(location, config, clock=clock, threads=threads, stats=stats) for _ in range(config.lanes)]
