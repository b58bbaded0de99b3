"""Connections to PostgreSQL that break: before, during and after COMMIT; what is acknowledged is there exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.db import StoreDatabase, open_database
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
