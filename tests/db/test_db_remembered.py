"""What was found is remembered as long as nobody writes to what it was found in, and no longer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx, Row, Tx
from csms.db import remembered
from csms.db.database import StoreDatabase
from csms.db.location import SQLITE
from csms.db.migrate import core_migrations
from csms.db.remembered import Remembered
from csms.db.sqlite_connect import parents as sqlite_parents
from csms.db.statements import Statements
from csms.testing.stores import StoreMaker

from .conftest import INSERT, add, note

OF_NOTES = "SELECT count(*) FROM notes n WHERE n.tenant = :tenant AND n.name <> :name"


@pytest.fixture
def statements() -> Statements:
    return Statements(("notes", "events"), percent=False)


def many(tx: ReadTx, name: str = "nothing") -> int:
    return tx.count(OF_NOTES, name=name)


def run(tx: Tx, sql: str, **parameters: Any) -> int:
    return tx.run(sql, **parameters)


async def test_what_was_written_is_counted_at_once(database: StoreDatabase) -> None:
    async def seen(name: str = "nothing") -> int:
        return await database.read(many, name, tenant=DEFAULT_TENANT)

    async def do(sql: str) -> None:
        await database.write(run, sql, tenant=DEFAULT_TENANT, keys=("notes",))

    assert await seen() == 0
    await database.write(add, "one", tenant=DEFAULT_TENANT, keys=("notes",))
    assert await seen() == await seen() == 1
    assert await seen("one") == 0, "another question"
    await database.write(add, "two", tenant=DEFAULT_TENANT, keys=("notes",))
    assert (await seen(), await seen("one")) == (2, 1)
    await do("UPDATE notes SET name = 'nothing' WHERE tenant = :tenant AND name = 'one'")
    assert await seen() == 1
    await database.append(INSERT, [{"name": f"more {number}"} for number in range(3)], key="notes", tenant=DEFAULT_TENANT)
    await do("UPDATE events SET at = at WHERE tenant = :tenant")
    assert await seen() == 4
    await do("DELETE FROM notes WHERE tenant = :tenant")
    assert await seen() == 0


async def test_what_is_not_committed_is_counted_by_nobody_else(database: StoreDatabase) -> None:
    def within(tx: Tx) -> tuple[int, int]:
        before = many(tx)
        add(tx, "one")
        return before, many(tx)

    def undone(tx: Tx) -> None:
        add(tx, "two")
        raise RuntimeError("no")

    assert await database.write(within, tenant=DEFAULT_TENANT) == (0, 1)
    with pytest.raises(RuntimeError):
        await database.write(undone, tenant=DEFAULT_TENANT)
    assert await database.read(many, tenant=DEFAULT_TENANT) == 1


async def test_it_is_remembered(database: StoreDatabase) -> None:
    def ran() -> int:
        return database.stats.statements()["select notes"].count

    for _ in range(3):
        await database.read(many, tenant=DEFAULT_TENANT)
    assert ran() == 1
    await database.write(note, "one", tenant=DEFAULT_TENANT, keys=("note:one",))
    await database.read(many, tenant=DEFAULT_TENANT)
    assert ran() == 1, "events are no notes"


def names(rows: Sequence[Row]) -> list[str]:
    return [row["name"] for row in rows]


async def test_what_is_made_of_rows_is_remembered_like_a_count(database: StoreDatabase) -> None:
    sql = "SELECT name FROM notes WHERE tenant = :tenant ORDER BY name"

    async def seen() -> list[str]:
        return await database.read(lambda tx: tx.remembered(sql, names), tenant=DEFAULT_TENANT)

    await database.write(add, "b", tenant=DEFAULT_TENANT, keys=("notes",))
    first = await seen()
    assert first == ["b"]
    assert await seen() is first, "the very same"
    await database.write(add, "a", tenant=DEFAULT_TENANT, keys=("notes",))
    assert await seen() == ["a", "b"]
    assert await database.read(lambda tx: tx.count(OF_NOTES, name="a"), tenant=DEFAULT_TENANT) == 1, "a count is another thing"
    assert await database.write(lambda tx: tx.remembered(sql, names), tenant=DEFAULT_TENANT) == ["a", "b"]


def test_what_reads_columns_that_it_does_not_name_is_void_after_any_update(statements: Statements) -> None:
    everything = statements.learn("SELECT * FROM notes WHERE tenant = :tenant", scoped=True)
    kept = Remembered()
    kept.keep_built(everything, {}, ["a"], kept.turn, names, 1)
    kept.changed({statements.learn("UPDATE notes SET colour = '' WHERE tenant = :tenant", scoped=True)})
    assert kept.known(everything, {}, names) is None


@pytest.mark.parametrize("engine", [SQLITE])
async def test_who_writes_all_the_time_notices_another_at_once_and_itself_never(
    database: StoreDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(remembered, "perf_counter", lambda: now)
    monkeypatch.setattr("csms.db.sqlite.perf_counter", lambda: now)

    async def ran() -> int:
        await database.read(many, tenant=DEFAULT_TENANT)
        return database.stats.statements()["select notes"].count

    await database.write(note, "0", tenant=DEFAULT_TENANT)
    assert await ran() == 1
    for _ in range(5):
        now += remembered.LONGEST_S * 0.9
        await database.write(note, "1", tenant=DEFAULT_TENANT)
        assert await ran() == 1, "nobody but us wrote"
    with closing(sqlite3.connect(tmp_path / "csms.db")) as other, other:
        other.execute("INSERT INTO notes (tenant, name) VALUES (?, 'theirs')", (DEFAULT_TENANT,))
    await database.write(note, "2", tenant=DEFAULT_TENANT)
    assert await database.read(many, tenant=DEFAULT_TENANT) == 1
    assert await ran() == 2
    now += remembered.LONGEST_S * 1.1
    assert await ran() == 3, "nobody looked for so long"


def test_another_process_is_seen_after_a_while(statements: Statements, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(remembered, "perf_counter", lambda: now)
    counts, statement = Remembered(), statements.learn(OF_NOTES, scoped=True)
    counts.keep(statement, {"tenant": 1}, 20_000, counts.turn)
    assert counts.known(statement, {"tenant": 1}) == 20_000
    assert counts.known(statement, {"tenant": 2}) is None
    now += remembered.LONGEST_S * 1.01
    assert counts.known(statement, {"tenant": 1}) is None


@pytest.mark.parametrize(
    ("sql", "void"),
    [
        ("INSERT INTO notes (tenant) VALUES (:tenant)", True),
        ("UPDATE notes SET name = '' WHERE tenant = :tenant", True),
        ("WITH few AS (SELECT 1) UPDATE notes SET name = '' WHERE tenant = :tenant", True),
        ("INSERT INTO events (tenant) VALUES (:tenant) ON CONFLICT DO UPDATE SET key = ''", False),
        ("DELETE FROM events WHERE tenant = :tenant", False),
        ("REPLACE INTO events (tenant) VALUES (:tenant)", True),
        ("INSERT OR REPLACE INTO events (tenant) VALUES (:tenant)", True),
        ("INSERT OR IGNORE INTO events (tenant) VALUES (:tenant)", False),
        ('DELETE FROM "things" WHERE tenant = :tenant', True),
        ("UPDATE OR IGNORE things SET colour = '' WHERE tenant = :tenant", True),
        ("UPDATE notes SET colour = size IS DISTINCT FROM 2, name = '' WHERE tenant = :tenant", True),
        ("PRAGMA optimize", False),
        ("DELETE FROM chargers WHERE tenant = :tenant", True),
        ("UPDATE chargers SET name = '' WHERE tenant = :tenant", False),
        ("UPDATE notes SET colour = '' WHERE tenant = :tenant AND name = ''", False),
        ("UPDATE notes SET colour = (SELECT max(x) FROM events WHERE tenant = :tenant), name = '' WHERE tenant = :tenant", True),
        ("UPDATE notes SET colour = CASE WHEN size > 1 THEN 'a' END WHERE tenant = :tenant RETURNING name", False),
        ('UPDATE notes SET "name" = colour WHERE tenant = :tenant', True),
        ("INSERT INTO notes (tenant, colour) VALUES (:tenant, '') ON CONFLICT DO UPDATE SET colour = ''", True),
    ],
)
def test_what_makes_a_count_void(statements: Statements, sql: str, void: bool) -> None:
    """Removing a parent removes more than it says: rows of other tables that hang on it."""
    counts, statement = Remembered(), statements.learn(OF_NOTES, scoped=True)
    counts.keep(statement, {}, 7, counts.turn)
    counts.changed({statements.learn(sql, scoped=True)})
    assert counts.known(statement, {}) == (None if void else 7)


def test_the_parents_are_those_of_the_schema(store_maker: StoreMaker, tmp_path: Path) -> None:
    store_maker.url(SQLITE, [core_migrations()], tmp_path)
    with closing(sqlite3.connect(tmp_path / "csms.db")) as store:
        parents = store.execute(
            'SELECT DISTINCT k."table" FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) k'
            " WHERE t.type = 'table' AND k.on_delete <> 'NO ACTION'"
        )
        found = {name for (name,) in parents}
        store.execute("CREATE TABLE pins (id INTEGER PRIMARY KEY, note_id INTEGER REFERENCES notices (id) ON DELETE CASCADE)")
        assert sqlite_parents(store) == {*found, "notices"}, "those of plugins, too"
    assert found == remembered.PARENTS


def test_a_snapshot_from_before_a_write_is_not_kept_for_after_it(statements: Statements) -> None:
    counts, statement = Remembered(), statements.learn(OF_NOTES, scoped=True)
    turn = counts.turn  # the snapshot
    counts.changed({statements.learn("INSERT INTO notes (tenant) VALUES (:tenant)", scoped=True)})
    counts.keep(statement, {}, 7, turn)
    assert counts.known(statement, {}) is None


def test_what_was_made_of_very_many_rows_is_not_kept_and_of_many_only_the_last(statements: Statements) -> None:
    kept, statement = Remembered(), statements.learn(OF_NOTES, scoped=True)
    for number in range(10):
        kept.keep_built(statement, {"name": number}, number, kept.turn, names, remembered.MOST_ROWS // 3)
    known = [number for number in range(10) if kept.known(statement, {"name": number}, names) is not None]
    assert 9 in known
    assert len(known) < 3
    kept.keep_built(statement, {"name": "all"}, 7, kept.turn, names, remembered.MOST_ROWS)
    assert kept.known(statement, {"name": "all"}, names) is None
    for number in range(remembered.MOST_COUNTS * 3):
        kept.keep_built(statement, {"name": number}, number, kept.turn, names, 0)
    built: Any = kept._built
    assert len(built) <= remembered.MOST_COUNTS


def test_there_are_not_ever_more_of_them(statements: Statements) -> None:
    counts, statement = Remembered(), statements.learn(OF_NOTES, scoped=True)
    for number in range(remembered.MOST_COUNTS * 3):
        counts.keep(statement, {"name": number}, 7, counts.turn)
    kept: Any = counts._counts
    assert len(kept) <= remembered.MOST_COUNTS


async def test_the_parents_are_read_from_the_schema_when_the_store_is_opened(database: StoreDatabase) -> None:
    kept: Any = database._remembered
    assert kept.parents >= remembered.PARENTS
