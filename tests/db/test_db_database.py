"""``write``, ``read`` and ``append`` on both engines: what is acknowledged is there, what failed is not, and nobody waits for ever."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from csms.config import DatabaseConfig
from csms.core.errors import Conflict, Refused, StoreUnavailable, WriterStopped
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.db import StoreDatabase, open_database, sqlite_readers
from csms.db.statements import Unscoped
from csms.db.tx import SpentTransaction


async def write(database: StoreDatabase, verb: Any, *arguments: Any, keys: tuple[str, ...] = ("k",)) -> Any:
    return await database.write(verb, *arguments, tenant=DEFAULT_TENANT, keys=keys)


async def names(database: StoreDatabase, verbs: Any) -> list[str]:
    found: list[str] = await database.read(verbs.names, tenant=DEFAULT_TENANT)
    return found


async def test_a_write_is_there_for_the_next_read(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    number = await write(database, verbs.add, "a", "text")
    row = await database.read(lambda tx: tx.one("SELECT * FROM notes WHERE tenant = :tenant"), tenant=DEFAULT_TENANT)
    assert row == {"id": number, "tenant": 1, "name": "a", "body": "text", "at": clock.now()}
    assert await database.read(verbs.names, tenant=TenantId(2)) == []


async def test_one_failing_verb_rolls_back_alone(database: StoreDatabase, verbs: Any) -> None:
    def refuse(tx: Any) -> None:
        verbs.add(tx, "lost")
        tx.emit(verbs.noted(name="lost"))
        tx.emit(verbs.glimpsed(name="lost"))
        raise Refused("no")

    glimpsed: list[Any] = []
    database.on_volatile = lambda tenant, now, event: glimpsed.append(event)
    ended: dict[str, Any] = {}

    async def attempt(name: str, verb: Any, *arguments: Any) -> None:
        try:
            ended[name] = await write(database, verb, *arguments, keys=("k", "note:lost"))
        except Exception as error:
            ended[name] = error

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(attempt, f"good{number}", verbs.add, f"good{number}")
            nursery.start_soon(attempt, f"bad{number}", refuse)
    assert sorted(await names(database, verbs)) == sorted(f"good{number}" for number in range(10))
    assert all(isinstance(ended[f"bad{number}"], Refused) for number in range(10))
    assert all(isinstance(ended[f"good{number}"], int) for number in range(10))
    assert (
        await database.read(lambda tx: tx.value("SELECT count(*) FROM events WHERE tenant = :tenant"), tenant=DEFAULT_TENANT) == 0
    )
    assert glimpsed == []
    assert database.stats.verbs == 20
    assert database.stats.failed_verbs == 10


async def test_a_broken_uniqueness_is_a_conflict_and_leaves_the_others(database: StoreDatabase, verbs: Any) -> None:
    await write(database, verbs.add, "a")
    with pytest.raises(Conflict):
        await write(database, verbs.add, "a")
    with pytest.raises(Conflict):
        await write(database, lambda tx: tx.run("INSERT INTO marks (note_id) VALUES (999)"))
    await write(database, verbs.add, "b")
    assert await names(database, verbs) == ["a", "b"]


async def test_a_verb_cannot_swallow_a_database_error(database: StoreDatabase, verbs: Any) -> None:
    def swallow(tx: Any) -> str:
        verbs.add(tx, "before")
        try:
            verbs.add(tx, "forbidden")
        except Exception:
            return "all is well"
        return "not refused"

    with pytest.raises(Exception, match=r"(?i)check"):
        await write(database, swallow)
    assert await names(database, verbs) == []


async def test_a_transaction_cannot_be_used_after_a_failed_statement(database: StoreDatabase, verbs: Any) -> None:
    after: list[Exception] = []

    def go_on(tx: Any) -> None:
        try:
            verbs.add(tx, "forbidden")
        except Exception:
            try:
                verbs.add(tx, "more")
            except SpentTransaction as error:
                after.append(error)

    with pytest.raises(Exception, match=r"(?i)check"):
        await write(database, go_on)
    assert len(after) == 1
    assert await names(database, verbs) == []


async def test_a_verb_that_waits_can_leave_until_its_batch(database: StoreDatabase, verbs: Any) -> None:
    with trio.CancelScope() as scope:
        scope.cancel()
        await write(database, verbs.add, "never")
    assert scope.cancelled_caught

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write, database, verbs.add, "leaves")
        await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    await write(database, verbs.add, "stays")
    assert "stays" in await names(database, verbs)
    assert "never" not in await names(database, verbs)


async def test_a_verb_in_a_running_batch_is_told_the_truth(database: StoreDatabase, verbs: Any) -> None:
    scope = trio.CancelScope()
    token = trio.lowlevel.current_trio_token()
    told: list[int] = []

    def cancel_while_running(tx: Any) -> int:
        number: int = verbs.add(tx, "running")
        try:
            scope.cancel()  # on the event loop (SQLite)
        except RuntimeError:
            trio.from_thread.run_sync(scope.cancel, trio_token=token)
        return number

    with scope:
        told.append(await write(database, cancel_while_running))
    assert len(told) == 1
    assert await names(database, verbs) == ["running"]


async def test_after_stop_a_write_raises_at_once(store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any) -> None:
    async with open_database(store_config, clock=clock, folder=folder) as database:
        async with trio.open_nursery() as nursery:
            for number in range(5):
                nursery.start_soon(write, database, verbs.add, f"queued{number}")
            await database.append(verbs.insert, [{"name": "row"}], key="k", tenant=DEFAULT_TENANT)
            for _ in range(2):  # every task has run once by then
                await trio.lowlevel.checkpoint()
            database.stop()
        with pytest.raises(WriterStopped):
            await write(database, verbs.add, "late")
        with pytest.raises(WriterStopped):
            await database.append(verbs.insert, [{"name": "late"}], key="k", tenant=DEFAULT_TENANT)
        assert len(await names(database, verbs)) == 6
    with pytest.raises(WriterStopped):
        await write(database, verbs.add, "later")
    with pytest.raises(StoreUnavailable):
        await database.read(verbs.names, tenant=DEFAULT_TENANT)


async def test_leaving_writes_what_is_queued_even_when_cancelled(
    store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any
) -> None:
    with trio.CancelScope() as scope:
        async with open_database(store_config, clock=clock, folder=folder) as database:
            for number in range(100):
                await database.append(verbs.insert, [{"name": f"row{number}"}], key=f"k{number}", tenant=DEFAULT_TENANT)
            scope.cancel()
            await trio.sleep_forever()
    async with open_database(store_config, clock=clock, folder=folder) as database:
        assert len(await names(database, verbs)) == 100


async def test_an_error_in_the_body_comes_out_as_it_is(store_config: DatabaseConfig, clock: Any, folder: Path) -> None:
    with pytest.raises(Refused, match="mine"):
        async with open_database(store_config, clock=clock, folder=folder):
            raise Refused("mine")


async def test_a_full_queue_holds_writers_back_and_loses_nothing(
    store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any
) -> None:
    import attrs

    config = attrs.evolve(store_config, queue_limit=100, batch_limit=10)
    deepest = 0
    async with open_database(config, clock=clock, folder=folder) as database:

        async def feed(number: int) -> None:
            nonlocal deepest
            for turn in range(10):
                await database.append(verbs.insert, [{"name": f"{number}.{turn}"}], key=f"k{number}", tenant=DEFAULT_TENANT)
                await write(database, verbs.add, f"{number}.{turn}!", keys=(f"k{number}",))
                deepest = max(deepest, database.stats.queued)

        async with trio.open_nursery() as nursery:
            for number in range(150):
                nursery.start_soon(feed, number)
        assert len(await names(database, verbs)) == 3_000
    assert 0 < deepest <= 101


async def test_rows_and_verbs_of_a_key_keep_their_order(database: StoreDatabase, verbs: Any) -> None:
    seen: dict[int, list[list[str]]] = {}

    async def charger(number: int) -> None:
        key = f"charger:{number}"
        for turn in range(5):
            await database.append(
                verbs.insert, [{"name": f"{number}/{turn}a"}, {"name": f"{number}/{turn}b"}], key=key, tenant=DEFAULT_TENANT
            )

            def look(tx: Any) -> list[str]:
                like = f"{number}/%"
                rows = tx.all("SELECT name FROM notes WHERE tenant = :tenant AND name LIKE :like ORDER BY id", like=like)
                return [row["name"] for row in rows]

            seen.setdefault(number, []).append(await write(database, look, keys=(key, f"token:{number % 3}")))
            await database.append(
                "UPDATE notes SET body = 'x' WHERE tenant = :tenant AND name = :name",
                [{"name": f"{number}/{turn}a"}],
                key=key,
                tenant=DEFAULT_TENANT,
            )

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(charger, number)
    for number, looks in seen.items():
        everything = [f"{number}/{turn}{letter}" for turn in range(5) for letter in "ab"]
        assert looks == [everything[: 2 * turn + 2] for turn in range(5)]
    await write(database, lambda tx: None, keys=())
    await database.check()
    changed = "SELECT count(*) FROM notes WHERE tenant = :tenant AND body = 'x'"
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(write, database, lambda tx: None)
    assert await database.read(lambda tx: tx.value(changed), tenant=DEFAULT_TENANT) == 100


async def test_a_refused_row_takes_nobody_with_it(database: StoreDatabase, verbs: Any) -> None:
    rows = [{"name": "a"}, {"name": "forbidden"}, {"name": "b"}, {"name": "a"}]
    await database.append(verbs.insert, rows, key="k", tenant=DEFAULT_TENANT)
    await database.append("INSERT INTO nowhere (a) VALUES (1)", [{}], key="k", tenant=DEFAULT_TENANT)
    await database.append(
        "INSERT INTO notes (tenant, name) VALUES (7, :name)", [{"name": "unscoped"}], key="k", tenant=DEFAULT_TENANT
    )
    await write(database, verbs.add, "c")
    assert await names(database, verbs) == ["a", "b", "c"]
    assert database.stats.refused_rows == 4
    assert database.stats.rows == 2


async def test_the_tenancy_guard(database: StoreDatabase, verbs: Any) -> None:
    with pytest.raises(Unscoped):
        await write(database, lambda tx: tx.all("SELECT * FROM notes"))
    with pytest.raises(Unscoped):
        await write(database, lambda tx: tx.run("DELETE FROM notes WHERE tenant = :tenant", tenant=2))
    with pytest.raises(Unscoped):
        await database.read(lambda tx: tx.all("SELECT * FROM notes"), tenant=DEFAULT_TENANT)
    await database.write(verbs.add, "mine", tenant=DEFAULT_TENANT)
    await database.write(verbs.add, "theirs", tenant=TenantId(2))
    everybody = "SELECT name FROM notes ORDER BY id"
    assert len(await write(database, lambda tx: tx.system("a test").all(everybody))) == 2
    assert len(await database.read(lambda tx: tx.system("a test").all(everybody), tenant=DEFAULT_TENANT)) == 2
    other = "SELECT name FROM notes WHERE tenant = :tenant"
    assert await write(database, lambda tx: tx.system("a test").value(other, tenant=2)) == "theirs"


def in_a_thread(*_: Any) -> Any:
    """What a read that turns out large does."""
    raise sqlite_readers._TooLarge


async def test_a_read_sees_one_moment_and_cannot_write(
    database: StoreDatabase, verbs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_readers.SqliteReaders, "_read_here", in_a_thread)
    started, go_on = trio.Event(), trio.Event()
    token = trio.lowlevel.current_trio_token()
    counts: list[int] = []

    def count_twice(tx: Any) -> None:
        counts.append(len(verbs.names(tx)))
        trio.from_thread.run_sync(started.set, trio_token=token)
        trio.from_thread.run(go_on.wait, trio_token=token)
        counts.append(len(verbs.names(tx)))

    async def read() -> None:
        await database.read(count_twice, tenant=DEFAULT_TENANT)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await started.wait()
        await write(database, verbs.add, "meanwhile")
        go_on.set()
    assert counts == [0, 0]
    with pytest.raises(Exception, match=r"(?i)read.?only"):
        await database.read(lambda tx: verbs.add(tx, "x"), tenant=DEFAULT_TENANT)
    assert await names(database, verbs) == ["meanwhile"]


async def test_volatile_events_are_told_after_commit_and_not_stored(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    heard: list[Any] = []

    def listen(tenant: int, now: int, event: Any) -> None:
        heard.append((tenant, now, event))
        raise ValueError("a listener that fails harms nobody")

    database.on_volatile = listen
    await database.write(lambda tx: tx.emit(verbs.glimpsed(name="a")), tenant=TenantId(3), keys=("note:a",))
    assert heard == [(3, clock.now(), verbs.glimpsed(name="a"))]
    assert await database.read(lambda tx: tx.value("SELECT count(*) FROM events WHERE tenant = :tenant"), tenant=TenantId(3)) == 0


async def test_news_of_events(database: StoreDatabase, verbs: Any) -> None:
    mark = database.event_mark
    await write(database, verbs.add, "no event")
    assert database.event_mark == mark
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(database.wait_for_events)
            await trio.testing.wait_all_tasks_blocked()
            await write(database, verbs.note, "a", keys=("note:a",))
        assert await database.wait_for_events(mark) > mark


async def test_values_are_the_same_on_both_engines(database: StoreDatabase, verbs: Any) -> None:
    def store(tx: Any) -> None:
        first, second = verbs.add(tx, "a"), verbs.add(tx, "b\x00c")
        tx.many(
            "INSERT INTO marks (note_id, data, weight) VALUES (:note_id, :data, :weight)",
            [{"note_id": first, "data": b"\x00\xff", "weight": 1.5}, {"note_id": second, "data": None, "weight": None}],
        )
        tx.run("UPDATE marks SET note_id = :flag WHERE note_id = :first", flag=True, first=first)

    await write(database, store)

    def look(tx: Any) -> dict[str, Any]:
        return dict(
            tx.one(
                "SELECT sum(id) AS total, count(*) AS count, max(weight) AS heaviest, min(data) AS data FROM marks "
                "WHERE (:nothing IS NULL OR id = :nothing)",
                nothing=None,
            )
        )

    filtered = "SELECT count(*) FROM marks WHERE (:id IS NULL OR id = :id) AND (:id IS NOT NULL OR weight IS NOT NULL)"
    assert await database.read(lambda tx: [tx.value(filtered, id=None), tx.value(filtered, id=2)], tenant=DEFAULT_TENANT) == [1, 1]
    like = "SELECT count(*) FROM notes WHERE tenant = :tenant AND name LIKE 'a%'"
    assert await database.read(lambda tx: [tx.value(like), tx.value("SELECT 7 % 4")], tenant=DEFAULT_TENANT) == [1, 3]
    row = await database.read(look, tenant=DEFAULT_TENANT)
    assert row == {"total": 3, "count": 2, "heaviest": 1.5, "data": b"\x00\xff"}
    assert type(row["total"]) is int
    big = 2**62
    assert await database.read(lambda tx: tx.value("SELECT :big + 0", big=big), tenant=DEFAULT_TENANT) == big


async def test_the_store_knows_its_own_work(database: StoreDatabase, verbs: Any) -> None:
    await write(database, verbs.add, "a")
    await names(database, verbs)
    statements = database.stats.statements()
    assert statements["insert notes"].count == 1
    assert statements["select notes"].count == 1
    assert statements["insert notes"].seconds > 0
    assert database.stats.batches >= 1
    assert sum(database.stats.sizes) == database.stats.batches
    assert database.stats.commit_seconds > 0


async def test_check_passes_where_all_is_well(database: StoreDatabase) -> None:
    await database.check()


async def test_names_of_columns_are_those_of_parameters(database: StoreDatabase) -> None:
    """Python tells equal texts by their address: a noun of many fields is built by name in a third of the time."""

    def names(tx: Any) -> list[str]:
        return list(tx.one("SELECT count(*) AS how_many_there_are FROM notes WHERE tenant = :tenant"))

    (name,) = await database.read(names, tenant=DEFAULT_TENANT)
    assert name is sys.intern("how_many_" + "there_are")
