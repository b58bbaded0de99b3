"""The webhook at the end of the real event spine: every stored event arrives, also when the receiver fails at first."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
import trio

import csms_webhook
from csms.hooks import DEFAULT_TENANT, EVENT_TYPES, ChargerBooted, Event, event, hookimpl
from csms.testing.plugins import HttpClient, Plugged, example


@event
@attrs.frozen(slots=True, kw_only=True)
class SomethingElse(Event):
    """Another plugin's event."""

    type = "something_else"

    @property
    def key(self) -> str:
        return "else"


class Other:
    """Another plugin, with an event of its own."""

    @hookimpl
    def register_events(self) -> list[type[Event]]:
        return [SomethingElse]


def emit(tx: Any, *events: Event) -> None:
    for each in events:
        tx.emit(each)


@pytest.fixture
async def http() -> Any:
    client = HttpClient()
    yield client
    await client.aclose()


async def test_every_stored_event_arrives_once_its_receiver_takes_it(receiver: Any, database: Any, http: Any, secret: str) -> None:
    kinds = [kind for kind in EVENT_TYPES.values() if kind.durable and kind.__module__.startswith("csms.")]
    events = [*map(example, kinds), SomethingElse()]
    receiver.answers += [(503, {}), (500, {})]
    plugged = Plugged(
        {"webhook": csms_webhook, "other": Other},
        settings={"webhook": {"url": receiver.url, "secret": secret}},
        database=database,
        http=http,
        breaker_failures=100,
    )
    async with plugged.spine(database):
        await database.write(emit, *events, tenant=DEFAULT_TENANT, keys={each.key for each in events})
        await receiver.received(2)
        with trio.fail_after(20):
            while len(receiver.posts) < len(events) + 2:
                plugged.clock.advance(1000)
                await trio.sleep(0.01)
    told = [json.loads(post.body) for post in receiver.posts]
    attempts: dict[int, list[int]] = {}
    for message in told:
        attempts.setdefault(message["id"], []).append(message["attempt"])
    assert sorted({message["id"]: message["type"] for message in told}.values()) == sorted(each.type for each in events)
    assert sorted(attempts.values()) == [[1]] * (len(events) - 2) + [[1, 2]] * 2, "what was refused came again"
    keys = [post.headers["idempotency-key"] for post in receiver.posts]
    assert len(set(keys)) == len(events), "and with the same key"


async def test_events_of_one_charger_arrive_in_order_although_the_first_is_refused(
    receiver: Any, database: Any, http: Any, secret: str
) -> None:
    receiver.answers.append((500, {}))
    plugged = Plugged(
        {"webhook": csms_webhook}, settings={"webhook": {"url": receiver.url, "secret": secret}}, database=database, http=http
    )
    events = [example(ChargerBooted, charger_id="CP1", serial=str(number)) for number in range(3)]
    async with plugged.spine(database):
        await database.write(emit, *events, tenant=DEFAULT_TENANT, keys={events[0].key})
        await receiver.received(1)
        with trio.fail_after(20):
            while len(receiver.posts) < 4:
                plugged.clock.advance(1000)
                await trio.sleep(0.01)
    assert [json.loads(post.body)["data"]["serial"] for post in receiver.posts] == ["0", "0", "1", "2"]
