"""The index of texts: what it finds, for whom, what is let go of, and that nobody takes it for a table."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Tx
from csms.db import StoreDatabase, migrate, sqlite_connect, texts
from csms.db.location import SQLITE
from csms.db.migration_files import core_migrations
from csms.db.texts import INDEXED, MOST, asked_for, index_of, lacking
from csms.db.tidying import tidy

OTHERS = TenantId(2)


@pytest.fixture
def store_migrations() -> list[Any]:
    return [core_migrations()]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("ab", ()),
        ("  ab  ", ()),
        ("", ()),
        ("a\0bc", ()),
        (" ABC ", ('"abc"',)),
        ("abcd", ('"abc" "bcd"',)),
        ("abcdef", ('"abc" "def"',)),
        ("aaaaaaa", ('"aaa"',)),
        ('say "x"', ('"say" " ""x" """x"""',)),
        ("äöü%_!", ('"äöü" "%_!"',)),
        ("a\nb", ('"a\nb"',)),
        ("abc1", ('"abc" "bc1"',)),
        ("abc123", ('"abc" "123"',)),
        ("123456", ('"123" "456"',)),
        ("d1234@example", ('"d12" "34@"', '"d12" "34@" "exa" "mpl" "ple"')),
    ],
)
def test_what_is_asked_for(text: str, asked: tuple[str, ...]) -> None:
    assert asked_for(text) == asked


def test_long_texts_are_asked_for_by_their_beginning_and_their_end() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(5000))
    (asked,) = asked_for(text)
    assert (text[:3] in asked, text[-3:] in asked) == (True, True)
    assert len(asked.split()) == texts.MOST_TRIPLES


def add(tx: Tx, names: list[str]) -> list[int]:
    sql = "INSERT INTO drivers (tenant, name, created_at) VALUES (:tenant, :name, 0) RETURNING id"
    return [tx.value(sql, name=name) for name in names]


async def two_tenants(database: StoreDatabase) -> None:
    tenant = "INSERT INTO tenants (id, name, slug, currency, time_zone, created_at) VALUES (2, 'Others', 'others', 'EUR', 'UTC', 0) ON CONFLICT DO NOTHING"
    await database.write(lambda tx: tx.system("a test").run(tenant), tenant=DEFAULT_TENANT)


async def test_one_finds_ones_own_and_no_more_than_are_worth_it(database: StoreDatabase, engine: str) -> None:
    await two_tenants(database)
    ours = await database.write(add, ["Asha Räo", "ASHA", "Basha"], tenant=DEFAULT_TENANT)
    theirs = await database.write(add, ["Asha of the others"], tenant=OTHERS)

    async def candidates(text: str, tenant: TenantId = DEFAULT_TENANT) -> Any:
        found = await database.read(lambda tx: tx.candidates("drivers", text), tenant=tenant)
        return None if found is None else sorted(found)

    if engine != SQLITE:
        assert await candidates("asha") is None, "it looks through them all"
        return
    assert await candidates("asha") == ours
    assert await candidates("Asha", OTHERS) == theirs
    assert await candidates("nobody") == []
    assert await candidates("as") is None
    assert await database.read(lambda tx: tx.candidates("stations", "asha"), tenant=DEFAULT_TENANT) is None, "it has no index"
    await database.write(add, [f"Asha {number}" for number in range(MOST - 4)], tenant=OTHERS)
    assert await candidates("asha") == ours
    await database.write(add, ["One Asha more"], tenant=OTHERS)
    assert await candidates("asha") is None, "of so many it is not known which are ours"
    assert await candidates("basha") == ours[2:]


async def test_letters_tell_where_digits_do_not(database: StoreDatabase, engine: str) -> None:
    many = [f"2024-0001 {number:03}" for number in range(MOST + 1)]
    (driver_id, *_) = await database.write(add, ["2024-0001 of Asha", *many], tenant=DEFAULT_TENANT)
    found = await database.read(lambda tx: tx.candidates("drivers", "2024-0001 of asha"), tenant=DEFAULT_TENANT)
    assert found == ([driver_id] if engine == SQLITE else None)


async def test_a_verb_that_fails_leaves_nothing_in_the_index(database: StoreDatabase, engine: str) -> None:
    def fails(tx: Tx) -> None:
        add(tx, ["Asha", "Basha"])
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(fails, tenant=DEFAULT_TENANT)
    kept = await database.write(add, ["Meera"], tenant=DEFAULT_TENANT)
    if engine == SQLITE:
        for text, ids in (("asha", []), ("meera", kept)):
            assert await database.read(lambda tx, text=text: tx.candidates("drivers", text), tenant=DEFAULT_TENANT) == ids
        await database.write(sound, tenant=DEFAULT_TENANT)


def sound(tx: Tx) -> None:
    """Raises where the index is not of what there is."""
    tx.system("a test").run("INSERT INTO drivers_texts (drivers_texts, rank) VALUES ('integrity-check', 1)")


async def test_nothing_stays_of_what_rows_held_once(database: StoreDatabase, engine: str, tmp_path: Path) -> None:
    (driver_id, *_) = await database.write(add, ["Zqxw Vyk", *(f"Driver {number}" for number in range(300))], tenant=DEFAULT_TENANT)
    rename = "UPDATE drivers SET name = :name WHERE tenant = :tenant AND id = :id"
    await database.write(lambda tx: tx.run(rename, name="erased-driver-1", id=driver_id), tenant=DEFAULT_TENANT)
    if engine != SQLITE:
        assert await tidy(database) == 0
        return

    async def left() -> bool:
        pages = "SELECT block FROM drivers_texts_data"
        rows = await database.read(lambda tx: tx.system("a test").all(pages), tenant=DEFAULT_TENANT)
        return any(b"zqx" in row["block"] for row in rows)

    assert await database.read(lambda tx: tx.candidates("drivers", "zqxw"), tenant=DEFAULT_TENANT) == []
    assert await left()
    assert await tidy(database, rest_s=0) >= 1
    assert not await left()
    assert await tidy(database, rest_s=0) == 0, "there is nothing to do"
    await database.write(sound, tenant=DEFAULT_TENANT)


async def test_a_large_index_is_tidied_in_slices(database: StoreDatabase, engine: str) -> None:
    if engine != SQLITE:
        return
    for number in range(4):
        names = [
            f"{each:x} {each * 7919 % 10007:05} {each * 104729 % 65537:x}" for each in range(number * 1000, number * 1000 + 1000)
        ]
        await database.write(add, names, tenant=DEFAULT_TENANT)
    assert await tidy(database, rest_s=0) >= 2
    assert await tidy(database, rest_s=0) == 0


def test_indexes_are_no_tables(store_maker: Any, tmp_path: Path) -> None:
    store_maker.url(SQLITE, [core_migrations()], tmp_path)
    with closing(sqlite3.connect(tmp_path / "csms.db")) as store:
        every = {
            name for (name,) in store.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        }
        plain = sqlite_connect.plain_tables(store)
        hidden = every - set(plain)
        assert hidden == {f"{index_of(table)}{part}" for table in INDEXED for part in ("", "_data", "_idx", "_config")}
        assert "drivers" in plain
        assert {index_of(table) for table in INDEXED} < sqlite_connect.tenant_tables(store), "who asks them says for whom"
        told = {table for (table,) in store.execute("SELECT tbl FROM sqlite_stat1")}
        assert told <= set(plain)


def test_a_python_without_fts5_is_told_what_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Any) -> None:
    class Without:
        def execute(self, _: str) -> Any:
            return self

        def fetchone(self) -> None:
            return None

    said = lacking(Without())  # type: ignore[arg-type]
    assert "FTS5" in said
    assert "\n" not in said
    with closing(sqlite3.connect(":memory:")) as connection:
        assert lacking(connection) == ""
    for module in (migrate, sqlite_connect):
        monkeypatch.setattr(module, "lacking", lambda _: said)
    config = DatabaseConfig(url="sqlite:///a.db")
    with pytest.raises(migrate.MigrationError, match="FTS5"):
        migrate.migrate(config, [core_migrations()], folder=tmp_path, clock=clock)
    with pytest.raises(StoreUnavailable, match="FTS5"):
        sqlite_connect.open_writer(tmp_path / "a.db")
