"""The life of subscriptions, with a clock that a test turns: bought, renewed, not paid, paused, cancelled, changed."""

from __future__ import annotations

import pytest

from csms.domain.invoices import service as invoices
from csms.domain.invoices.store import invoices as invoices_store
from csms.domain.payments.service import gateways
from csms.hooks import Conflict, Refused

from .conftest import DAY_MS, HOUR_MS, VAT, World

PRICE = 118_00


async def test_a_plan_is_bought_used_and_renewed_with_what_is_left(world: World) -> None:
    plan = await world.plan(roll_over=True, roll_over_energy_wh=50_000, taxes={**VAT, "code": "998713"})
    await world.give(2 * PRICE)
    number = await world.subscribe(plan)
    known = await world.of(number)
    assert (known.state, known.period, known.trial, known.due_minor) == ("active", 1, False, 0)
    assert known.period_ends_at == world.clock.now() + 31 * DAY_MS
    assert (await world.wallet(), await world.earned()) == (PRICE, (100_00, 18_00))
    assert await world.left() == {"subscription:1:1": 100_000}
    (fee,) = await world.rows("SELECT id FROM ledger_movements WHERE kind = 'PLAN_FEE'")
    content = await world.read(invoices_store.content, await world.do(invoices.charge_fee, fee["id"]))
    assert {each.tax_code for each in (*content.lines, *content.supplies)} == {"998713"}
    await world.use("subscription:1:1", 30_000)
    await world.until("2026-01-31T23:00:00Z")
    assert await world.left() == {"subscription:1:1": 70_000}
    await world.until("2026-02-01T00:00:01Z")
    assert await world.left() == {"subscription:1:2": 150_000}
    assert await world.wallet() == 0
    await world.job()
    detail = await world.detail(number)
    assert (detail.subscription.period, detail.left_wh) == (2, 150_000)
    assert [(each.state, each.carried_wh) for each in detail.periods] == [("open", 50_000), ("closed", 0)]
    assert detail.periods[0].starts_at == detail.periods[1].ends_at
    subscribed, renewed = await world.events()
    assert (subscribed["type"], subscribed["amount_minor"], subscribed["plan_name"]) == ("plan_subscribed", PRICE, "Commuter")
    assert (renewed["type"], renewed["carried_wh"], renewed["period"]) == ("plan_renewed", 50_000, 2)
    await world.check()


async def test_without_roll_over_what_is_left_is_gone(world: World) -> None:
    plan = await world.plan(transactions=3)
    await world.give(2 * PRICE)
    await world.subscribe(plan)
    await world.use("subscription:1:1", 1, "TX")
    await world.until("2026-02-01T00:00:00Z")
    balances = await world.rows("SELECT unit, balance FROM ledger_accounts WHERE kind = 'allowance' AND balance > 0 ORDER BY unit")
    assert balances == [{"unit": "TX", "balance": 3}, {"unit": "WH", "balance": 100_000}]
    await world.check()


async def test_the_wallet_does_not_reach_at_first(world: World) -> None:
    plan = await world.plan()
    await world.give(18_00)
    number = await world.subscribe(plan)
    known = await world.of(number)
    assert (known.state, known.due_minor) == ("pending", PRICE)
    assert known.pay_url.startswith("https://pay.example.org/")
    assert await world.left() == {}
    (offer,) = world.gateway.offers.values()
    assert offer.wanted.amount_minor == 100_00, "what is missing"
    assert [(each.template, each.actions) for each in world.messenger.told] == [("payment_link", (("pay", known.pay_url),))]
    await world.pass_(5 * HOUR_MS)
    assert (await world.of(number)).state == "pending"
    world.gateway.pay(offer.gateway_id)
    await world.pass_(HOUR_MS)
    known = await world.of(number)
    assert (known.state, known.period_starts_at, known.pay_url) == ("active", world.clock.now(), ""), "it begins when it is paid"
    assert await world.wallet() == 0
    await world.hear()
    with pytest.raises(Conflict, match="already"):
        await world.subscribe(plan)
    await world.check()


async def test_what_is_never_paid_is_over_after_a_while(world: World) -> None:
    number = await world.subscribe(await world.plan())
    await world.pass_(8 * DAY_MS)
    known = await world.of(number)
    assert (known.state, known.reason) == ("ended", "its first period was not paid")
    assert [each["type"] for each in await world.events()] == ["plan_ended"]
    world.gateway.pay(next(iter(world.gateway.offers)))
    await world.pass_(DAY_MS)
    assert (await world.of(number)).state == "ended"
    assert await world.wallet() == PRICE, "what is paid all the same is the driver's"
    await world.check()


async def test_where_nobody_can_be_asked_nothing_is_begun(world: World) -> None:
    await world.do(gateways.close, 1)
    with pytest.raises(Refused, match="cannot be paid"):
        await world.subscribe(await world.plan())
    assert (await world.of(1)).state == "ended"
    await world.give(PRICE)
    assert (await world.of(await world.subscribe(1))).state == "active"


async def test_a_renewal_that_is_not_paid_goes_through_dunning_and_is_paid(world: World) -> None:
    await world.give(PRICE)
    number = await world.subscribe(await world.plan())
    await world.use("subscription:1:1", 10_000)
    await world.until("2026-02-01T00:00:00Z")
    known = await world.of(number)
    assert (known.state, known.due_minor) == ("past_due", PRICE)
    (failed,) = await world.events("plan_failed")
    assert (failed["until_at"], failed["why"]) == (known.grace_until_at, "₹0.00 is available, and ₹118.00 is needed")
    assert await world.left() == {"subscription:1:1": 90_000}, "it goes on for a while"
    assert (await world.ask()) is not None
    assert len(world.messenger.told) == 1
    for _ in range(6):
        await world.pass_(DAY_MS)
    assert len(world.messenger.told) == 4, "asked at once, and reminded one, two and three days later"
    assert len(world.gateway.offers) == 1
    assert len(await world.events("plan_failed")) == 1
    world.gateway.pay(next(iter(world.gateway.offers)))
    await world.pass_(HOUR_MS)
    known = await world.of(number)
    assert (known.state, known.period, known.grace_until_at) == ("active", 2, None)
    assert known.period_starts_at == failed["ends_at"], "it follows on what was before"
    assert await world.left() == {"subscription:1:2": 100_000}
    await world.until("2026-02-28T23:00:00Z")
    assert (await world.of(number)).state == "active"
    await world.check()


async def test_a_top_up_pays_what_is_past_due_if_it_reaches(world: World) -> None:
    await world.give(PRICE)
    number = await world.subscribe(await world.plan())
    await world.until("2026-02-01T00:00:00Z")
    await world.give(PRICE)
    await world.pass_(HOUR_MS)
    assert (await world.of(number)).state == "past_due", "nobody heard of it"
    await world.pass_(DAY_MS)
    assert (await world.of(number)).state == "active"


async def test_what_is_not_paid_in_time_is_suspended_and_can_be_paid_still(world: World) -> None:
    await world.give(PRICE)
    number = await world.subscribe(await world.plan())
    await world.until("2026-02-01T00:00:00Z")
    for _ in range(7):
        await world.pass_(DAY_MS)
    assert (await world.of(number)).state == "suspended"
    assert (await world.left(), await world.ask()) == ({}, None)
    assert {each.template for each in world.messenger.told} == {"payment_link"}, "the rest is told by its events"
    await world.pass_(3 * DAY_MS)
    known = await world.of(number)
    offers = list(world.gateway.offers)
    world.gateway.pay(offers[-1])
    await world.pass_(HOUR_MS)
    known = await world.of(number)
    assert (known.state, known.period_starts_at) == ("active", world.clock.now()), "from when it is paid"
    assert await world.left() == {"subscription:1:2": 100_000}
    types = [each["type"] for each in await world.events()]
    assert types == ["plan_subscribed", "plan_failed", "plan_suspended", "plan_renewed"]
    await world.check()


async def test_what_is_not_paid_at_all_is_over(world: World) -> None:
    await world.give(PRICE)
    number = await world.subscribe(await world.plan())
    for _ in range(80):
        await world.pass_(DAY_MS)
    known = await world.of(number)
    assert (known.state, known.reason) == ("ended", "it was not paid")
    assert (await world.wallet(), await world.left()) == (0, {})
    assert [(each["type"], each["why"]) for each in (await world.events())[-1:]] == [("plan_ended", "it was not paid")]
    await world.check()


async def test_a_trial_costs_nothing_once(world: World) -> None:
    plan = await world.plan(trial_days=7)
    number = await world.subscribe(plan)
    known = await world.of(number)
    assert (known.state, known.trial, known.period_ends_at) == ("active", True, world.clock.now() + 7 * DAY_MS)
    assert await world.left() == {"subscription:1:1": 100_000}
    await world.give(PRICE)
    await world.pass_(7 * DAY_MS)
    known = await world.of(number)
    assert (known.trial, known.period, await world.wallet()) == (False, 2, 0)
    await world.cancel(number, "now", credit=False)
    await world.give(PRICE)
    again = await world.of(await world.subscribe(plan))
    assert (again.trial, await world.wallet()) == (False, 0)
    await world.check()


async def test_paused_and_resumed(world: World) -> None:
    await world.give(PRICE)
    number = await world.subscribe(await world.plan())
    ends_at = (await world.of(number)).period_ends_at
    await world.use("subscription:1:1", 40_000)
    await world.pass_(10 * DAY_MS)
    await world.pause(number, resume_at=world.clock.now() + 20 * DAY_MS)
    assert (await world.left(), await world.ask()) == ({}, None)
    assert (await world.detail(number)).left_wh == 60_000
    with pytest.raises(Conflict, match="paused, not active"):
        await world.pause(number)
    await world.pass_(5 * DAY_MS)
    await world.resume(number)
    known = await world.of(number)
    assert ends_at is not None
    assert (known.state, known.period_ends_at) == ("active", ends_at + 5 * DAY_MS)
    assert await world.left() == {"subscription:1:1": 60_000}
    await world.pause(number)
    for _ in range(91):
        await world.pass_(DAY_MS)
    known = await world.of(number)
    assert (known.state, await world.left()) == ("active", {"subscription:1:1": 60_000}), "it goes on by itself"
    assert [each["type"] for each in await world.events()][1:] == ["plan_paused", "plan_resumed"] * 2
    await world.check()


async def test_cancelled_at_its_end_and_after_all_not(world: World) -> None:
    await world.give(3 * PRICE)
    number = await world.subscribe(await world.plan())
    await world.cancel(number)
    with pytest.raises(Conflict, match="already"):
        await world.cancel(number)
    await world.resume(number)
    await world.until("2026-02-01T00:00:00Z")
    assert (await world.of(number)).period == 2
    await world.cancel(number)
    await world.until("2026-02-26T00:00:00Z")
    assert await world.left() == {"subscription:1:2": 100_000}
    assert [each["ends_at"] for each in await world.events("plan_expiring")] == [(await world.of(number)).period_ends_at]
    await world.until("2026-03-01T00:00:00Z")
    known = await world.of(number)
    assert (known.state, known.reason, await world.left(), await world.wallet()) == ("ended", "as wished", {}, PRICE)
    assert len(await world.events("plan_expiring")) == 1
    await world.check()


async def test_cancelled_now_what_is_left_is_given_back(world: World) -> None:
    await world.give(2 * PRICE)
    number = await world.subscribe(await world.plan())
    await world.pass_(31 * DAY_MS // 4)
    await world.cancel(number, "now")
    assert (await world.wallet(), await world.earned()) == (PRICE + 88_50, (25_00, 4_50)), "three quarters of the time are left"
    (ended,) = await world.events("plan_ended")
    assert ended["credited_minor"] == 88_50
    number = await world.subscribe(1)
    await world.use("subscription:2:1", 90_000)
    await world.cancel(number, "now")
    assert await world.wallet() == 88_50 + 11_80, "of what was used nothing is given back"
    await world.check()


async def test_another_plan_now(world: World) -> None:
    await world.give(PRICE)
    small, large = await world.plan(), await world.plan("Large", price_minor=236_00, energy_wh=300_000)
    number = await world.subscribe(small)
    await world.pass_(31 * DAY_MS // 2)
    with pytest.raises(Refused, match=r"₹177\.00 is needed"):
        await world.change(number, large)
    assert await world.left() == {"subscription:1:1": 100_000}
    await world.give(177_00)
    await world.change(number, large)
    known = await world.of(number)
    assert (known.plan_id, known.state, known.period_starts_at) == (large, "active", world.clock.now())
    assert (await world.left(), await world.wallet()) == ({"subscription:1:2": 300_000}, 0)
    assert await world.earned() == (250_00, 45_00)
    (changed,) = await world.events("plan_changed")
    assert (changed["credited_minor"], changed["previous_plan_id"], changed["plan_name"]) == (59_00, small, "Large")
    await world.change(number, small)
    assert await world.wallet() == 118_00, "what is more of it goes to the wallet"
    assert await world.left() == {"subscription:1:3": 100_000}
    await world.check()


async def test_another_plan_at_the_renewal_with_the_terms_of_then(world: World) -> None:
    await world.give(5 * PRICE)
    small, weekly = await world.plan(), await world.plan("Weekly", period="weekly", price_minor=50_00)
    number = await world.subscribe(small)
    await world.change(number, weekly, "renewal")
    assert (await world.of(number)).next_plan_id == weekly
    await world.new_version(weekly, 2, period="weekly", price_minor=60_00, energy_wh=7_000)
    await world.until("2026-02-01T00:00:00Z")
    known = await world.of(number)
    assert (known.plan_id, known.version, known.amount_minor, known.next_plan_id) == (weekly, 2, 60_00, None)
    assert known.period_ends_at == world.clock.now() + 7 * DAY_MS
    await world.new_version(weekly, 3, period="weekly", price_minor=70_00)
    assert (await world.of(number)).version == 2, "it keeps what it was sold with"
    await world.pass_(7 * DAY_MS)
    assert (await world.of(number)).amount_minor == 70_00


async def test_periods_in_which_nothing_could_be_used_are_not_paid(world: World) -> None:
    await world.give(500_00)
    number = await world.subscribe(await world.plan(period="daily", price_minor=10_00))
    await world.pass_(5 * DAY_MS + HOUR_MS)
    known = await world.of(number)
    assert (known.period, await world.wallet()) == (2, 480_00)
    assert known.period_ends_at == world.clock.now() + DAY_MS - HOUR_MS


async def test_later_from_the_day_that_was_wished(world: World) -> None:
    await world.give(PRICE)
    begins_at = world.clock.now() + 3 * DAY_MS
    number = await world.subscribe(await world.plan(), starts_at=begins_at)
    assert ((await world.of(number)).state, await world.wallet()) == ("pending", PRICE)
    await world.pass_(3 * DAY_MS + HOUR_MS)
    known = await world.of(number)
    assert (known.state, known.period_starts_at, await world.wallet()) == ("active", begins_at, 0)


async def test_nothing_is_taken_in_another_currency_than_it_was_sold_in(world: World) -> None:
    await world.give(PRICE)
    number = await world.subscribe(await world.plan())
    await world.do(lambda tx: tx.run("UPDATE tenants SET currency = 'USD' WHERE id = :tenant"))
    await world.pass_(31 * DAY_MS)
    known = await world.of(number)
    assert (known.period, known.state) == (1, "active")
    assert "sold in INR" in known.error
