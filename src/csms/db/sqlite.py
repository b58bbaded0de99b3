"""The SQLite writer: verbs run on the event loop, between its other work, and only COMMIT waits, in a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from itertools import groupby
from pathlib import Path
from time import perf_counter

import outcome
import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId
from csms.core.ports import Blocking, Clock

from .lane import Batch
from .remembered import Remembered
from .sqlite_connect import in_our_words, open_writer, out_of_order, parents, tenant_tables, unavailable
from .statements import Statements
from .stats import Stats
from .threads import run_then
from .tx import Run, StoreTx
from .work import Append, Work, Write

log = structlog.get_logger(__name__)

SLICE_S = 0.002
"""How long a batch may keep the event loop before others get a turn."""


class SqliteWriter:
    """The writer of the one lane. Verbs run on the event loop, between its other work; only COMMIT waits, in a thread."""

    def __init__(
        self, path: Path, *, clock: Clock, threads: Blocking, stats: Stats, remembered: Remembered, busy_timeout_s: float
    ) -> None:
        self._path = path
        self._remembered = remembered
        self._data_version = 0
        self._clock = clock
        self._threads = threads
        self._stats = stats
        self._busy_timeout_s = busy_timeout_s
        self._statements: Statements | None = None
        self._connection: sqlite3.Connection | None = None
        self._file = 0

    async def open(self) -> frozenset[str]:
        """Connect; the tenant tables. Raises ``StoreUnavailable``."""
        return await self._threads.run("writer", self._open)

    def _open(self) -> frozenset[str]:
        connection = open_writer(self._path)
        tables = tenant_tables(connection)
        if "events" not in tables:
            connection.close()
            raise StoreUnavailable(f"SQLite database {self._path} has no tables yet; run `csms migrate`")
        self._file = self._path.stat().st_ino
        if self._statements is None:
            self._statements = Statements(tables, percent=False)
            self._stats.connections.append(self._statements)
        self._connection = connection
        (self._data_version,) = connection.execute("PRAGMA data_version").fetchone()
        self._remembered.parents |= parents(connection)
        self._remembered.others_wrote()  # meanwhile, as far as anybody knows
        return tables

    async def close(self) -> None:
        """Close the connection, which also folds the WAL into the database file."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._threads.run("writer", connection.close)

    async def run(self, batch: list[Work], settle: Callable[[Batch], None]) -> None:
        """Run and commit a batch, and ``settle`` it. Raises ``StoreUnavailable``: nothing was written."""
        if self._connection is None:
            await self.open()
        connection, statements = self._connection, self._statements
        assert connection is not None
        assert statements is not None
        started = perf_counter()
        done = Batch()
        cursor = connection.cursor()
        try:
            self._present()
            await self._begin(cursor)
            self._notice_others(cursor, started)
            changes = connection.total_changes
            run = Run(cursor)
            await self._verbs(connection, run, statements, batch, done)
            ended = partial(_ended, cursor, run, done, started, perf_counter(), settle)
            if connection.total_changes == changes:
                failure = ended(outcome.capture(cursor.execute, "COMMIT"))
            else:
                failure = await run_then(self._threads, "writer", ended, cursor.execute, "COMMIT")
            if failure is not None:
                raise failure
        except BaseException as error:
            cursor.close()  # before the connection, which an error of the disk closes
            await self._roll_back(connection, error)
            if isinstance(error, sqlite3.Error):
                raise unavailable(self._path, error) from error
            raise

    def _present(self) -> None:
        """SQLite goes on writing to a file that was deleted or replaced, where nobody will ever read it."""
        try:
            file = self._path.stat().st_ino
        except OSError as error:
            raise StoreUnavailable(f"SQLite database {self._path}: {error.strerror}") from error
        if file != self._file:
            raise StoreUnavailable(f"SQLite database {self._path}: another file was put in its place; restart to use it")

    async def _begin(self, cursor: sqlite3.Cursor) -> None:
        """Take the write lock. Another process may have it for a moment (the CLI); its wait must not block the event loop."""
        deadline = trio.current_time() + self._busy_timeout_s
        pause_s = 0.001
        while True:
            try:
                cursor.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or trio.current_time() > deadline:
                    raise
            await trio.sleep(pause_s)
            pause_s = min(pause_s * 2, 0.05)

    def _notice_others(self, cursor: sqlite3.Cursor, at: float) -> None:
        """SQLite tells a connection when others have written; it does not count its own commits."""
        (version,) = cursor.execute("PRAGMA data_version").fetchone()
        if version == self._data_version:
            self._remembered.alone(at)
        else:
            self._data_version = version
            self._remembered.others_wrote()

    async def _verbs(
        self, connection: sqlite3.Connection, run: Run, statements: Statements, batch: list[Work], done: Batch
    ) -> None:
        now = self._clock.now
        slice_ends = trio.current_time() + SLICE_S
        rows: list[Append] = []
        for work in batch:
            if isinstance(work, Append):
                if rows and rows[0].sql != work.sql:
                    done.rows += self._append(connection, run, statements, rows, now())
                    rows = []
                rows.append(work)
                continue
            if rows:
                done.rows += self._append(connection, run, statements, rows, now())
                rows = []
            self._verb(connection, run, statements, work, now())
            if trio.current_time() > slice_ends:
                await trio.lowlevel.cancel_shielded_checkpoint()
                slice_ends = trio.current_time() + SLICE_S
        if rows:
            done.rows += self._append(connection, run, statements, rows, now())

    def _verb(self, connection: sqlite3.Connection, run: Run, statements: Statements, work: Write, now: int) -> None:
        run.begin(work.request_id)
        cursor = run.cursor
        told, emitted = len(run.volatile), len(run.emitted)
        cursor.execute("SAVEPOINT verb")
        try:
            result = work.verb(StoreTx(run, statements, work.tenant, now), *work.arguments)
            if run.failure is not None:
                raise run.failure
            cursor.execute("RELEASE verb")
        except Exception as error:
            failure = run.failure or error
            if out_of_order(failure):
                raise failure from None
            if not connection.in_transaction:
                raise StoreUnavailable(f"SQLite database {self._path} rolled the batch back: {failure}") from failure
            cursor.execute("ROLLBACK TO verb")
            cursor.execute("RELEASE verb")
            del run.volatile[told:]
            del run.emitted[emitted:]
            work.outcome = outcome.Error(in_our_words(error))
        else:
            work.outcome = outcome.Value(result)

    def _append(self, connection: sqlite3.Connection, run: Run, statements: Statements, works: list[Append], now: int) -> int:
        """Store neighbouring rows of one statement at once; where one is refused, all of them one by one."""
        run.begin()
        cursor = run.cursor
        cursor.execute("SAVEPOINT rows")
        try:
            stored = 0
            for tenant, bunch in groupby(works, key=_tenant):
                rows = [row for work in bunch for row in work.rows]
                StoreTx(run, statements, tenant, now).many(works[0].sql, rows)
                stored += len(rows)
        except Exception as error:
            if out_of_order(error) or not connection.in_transaction:
                raise unavailable(self._path, error) from error
            cursor.execute("ROLLBACK TO rows")
            stored = sum(self._append_singly(connection, run, statements, work, now) for work in works)
        cursor.execute("RELEASE rows")
        return stored

    def _append_singly(self, connection: sqlite3.Connection, run: Run, statements: Statements, work: Append, now: int) -> int:
        run.begin()
        stored = 0
        tx = StoreTx(run, statements, work.tenant, now)
        for row in work.rows:
            try:
                tx.run(work.sql, **row)
                stored += 1
            except Exception as error:
                if out_of_order(error) or not connection.in_transaction:
                    raise unavailable(self._path, error) from error
                self._stats.refused_rows += 1
                log.error("an appended row was refused", error=str(error), key=work.key, sql=" ".join(work.sql.split())[:100])
                run.begin()
        return stored

    async def _roll_back(self, connection: sqlite3.Connection, error: BaseException) -> None:
        """End the transaction; after an error of the disk or the file, also begin anew with the next batch."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            log.error("rollback failed", error=str(second))
            error = second
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            with trio.CancelScope(shield=True):
                await self.close()


def _ended(
    cursor: sqlite3.Cursor,
    run: Run,
    done: Batch,
    started: float,
    commit_started: float,
    settle: Callable[[Batch], None],
    committed: outcome.Outcome[object],
) -> BaseException | None:
    """The commit is over: settle the batch, or say why it failed."""
    if isinstance(committed, outcome.Error):
        return committed.error
    cursor.close()
    done.seconds = perf_counter() - started
    done.commit_seconds = perf_counter() - commit_started
    done.emitted = run.emitted
    done.volatile = run.volatile
    done.wrote = run.wrote
    settle(done)
    return None


def _tenant(work: Append) -> TenantId:
    return work.tenant
