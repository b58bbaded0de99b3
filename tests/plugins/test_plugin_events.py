"""How plugins are told: durable events at least once, volatile ones at most once, and nobody stalled by anybody."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from csms.hooks import ChargerBooted, ChargerConnected, Delivered, Event, MeterValues, event, hookimpl
from csms.plugins import PluginFailed
from csms.plugins.plugin import VOLATILE_LIMIT
from csms.testing.plugins import Plugged, example


def hearing(heard: list[Any], hook: str = "charger_booted", error: BaseException | None = None) -> SimpleNamespace:
    @hookimpl(specname=hook)
    async def hooked(event: Event, delivery: Delivered) -> None:
        heard.append((event, delivery.event_id, delivery.attempt))
        if error is not None:
            raise error

    return SimpleNamespace(hooked=hooked)


async def test_only_the_events_that_a_plugin_implements_are_consumed_for_it() -> None:
    plugged = Plugged(
        {
            "booted": hearing([], "charger_booted"),
            "everything": hearing([], "event_occurred"),
            "samples": hearing([], "meter_values"),
            "nothing": SimpleNamespace(),
        }
    )
    assert [(consumer.name, consumer.types) for consumer in plugged.bus.consumers()] == [
        ("plugin:booted", frozenset({"charger_booted"})),
        ("plugin:everything", None),
    ]


async def test_a_handler_that_raises_fails_its_own_delivery_alone() -> None:
    heard: list[Any] = []
    plugged = Plugged({"bad": hearing(heard, error=ValueError("no")), "good": hearing(heard)})
    bad, good = plugged.bus.consumers()
    delivered = plugged.delivered(example(ChargerBooted), event_id=7)
    with pytest.raises(PluginFailed, match="plugin bad: charger_booted: ValueError: no"):
        await bad.handle(delivered)
    await good.handle(delivered)
    await bad_again(bad, delivered)
    assert [(event_id, attempt) for _, event_id, attempt in heard] == [(7, 1), (7, 1), (7, 2)]


async def bad_again(consumer: Any, delivered: Delivered) -> None:
    with pytest.raises(PluginFailed):
        await consumer.handle(attrs.evolve(delivered, attempt=2))


async def test_a_slow_handler_fails_after_the_time_limit(autojump_clock: MockClock) -> None:
    @hookimpl
    async def charger_booted() -> None:
        await trio.sleep_forever()

    plugged = Plugged({"slow": SimpleNamespace(charger_booted=charger_booted)}, event_timeout_s=30.0)
    started = trio.current_time()
    with pytest.raises(PluginFailed, match="took longer than 30 s"):
        await plugged.tell(example(ChargerBooted))
    assert trio.current_time() - started == pytest.approx(30)


async def test_while_a_breaker_rests_deliveries_wait_instead_of_failing(autojump_clock: MockClock) -> None:
    works = False
    delivered: list[str] = []

    @hookimpl
    async def charger_booted(event: ChargerBooted) -> None:
        if not works:
            raise OSError("away")
        delivered.append(event.charger_id)

    plugged = Plugged({"post": SimpleNamespace(charger_booted=charger_booted)}, breaker_failures=2, breaker_wait_s=30.0)
    for _ in range(2):
        with pytest.raises(PluginFailed):
            await plugged.tell(example(ChargerBooted))
    works = True
    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        for charger_id in ("A", "B", "C"):
            nursery.start_soon(plugged.tell, example(ChargerBooted, charger_id=charger_id))
    assert sorted(delivered) == ["A", "B", "C"]
    assert trio.current_time() - started == pytest.approx(30)


async def test_other_plugins_events_have_hooks_too() -> None:
    @event
    @attrs.frozen(slots=True, kw_only=True)
    class PriceChanged(Event):
        """A price became another one."""

        type = "price_changed"
        price_minor: int

        @property
        def key(self) -> str:
            return "price"

    heard: list[Any] = []
    plugged = Plugged(
        {"listener": hearing(heard, "price_changed"), "pricing": SimpleNamespace(register_events=hookimpl(lambda: [PriceChanged]))}
    )
    await plugged.tell(PriceChanged(price_minor=5))
    assert [heard_event for heard_event, _, _ in heard] == [PriceChanged(price_minor=5)]


async def test_volatile_events_are_told_by_a_task_and_a_failure_does_not_end_it() -> None:
    heard: list[Any] = []
    plugged = Plugged({"bad": hearing(heard, "meter_values", ValueError("no"))}, breaker_failures=100)
    async with trio.open_nursery() as nursery:
        await nursery.start(plugged.bus.run)
        for number in range(3):
            plugged.bus.tell(plugged.delivered(example(MeterValues, evse=number)))
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert [told.evse for told, _, _ in heard] == [0, 1, 2]


async def test_a_plugin_that_cannot_keep_up_loses_volatile_events_and_the_others_do_not() -> None:
    release = trio.Event()
    slow: list[int] = []
    quick: list[Any] = []

    @hookimpl
    async def meter_values(event: MeterValues) -> None:
        await release.wait()
        slow.append(event.evse)

    plugged = Plugged({"slow": SimpleNamespace(meter_values=meter_values), "quick": hearing(quick, "meter_values")})
    async with trio.open_nursery() as nursery:
        await nursery.start(plugged.bus.run)
        plugged.bus.tell(plugged.delivered(example(MeterValues, evse=0)))
        await wait_all_tasks_blocked()
        for number in range(1, VOLATILE_LIMIT + 6):
            plugged.bus.tell(plugged.delivered(example(MeterValues, evse=number)))
            if number % 100 == 0:
                await wait_all_tasks_blocked()
        await wait_all_tasks_blocked()
        assert len(quick) == VOLATILE_LIMIT + 6
        assert plugged.bus.health()["slow"].dropped == 5
        assert plugged.bus.health()["quick"].dropped == 0
        release.set()
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert slow == list(range(VOLATILE_LIMIT + 1))


async def test_telling_what_nobody_hears_does_nothing() -> None:
    plugged = Plugged({"booted": hearing([], "charger_booted")})
    plugged.bus.tell(plugged.delivered(example(MeterValues)))
    await plugged.tell(example(ChargerConnected))
    assert plugged.bus.health()["booted"].dropped == 0


async def test_the_spine_allows_for_a_rest_and_everybody_before(autojump_clock: MockClock) -> None:
    pace = Plugged({}, breaker_wait_s=120.0, event_timeout_s=30.0).bus.pace
    assert pace.timeout_s >= pace.parallel * 150
