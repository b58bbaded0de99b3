"""Every way in which a prepaid charge goes wrong ends with the money where it belongs."""

from __future__ import annotations

import pytest

from csms.core.commands import Answered, TimedOut
from csms.core.errors import Invalid, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.domain.billing.model import BillingSettingsChange
from csms.domain.billing.service import settings
from csms.domain.payments import flows as payments
from csms.testing.gateways import REFUSED

from .conftest import MINUTE, Booth


@pytest.fixture
def engine() -> str:
    """The statements are those of the usual ways, which are tried on both."""
    return "sqlite"


async def test_it_is_stopped_when_the_money_is_used_up(booth: Booth) -> None:
    payment_id = await booth.paid(20_000)
    charge = await booth.begin()
    began = booth.clock.now()
    while not booth.chargers.stops:
        for _ in range(6):
            await booth.soon(5_000, 5_000)
            if booth.chargers.stops:
                break
        await booth.meter(charge, 7_000 * (booth.clock.now() - began) // 3_600_000)
        assert booth.clock.now() < began + 20 * MINUTE
    drawn = 7_000 * (booth.clock.now() - began) // 3_600_000
    await booth.end(charge, drawn, after_ms=1_000)
    await booth.soon()
    shown = await booth.follow(payment_id)
    assert shown.state == "finished"
    assert shown.cost_minor is not None
    assert 18_500 <= shown.cost_minor <= 20_000
    await booth.check()


async def test_what_is_too_little_to_send_is_kept_for_a_guest(booth: Booth) -> None:
    payment_id = await booth.paid(20_000)
    charge = await booth.begin()
    await booth.end(charge, 1_795)
    await booth.soon()
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.kept_minor, list(shown.refunds)) == ("finished", 50, [])
    assert await booth.balances(payment_id) == {"revenue": 19_950, "prepaid": 50}


async def test_nobody_pays(booth: Booth) -> None:
    payment_id, _ = await booth.want()
    await booth.soon(20 * MINUTE, 2 * MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.payment_state) == ("unpaid", "expired")
    assert booth.chargers.starts == []


async def test_the_payment_comes_after_it_expired(booth: Booth) -> None:
    payment_id, _ = await booth.want()
    await booth.soon(20 * MINUTE, 2 * MINUTE)
    await booth.pay(payment_id)
    await booth.soon(60 * MINUTE, 5 * MINUTE)
    shown = await booth.follow(payment_id)
    assert shown.state == "unpaid"
    assert [(each.amount_minor, each.state) for each in shown.refunds] == [(20_000, "refunded")]
    assert booth.chargers.starts == []
    assert booth.gateway.balance() == 0
    await booth.check()


async def test_paid_and_the_charger_is_away(booth: Booth) -> None:
    payment_id, _ = await booth.want()
    await booth.set_connection(there=False)
    await booth.pay(payment_id)
    await booth.soon(MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.note) == ("paid", "this charger is offline")
    await booth.soon(4 * MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.note) == ("given_back", "this charger is offline")
    assert [(each.amount_minor, each.state) for each in shown.refunds] == [(20_000, "refunded")]
    assert booth.gateway.balance() == 0
    await booth.check()


async def test_a_charger_that_comes_back_in_time_starts(booth: Booth) -> None:
    payment_id, _ = await booth.want()
    await booth.set_connection(there=False)
    await booth.pay(payment_id)
    await booth.soon(MINUTE)
    await booth.set_connection(there=True)
    await booth.soon(30_000)
    assert (await booth.follow(payment_id)).state == "starting"


async def test_the_start_is_rejected(booth: Booth) -> None:
    booth.chargers.outcomes = [Answered("Rejected")] * 100
    payment_id = await booth.paid()
    await booth.soon(5 * MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.note) == ("given_back", "Rejected")
    assert len(booth.chargers.starts) > 3, "it was asked more than once: the car may not have been plugged in yet"
    assert booth.gateway.balance() == 0
    await booth.check()


async def test_the_charger_goes_away_after_it_was_asked(booth: Booth) -> None:
    booth.chargers.outcomes = [TimedOut()]
    payment_id = await booth.paid()
    began = booth.clock.now()
    await booth.set_connection(there=False)
    await booth.soon(5 * MINUTE, 20_000)
    assert (await booth.follow(payment_id)).state == "starting", "it may charge while nobody hears of it"
    await booth.set_connection(there=True)
    charge = await booth.begin(started_at=began)
    await booth.end(charge, 1_000)
    await booth.soon()
    assert (await booth.follow(payment_id)).state == "finished"
    assert await booth.balances(payment_id) == {"revenue": 12_000}
    await booth.check()


async def test_a_charger_that_never_comes_back_keeps_no_money(booth: Booth) -> None:
    booth.chargers.outcomes = [TimedOut()]
    payment_id = await booth.paid()
    await booth.set_connection(there=False)
    await booth.soon(20 * MINUTE, MINUTE)
    assert (await booth.follow(payment_id)).state == "given_back"
    assert booth.gateway.balance() == 0
    await booth.check()


async def test_somebody_else_charges_there_meanwhile(booth: Booth) -> None:
    payment_id, _ = await booth.want()
    await booth.do(
        lambda tx: tx.run("INSERT INTO tokens (tenant, value, folded, created_at) VALUES (:tenant, 'CARD', 'card', :now)")
    )
    other = await booth.begin(token="CARD")
    await booth.pay(payment_id)
    await booth.soon(5 * MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.note) == ("given_back", "it is charging already")
    assert booth.gateway.balance() == 0
    await booth.end(other, 1_000)
    await booth.check()


async def test_two_guests_pay_for_one_connector(booth: Booth) -> None:
    first, _ = await booth.want()
    second, _ = await booth.want()
    await booth.pay(first)
    await booth.pay(second)
    await booth.soon()
    assert len(booth.chargers.starts) == 1
    with pytest.raises(Refused, match="somebody else"):
        await booth.want()
    charge = await booth.begin()
    await booth.soon(5 * MINUTE)
    states = sorted([(await booth.follow(first)).state, (await booth.follow(second)).state])
    assert states == ["charging", "given_back"]
    await booth.end(charge, 1_800)
    await booth.soon()
    assert booth.gateway.balance() == 20_000
    await booth.check()


async def test_it_is_paid_twice(booth: Booth) -> None:
    payment_id, _ = await booth.want()
    await booth.pay(payment_id)
    await booth.pay(payment_id)
    await booth.soon(MINUTE)
    charge = await booth.begin()
    await booth.end(charge, 1_000)
    await booth.soon(30 * MINUTE, MINUTE)
    shown = await booth.follow(payment_id)
    assert sorted(each.amount_minor for each in shown.refunds) == [8_000, 20_000]
    assert booth.gateway.balance() == 12_000
    await booth.check()


async def test_another_amount_is_paid(booth: Booth) -> None:
    payment_id, _ = await booth.want(20_000)
    await booth.pay(payment_id, amount_minor=10_000)
    await booth.soon()
    assert (await booth.follow(payment_id)).limit_wh == 800
    charge = await booth.begin()
    await booth.end(charge, 500)
    await booth.soon()
    assert await booth.balances(payment_id) == {"revenue": 7_000}
    assert booth.gateway.balance() == 7_000
    await booth.check()


async def test_a_charge_without_energy_costs_nothing(booth: Booth) -> None:
    payment_id = await booth.paid()
    charge = await booth.begin()
    await booth.end(charge, 0)
    await booth.soon()
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.cost_minor, shown.note) == ("finished", 0, "no energy was taken")
    assert booth.gateway.balance() == 0
    await booth.check()


async def test_the_charger_is_lost_in_the_midst_and_tells_later(booth: Booth) -> None:
    payment_id = await booth.paid()
    charge = await booth.begin()
    booth.clock.advance(5 * MINUTE)
    await booth.meter(charge, 500)
    await booth.set_connection(there=False)
    await booth.soon(7 * 60 * MINUTE, 30 * MINUTE)
    await booth.soon()
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.energy_wh, shown.cost_minor) == ("finished", 500, 7_000)
    assert booth.gateway.balance() == 7_000
    # it had charged less than its meter said last, as it turns out; then more than that
    await booth.set_connection(there=True)
    await booth.end(charge, 900, after_ms=1_000)
    await booth.soon()
    shown = await booth.follow(payment_id)
    assert (shown.energy_wh, shown.cost_minor) == (900, 11_000)
    assert await booth.balances(payment_id) == {"revenue": 11_000, "lost": -4_000}  # nobody is there to pay it
    await booth.check()


async def test_a_refund_fails_and_then_succeeds(booth: Booth) -> None:
    booth.gateway.faults["refund"] = [REFUSED] * 6
    booth.chargers.outcomes = [Answered("Rejected")] * 100
    payment_id = await booth.paid()
    await booth.soon(48 * 60 * MINUTE, 60 * MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, [each.state for each in shown.refunds], shown.kept_minor) == ("given_back", ["failed"], 0)
    assert await booth.balances(payment_id) == {"prepaid": 20_000}, "it is owed"
    assert len(await booth.rows("SELECT sequence FROM events WHERE type = 'refund_failed'")) == 1
    (refund,) = await booth.rows("SELECT id FROM refunds")
    await payments.again(booth.ports, refund["id"], DEFAULT_TENANT)
    assert [each.state for each in (await booth.follow(payment_id)).refunds] == ["refunded"]
    assert booth.gateway.balance() == 0
    await booth.check()


async def test_what_is_not_billed_is_given_back(booth: Booth) -> None:
    payment_id = await booth.paid()
    charge = await booth.begin()
    await booth.do(settings.change, BillingSettingsChange(enabled=False))
    await booth.end(charge, 1_000)
    await booth.soon()
    assert (await booth.follow(payment_id)).state == "given_back"
    assert booth.gateway.balance() == 0
    await booth.check()


async def test_a_price_that_is_missing_keeps_the_money_until_it_is_known(booth: Booth) -> None:
    payment_id = await booth.paid()
    charge = await booth.begin()
    booth.pricing.silent = True
    await booth.end(charge, 1_000)
    await booth.soon(5 * MINUTE)
    assert (await booth.follow(payment_id)).state == "ended"
    booth.pricing.silent = False
    await booth.soon(70 * MINUTE, 5 * MINUTE)
    assert (await booth.follow(payment_id)).state == "finished"
    assert await booth.balances(payment_id) == {"revenue": 12_000}


async def test_what_is_refused_at_once(booth: Booth) -> None:
    booth.pricing.paise_per_wh = 1000
    with pytest.raises(Invalid, match="does not do for a charge"):
        await booth.want(20_000)
    booth.pricing.paise_per_wh = 10
    with pytest.raises(Invalid, match="can be paid before"):
        await booth.want(1)
    booth.pricing.silent = True
    with pytest.raises(Refused, match="nobody says what charging costs"):
        await booth.want()
    booth.pricing.silent = False
    await booth.status("Faulted")
    with pytest.raises(Refused, match="out of order"):
        await booth.want()
    assert await booth.rows("SELECT id FROM payments") == []
