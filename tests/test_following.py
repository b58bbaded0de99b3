"""Coming back to the live feed: what was missed is told first, in order, without a gap and without a duplicate, on both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator

import attrs
import msgspec
import pytest
import trio

from csms import following
from csms.api import feed as feeds
from csms.api.feed import Feed, Listener
from csms.api.items import Item, Scope, Wants, Word
from csms.core.events import Event, event
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import StoreDatabase

HERE = Scope(tenant=DEFAULT_TENANT)
EVERYTHING = Wants(kinds=frozenset({"followed_in_a_test"}))


@event
@attrs.frozen(slots=True, kw_only=True)
class FollowedInATest(Event):
    type = "followed_in_a_test"
    number: int
    charger_id: str = "C1"

    @property
    def key(self) -> str:
        return f"number:{self.number % 5}"


async def happen(database: StoreDatabase, number: int) -> None:
    def verb(tx: Tx) -> None:
        tx.emit(FollowedInATest(number=number))

    await database.write(verb, tenant=DEFAULT_TENANT, keys=(f"number:{number % 5}",))


async def numbered(database: StoreDatabase) -> dict[int, int]:
    """The events' ids by their numbers."""

    def query(tx: Tx) -> dict[int, int]:
        rows = tx.all("SELECT sequence, payload FROM events WHERE tenant = :tenant")
        return {msgspec.json.decode(row["payload"])["number"]: row["sequence"] for row in rows}

    return await database.read(query, tenant=DEFAULT_TENANT)


@pytest.fixture
async def feed(database: StoreDatabase) -> AsyncIterator[Feed]:
    feed = Feed(limit=50, history=following.StoredHistory(database), backlog=10_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(following.follow, database, feed)
        yield feed
        nursery.cancel_scope.cancel()


async def hear(listener: Listener, count: int) -> list[int]:
    """The numbers of the next events."""
    heard: list[int] = []
    with trio.fail_after(20):
        while len(heard) < count:
            heard += [item.facts["number"] for item in await listener.next() if isinstance(item, Item)]
    return heard


async def words(listener: Listener, kind: str) -> Word:
    with trio.fail_after(20):
        while True:
            for told in await listener.next():
                if isinstance(told, Word) and told.kind == kind:
                    return told


async def test_who_comes_back_is_told_what_was_missed_and_then_what_happens(
    database: StoreDatabase, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 7)
    for number in range(30):
        await happen(database, number)
    ids = await numbered(database)
    with feed.listen(HERE, EVERYTHING, since=ids[4]) as listener:
        assert await hear(listener, 25) == list(range(5, 30)), "in order, from the one after the last that was told"
        await happen(database, 30)
        assert await hear(listener, 1) == [30]


async def test_nothing_is_missed_or_told_twice_while_much_happens(
    database: StoreDatabase, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 5)
    await happen(database, 0)
    first = (await numbered(database))[0]
    heard: dict[int, list[int]] = {}

    async def write(start: int) -> None:
        for number in range(start, start + 60):
            await happen(database, number)

    async def come_back(name: int, after_s: float) -> None:
        await trio.sleep(after_s)
        with feed.listen(HERE, EVERYTHING, since=first) as listener:
            heard[name] = await hear(listener, 240)

    async with trio.open_nursery() as nursery:
        for name in range(5):
            nursery.start_soon(come_back, name, name * 0.02)
        for start in (1, 61, 121, 181):
            nursery.start_soon(write, start)
    assert all(sorted(each) == list(range(1, 241)) for each in heard.values()), "each once"
    assert len({tuple(each) for each in heard.values()}) == 1, "and for all in the same order"


async def test_what_is_not_kept_any_more_is_said(database: StoreDatabase, feed: Feed) -> None:
    await happen(database, 1)
    with feed.listen(HERE, EVERYTHING, since=987_654) as listener:
        assert "event 987654 is not kept" in (await words(listener, "reset")).reason
        await happen(database, 2)
        assert await hear(listener, 1) == [2], "what happens now is told all the same"


async def test_who_missed_too_much_is_told_to_read_the_log(
    database: StoreDatabase, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 5)
    monkeypatch.setattr(feeds, "MOST_REPLAYED", 10)
    for number in range(30):
        await happen(database, number)
    with feed.listen(HERE, EVERYTHING, since=(await numbered(database))[0]) as listener:
        assert "event log" in (await words(listener, "reset")).reason


async def test_one_who_wants_little_comes_back_near_where_everybody_is(
    database: StoreDatabase, feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "KEEPALIVE_S", 0.05)
    with feed.listen(HERE, Wants(kinds=frozenset({"charger_booted"}))) as listener:
        await words(listener, "begin")
        await happen(database, 1)
        with trio.fail_after(10):
            while not (alive := await words(listener, "alive")).event_id:
                pass
    assert alive.event_id == (await numbered(database))[1]


async def test_a_payload_that_nobody_can_read_is_passed_over(database: StoreDatabase, feed: Feed) -> None:
    def spoil(tx: Tx) -> None:
        tx.run("INSERT INTO events (tenant, key, type, payload, at) VALUES (:tenant, 'x', 'followed_in_a_test', 'nonsense', :now)")

    with feed.listen(HERE, EVERYTHING) as listener:
        await words(listener, "begin")
        await database.write(spoil, tenant=DEFAULT_TENANT)
        await happen(database, 1)
        assert await hear(listener, 1) == [1]
