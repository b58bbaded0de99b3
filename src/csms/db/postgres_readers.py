"""PostgreSQL's readers: a pool of connections used in threads, a snapshot for each query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
import trio
from psycopg_pool import ConnectionPool, PoolTimeout

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId
from csms.core.ports import Blocking, Clock

from .location import PostgresLocation
from .postgres_connect import connect, out_of_order, parameters, parents, prepare, tenant_tables, unavailable
from .remembered import Remembered
from .statements import Statements
from .stats import Stats
from .tx import ReadScope, Run
from .xids import rebase_foreign

T = TypeVar("T")


class PostgresReaders:
    """A pool of reading connections, each used by one thread at a time."""

    def __init__(
        self,
        location: PostgresLocation,
        config: DatabaseConfig,
        *,
        clock: Clock,
        threads: Blocking,
        remembered: Remembered,
        stats: Stats,
    ) -> None:
        self._location = location
        self._config = config
        self._clock = clock
        self._threads = threads
        self._remembered = remembered
        self._stats = stats
        self.tables: frozenset[str] = frozenset()
        """Those that belong to a tenant, known when it is open."""
        self._idle: list[Statements] = []
        self._free = trio.CapacityLimiter(config.pool_size)
        self._tries = config.pool_size + 1
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
            self.tables = tenant_tables(connection)
            self._remembered.parents |= parents(connection)
            if "events" not in self.tables:
                raise StoreUnavailable(f"PostgreSQL database {self._location} has no tables yet; run `csms migrate`")
            rebase_foreign(connection)
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
        for tried in range(self._tries):  # every idle connection may have been closed
            try:
                with self._pool.connection() as connection:
                    try:
                        return self._query(connection, query, arguments, tenant)
                    except psycopg.OperationalError:
                        if tried == self._tries - 1 or not connection.closed:
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
        run = Run(cursor, remembered=self._remembered)
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        statements = self._idle.pop() if self._idle else self._learn()
        try:
            return query(ReadScope(run, statements, tenant, self._clock.now()), *arguments)
        finally:
            self._idle.append(statements)
            if not connection.closed:
                connection.execute("ROLLBACK")

    def _learn(self) -> Statements:
        statements = Statements(self.tables, percent=True)
        self._stats.connections.append(statements)
        return statements
