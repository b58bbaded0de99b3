"""Recurring payments: agreed to, charged, stopped by the bank, and changed with the subscription."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from csms.hooks import Refused
from csms.testing.gateways import AWAY

from .conftest import DAY_MS, HOUR_MS, World

PRICE = 118_00


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def charge(world: World, ref: str = "", amount: int = PRICE) -> None:
    """The gateway charges it, and tells."""
    world.gateway.pay_mandate(ref or next(iter(world.gateway.agreed)), amount_minor=amount)
    await look(world)


async def say(world: World, state: str, ref: str = "") -> None:
    """The gateway says that it is in another state."""
    ref = ref or next(iter(world.gateway.agreed))
    world.gateway.agreed[ref] = attrs.evolve(world.gateway.agreed[ref], state=state)
    await look(world)


async def look(world: World) -> None:
    await world.do(lambda tx: tx.run("UPDATE mandates SET look_at = :now WHERE tenant = :tenant"))
    await world.job()
    await world.job()


async def agreed(world: World, **terms: Any) -> int:
    number = await world.subscribe(await world.plan(**terms), pay_by="mandate")
    await charge(world)
    return number


async def test_it_begins_with_the_first_charge_and_is_renewed_by_the_next(world: World) -> None:
    number = await world.subscribe(await world.plan(period="quarterly"), pay_by="mandate")
    known = await world.of(number)
    assert (known.state, known.mandate_state, known.mandate_url) == ("pending", "created", "https://pay.example.org/agree")
    await world.pass_(HOUR_MS)
    assert (await world.of(number)).state == "pending"
    assert world.gateway.offers == {}, "nobody is asked for a payment beside it"
    await charge(world)
    known = await world.of(number)
    assert (known.state, known.mandate_state, known.period_starts_at) == ("active", "active", world.clock.now())
    assert await world.wallet() == 0
    assert known.period_ends_at is not None
    await world.pass_(known.period_ends_at - world.clock.now() - DAY_MS)
    await charge(world)
    assert await world.wallet() == 0, "a charge before its time is taken for the next period, not for whatever comes between"
    assert (await world.of(number)).period == 1
    await world.pass_(DAY_MS)
    known = await world.of(number)
    assert (known.state, known.period) == ("active", 2)
    assert await world.left() == {"subscription:1:2": 100_000}
    assert await world.events("plan_failed") == []
    world.heard = 0
    await world.hear()
    assert (await world.of(number)).period == 2
    assert len((await world.detail(number)).periods) == 2, "what is heard twice renews nothing twice"
    await world.check()


async def test_a_charge_that_is_late_is_waited_for(world: World) -> None:
    number = await agreed(world)
    await world.pass_(31 * DAY_MS + HOUR_MS)
    assert (await world.of(number)).state == "active"
    assert (await world.left(), await world.events("plan_failed")) == ({"subscription:1:1": 100_000}, [])
    await charge(world)
    known = await world.of(number)
    assert (known.period, known.state) == (2, "active")
    await world.pass_(28 * DAY_MS)
    await world.pass_(2 * DAY_MS)
    known = await world.of(number)
    assert (known.state, known.pay_url != "") == ("past_due", True), "now the driver is asked"


async def test_the_bank_stops_it(world: World) -> None:
    number = await agreed(world)
    await say(world, "halted")
    (failed,) = await world.events("plan_failed")
    assert failed["why"] == "the recurring payment is halted"
    await say(world, "cancelled")
    known = await world.of(number)
    assert (known.pay_by, known.state, len(await world.events("plan_failed"))) == ("wallet", "active", 1)
    await world.give(PRICE)
    await world.pass_(31 * DAY_MS)
    assert ((await world.of(number)).period, await world.wallet()) == (2, 0)
    await world.check()


async def test_paused_resumed_and_cancelled_with_the_subscription(world: World) -> None:
    number = await agreed(world)
    (ref,) = world.gateway.agreed
    await world.pause(number)
    assert world.gateway.agreed[ref].state == "paused"
    await look(world)
    assert await world.events("plan_failed") == [], "that was wished"
    await world.resume(number)
    assert world.gateway.agreed[ref].state == "active"
    await world.cancel(number)
    assert world.gateway.agreed[ref].state == "cancelled"
    await look(world)
    known = await world.of(number)
    assert (known.state, known.pay_by, known.renews) == ("active", "wallet", False)
    await world.check()


async def test_a_period_that_was_charged_beforehand_is_given_back(world: World) -> None:
    number = await agreed(world)
    await world.pass_(30 * DAY_MS)
    await charge(world)
    assert await world.wallet() == 0
    await world.cancel(number)
    assert (await world.wallet(), (await world.of(number)).state) == (PRICE, "active")
    await world.pass_(DAY_MS)
    assert ((await world.of(number)).state, await world.wallet()) == ("ended", PRICE)
    await world.check()


async def test_another_price_needs_another_one(world: World) -> None:
    number = await agreed(world)
    (first,) = world.gateway.agreed
    await world.give(1000_00)
    await world.change(number, await world.plan("Large", price_minor=236_00))
    assert world.gateway.agreed[first].state == "cancelled"
    second = next(each for each in world.gateway.agreed if each != first)
    known = await world.of(number)
    assert (known.mandate_state, known.pay_by, known.mandate_url) == ("created", "mandate", "https://pay.example.org/agree")
    await charge(world, second, 236_00)
    assert (await world.of(number)).mandate_state == "active"
    await world.check()


async def test_a_trial_is_charged_afterwards(world: World) -> None:
    number = await world.subscribe(await world.plan(trial_days=7), pay_by="mandate")
    assert (await world.of(number)).state == "active"
    await world.pass_(7 * DAY_MS)
    await charge(world)
    assert (await world.of(number)).period == 2


async def test_a_gateway_that_is_away_leaves_nothing_begun(world: World) -> None:
    world.gateway.faults["start_mandate"].append(AWAY)
    with pytest.raises(Refused, match="does not answer"):
        await world.subscribe(await world.plan(), pay_by="mandate")
    assert (await world.of(1)).state == "ended"
    assert (await world.of(await world.subscribe(1, pay_by="mandate"))).state == "pending"


async def test_one_that_is_not_wanted_any_more_is_cancelled_though_the_gateway_was_away(world: World) -> None:
    number = await agreed(world)
    (ref,) = world.gateway.agreed
    world.gateway.faults["change_mandate"].append(AWAY)
    await world.cancel(number, "now")
    await world.pass_(HOUR_MS)
    await look(world)
    assert world.gateway.agreed[ref].state == "cancelled"
    await world.check()
