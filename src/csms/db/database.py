"""The store as everybody else sees it: ``write``, ``read``, ``append``, and news of events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import structlog
import trio

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable, WriterStopped
from csms.core.events import Event
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Tx

from .lane import Batch, Lane
from .remembered import Remembered
from .routing import Router
from .stats import BatchReport, Stats
from .work import Append, Write

log = structlog.get_logger(__name__)

T = TypeVar("T")
OnBatch = Callable[[BatchReport], None]
OnVolatile = Callable[[TenantId, int, Event], None]

CHECK_TIMEOUT_S = 5.0
ROOM_POLL_S = 1.0
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

    def __init__(
        self, engine: str, config: DatabaseConfig, readers: Readers, remembered: Remembered, stats: Stats, on_batch: OnBatch | None
    ) -> None:
        self.engine = engine
        """``sqlite`` or ``postgresql``."""
        self.stats = stats
        self.on_volatile: OnVolatile | None = None
        """Hears volatile events after their commit, on the event loop; set by whoever builds the bus."""
        self.event_mark = 0
        """Grows with every commit that stored events; see ``wait_for_events``."""
        self._marks: dict[str, int] = {"": 0}
        """The mark when there was last an event of a type; under no name, when all consumers were woken."""
        self.replay_mark = 0
        """Grows when a replay was asked for in this process."""
        self._limit = config.queue_limit
        self._patience_s = config.statement_timeout_s
        self._readers = readers
        self._remembered = remembered
        self._on_batch = on_batch
        self._lanes: list[Lane] = []
        self._router: Router | None = None
        self._room = trio.lowlevel.ParkingLot()
        self._crowd = 0
        """Tasks that wait for room; while there are any, newcomers stand behind them."""
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
        if self.stats.queued >= self._limit or self._crowd:
            await self._wait_for_room(patient=False)
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
        lane.put(work)
        self.stats.queued += 1
        result: T = await work.wait()
        return result

    async def append(self, sql: str, rows: Sequence[Mapping[str, Any]], /, *, key: str, tenant: TenantId) -> None:
        """Queue rows, in order with the writes of ``key``; waits only when the queue is full.

        A row that the database refuses is logged and counted; the others are stored. Raises ``WriterStopped``.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        if not rows:
            return
        if self.stats.queued >= self._limit or self._crowd:
            await self._wait_for_room(patient=True)
        if self._stopped:
            raise WriterStopped("the writer has stopped; nothing was written")
        work = Append(sql, rows, key, tenant)
        if self._router is None:
            self._lanes[0].put(work)
        else:
            self._router.put(work)
        self.stats.queued += len(rows)

    async def _wait_for_room(self, *, patient: bool) -> None:
        """Wait in turn. Rows wait for as long as it takes; a verb is told when what fills the queue cannot be written."""
        while not self._stopped:
            if not patient and (problem := self.problem()):
                raise StoreUnavailable(problem)
            self._crowd += 1
            try:
                with trio.move_on_after(ROOM_POLL_S):
                    await self._room.park()
                    if self.stats.queued < self._limit:
                        return
            finally:
                self._crowd -= 1

    def problem(self) -> str:
        """Why the last batch of some lane could not be written; empty when all could."""
        return next((lane.problem for lane in self._lanes if lane.problem), "")

    def taken(self, count: int) -> None:
        """A lane took ``count`` verbs and rows off its queue (negative: put back)."""
        stats = self.stats
        stats.queued -= count
        if self._crowd and stats.queued < self._limit:
            self._room.unpark(count=self._limit - stats.queued)

    def settled(self, work: Write | Append) -> None:
        """A lane wrote a piece of work, or gave it up."""
        if self._router is not None:
            self._router.settled(work)

    def committed(self, batch: Batch, report: BatchReport) -> None:
        """A lane committed: count it, tell volatile events, wake the consumers."""
        self.stats.record(report)
        self.stats.rows += batch.rows
        if batch.wrote:
            self._remembered.changed(batch.wrote)
        if self.on_volatile is not None:
            for tenant, now, event in batch.volatile:
                try:
                    self.on_volatile(tenant, now, event)
                except Exception:
                    log.exception("a listener of volatile events failed", event_type=event.type)
        if batch.emitted:
            self.wake_consumers(batch.emitted)
        if self._on_batch is not None:
            try:
                self._on_batch(report)
            except Exception:
                log.exception("a listener of batches failed")

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

    def wake_consumers(self, types: Iterable[str] = ()) -> None:
        """There is something to do for the consumers of these types of events; without any for all of them."""
        self.event_mark += 1
        for each in types or ("",):
            self._marks[each] = self.event_mark
        self._news.unpark_all()

    async def wait_for_events(self, after: int | None = None, types: frozenset[str] | None = None) -> int:
        """Wait for a commit of this process that stored events, of some ``types`` or any; the new ``event_mark``.

        Take the mark, read, then wait ``after`` that mark: a commit in between returns at once.
        """
        after = self.event_mark if after is None else after
        await trio.lowlevel.checkpoint()
        while not self._is_news(after, types):
            await self._news.park()
        return self.event_mark

    def _is_news(self, after: int, types: frozenset[str] | None) -> bool:
        if self.event_mark <= after:
            return False
        return types is None or self._marks[""] > after or any(self._marks.get(each, 0) > after for each in types)

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
        raise StoreUnavailable(self.problem() or f"the database did not answer within {CHECK_TIMEOUT_S:g} s")

    async def _probe(self, lane: Lane, number: int, problems: list[StoreUnavailable]) -> None:
        work = Write(_probe, (number,), DEFAULT_TENANT, frozenset(), careless=True)
        lane.put(work)
        self.stats.queued += 1
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
