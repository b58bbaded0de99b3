"""One server at a time on a database of PostgreSQL."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio

from csms.config import DatabaseConfig
from csms.db.sole import AnotherServer, sole_server
from csms.outside import Threads
from csms.testing.stores import PostgresTestServer

pytestmark = pytest.mark.postgres
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'csms sole server'"

HELD = (
    "SELECT a.pid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid"
    " WHERE l.locktype = 'advisory' AND l.granted AND a.application_name = 'csms sole server'"
)


@pytest.fixture
def engine() -> str:
    return "postgresql"


async def test_a_second_server_does_not_start_beside_the_first(store_config: DatabaseConfig, tmp_path: Path) -> None:
    server = partial(sole_server, store_config, folder=tmp_path, blocking=Threads())
    async with server():
        with pytest.raises(AnotherServer, match=r"another server runs on the database .*: stop it first"):
            async with server(patience_s=0.1):
                raise AssertionError("it started")


async def test_the_next_server_waits_for_the_one_before_to_end(store_config: DatabaseConfig, tmp_path: Path) -> None:
    server = partial(sole_server, store_config, folder=tmp_path, blocking=Threads())
    ended = False

    async def successor() -> None:
        async with server(patience_s=20):
            assert ended

    async with trio.open_nursery() as nursery, server():
        nursery.start_soon(successor)
        await trio.sleep(0.1)
        ended = True


async def test_the_place_is_taken_again_when_its_connection_was_lost(
    store_config: DatabaseConfig, tmp_path: Path, postgres_server: PostgresTestServer
) -> None:
    server = partial(sole_server, store_config, folder=tmp_path, blocking=Threads())
    name = store_config.url.rpartition("/")[2].partition("?")[0]
    async with server(look_every_s=0.05):
        before = await trio.to_thread.run_sync(postgres_server.execute, HELD, name)
        assert await trio.to_thread.run_sync(postgres_server.execute, KILL, name)
        with trio.fail_after(10):  # by another connection: the one that was killed may hold it for a moment yet
            while (await trio.to_thread.run_sync(postgres_server.execute, HELD, name)) in ([], before):
                await trio.sleep(0.02)
        with pytest.raises(AnotherServer):
            async with server(patience_s=0.1):
                raise AssertionError("it started")


async def test_who_lost_the_place_to_another_ends(
    store_config: DatabaseConfig, tmp_path: Path, postgres_server: PostgresTestServer
) -> None:
    server = partial(sole_server, store_config, folder=tmp_path, blocking=Threads())
    name = store_config.url.rpartition("/")[2].partition("?")[0]

    async def first() -> None:
        async with server(patience_s=0.1, look_every_s=0.5):
            await trio.to_thread.run_sync(postgres_server.execute, KILL, name)
            async with server():
                await trio.sleep_forever()

    with pytest.raises(BaseExceptionGroup) as ended, trio.fail_after(20):
        await first()
    assert ended.value.subgroup(AnotherServer) is not None
