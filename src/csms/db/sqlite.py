"""SQLite: one connection that writes on the event loop and commits in a thread, and readers in threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar
from urllib.parse import quote

import outcome
import structlog
import trio

from csms.core.errors import Conflict, StoreUnavailable
from csms.core.ids import TenantId
from csms.core.ports import Blocking, Clock

from .lane import Batch
from .statements import Statements
from .stats import Stats
from .tx import ReadScope, Run, StoreTx
from .work import Append, Work, Write

log = structlog.get_logger(__name__)

T = TypeVar("T")

SLICE_S = 0.002
"""How long a batch may keep the event loop before others get a turn."""
CACHED_STATEMENTS = 512
CHECKPOINT_PAGES = 4_000
"""WAL pages before a checkpoint, which runs inside the commit thread: 16 MB, so that its two fsyncs are rare."""
JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024

_OUT_OF_ORDER = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
"""Primary result codes that speak of the database and not of the statement."""


def connect(path: Path, *, mode: str, busy_timeout_s: float) -> sqlite3.Connection:
    """A connection in autocommit mode; ``mode`` is SQLite's ``ro``, ``rw`` or ``rwc``. Raises ``sqlite3.Error``."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=busy_timeout_s,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def open_writer(path: Path, *, busy_timeout_s: float = 0.0) -> sqlite3.Connection:
    """The writing connection: WAL, and a commit that is on the disk. Raises ``StoreUnavailable``."""
    try:
        connection = connect(path, mode="rw", busy_timeout_s=5.0)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            connection.close()
            raise StoreUnavailable(f"{path} cannot be written in WAL mode (its journal mode stays {mode})")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES}")
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    return connection


def tenant_tables(connection: sqlite3.Connection) -> frozenset[str]:
    """Every table that has a column ``tenant``."""
    rows = connection.execute(
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'tenant' WHERE m.type IN ('table', 'view')"
    )
    return frozenset(row[0].lower() for row in rows)


def out_of_order(error: BaseException) -> bool:
    """Whether an error speaks of the database (full, read-only, locked, damaged) and not of one statement."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUT_OF_ORDER


def unavailable(path: Path, error: BaseException) -> StoreUnavailable:
    """The same error in our words."""
    return StoreUnavailable(f"SQLite database {path}: {error}")


class SqliteWriter:
    """The writer of the one lane. Verbs run on the event loop, between its other work; only COMMIT waits, in a thread."""

    def __init__(self, path: Path, *, clock: Clock, threads: Blocking, stats: Stats, busy_timeout_s: float) -> None:
        self._path = path
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
        return tables

    async def close(self) -> None:
        """Close the connection, which also folds the WAL into the database file."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._threads.run("writer", connection.close)

    async def run(self, batch: list[Work]) -> Batch:
        """Run and commit a batch. Raises ``StoreUnavailable``: nothing was written."""
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
            changes = connection.total_changes
            run = Run(cursor)
            await self._verbs(connection, run, statements, batch, done)
            commit_started = perf_counter()
            if connection.total_changes != changes:
                await self._threads.run("writer", cursor.execute, "COMMIT")
            else:
                cursor.execute("COMMIT")
        except BaseException as error:
            await self._roll_back(connection, error)
            if isinstance(error, sqlite3.Error):
                raise unavailable(self._path, error) from error
            raise
        finally:
            cursor.close()
        done.seconds = perf_counter() - started
        done.commit_seconds = perf_counter() - commit_started
        done.emitted = run.emitted
        done.volatile = run.volatile
        return done

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

    async def _verbs(
        self, connection: sqlite3.Connection, run: Run, statements: Statements, batch: list[Work], done: Batch
    ) -> None:
        now = self._clock.now
        slice_ends = perf_counter() + SLICE_S
        for work in batch:
            if isinstance(work, Write):
                self._verb(connection, run, statements, work, now())
            else:
                done.rows += self._append(connection, run, statements, work, now())
            if perf_counter() > slice_ends:
                await trio.lowlevel.cancel_shielded_checkpoint()
                slice_ends = perf_counter() + SLICE_S

    def _verb(self, connection: sqlite3.Connection, run: Run, statements: Statements, work: Write, now: int) -> None:
        run.begin()
        cursor = run.cursor
        told, emitted = len(run.volatile), run.emitted
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
            run.emitted = emitted
            work.outcome = outcome.Error(in_our_words(error))
        else:
            work.outcome = outcome.Value(result)

    def _append(self, connection: sqlite3.Connection, run: Run, statements: Statements, work: Append, now: int) -> int:
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


def in_our_words(error: Exception) -> Exception:
    """A broken uniqueness or reference as ``Conflict``; anything else as it is."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY):
        conflict = Conflict(str(error))
        conflict.__cause__ = error
        return conflict
    return error


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
        async with self._free:
            reader = self._idle.pop() if self._idle else None
            return await self._threads.run("reader", self._read, reader, query, arguments, tenant)

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
