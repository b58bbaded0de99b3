"""SQLite's readers: read-only connections, a snapshot for each query: where it is small at once, else in a thread (ADR 17)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import perf_counter, thread_time
from typing import Any, TypeVar

import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId
from csms.core.ports import Blocking, Clock

from .remembered import Remembered
from .sqlite_connect import connect, out_of_order, unavailable
from .statements import Statements
from .stats import Stats
from .tx import ReadScope, Run

T = TypeVar("T")

STEP, MOST_STEPS = 1_000, 100
"""A query at once may take so many times so many instructions of SQLite's machine, about 2 ms; what takes more is done in a thread."""
MOST_CPU_S, MOST_WAIT_S = 0.003, 0.02
"""What took longer than that, of the processor for what Python made of it, or of the clock for a cold disk, is done in threads, too."""
MOST_IN_A_ROW_S = 0.001
"""How long queries are done at once, one after another, before the event loop has its turn."""
FIRST_IN_THREADS, MOST_IN_THREADS = 4, 256
"""So often a query goes to a thread before it is tried at once again: twice as often each time that it was too large again."""
_NEVER = 0, 0
CACHE_KIB, CACHE_HERE_KIB = 8_192, 65_536


class _TooLarge(Exception):
    """A query is not to be done at once."""


class SqliteReaders:
    """Read-only connections, each used by one thread at a time, and one for small queries that are done ``here``, at once.

    A thread wants the interpreter back for every row that SQLite finds, and waits for it while the event loop is busy: at 500 requests a
    second small reads took 50 ms there that take 0.3 here.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        *,
        clock: Clock,
        threads: Blocking,
        remembered: Remembered,
        stats: Stats,
        busy_timeout_s: float,
        here: bool = False,
    ) -> None:
        self._path = path
        self._clock = clock
        self._threads = threads
        self._remembered = remembered
        self._stats = stats
        self._busy_timeout_s = busy_timeout_s
        self._free = trio.CapacityLimiter(size)
        self._idle: list[tuple[sqlite3.Connection, Statements]] = []
        self._tables: frozenset[str] = frozenset()
        self._tries_here = here
        self._here: tuple[sqlite3.Connection, Statements] | None = None
        self._steps = 0
        self._broken_off = False
        self._rested_at = float("-inf")
        self._large: dict[object, tuple[int, int]] = {}
        """How often queries, by their code, are still to be done in a thread, and out of how often."""

    def open(self, tables: frozenset[str]) -> None:
        """Remember the tenant tables; connections are made when they are needed."""
        self._tables = tables

    async def close(self) -> None:
        """Close what is idle."""
        for connection, _ in self._idle:
            await self._threads.run("reader", connection.close)
        self._idle.clear()
        self._close_here()

    async def run(self, query: Callable[..., T], arguments: tuple[Any, ...], tenant: TenantId) -> T:
        """Run a query on a snapshot. Raises ``StoreUnavailable``."""
        if self._tries_here:
            code = _code_of(query)
            left, often = self._large.get(code, _NEVER)
            if left:
                self._large[code] = left - 1, often
            else:
                await self._turn()
                try:
                    return self._read_here(code, query, arguments, tenant)
                except _TooLarge:
                    self._put_off(code)
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
        connection, statements = reader or self._connect(CACHE_KIB, self._busy_timeout_s)
        sound = True
        try:
            return self._query(connection, statements, query, arguments, tenant)
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

    def _query(
        self,
        connection: sqlite3.Connection,
        statements: Statements,
        query: Callable[..., T],
        arguments: tuple[Any, ...],
        tenant: TenantId,
    ) -> T:
        cursor = connection.cursor()
        run = Run(cursor, remembered=self._remembered)
        cursor.execute("BEGIN")
        try:
            return query(ReadScope(run, statements, tenant, self._clock.now()), *arguments)
        finally:
            cursor.execute("ROLLBACK")

    def _read_here(self, code: object, query: Callable[..., T], arguments: tuple[Any, ...], tenant: TenantId) -> T:
        """Run a query at once. Raises ``_TooLarge`` where it was broken off, or the store is not as it should be: a thread may wait."""
        started, cpu = perf_counter(), thread_time()
        self._steps, self._broken_off = 0, False
        try:
            if self._here is None:
                self._here = self._connect(CACHE_HERE_KIB, 0.0)
                self._here[0].set_progress_handler(self._step, STEP)
            result = self._query(*self._here, query, arguments, tenant)
        except StoreUnavailable:
            raise _TooLarge from None
        except Exception as error:
            if self._broken_off:
                raise _TooLarge from None
            if out_of_order(error):
                self._close_here()
                raise _TooLarge from None
            raise
        if self._broken_off:
            raise _TooLarge
        if thread_time() - cpu > MOST_CPU_S or perf_counter() - started > MOST_WAIT_S:
            self._put_off(code)
        else:
            self._large.pop(code, None)
        return result

    async def _turn(self) -> None:
        """Let others have theirs, unless that was just so: a turn of the event loop for each small read would cost as much as some reads."""
        if perf_counter() - self._rested_at < MOST_IN_A_ROW_S:
            await trio.lowlevel.checkpoint_if_cancelled()
        else:
            await trio.lowlevel.checkpoint()
            self._rested_at = perf_counter()

    def _put_off(self, code: object) -> None:
        _, often = self._large.get(code, _NEVER)
        often = min(often * 2, MOST_IN_THREADS) or FIRST_IN_THREADS
        self._large[code] = often, often

    def _step(self) -> int:
        """Break off once: what ends the transaction afterwards is let through."""
        self._steps += 1
        self._broken_off |= self._steps > MOST_STEPS
        return self._steps == MOST_STEPS + 1

    def _close_here(self) -> None:
        if self._here is not None:
            self._here[0].close()
            self._here = None

    def _connect(self, cache_kib: int, busy_timeout_s: float) -> tuple[sqlite3.Connection, Statements]:
        try:
            connection = connect(self._path, mode="ro", busy_timeout_s=busy_timeout_s)
            connection.execute("PRAGMA query_only = ON")
            connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error
        statements = Statements(self._tables, percent=False)
        self._stats.connections.append(statements)
        return connection, statements


def _code_of(query: Any) -> object:
    """What a query does, whoever asks for it: closures of one text are one."""
    while isinstance(query, partial):
        query = query.func
    return getattr(query, "__code__", query)
