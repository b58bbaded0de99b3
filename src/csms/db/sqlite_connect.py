"""Connections to SQLite: how they are made, and what its errors mean to us."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from urllib.parse import quote

from csms.core.errors import Conflict, StoreUnavailable

from .texts import lacking

CACHED_STATEMENTS = 512
CHECKPOINT_PAGES = 4_000
"""WAL pages before a checkpoint, which runs inside the commit thread: 16 MB, so that its two fsyncs are rare."""
JOURNAL_LIMIT_BYTES = 64 * 1024 * 1024
SYNCHRONOUS = "FULL"
"""What is committed is on the disk."""

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
        connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -65536")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {JOURNAL_LIMIT_BYTES}")
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        lack = lacking(connection)
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    if lack:
        connection.close()
        raise StoreUnavailable(lack)
    return connection


def tenant_tables(connection: sqlite3.Connection) -> frozenset[str]:
    """Every table that has a column ``tenant``."""
    rows = connection.execute(
        "SELECT m.name FROM sqlite_master m JOIN pragma_table_info(m.name) c ON c.name = 'tenant' WHERE m.type IN ('table', 'view')"
    )
    return frozenset(row[0].lower() for row in rows)


def plain_tables(connection: sqlite3.Connection) -> list[str]:
    """Every table that holds something of its own, by name: neither SQLite's, nor indexes of texts and the tables that those are made of."""
    rows = connection.execute(
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name"
    )
    return [row[0] for row in rows]


def parents(connection: sqlite3.Connection) -> frozenset[str]:
    """Every table whose rows take those of others with them when they are removed, or change them."""
    rows = connection.execute(
        'SELECT DISTINCT k."table" FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) k'
        " WHERE t.type = 'table' AND k.on_delete <> 'NO ACTION'"
    )
    return frozenset(row[0].lower() for row in rows)


def out_of_order(error: BaseException) -> bool:
    """Whether an error speaks of the database (full, read-only, locked, damaged) and not of one statement."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUT_OF_ORDER


def unavailable(path: Path, error: BaseException) -> StoreUnavailable:
    """The same error in our words."""
    return StoreUnavailable(f"SQLite database {path}: {error}")


def in_our_words(error: Exception) -> Exception:
    """A broken uniqueness or reference as ``Conflict``; anything else as it is."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code in (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY):
        conflict = Conflict(str(error))
        conflict.__cause__ = error
        return conflict
    return error
