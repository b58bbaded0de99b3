"""SQLite's readers: read-only connections in threads, a snapshot for each query."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import trio

from csms.core.ids import TenantId
from csms.core.ports import Blocking, Clock

from .sqlite_connect import connect, out_of_order, unavailable
from .statements import Statements
from .stats import Stats
from .tx import ReadScope, Run

T = TypeVar("T")


class SqliteReaders:
    """Read-only connections, each used by one thread at a time."""

    def __init__(self, path: Path, size: int, *, clock: Clock, threads: Blocking, stats: Stats, busy_timeout_s: float) -> None:
        self._path = path
        self._clock = clock
        self._threads = threads
        self._stats = stats
        self._busy_timeout_s = busy_timeout_s
        self._free = trio.CapacityLimiter(size)
        self._idle: list[tuple[sqlite3.Connection, Statements]] = []
        self._tables: frozenset[str] = frozenset()

    def open(self, tables: frozenset[str]) -> None:
        """Remember the tenant tables; connections are made when they are needed."""
        self._tables = tables

    async def close(self) -> None:
        """Close what is idle."""
        for connection, _ in self._idle:
            await self._threads.run("reader", connection.close)
        self._idle.clear()

    async def run(self, query: Callable[..., T], arguments: tuple[Any, ...], tenant: TenantId) -> T:
        """Run a query on a snapshot, in a thread. Raises ``StoreUnavailable``."""
        try:
            self._free.acquire_nowait()  # without the turn of the event loop that ``acquire`` takes
        except trio.WouldBlock:
            await self._free.acquire()
        try:
            reader = self._idle.pop() if self._idle else None
            return await self._threads.run("reader", self._read, reader, query, arguments, tenant)
        finally:
            self._free.release()

    def _read(
        self,
        reader: tuple[sqlite3.Connection, Statements] | None,
        query: Callable[..., T],
        arguments: tuple[Any, ...],
        tenant: TenantId,
    ) -> T:
        connection, statements = reader or self._connect()
        cursor = connection.cursor()
        sound = True
        try:
            cursor.execute("BEGIN")
            try:
                return query(ReadScope(Run(cursor), statements, tenant, self._clock.now()), *arguments)
            finally:
                cursor.execute("ROLLBACK")
        except sqlite3.Error as error:
            sound = not out_of_order(error)
            if sound:
                raise
            raise unavailable(self._path, error) from error
        finally:
            if sound:
                self._idle.append((connection, statements))
            else:
                connection.close()

    def _connect(self) -> tuple[sqlite3.Connection, Statements]:
        try:
            connection = connect(self._path, mode="ro", busy_timeout_s=self._busy_timeout_s)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA cache_size = -8192")
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error
        statements = Statements(self._tables, percent=False)
        self._stats.connections.append(statements)
        return connection, statements
