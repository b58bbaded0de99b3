"""Migrations: each once, in order, all or nothing, never changed after the fact, and one text for both engines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

from csms.config import DatabaseConfig
from csms.db.migrate import MigrationError, MigrationSource, core_migrations, migrate, pending
from csms.db.migration_files import in_postgres, read_migrations, split


@pytest.fixture
def empty(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseConfig]:
    """A database without tables."""
    if engine == "sqlite":
        yield DatabaseConfig(url=f"sqlite:///{tmp_path}/empty.db")
        return
    server = request.getfixturevalue("postgres_server")
    server.execute("CREATE DATABASE empty")
    yield DatabaseConfig(url=server.url("empty"), connect_timeout_s=5)
    server.drop("empty")


class Source:
    """A folder of migrations that a test writes."""

    def __init__(self, folder: Path, name: str = "core") -> None:
        self.folder = folder / name
        (self.folder / "postgres").mkdir(parents=True)
        self.source = MigrationSource(name, self.folder)

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT NOT NULL, weight REAL, data BLOB) STRICT;\n"


def run(config: DatabaseConfig, *sources: Source, clock: Any) -> list[str]:
    return [str(each) for each in migrate(config, [each.source for each in sources], folder=Path("/"), clock=clock)]


def test_each_once_and_in_order(empty: DatabaseConfig, source: Source, tmp_path: Path, clock: Any) -> None:
    plugin = Source(tmp_path, "csms_plugin")
    source.write("0002_more.sql", "INSERT INTO items (name) VALUES ('100 % ; -- ''quoted''');")
    source.write("0001_items.sql", ITEMS + "CREATE INDEX items_by_name ON items (name);")
    source.write("README.md", "not a migration")
    plugin.write("0001_own.sql", "CREATE TABLE own (item_id INTEGER NOT NULL REFERENCES items (id)) STRICT;")
    waiting = pending(empty, [source.source, plugin.source], folder=Path("/"))
    assert [str(each) for each in waiting] == ["core 0001_items", "core 0002_more", "csms_plugin 0001_own"]
    assert run(empty, source, plugin, clock=clock) == ["core 0001_items", "core 0002_more", "csms_plugin 0001_own"]
    assert run(empty, source, plugin, clock=clock) == []
    assert pending(empty, [source.source], folder=Path("/")) == []
    source.write("0003_again.sql", "INSERT INTO items (name) VALUES ('b');")
    assert run(empty, source, clock=clock) == ["core 0003_again"]


def test_a_failing_migration_leaves_no_trace(empty: DatabaseConfig, source: Source, clock: Any) -> None:
    source.write("0001_items.sql", ITEMS)
    source.write("0002_bad.sql", "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT;\nINSERT INTO nowhere VALUES (1);")
    with pytest.raises(MigrationError, match=r"core 0002_bad failed.*nowhere"):
        run(empty, source, clock=clock)
    source.write("0002_bad.sql", "CREATE TABLE half (id INTEGER PRIMARY KEY) STRICT;")
    assert run(empty, source, clock=clock) == ["core 0002_bad"]


def test_a_changed_migration_is_refused(empty: DatabaseConfig, source: Source, clock: Any) -> None:
    source.write("0001_items.sql", ITEMS)
    run(empty, source, clock=clock)
    source.write("0001_items.sql", ITEMS.replace("\n", "\r\n"))
    assert run(empty, source, clock=clock) == []  # line ends are no change
    source.write("0001_items.sql", ITEMS.replace("weight", "mass"))
    with pytest.raises(MigrationError, match="core 0001_items was changed"):
        run(empty, source, clock=clock)


def test_a_database_newer_than_the_program_is_refused(empty: DatabaseConfig, source: Source, clock: Any) -> None:
    source.write("0001_items.sql", ITEMS)
    source.write("0002_future.sql", "CREATE TABLE future (id INTEGER PRIMARY KEY) STRICT;")
    run(empty, source, clock=clock)
    (source.folder / "0002_future.sql").unlink()
    with pytest.raises(MigrationError, match=r"newer than this program.*core 0002_future.*upgrade"):
        run(empty, source, clock=clock)


def test_a_number_that_comes_late_or_twice_is_refused(empty: DatabaseConfig, source: Source, clock: Any) -> None:
    source.write("0002_items.sql", ITEMS)
    run(empty, source, clock=clock)
    source.write("0001_late.sql", "CREATE TABLE late (id INTEGER PRIMARY KEY) STRICT;")
    with pytest.raises(MigrationError, match="core 0001_late came after number 0002"):
        run(empty, source, clock=clock)
    (source.folder / "0001_late.sql").unlink()
    source.write("0002_twin.sql", ITEMS)
    with pytest.raises(MigrationError, match="one number"):
        run(empty, source, clock=clock)


async def test_two_processes_at_once_do_it_once(empty: DatabaseConfig, source: Source, clock: Any) -> None:
    for number in range(1, 6):
        source.write(f"000{number}_t.sql", f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY) STRICT;")
    applied: list[str] = []

    async def process() -> None:
        applied.extend(await trio.to_thread.run_sync(lambda: run(empty, source, clock=clock)))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(process)
    assert sorted(applied) == [f"core 000{number}_t" for number in range(1, 6)]


def test_the_shipped_migrations_apply(empty: DatabaseConfig, clock: Any) -> None:
    applied = migrate(empty, [core_migrations()], folder=Path("/"), clock=clock)
    assert str(applied[0]) == "core 0001_spine"
    assert len(applied) == len(read_migrations(core_migrations(), "sqlite"))


def test_a_new_file_is_its_owners_alone(tmp_path: Path, clock: Any) -> None:
    migrate(DatabaseConfig(url="sqlite:///new.db"), [core_migrations()], folder=tmp_path, clock=clock)
    assert (tmp_path / "new.db").stat().st_mode & 0o777 == 0o600


def test_a_server_that_is_not_there_is_an_error_in_words(tmp_path: Path, clock: Any) -> None:
    away = DatabaseConfig(url="postgresql://u:sesame@127.0.0.1:9/n", connect_timeout_s=1)
    with pytest.raises(MigrationError, match=r"n on 127\.0\.0\.1:9") as caught:
        migrate(away, [], folder=tmp_path, clock=clock)
    assert "sesame" not in str(caught.value)
    with pytest.raises(MigrationError, match="No such file"):
        migrate(DatabaseConfig(url="sqlite:///no/such/folder/x.db"), [], folder=tmp_path, clock=clock)


def test_a_text_for_postgresql_takes_the_place_of_the_common_one(source: Source) -> None:
    source.write("0001_a.sql", ITEMS)
    source.write("postgres/0001_a.sql", "CREATE TABLE INTEGER_stays (id serial);")
    (sqlite,) = read_migrations(source.source, "sqlite")
    (postgres,) = read_migrations(source.source, "postgresql")
    assert sqlite.text == ITEMS
    assert postgres.text == "CREATE TABLE INTEGER_stays (id serial);"
    assert sqlite.checksum != postgres.checksum


def test_sqlites_words_in_postgresql() -> None:
    sql = """
    -- INTEGER PRIMARY KEY stays in a comment
    CREATE TABLE t (
        id INTEGER PRIMARY KEY AUTOINCREMENT, other INTEGER  PRIMARY KEY, n INTEGER NOT NULL DEFAULT 0,
        b BLOB, r REAL, "REAL" TEXT CHECK (b <> 'BLOB INTEGER')
    ) STRICT;
    CREATE TABLE u (a INTEGER) STRICT, WITHOUT ROWID;
    """
    assert in_postgres(sql) == (
        """
    -- INTEGER PRIMARY KEY stays in a comment
    CREATE TABLE t (
        id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, other BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, """
        """n BIGINT NOT NULL DEFAULT 0,
        b BYTEA, r DOUBLE PRECISION, "REAL" TEXT CHECK (b <> 'BLOB INTEGER')
    );
    CREATE TABLE u (a BIGINT);
    """
    )


def test_statements_are_split_where_they_end() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  UPDATE a SET b = ';';\n  SELECT 1;\nEND;"
    sql = f"-- first; comment\nCREATE TABLE a (b TEXT);\n{trigger}\nINSERT INTO a VALUES ('x;y'); /* ; */ -- the end;\n"
    assert split(sql) == ["-- first; comment\nCREATE TABLE a (b TEXT);", trigger, "INSERT INTO a VALUES ('x;y');"]
    assert split("SELECT 1") == ["SELECT 1"]
    assert split("  \n") == []
