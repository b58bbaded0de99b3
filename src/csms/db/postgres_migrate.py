"""Migrations on PostgreSQL: one process at a time, under an advisory lock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.sql import SQL

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable

from .location import POSTGRESQL, PostgresLocation
from .migrate import LEDGER, LOCK_WAIT_S, ROW_NUMBER, Applied
from .migration_files import Migration, MigrationError
from .postgres_connect import connect, unavailable
from .routing import key_number

LOCK = key_number("schema migrations")


class PostgresTarget:
    """A PostgreSQL database, locked against other migrators."""

    engine = POSTGRESQL

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def applied(self) -> list[Applied]:
        """What it has; nothing when it was never migrated."""
        row = self._connection.execute("SELECT to_regclass('schema_migrations')").fetchone()
        if row is None or row[0] is None:
            return []
        rows = self._connection.execute("SELECT source, number, name, checksum, applied_at FROM schema_migrations").fetchall()
        return [Applied(*row) for row in rows]

    def apply(self, migration: Migration, now: int) -> bool:
        """Run one in a transaction."""
        connection = self._connection
        try:
            with connection.transaction():
                connection.execute(SQL(LEDGER.format(integer="BIGINT", number=ROW_NUMBER[POSTGRESQL])))
                connection.execute(SQL(migration.text))
                connection.execute(
                    "INSERT INTO schema_migrations (source, number, name, checksum, text, applied_at) VALUES (%s, %s, %s, %s, %s, %s)",
                    (migration.source, migration.number, migration.name, migration.checksum, migration.text, now),
                )
        except psycopg.Error as error:
            raise MigrationError(f"migration {migration} failed: {' '.join(str(error).split())}") from error
        return True

    def finish(self) -> None:
        """PostgreSQL sees to its statistics by itself."""


@contextmanager
def postgres_target(location: PostgresLocation, config: DatabaseConfig) -> Iterator[PostgresTarget]:
    """A connection with the lock of the migrators. Raises ``MigrationError``."""
    try:
        connection = connect(location, config, "csms migrate")
    except StoreUnavailable as error:
        raise MigrationError(str(error)) from error
    with connection:
        try:
            connection.execute(
                "SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', %s, false)",
                (f"{LOCK_WAIT_S:.0f}s",),
            )
            connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        except psycopg.Error as error:
            raise MigrationError(f"another process migrates {location}: {error}") from error
        try:
            yield PostgresTarget(connection)
        except psycopg.Error as error:
            raise MigrationError(str(unavailable(location, error))) from error
