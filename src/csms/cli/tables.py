"""The tables of a database as they are, one row after another, out of one consistent snapshot: what ``csms export`` writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Protocol
from urllib.parse import quote

import sqlite_utils

from csms.config import Config
from csms.core.errors import StoreUnavailable
from csms.db.location import PostgresLocation, SqliteLocation
from csms.db.sqlite_connect import plain_tables

from .store import need_database

AT_A_TIME = 5000
"""Rows fetched at a time from PostgreSQL."""


class Tables(Protocol):
    """Whatever can be read table by table."""

    def names(self) -> list[str]:
        """Every table, by name."""
        ...

    def columns(self, table: str) -> list[str]:
        """The columns of a table, in order."""
        ...

    def count(self, table: str) -> int:
        """How many rows a table has."""
        ...

    def rows(self, table: str) -> Iterator[Sequence[Any]]:
        """Every row, in the order of its primary key, not held in memory together."""
        ...


class SqliteTables:
    """The tables of a SQLite file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._database = sqlite_utils.Database(connection)

    def names(self) -> list[str]:
        """Every table, by name."""
        return plain_tables(self._connection)

    def columns(self, table: str) -> list[str]:
        """The columns of a table, in order."""
        return [column.name for column in self._database.table(table).columns]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._database.table(table).count)

    def rows(self, table: str) -> Iterator[Sequence[Any]]:
        """Every row, in the order of its primary key."""
        order = ", ".join(f'"{name}"' for name in self._database.table(table).pks)
        named = ", ".join(f'"{name}"' for name in self.columns(table))
        yield from self._database.execute(f'SELECT {named} FROM "{table}" ORDER BY {order}')  # noqa: S608 - names out of the schema


class PostgresTables:
    """The tables of a PostgreSQL schema."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def names(self) -> list[str]:
        """Every table, by name."""
        found = self._connection.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' ORDER BY table_name COLLATE \"C\""
        )
        return [str(name) for (name,) in found]

    def columns(self, table: str) -> list[str]:
        """The columns of a table, in order."""
        found = self._connection.execute(
            "SELECT column_name FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position",
            (table,),
        )
        return [str(name) for (name,) in found]

    def count(self, table: str) -> int:
        """How many rows a table has."""
        return int(self._connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - a name out of the schema

    def rows(self, table: str) -> Iterator[Sequence[Any]]:
        """Every row, in the order of its primary key, through a cursor that the server holds."""
        keys = self._connection.execute(
            "SELECT a.attname FROM pg_index i JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, place) ON true"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
            " WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY k.place",
            (f'"{table}"',),
        ).fetchall()
        named = ", ".join(f'"{name}"' for (name,) in keys)
        order = f" ORDER BY {named}" if named else ""
        shown = ", ".join(f'"{name}"' for name in self.columns(table))
        with self._connection.cursor(name="export") as cursor:
            cursor.itersize = AT_A_TIME
            cursor.execute(f'SELECT {shown} FROM "{table}"{order}')  # noqa: S608 - names out of the schema
            yield from cursor


@contextmanager
def open_tables(config: Config) -> Iterator[Tables]:
    """The configured database, read-only, all of it as it is at one moment. Raises ``StoreUnavailable``."""
    place = need_database(config)
    if isinstance(place, SqliteLocation):
        with _sqlite(place) as tables:
            yield tables
    else:
        with _postgres(place, config) as tables:
            yield tables


@contextmanager
def _sqlite(place: SqliteLocation) -> Iterator[Tables]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(place.path))}?mode=ro", uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")
            yield SqliteTables(connection)
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{place}: {error}") from None


@contextmanager
def _postgres(place: PostgresLocation, config: Config) -> Iterator[Tables]:
    import psycopg

    try:
        address = psycopg.conninfo.make_conninfo(**place.parameters, connect_timeout=max(2, int(config.database.connect_timeout_s)))
        with psycopg.connect(address) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            yield PostgresTables(connection)
    except psycopg.Error as error:
        raise StoreUnavailable(f"{place}: {' '.join(str(error).split())}") from None
