"""Brings a database up to date: every migration once, in order, each in a transaction of its own, none changed after the fact."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import attrs

from csms.config import DatabaseConfig
from csms.core.ports import Clock

from .location import SqliteLocation, locate
from .migration_files import Migration, MigrationError, MigrationSource, core_migrations, read_migrations, split
from .sqlite import connect as connect_sqlite

__all__ = ["Applied", "MigrationError", "MigrationSource", "core_migrations", "migrate", "pending"]

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    source TEXT NOT NULL,
    number {integer} NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    text TEXT NOT NULL,
    applied_at {integer} NOT NULL,
    PRIMARY KEY (source, number)
)
"""
"""What was applied, with the text that was run: a backup can rebuild its tables from it."""
LOCK_WAIT_S = 60.0


@attrs.frozen(slots=True)
class Applied:
    """A migration that a database has. ``applied_at`` is an instant."""

    source: str
    number: int
    name: str
    checksum: str
    applied_at: int

    def __str__(self) -> str:
        return f"{self.source} {self.number:04}_{self.name}"


class Target(Protocol):
    """A database under migration, on a connection of its own that nobody else migrates with at the same time."""

    engine: str

    def applied(self) -> list[Applied]:
        """What it has."""
        ...

    def apply(self, migration: Migration, now: int) -> bool:
        """Run one in a transaction; False when another process was faster."""
        ...


class SqliteTarget:
    """A SQLite file."""

    engine = "sqlite"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def applied(self) -> list[Applied]:
        """What it has; nothing when it was never migrated."""
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'schema_migrations'").fetchone():
            return []
        rows = self._connection.execute("SELECT source, number, name, checksum, applied_at FROM schema_migrations")
        return [Applied(*row) for row in rows]

    def apply(self, migration: Migration, now: int) -> bool:
        """Run one in a transaction, with foreign keys checked at its end, so that a table can be rebuilt."""
        connection = self._connection
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute(LEDGER.format(integer="INTEGER"))
            row = connection.execute(
                "SELECT 1 FROM schema_migrations WHERE source = ? AND number = ?", (migration.source, migration.number)
            )
            if row.fetchone():
                connection.execute("ROLLBACK")
                return False
            for statement in split(migration.text):
                try:
                    connection.execute(statement)
                except sqlite3.Error as error:
                    raise MigrationError(f"migration {migration} failed: {error}, in: {statement[:300]}") from error
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
            if broken:
                raise MigrationError(f"migration {migration} breaks a foreign key of {broken[0]} to {broken[2]}")
            connection.execute(
                "INSERT INTO schema_migrations (source, number, name, checksum, text, applied_at) VALUES (?, ?, ?, ?, ?, ?)",
                (migration.source, migration.number, migration.name, migration.checksum, migration.text, now),
            )
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return True


def migrate(
    config: DatabaseConfig,
    sources: Sequence[MigrationSource],
    *,
    folder: Path,
    clock: Clock,
    progress: Callable[[Migration], None] | None = None,
) -> list[Applied]:
    """Apply what is missing, sources in the order given; what was applied now.

    Creates a SQLite file that is not there. Two processes may do this at once. Raises ``MigrationError`` when an applied migration
    was changed, is unknown here (the database is newer than this program) or fails; the failed one leaves no trace.
    """
    done: list[Applied] = []
    with _target(config, folder, create=True) as target:
        for migration in _missing(target, sources):
            if progress is not None:
                progress(migration)
            now = clock.now()
            if target.apply(migration, now):
                done.append(Applied(migration.source, migration.number, migration.name, migration.checksum, now))
    return done


def pending(config: DatabaseConfig, sources: Sequence[MigrationSource], *, folder: Path) -> list[Migration]:
    """What ``migrate`` would apply, without doing so. Raises ``MigrationError`` as it does."""
    location = locate(config, folder)
    if isinstance(location, SqliteLocation) and not location.path.exists():
        return [migration for source in sources for migration in read_migrations(source, location.engine)]
    with _target(config, folder, create=False) as target:
        return _missing(target, sources)


def _missing(target: Target, sources: Sequence[MigrationSource]) -> list[Migration]:
    applied = target.applied()
    missing: list[Migration] = []
    for source in sources:
        known = read_migrations(source, target.engine)
        have = {entry.number: entry for entry in applied if entry.source == source.name}
        for migration in known:
            entry = have.pop(migration.number, None)
            if entry is None:
                missing.append(migration)
            elif entry.checksum != migration.checksum:
                raise MigrationError(
                    f"migration {migration} was changed after it had been applied as {entry}; put the old file back, "
                    "and write a new migration instead"
                )
        if have:
            unknown = ", ".join(str(entry) for entry in sorted(have.values(), key=lambda entry: entry.number))
            raise MigrationError(f"the database is newer than this program, which does not know {unknown}; upgrade csms")
        newest = max((entry.number for entry in applied if entry.source == source.name), default=0)
        late = [migration for migration in missing if migration.source == source.name and migration.number < newest]
        if late:
            raise MigrationError(f"migration {late[0]} came after number {newest:04} had been applied; give it a new number")
    return missing


@contextmanager
def _target(config: DatabaseConfig, folder: Path, *, create: bool) -> Iterator[Target]:
    location = locate(config, folder)
    if isinstance(location, SqliteLocation):
        try:
            connection = connect_sqlite(location.path, mode="rwc" if create else "ro", busy_timeout_s=LOCK_WAIT_S)
        except sqlite3.Error as error:
            raise MigrationError(f"SQLite database {location.path}: {error}") from error
        try:
            yield SqliteTarget(connection)
        except sqlite3.Error as error:
            raise MigrationError(f"SQLite database {location.path}: {error}") from error
        finally:
            connection.close()
    else:
        from .postgres_migrate import postgres_target

        with postgres_target(location, config) as target:
            yield target
