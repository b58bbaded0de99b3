"""PostgreSQL: writer lanes, each with a connection used from a thread, and a pool of readers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import outcome
import psycopg
import structlog
import trio
from psycopg_pool import ConnectionPool, PoolTimeout

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId
from csms.core.ports import Blocking, Clock

from .attempt import Again, Attempt, Lost
from .lane import Batch
from .location import PostgresLocation
from .postgres_connect import connect, in_our_words, out_of_order, parameters, prepare, tenant_tables, unavailable
from .statements import Statements
from .stats import Stats
from .tx import ReadScope, Run
from .work import Append, Work, Write

log = structlog.get_logger(__name__)

T = TypeVar("T")

BUDGET_S = 0.010
MOST_TRIES = 5
"""Tries of a single verb after deadlocks or lost connections."""
FATE_POLL_S = 0.05


class CommitUnknown(StoreUnavailable):
    """The connection broke during COMMIT and the server cannot be asked: the verb was written, or not."""


class PostgresWriter:
    """The writer of one lane."""

    def __init__(
        self, location: PostgresLocation, config: DatabaseConfig, *, clock: Clock, threads: Blocking, stats: Stats
    ) -> None:
        self._location = location
        self._config = config
        self._clock = clock
        self._threads = threads
        self._stats = stats
        self._connection: psycopg.Connection[Any] | None = None
        self._statements: Statements | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._threads.run("writer", connection.close)

    async def run(self, batch: list[Work]) -> Batch:
        """Run and commit. Raises ``StoreUnavailable``: nothing was written, or (``CommitUnknown``) nobody can tell."""
        try:
            try:
                return await self._attempt(batch)
            except Lost as lost:
                if not lost.opening:
                    raise
                return await self._attempt(batch)
        except Again:
            pass
        except Lost as lost:
            if await self._committed(lost, batch):
                return lost.batch
        self._stats.replays += 1
        return await self._one_by_one(batch)

    async def _one_by_one(self, batch: list[Work]) -> Batch:
        total = Batch()
        volatile = list(total.volatile)
        for position, work in enumerate(batch):
            try:
                done = await self._alone(work)
            except StoreUnavailable as error:
                total.problem = error
                total.left_over += [later for later in batch[position:] if isinstance(later, Append)]
                break
            total.left_over += done.left_over
            total.emitted += done.emitted
            total.rows += done.rows
            total.seconds += done.seconds
            total.commit_seconds += done.commit_seconds
            volatile += done.volatile
        total.volatile = volatile
        return total

    async def _alone(self, work: Work) -> Batch:
        for attempt in range(MOST_TRIES):
            try:
                return await self._attempt([work])
            except Again:
                await trio.sleep(0.002 * 2**attempt)
            except Lost as lost:
                if await self._committed(lost, [work]):
                    return lost.batch
            except psycopg.Error as error:
                if isinstance(work, Append):
                    break
                work.outcome = outcome.Error(in_our_words(error))
                return Batch()
        reason = f"given up after {MOST_TRIES} deadlocks or lost connections"
        if isinstance(work, Write):
            work.outcome = outcome.Error(StoreUnavailable(reason))
        else:
            self._stats.refused_rows += len(work.rows)
            log.error("appended rows were refused", rows=len(work.rows), key=work.key, reason=reason)
        return Batch()

    async def _attempt(self, batch: list[Work]) -> Batch:
        return await self._threads.run("writer", self._in_thread, batch)

    def _in_thread(self, batch: list[Work]) -> Batch:
        connection = self._connect()
        assert self._statements is not None
        for work in batch:
            if isinstance(work, Write):
                work.outcome = None
        try:
            return Attempt(connection, self._statements, self._clock, self._stats).run(batch, BUDGET_S)
        except psycopg.Error as error:
            if out_of_order(error):
                raise unavailable(self._location, error) from error
            if len(batch) == 1:
                raise
            raise Again from error
        finally:
            if connection.closed:
                self._connection = None

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = connect(self._location, self._config, "csms writer")
            if self._statements is None:
                self._statements = Statements(tenant_tables(connection), percent=True)
                self._stats.connections.append(self._statements)
            self._connection = connection
        return self._connection

    async def _committed(self, lost: Lost, batch: list[Work]) -> bool:
        """Whether a transaction whose COMMIT was not answered took effect. Raises ``CommitUnknown``."""
        if lost.xid is None:
            return False
        deadline = trio.current_time() + self._config.connect_timeout_s + self._config.statement_timeout_s
        problem = ""
        while trio.current_time() < deadline:
            try:
                status = await self._threads.run("writer", self._fate, lost.xid)
            except StoreUnavailable as error:
                problem = str(error)
                await trio.sleep(FATE_POLL_S * 4)
                continue
            if status != "in progress":
                log.warning("a lost connection left a commit in doubt", transaction=lost.xid, status=status)
                return status == "committed"
            problem = "the transaction is still in progress"
            await trio.sleep(FATE_POLL_S)
        for work in batch:
            if isinstance(work, Append):
                work.doubt = lost.xid
        raise CommitUnknown(f"the connection was lost during COMMIT, and whether it was written cannot be asked: {problem}")

    def _fate(self, xid: int) -> str:
        try:
            row = self._connect().execute("SELECT pg_xact_status(%s::text::xid8)", (str(xid),)).fetchone()
        except psycopg.Error as error:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            raise unavailable(self._location, error) from error
        return str(row[0]) if row is not None else "in progress"


class PostgresReaders:
    """A pool of reading connections, each used by one thread at a time."""

    def __init__(
        self, location: PostgresLocation, config: DatabaseConfig, *, clock: Clock, threads: Blocking, stats: Stats
    ) -> None:
        self._location = location
        self._config = config
        self._clock = clock
        self._threads = threads
        self._stats = stats
        self._tables: frozenset[str] = frozenset()
        self._idle: list[Statements] = []
        self._free = trio.CapacityLimiter(config.pool_size)
        self._pool = ConnectionPool(
            kwargs=parameters(location, config, "csms reader"),
            min_size=1,
            max_size=config.pool_size,
            open=False,
            timeout=config.connect_timeout_s,
            configure=self._configure,
            name="csms readers",
        )

    async def open(self) -> None:
        """Read the tenant tables and start the pool. Raises ``StoreUnavailable``."""
        await self._threads.run("reader", self._open)

    def _open(self) -> None:
        with connect(self._location, self._config, "csms reader") as connection:
            self._tables = tenant_tables(connection)
            if "events" not in self._tables:
                raise StoreUnavailable(f"PostgreSQL database {self._location} has no tables yet; run `csms migrate`")
        self._pool.open()

    def _configure(self, connection: psycopg.Connection[Any]) -> None:
        prepare(connection, self._config)

    async def close(self) -> None:
        """Close the pool."""
        await self._threads.run("reader", self._pool.close)

    async def run(self, query: Callable[..., T], arguments: tuple[Any, ...], tenant: TenantId) -> T:
        """Run a query on a snapshot, in a thread. Raises ``StoreUnavailable``."""
        async with self._free:
            return await self._threads.run("reader", self._read, query, arguments, tenant)

    def _read(self, query: Callable[..., T], arguments: tuple[Any, ...], tenant: TenantId) -> T:
        for last in (False, True):
            try:
                with self._pool.connection() as connection:
                    try:
                        return self._query(connection, query, arguments, tenant)
                    except psycopg.OperationalError:
                        if last or not connection.closed:
                            raise
            except (psycopg.Error, PoolTimeout) as error:
                if isinstance(error, PoolTimeout) or out_of_order(error):
                    raise unavailable(self._location, error) from error
                raise
        raise StoreUnavailable(f"PostgreSQL database {self._location} keeps breaking the connection")

    def _query(
        self, connection: psycopg.Connection[Any], query: Callable[..., T], arguments: tuple[Any, ...], tenant: TenantId
    ) -> T:
        cursor = connection.cursor()
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        statements = self._idle.pop() if self._idle else self._learn()
        try:
            return query(ReadScope(Run(cursor), statements, tenant, self._clock.now()), *arguments)
        finally:
            self._idle.append(statements)
            if not connection.closed:
                connection.execute("ROLLBACK")

    def _learn(self) -> Statements:
        statements = Statements(self._tables, percent=True)
        self._stats.connections.append(statements)
        return statements
