"""PostgreSQL's lanes: keys, deadlocks, lost connections and commits in doubt; what is acknowledged is there exactly once."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
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
        for key in keys_of_lanes(database):
            for number in range(5):
                nursery.start_soon(attempt, key, number)
    assert len(await names(database, verbs)) == 1
    assert refused == 19
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


async def test_a_connection_lost_in_the_middle_of_a_batch(database: StoreDatabase, verbs: Any) -> None:
    runs = 0

    def die_once(tx: Any) -> int:
        nonlocal runs
        runs += 1
        number: int = verbs.add(tx, "survivor")
        if runs == 1:
            tx.run("SELECT pg_terminate_backend(pg_backend_pid())")
        return number

    results: list[int] = []

    async def attempt(verb: Any, *arguments: Any) -> None:
        results.append(await database.write(verb, *arguments, tenant=DEFAULT_TENANT, keys=("k",)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(attempt, verbs.add, "a")
        nursery.start_soon(attempt, die_once)
        nursery.start_soon(attempt, verbs.add, "b")
    assert sorted(await names(database, verbs)) == ["a", "b", "survivor"]
    assert len(set(results)) == 3


async def test_a_verb_that_always_kills_its_connection_is_given_up_alone(database: StoreDatabase, verbs: Any) -> None:
    def deadly(tx: Any) -> None:
        tx.run("SELECT pg_terminate_backend(pg_backend_pid())")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: database.write(verbs.add, "a", tenant=DEFAULT_TENANT, keys=("k",)))
        with pytest.raises(StoreUnavailable):
            await database.write(deadly, tenant=DEFAULT_TENANT, keys=("k",))
    await database.append(
        "INSERT INTO notes (tenant, name) SELECT :tenant, pg_terminate_backend(pg_backend_pid())::text",
        [{}],
        key="k",
        tenant=DEFAULT_TENANT,
    )
    await database.write(verbs.add, "b", tenant=DEFAULT_TENANT, keys=("k",))
    assert await names(database, verbs) == ["a", "b"]
    assert database.stats.refused_rows == 1


async def test_idle_connections_that_the_server_closed_are_replaced(
    database: StoreDatabase, verbs: Any, postgres_server: PostgresTestServer, name: str
) -> None:
    await database.write(verbs.add, "a", tenant=DEFAULT_TENANT, keys=("k",))
    await names(database, verbs)
    postgres_server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'csms %'", name)
    await database.write(verbs.add, "b", tenant=DEFAULT_TENANT, keys=("k",))
    assert await names(database, verbs) == ["a", "b"]


COMMIT_SLOWLY_ONCE = """
CREATE SEQUENCE tries;
CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF nextval('tries') = 1 THEN PERFORM pg_sleep(120); END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.name = 'slow') EXECUTE FUNCTION slow_commit();
"""


async def test_a_backend_killed_during_commit_leaves_each_verb_exactly_once(
    database: StoreDatabase, verbs: Any, postgres_server: PostgresTestServer, name: str
) -> None:
    await trio.to_thread.run_sync(postgres_server.execute, COMMIT_SLOWLY_ONCE, name)
    try:
        async with trio.open_nursery() as nursery:
            for note in ("slow", "a", "b"):
                nursery.start_soon(partial(database.write, verbs.add, note, tenant=DEFAULT_TENANT, keys=("k",)))
            await database.append(verbs.insert, [{"name": "row"}], key="k", tenant=DEFAULT_TENANT)
            kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'COMMIT' AND wait_event = 'PgSleep'"
            with trio.fail_after(60):
                while not await trio.to_thread.run_sync(postgres_server.execute, kill, name):
                    await trio.sleep(0.01)
        await database.write(verbs.add, "last", tenant=DEFAULT_TENANT, keys=("k",))
        assert sorted(await names(database, verbs)) == ["a", "b", "last", "row", "slow"]
        assert database.stats.replays == 1
    finally:
        drop = "DROP TRIGGER slow_commit ON notes; DROP FUNCTION slow_commit; DROP SEQUENCE tries"
        await trio.to_thread.run_sync(postgres_server.execute, drop, name)


class Proxy:
    """TCP between the store and the server, which can swallow the answer to a COMMIT or be down."""

    def __init__(self, socket_folder: str) -> None:
        self._socket = f"{socket_folder}/.s.PGSQL.5432"
        self.swallow = False
        self.swallowed = trio.Event()
        self.down_after = False
        self.port = 0
        self._down = False
        self._links: set[trio.CancelScope] = set()

    async def serve(self, task_status: Any) -> None:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.port = listeners[0].socket.getsockname()[1]
        await trio.serve_listeners(self._link, listeners, task_status=task_status)

    def down(self, down: bool = True) -> None:
        self._down = down
        if down:
            for link in list(self._links):
                link.cancel()

    async def _link(self, client: trio.SocketStream) -> None:
        if self._down:
            await client.aclose()
            return
        with trio.CancelScope() as scope:
            self._links.add(scope)
            server = await trio.open_unix_socket(self._socket)
            async with client, server, trio.open_nursery() as nursery:
                nursery.start_soon(self._up, client, server, scope)
                async for data in server:
                    if self.swallowed.is_set() and self.swallow:
                        self.swallow = False
                        break
                    await client.send_all(data)
                nursery.cancel_scope.cancel()
        self._links.discard(scope)

    async def _up(self, client: trio.SocketStream, server: Any, scope: trio.CancelScope) -> None:
        try:
            async for data in client:
                if self.swallow and b"COMMIT" in data and b"COMMITTED" not in data:
                    self._down = self.down_after
                    self.swallowed.set()
                await server.send_all(data)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()


@asynccontextmanager
async def through_a_proxy(
    store_config: DatabaseConfig, postgres_server: PostgresTestServer, name: str, clock: Any, folder: Path, **changes: Any
) -> AsyncIterator[tuple[Proxy, StoreDatabase]]:
    proxy = Proxy(postgres_server.socket_folder)
    async with trio.open_nursery() as nursery:
        await nursery.start(proxy.serve)
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}?sslmode=disable&gssencmode=disable"
        config = attrs.evolve(store_config, url=url, lanes=1, **changes)
        async with open_database(config, clock=clock, folder=folder) as database:
            yield proxy, database
        nursery.cancel_scope.cancel()


async def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    store_config: DatabaseConfig, postgres_server: PostgresTestServer, name: str, clock: Any, folder: Path, verbs: Any
) -> None:
    async with through_a_proxy(store_config, postgres_server, name, clock, folder) as (proxy, database):
        await database.write(verbs.add, "before", tenant=DEFAULT_TENANT)
        proxy.swallow = True
        results: list[int] = []

        async def attempt(note: str) -> None:
            results.append(await database.write(verbs.add, note, tenant=DEFAULT_TENANT, keys=("k",)))

        async with trio.open_nursery() as nursery:
            for note in ("a", "b", "c"):
                nursery.start_soon(attempt, note)
            await database.append(verbs.insert, [{"name": "row"}], key="k", tenant=DEFAULT_TENANT)
        assert proxy.swallowed.is_set()
        await database.write(verbs.add, "after", tenant=DEFAULT_TENANT, keys=("k",))
        assert sorted(await names(database, verbs)) == ["a", "after", "b", "before", "c", "row"]
        assert len(set(results)) == 3
        assert database.stats.refused_rows == 0


async def test_a_commit_that_nobody_can_ask_about_is_not_acknowledged_and_its_rows_come_once(
    store_config: DatabaseConfig, postgres_server: PostgresTestServer, name: str, clock: Any, folder: Path, verbs: Any
) -> None:
    changes = {"connect_timeout_s": 0.1, "statement_timeout_s": 0.2}
    async with through_a_proxy(store_config, postgres_server, name, clock, folder, **changes) as (proxy, database):
        await database.write(verbs.add, "before", tenant=DEFAULT_TENANT)
        proxy.swallow = proxy.down_after = True
        async with trio.open_nursery() as nursery:
            nursery.start_soon(lambda: database.append(verbs.insert, [{"name": "row"}], key="k", tenant=DEFAULT_TENANT))
            with pytest.raises(StoreUnavailable, match="cannot be asked"):
                await database.write(verbs.add, "unknown", tenant=DEFAULT_TENANT, keys=("k",))
        assert proxy.swallowed.is_set()
        proxy.down(False)
        with trio.fail_after(60):
            while True:
                try:
                    await database.write(verbs.add, "after", tenant=DEFAULT_TENANT, keys=("k",))
                    break
                except StoreUnavailable:
                    await trio.sleep(0.01)
        found = await names(database, verbs)
        assert found.count("row") == 1
        assert database.stats.refused_rows == 0
        assert set(found) == {"after", "before", "row", "unknown"}


async def test_a_server_that_is_away_and_comes_back(
    store_config: DatabaseConfig, postgres_server: PostgresTestServer, name: str, clock: Any, folder: Path, verbs: Any
) -> None:
    changes = {"connect_timeout_s": 0.5}
    async with through_a_proxy(store_config, postgres_server, name, clock, folder, **changes) as (proxy, database):
        await database.write(verbs.add, "before", tenant=DEFAULT_TENANT)
        proxy.down()
        await database.append(verbs.insert, [{"name": "row"}], key="k", tenant=DEFAULT_TENANT)
        with pytest.raises(StoreUnavailable):
            await database.write(verbs.add, "lost", tenant=DEFAULT_TENANT, keys=("k",))
        with pytest.raises(StoreUnavailable):
            await database.check()
        with pytest.raises(StoreUnavailable):
            await names(database, verbs)
        proxy.down(False)
        with trio.fail_after(60):
            while True:
                try:
                    await database.check()
                    found = await names(database, verbs)
                    break
                except StoreUnavailable:
                    await trio.sleep(0.05)
        assert found == ["before", "row"]


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
