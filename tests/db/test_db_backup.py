"""Backups: taken under load, whole, checked, restored to the same, thrown away when old."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from csms.config import DatabaseConfig
from csms.core.errors import Refused
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.db import StoreDatabase, open_database
from csms.db.backup import UNCHECKED, BackupError, backup, prune, restore, verify
from csms.db.migrate import migrate
from csms.db.outbox import Consumer, run_consumer

DAY = 86_400_000


@pytest.fixture
def target(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseConfig]:
    """An empty place to restore to."""
    if engine == "sqlite":
        yield DatabaseConfig(url=f"sqlite:///{tmp_path}/restored/csms.db")
        return
    server = request.getfixturevalue("postgres_server")
    server.execute("CREATE DATABASE restored")
    yield DatabaseConfig(url=server.url("restored"), connect_timeout_s=5)
    server.drop("restored")


async def everything(database: StoreDatabase) -> Any:
    tables = ("notes", "marks", "events", "cursors", "deliveries", "schema_migrations")

    def look(tx: Any) -> Any:
        system = tx.system("a test")
        return {
            table: [{k: v for k, v in row.items() if k != "xid"} for row in system.all(f"SELECT * FROM {table} ORDER BY 1")]
            for table in tables
        }

    return await database.read(look, tenant=DEFAULT_TENANT)


async def test_a_backup_taken_under_load_is_whole_and_restores_to_the_same(
    database: StoreDatabase,
    store_config: DatabaseConfig,
    target: DatabaseConfig,
    clock: Any,
    folder: Path,
    verbs: Any,
    store_migrations: Any,
) -> None:
    heard: list[int] = []
    seen: list[tuple[int, int]] = []
    full = trio.Event()

    async def hear(delivered: Delivered) -> None:
        event: Any = delivered.event
        heard.append(event.number)
        if len(heard) == 2:
            full.set()

    def noted_with_mark(tx: Any, number: int) -> None:
        note = verbs.add(tx, f"note\t{number}\\n\n", "\N{INDIAN RUPEE SIGN} % ; '")
        tx.run("INSERT INTO marks (note_id, data, weight) VALUES (:note, :data, 0.1)", note=note, data=b"\x00\xff\n\\")
        verbs.note(tx, "a", number)

    async def load(number: int) -> None:
        for turn in range(1_000):
            await database.write(noted_with_mark, number * 1_000 + turn, tenant=DEFAULT_TENANT, keys=("note:a",))

    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: run_consumer(database, Consumer("c", hear), clock=clock, task_status=task_status))
        await database.write(noted_with_mark, -1, tenant=DEFAULT_TENANT, keys=("note:a",))
        await database.write(noted_with_mark, -2, tenant=DEFAULT_TENANT, keys=("note:a",))
        await full.wait()
        nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(load, number)
        while database.stats.verbs < 100:
            await trio.sleep(0.001)
        file = await trio.to_thread.run_sync(
            lambda: backup(store_config, folder / "backups", clock, lambda done, total: seen.append((done, total)), home=folder)
        )
        nursery.cancel_scope.cancel()
    assert file.name.startswith("csms-20260101T000000Z")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    assert seen[-1][0] == seen[-1][1] > 0

    report = verify(file)
    assert report.ok, report.problems
    assert report.taken_at == clock.now()
    assert report.tables["notes"] == report.tables["marks"] == report.tables["events"] >= 10
    assert report.migrations == ("core 0001_spine", "core 0040_event_requests", "tests 0001_notes")

    assert (await trio.to_thread.run_sync(lambda: restore(target, file, home=folder))).tables == report.tables
    assert migrate(target, store_migrations, folder=folder, clock=clock) == []
    async with open_database(target, clock=clock, folder=folder) as restored:
        before, after = await everything(database), await everything(restored)
        assert after["notes"] == before["notes"][: len(after["notes"])]
        assert after["events"] == before["events"][: len(after["events"])]
        assert after["schema_migrations"] == before["schema_migrations"]
        assert after["cursors"] == before["cursors"]
        heard.clear()
        full = trio.Event()
        await restored.write(
            verbs.note, "b", 77, tenant=DEFAULT_TENANT, keys=("note:b",)
        )  # a new event comes after the restored ones
        assert await restored.write(verbs.add, "new", tenant=DEFAULT_TENANT) > max(row["id"] for row in after["notes"])
        numbers = [row["sequence"] for row in after["events"]]
        last = "SELECT max(sequence) FROM events WHERE tenant = :tenant"
        assert await restored.read(lambda tx: tx.value(last), tenant=DEFAULT_TENANT) > max(numbers)
        expected = len(numbers) - 2 + 1
        done = trio.Event()

        async def hear_again(delivered: Delivered) -> None:
            event: Any = delivered.event
            heard.append(event.number)
            if len(heard) >= expected:
                done.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: run_consumer(restored, Consumer("c", hear_again), clock=clock))
            with trio.fail_after(60):
                await done.wait()
            nursery.cancel_scope.cancel()
        assert -1 not in heard
        assert 77 in heard


async def test_what_is_there_is_not_overwritten_unasked_nor_in_use(
    database: StoreDatabase, store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any, engine: str
) -> None:
    await database.write(verbs.add, "a", tenant=DEFAULT_TENANT)
    file = backup(store_config, folder / "backups", clock, home=folder)
    with pytest.raises(Refused, match=r"when asked to|in use"):
        restore(store_config, file, home=folder)
    with pytest.raises(Refused, match="in use"):
        restore(store_config, file, home=folder, replace=True)
    await database.write(verbs.add, "b", tenant=DEFAULT_TENANT)


async def test_a_replaced_database_is_as_it_was(
    store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any, engine: str
) -> None:
    async with open_database(store_config, clock=clock, folder=folder) as database:
        await database.write(verbs.add, "a", tenant=DEFAULT_TENANT)
        file = backup(store_config, folder / "backups", clock, home=folder)
        await database.write(verbs.add, "b", tenant=DEFAULT_TENANT)
    with pytest.raises(Refused, match="when asked to"):
        restore(store_config, file, home=folder)
    restore(store_config, file, home=folder, replace=True)
    async with open_database(store_config, clock=clock, folder=folder) as database:
        assert await database.read(verbs.names, tenant=DEFAULT_TENANT) == ["a"]
        await database.check()
    if engine == "sqlite":
        old = sqlite3.connect(folder / "csms.db.before-restore")
        assert old.execute("SELECT count(*) FROM notes").fetchone()[0] == 2
        old.close()


def test_a_damaged_backup_is_recognised(store_config: DatabaseConfig, clock: Any, folder: Path) -> None:
    file = backup(store_config, folder / "backups", clock, home=folder)
    whole = file.read_bytes()
    for damage in (whole[: len(whole) // 2], whole[:200] + b"\xff" * 3_000 + whole[3_200:], b"", b"junk" * 100):
        file.write_bytes(damage)
        assert not verify(file).ok
        with pytest.raises(BackupError, match="no good"):
            restore(store_config, file, home=folder, replace=True)
    with pytest.raises(BackupError, match="cannot read"):
        verify(folder / "none")


def test_a_backup_that_cannot_be_written_leaves_nothing(store_config: DatabaseConfig, clock: Any, folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(BackupError, match="cannot write"):
        backup(store_config, folder / "file", clock, home=folder)
    missing = attrs.evolve(store_config, url="sqlite:///none.db")
    with pytest.raises(BackupError, match="cannot back up"):
        backup(missing, folder / "backups", clock, home=folder)
    assert list((folder / "backups").iterdir()) == []


def test_two_backups_in_a_second_and_one_of_the_other_engine(
    store_config: DatabaseConfig, clock: Any, folder: Path, engine: str
) -> None:
    files = [backup(store_config, folder / "backups", clock, home=folder) for _ in range(2)]
    assert files[0] != files[1]
    other = "postgresql://h/n" if engine == "sqlite" else "sqlite:///other.db"
    with pytest.raises(Refused, match=f"backup of {engine}"):
        restore(DatabaseConfig(url=other), files[0], home=folder)


def test_old_backups_go_but_never_the_newest(tmp_path: Path, clock: Any) -> None:
    for day in ("20250101", "20251130", "20251203", "20251231"):
        (tmp_path / f"csms-{day}T000000Z.sqlite").touch()
    (tmp_path / "csms-20250102T000000Z.postgresql.zip").touch()
    (tmp_path / "csms-notes.txt").touch()
    gone = prune(tmp_path, 30, clock.now())
    assert sorted(file.name for file in gone) == [
        "csms-20250101T000000Z.sqlite",
        "csms-20250102T000000Z.postgresql.zip",
        "csms-20251130T000000Z.sqlite",
    ]
    assert len(list(tmp_path.iterdir())) == 3
    assert prune(tmp_path, 1, clock.now() + 1000 * DAY)
    assert [file.name for file in tmp_path.glob("*Z*")] == ["csms-20251231T000000Z.sqlite"]


def test_a_sqlite_that_cannot_check_an_index_of_texts_is_no_damage() -> None:
    said = "unable to validate the inverted index for FTS5 table main.drivers_texts: attempt to write a readonly database"
    assert UNCHECKED.match(said)
    assert not UNCHECKED.match("malformed inverted index for FTS5 table main.drivers_texts")
