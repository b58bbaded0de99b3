"""The live feed: what is shown, to whom, and how a stream ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio

from csms.api import feed as feeds
from csms.api.feed import Feed
from csms.api.items import Item, Scope, Wants
from csms.api.live import stream as stream_of
from csms.config import Config
from csms.core.units import iso
from csms.testing.fixtures import ConnectCharger
from csms.testing.live import listen
from csms.testing.script import script
from csms.testing.server import TestServer


async def test_frames_and_events_of_a_charge_as_they_happen(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    await server.add_token("CARD")
    async with listen(server) as stream:
        say = script(await charger("CP1"))
        charge = await say.start("CARD", at=an_hour_ago)
        await say.meter(charge, 100, an_hour_ago + 1)
        found = await stream.until("meter_values")
        more = found if any(kind == "transaction_started" for kind, _ in found) else await stream.until("transaction_started")
    seen = found + more
    frames = [data for kind, data in seen if kind == "frame"]
    frame = frames[0]["data"]
    assert (frame["action"], frame["direction"], frame["kind"]) == ("BootNotification", "in", "call")
    assert "chargePointVendor" in frame["text"]
    events = {kind: data for kind, data in seen if kind != "frame"}
    assert set(events) >= {"charger_connected", "charger_booted", "transaction_started", "meter_values"}
    assert all((data["charger_id"], data["type"]) == ("CP1", kind) for kind, data in seen)
    assert events["charger_booted"]["event_id"] > 0
    assert events["charger_booted"]["occurred_at"].endswith("Z")
    assert events["transaction_started"]["data"]["started_at"] == iso(an_hour_ago)
    assert events["meter_values"]["event_id"] is None, "volatile: not stored as an event"
    assert events["meter_values"]["data"]["readings"][0]["samples"][0]["value"] == "100"


async def test_a_stream_may_be_of_one_charger_and_of_some_kinds(server: TestServer, charger: ConnectCharger) -> None:
    async with listen(server, "?charger_id=CP2&kinds=charger_booted,charger_connected") as stream:
        await charger("CP1")
        await charger("CP2")
        found = [await stream.next(), await stream.next()]
    assert [(kind, data["charger_id"]) for kind, data in found] == [("charger_connected", "CP2"), ("charger_booted", "CP2")]


async def test_a_kind_that_does_not_exist_is_named_with_those_that_do(server: TestServer) -> None:
    response = await server.request("GET", "/api/v1/live?kinds=frame,charger_bootet")
    assert response.status_code == 422
    detail = response.json()["detail"]
    assert "there is no charger_bootet" in detail
    assert "charger_booted" in detail


async def test_a_listener_that_comes_later_hears_only_what_is_new(server: TestServer, charger: ConnectCharger) -> None:
    await charger("CP1")
    async with listen(server, "?kinds=charger_connected") as stream:
        await charger("CP2")
        assert (await stream.next())[1]["charger_id"] == "CP2"
    async with listen(server, "?kinds=charger_connected") as stream:
        await charger("CP3")
        assert (await stream.next())[1]["charger_id"] == "CP3"


async def test_a_listener_that_went_away_is_forgotten(server: TestServer) -> None:
    async with listen(server):
        assert await listeners(server) == 1
    with trio.fail_after(10):
        while await listeners(server):
            await trio.sleep(0.01)


async def listeners(server: TestServer) -> int:
    page = (await server.request("GET", "/metrics")).text
    (line,) = [line for line in page.splitlines() if line.startswith("csms_live_listeners ")]
    return int(float(line.split()[1]))


async def test_a_stream_ends_with_the_server_after_its_last_words(server: TestServer, charger: ConnectCharger) -> None:
    await charger("CP1")
    async with listen(server) as stream:
        server.stop()
        found = await stream.until("end")
        assert found[-1][1] == {"reason": "server stopping"}
        with pytest.raises(EOFError):
            await stream.next()


class TestLimit:
    @pytest.fixture
    def server_config(self, server_config: Config) -> Config:
        return attrs.evolve(server_config, api=attrs.evolve(server_config.api, max_live_streams=2))

    async def test_more_than_so_many_are_turned_away(self, server: TestServer) -> None:
        async with listen(server), listen(server):
            response = await server.request("GET", "/api/v1/live")
            assert response.status_code == 503
            assert response.json()["detail"] == "at most 2 live feeds at a time"
        with trio.fail_after(10):
            while await listeners(server):
                await trio.sleep(0.01)
        async with listen(server):
            pass


# --- the feed alone -------------------------------------------------------------------------------------------------------------

EVERYTHING = Wants()


def item(number: int, tenant: int = 1) -> Item:
    return Item("noted", tenant, "CP1", {"number": number, "charger_id": "CP1"}, 0, event_id=number, position=(0, number))


def stream(feed: Feed) -> AsyncIterator[bytes]:
    return stream_of(feed, Scope(tenant=1), EVERYTHING)


async def read(feed: Feed, into: list[bytes]) -> None:
    async for chunk in stream(feed):
        into.extend(part + b"\n\n" for part in chunk.split(b"\n\n") if part)


async def begun(feed: Feed) -> None:
    await trio.testing.wait_all_tasks_blocked()
    feed.following((0, 0))
    await trio.testing.wait_all_tasks_blocked()


async def test_a_reader_that_is_too_slow_is_dropped_and_told_so_and_others_are_not() -> None:
    feed = Feed(limit=5, backlog=3)
    quick: list[bytes] = []
    slow = stream(feed)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, feed, quick)
        await begun(feed)
        assert (await anext(slow)).startswith(b": csms live feed\n")
        for number in range(1, 6):
            feed.publish(item(number))
            await trio.testing.wait_all_tasks_blocked()
        rest = b"".join([chunk async for chunk in slow])
        assert [b"id: %d\n" % number in rest for number in range(1, 6)] == [True] * 3 + [False] * 2, "what fitted is told"
        assert rest.endswith(b'event: end\ndata: {"reason":"too slow"}\n\n')
        assert feed.dropped == 1
        assert len(quick) == 6
        assert feed.listening == 1
        nursery.cancel_scope.cancel()
    assert feed.listening == 0


async def test_a_drained_feed_tells_what_waits_and_takes_nothing_more() -> None:
    feed = Feed(limit=5)
    chunks: list[bytes] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, feed, chunks)
        await begun(feed)
        feed.publish(item(1))
        feed.drain()
        feed.publish(item(2))  # what is still committed while the server stops
    shown = b'{"event_id":1,"type":"noted","occurred_at":"1970-01-01T00:00:00.000Z","charger_id":"CP1","data":{"number":1,"charger_id":"CP1"}}'
    assert [chunk for chunk in chunks if chunk.startswith(b"id")] == [b"id: 1\nevent: noted\ndata: " + shown + b"\n\n"]
    assert chunks[-1] == b'event: end\ndata: {"reason":"server stopping"}\n\n'
    assert feed.full


async def test_a_tenant_sees_its_own(autojump_clock: trio.abc.Clock) -> None:
    feed = Feed(limit=5)
    chunks: list[bytes] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(read, feed, chunks)
        await begun(feed)
        feed.tell([item(1, tenant=2), item(2), item(3, tenant=2)], (0, 3))
        await trio.sleep(feeds.KEEPALIVE_S * 1.5)
        nursery.cancel_scope.cancel()
    assert [chunk[:5] for chunk in chunks] == [b": csm", b"id: 2", b": sti"], "and a comment when nothing happens"
    assert b"id: 3" in chunks[-1], "who comes back after it need not look through what was for others"


async def test_an_item_is_put_into_words_once_for_all_who_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []

    def as_json(event: Any) -> bytes:
        said.append(event)
        return b"{}"

    monkeypatch.setattr("csms.api.items.as_json", as_json)
    feed = Feed(limit=50)
    heard: list[list[bytes]] = [[] for _ in range(20)]
    async with trio.open_nursery() as nursery:
        for chunks in heard:
            nursery.start_soon(read, feed, chunks)
        await begun(feed)
        feed.publish(item(1))
        feed.publish(item(2, tenant=2))
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert all(chunks[-1].startswith(b"id: 1\n") for chunks in heard)
    assert len(said) == 1


async def test_with_the_store_away_a_stream_begins_all_the_same(autojump_clock: trio.abc.Clock) -> None:
    feed = Feed(limit=5)
    chunks = stream(feed)
    assert (await anext(chunks)).startswith(b": csms live feed\n"), "nobody follows the stored events, frames are shown"
    await chunks.aclose()  # type: ignore[attr-defined]  # an async generator
    assert feed.listening == 0
