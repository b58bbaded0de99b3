"""PostgreSQL's lanes: keys, deadlocks, time-outs, and the order of events that commit late."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from csms.config import DatabaseConfig
from csms.core.errors import NeedsKeys, Refused, StoreUnavailable
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.db import StoreDatabase, open_database
from csms.db.outbox import Consumer, Pace, run_consumer
from csms.testing.stores import PostgresTestServer

pytestmark = pytest.mark.postgres


@pytest.fixture
def engine() -> str:
    return "postgresql"


@pytest.fixture
def name(store_config: DatabaseConfig) -> str:
    """The test's database on the server."""
    return store_config.url.partition("@/")[2].partition("?")[0]


async def names(database: StoreDatabase, verbs: Any) -> list[str]:
    found: list[str] = await database.read(verbs.names, tenant=DEFAULT_TENANT)
    return found


def keys_of_lanes(database: StoreDatabase) -> list[str]:
    """A key for every lane."""
    router: Any = database._router
    found: dict[str, str] = {}
    number = 0
    while len(found) < len(database._lanes):
        found.setdefault(router.of(f"charger:{number}").name, f"charger:{number}")
        number += 1
    return list(found.values())


def take_the_only_place(tx: Any, who: str) -> None:
    if tx.value("SELECT count(*) FROM notes WHERE tenant = :tenant"):
        raise Refused("taken")
    tx.value("SELECT pg_sleep(0.01)")
    tx.run("INSERT INTO notes (tenant, name) VALUES (:tenant, :name)", name=who)


def claim_and_take(tx: Any, who: str) -> None:
    tx.claim("token:1")
    take_the_only_place(tx, who)


@pytest.mark.parametrize("declared", [True, False])
async def test_two_lanes_cannot_both_pass_a_limit_of_one(database: StoreDatabase, verbs: Any, declared: bool) -> None:
    refused = 0

    async def attempt(key: str, number: int) -> None:
        nonlocal refused
        verb, keys = (take_the_only_place, (key, "token:1")) if declared else (claim_and_take, (key,))
        try:
            await database.write(verb, f"{key}/{number}", tenant=DEFAULT_TENANT, keys=keys)
        except Refused:
            refused += 1

    async with trio.open_nursery() as nursery:
        for key in (keys := keys_of_lanes(database)):
            for number in range(10):
                nursery.start_soon(attempt, key, number)
    assert len(await names(database, verbs)) == 1
    assert refused == 10 * len(keys) - 1 > 10
    assert (database.stats.reruns > 0) is not declared


async def test_a_verb_that_claims_without_end_is_told_so(database: StoreDatabase) -> None:
    numbers = iter(range(1_000))

    def greedy(tx: Any) -> None:
        tx.claim(f"token:{next(numbers)}")

    with pytest.raises(NeedsKeys):
        await database.write(greedy, tenant=DEFAULT_TENANT, keys=("k",))


async def test_the_key_of_an_event_is_claimed(database: StoreDatabase, verbs: Any) -> None:
    await database.write(verbs.note, "undeclared", 1, tenant=DEFAULT_TENANT, keys=("k",))
    assert database.stats.reruns == 1
    await database.write(verbs.note, "declared", 1, tenant=DEFAULT_TENANT, keys=("note:declared",))
    assert database.stats.reruns == 1


async def test_a_deadlock_is_played_again_verb_by_verb(database: StoreDatabase, verbs: Any) -> None:
    first_key, second_key, *_ = keys_of_lanes(database)
    for note in ("a", "b"):
        await database.write(verbs.add, note, tenant=DEFAULT_TENANT)
    barrier = threading.Barrier(2, timeout=10)
    runs = 0

    def cross(tx: Any, first: str, second: str) -> None:
        nonlocal runs
        runs += 1
        add = "UPDATE notes SET body = body || 'x' WHERE tenant = :tenant AND name = :name"
        tx.run(add, name=first)
        if runs <= 2:
            barrier.wait()
        tx.run(add, name=second)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: database.write(cross, "a", "b", tenant=DEFAULT_TENANT, keys=(first_key,)))
        nursery.start_soon(lambda: database.write(cross, "b", "a", tenant=DEFAULT_TENANT, keys=(second_key,)))
    bodies = "SELECT body FROM notes WHERE tenant = :tenant"
    assert [row["body"] for row in await database.read(lambda tx: tx.all(bodies), tenant=DEFAULT_TENANT)] == ["xx", "xx"]
    assert database.stats.replays == 1
    assert runs >= 3


async def test_a_statement_that_takes_too_long_ends_alone(
    store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any
) -> None:
    config = attrs.evolve(store_config, statement_timeout_s=0.2)
    async with open_database(config, clock=clock, folder=folder) as database:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: database.write(verbs.add, "a", tenant=DEFAULT_TENANT, keys=("k",)))
            with pytest.raises(StoreUnavailable, match="too long"):
                await database.write(lambda tx: tx.run("SELECT pg_sleep(5)"), tenant=DEFAULT_TENANT, keys=("k",))
        assert await names(database, verbs) == ["a"]
        await database.check()


async def test_a_read_only_server_says_so(
    store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any, postgres_server: PostgresTestServer, name: str
) -> None:
    await trio.to_thread.run_sync(postgres_server.execute, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    try:
        async with open_database(store_config, clock=clock, folder=folder) as database:
            with pytest.raises(StoreUnavailable, match="read-only"):
                await database.write(verbs.add, "a", tenant=DEFAULT_TENANT)
            with pytest.raises(StoreUnavailable, match="read-only"):
                await database.check()
    finally:
        await trio.to_thread.run_sync(postgres_server.execute, f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def test_a_late_commit_is_neither_skipped_nor_overtaken(
    database: StoreDatabase, verbs: Any, clock: Any, postgres_server: PostgresTestServer, name: str
) -> None:
    import psycopg

    heard: list[str] = []
    changed = trio.Event()

    async def hear(delivered: Delivered) -> None:
        nonlocal changed
        event: Any = delivered.event
        heard.append(event.name)
        changed.set()

    async with trio.open_nursery() as nursery:
        consumer = Consumer("c", hear)
        await nursery.start(lambda task_status: run_consumer(database, consumer, clock=clock, task_status=task_status))
        late = psycopg.connect(dbname=name, user="postgres", host=postgres_server.socket_folder)
        late.execute(
            "INSERT INTO events (tenant, key, type, payload, at) VALUES (1, 'note:late', 'test_noted', '{\"name\": \"late\"}', 0)"
        )
        for number in range(5):
            await database.write(verbs.note, "early", number, tenant=DEFAULT_TENANT, keys=("note:early",))
        await trio.sleep(0.1)
        assert heard == []  # its sequence is lower, and nobody knows yet whether it comes
        late.commit()
        late.close()
        with trio.fail_after(60):
            while len(heard) < 6:
                changed = trio.Event()
                await changed.wait()
        nursery.cancel_scope.cancel()
    assert heard == ["late", *["early"] * 5]


async def test_events_of_another_server_are_put_before_ours(
    store_config: DatabaseConfig, clock: Any, folder: Path, verbs: Any, postgres_server: PostgresTestServer, name: str
) -> None:
    heard: list[int] = []
    done = trio.Event()

    async def hear(delivered: Delivered) -> None:
        event: Any = delivered.event
        heard.append(event.number)
        if len(heard) == 4:
            done.set()

    insert = "INSERT INTO events (xid, tenant, key, type, payload, at) VALUES ({xid}, 1, 'note:a', 'test_noted', '{payload}', 0)"
    for number, xid in enumerate((2**40, 2**40 + 1, 2**40 + 7)):
        payload = f'{{"name": "a", "number": {number}}}'
        await trio.to_thread.run_sync(postgres_server.execute, insert.format(xid=xid, payload=payload), name)
    async with open_database(store_config, clock=clock, folder=folder) as database, trio.open_nursery() as nursery:
        await database.write(verbs.note, "a", 3, tenant=DEFAULT_TENANT, keys=("note:a",))
        consumer = Consumer("c", hear)
        nursery.start_soon(lambda: run_consumer(database, consumer, clock=clock, from_start=True, pace=Pace(poll_s=0.1)))
        with trio.fail_after(60):
            await done.wait()
        nursery.cancel_scope.cancel()
    assert heard == [0, 1, 2, 3]
