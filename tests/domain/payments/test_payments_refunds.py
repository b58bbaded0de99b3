"""Money that goes back: set aside at once, sent once, put back where it cannot go, whatever the gateway does."""

from __future__ import annotations

import attrs
import pytest

from csms.core.errors import Conflict, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import PREPAYMENT
from csms.domain.payments import flows, service
from csms.domain.payments.model import PREPAID, Payment, Refund
from csms.domain.payments.service import refunding
from csms.domain.wallets import service as wallets
from csms.testing.gateways import AWAY, LOST, REFUND_FAILED, REFUSED, FakeGateway

from .conftest import Till


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def paid(till: Till, gateway: FakeGateway, **more: object) -> Payment:
    payment = await till.want(**more)
    gateway.pay(payment.offer_ref)
    return await till.look(payment.id)


async def back(till: Till, payment: Payment, amount: int | None = 20_000, key: str = "back") -> Refund:
    return await flows.refund(till.ports, payment.id, amount, "too much", key, DEFAULT_TENANT, by="Olga")


async def test_a_part_and_then_the_rest(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway)
    first = await back(till, payment)
    assert (first.state, first.wanted_by, await till.wallet()) == ("refunded", "Olga", 30_000)
    assert await back(till, payment) == first, "one key, one refund"
    with pytest.raises(Conflict):
        await back(till, payment, 10_000)
    with pytest.raises(Refused, match="at most"):
        await back(till, payment, 30_001, "more")
    rest = await back(till, payment, None, "rest")
    assert (rest.amount_minor, await till.wallet(), gateway.balance()) == (30_000, 0, 0)
    with pytest.raises(Refused, match="nothing"):
        await back(till, payment, None, "again")
    assert (await till.payment(payment.id)).refunded_minor == 50_000
    assert len(await till.events("refund_made")) == 2
    await till.check_money()


async def test_what_is_spent_or_held_does_not_go_back(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway)
    said = {"key": "charge", "reference_kind": "transaction", "reference_id": "1", "description": "a charge"}
    await till.do(wallets.hold, till.driver_id, 40_000, **said)
    with pytest.raises(Refused, match="spent or held"):
        await back(till, payment)
    assert (await back(till, payment, 10_000)).state == "refunded"
    await till.check_money()


@pytest.mark.parametrize("fault", [AWAY, LOST])
async def test_a_gateway_that_does_not_answer(till: Till, gateway: FakeGateway, fault: str) -> None:
    payment = await paid(till, gateway)
    gateway.faults["refund"] = [fault]
    refund = await back(till, payment)
    assert (refund.state, refund.error != "", await till.wallet()) == ("asked", True, 30_000)
    await till.rounds(61_000)
    assert (await till.do(service.need_refund, refund.id)).state == "refunded"
    assert [each.amount_minor for each in gateway.given_back.values()] == [20_000], "once, wherever its answer got lost"
    await till.check_money()


async def test_refused_today_and_made_tomorrow(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway)
    gateway.faults["refund"] = [REFUSED, REFUSED]
    refund = await back(till, payment)
    assert (refund.state, refund.error) == ("asked", "the gateway refuses (refund)")
    for minutes in (2, 11):
        await till.rounds(minutes * 60_000)
    assert (await till.do(service.need_refund, refund.id)).state == "refunded"
    assert await till.events("refund_failed") == []
    await till.check_money()


async def test_refused_for_good_is_put_back_and_can_be_begun_anew(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway, purpose=PREPAID, driver_id=None)
    gateway.faults["refund"] = [REFUSED] * 6
    refund = await back(till, payment, None)
    assert await till.balance(PREPAYMENT, str(payment.id)) == 0
    await till.days()
    failed = await till.do(service.need_refund, refund.id)
    assert (failed.state, await till.balance(PREPAYMENT, str(payment.id))) == ("failed", 50_000)
    assert len(await till.events("refund_failed")) == 1
    assert (await till.payment(payment.id)).refunded_minor == 0
    await till.check_money()
    assert (await flows.again(till.ports, refund.id, DEFAULT_TENANT)).state == "refunded"
    with pytest.raises(Refused, match="refunded"):
        await flows.again(till.ports, refund.id, DEFAULT_TENANT)
    assert gateway.balance() == 0
    await till.check_money()


async def test_a_refund_that_is_pending_and_fails_at_last(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway)
    gateway.refunds_as = "pending"
    refund = await back(till, payment)
    assert refund.state == "asked"
    ref = next(iter(gateway.given_back))
    said = gateway.finish_refund(ref, REFUND_FAILED)
    await till.post(gateway.notice("refund.failed", refund=said))
    await till.hear()
    assert (await till.do(service.need_refund, refund.id)).state == "failed"
    assert await till.wallet() == 50_000
    await till.check_money()
    again = await flows.again(till.ports, refund.id, DEFAULT_TENANT)
    assert (again.state, len(gateway.given_back)) == ("asked", 2), "under another reference"
    gateway.finish_refund(next(reversed(gateway.given_back)))
    await till.rounds(61_000)
    assert (await till.do(service.need_refund, refund.id)).state == "refunded"
    assert await till.wallet() == 30_000
    await till.check_money()


async def test_a_refund_that_was_given_up_and_comes_after_all(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway)
    gateway.faults["refund"] = [REFUSED] * 6
    refund = await back(till, payment)
    await till.days()
    (row,) = await till.rows("SELECT reference FROM refunds")
    said = gateway.give_back(next(iter(gateway.attempts)), 20_000, row["reference"])
    await till.post(gateway.notice("refund.processed", refund=said))
    await till.hear()
    assert (await till.do(service.need_refund, refund.id)).state == "refunded"
    assert await till.wallet() == 30_000
    await till.check_money()


async def test_made_on_the_gateways_own_pages(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway)
    await till.do(wallets.hold, till.driver_id, 45_000, key="c", reference_kind="t", reference_id="1", description="d")
    said = gateway.give_back(next(iter(gateway.attempts)), 20_000)
    for _ in range(2):
        await till.post(gateway.notice("refund.processed", refund=said))
        await till.hear()
    (refund,) = await till.rows("SELECT state, reason, amount_minor FROM refunds")
    assert refund == {"state": "refunded", "reason": "made at the gateway", "amount_minor": 20_000}
    assert await till.wallet() == 5_000 - 20_000, "gone is gone: the wallet is overdrawn"
    assert (await till.payment(payment.id)).refunded_minor == 20_000
    await till.check_money()


async def test_the_gateway_gives_back_another_amount_than_was_wanted(till: Till, gateway: FakeGateway) -> None:
    """What it says is booked; what it did not give back is open, and can be begun anew; never more than was paid."""
    payment = await paid(till, gateway)
    gateway.refunds_as = "pending"
    refund = await back(till, payment, 30_000)
    (ref,) = gateway.given_back
    gateway.given_back[ref] = attrs.evolve(gateway.given_back[ref], amount_minor=20_000)
    gateway.finish_refund(ref)
    await till.rounds(61_000)
    known, rest = [await till.do(service.need_refund, number) for number in (refund.id, refund.id + 1)]
    assert (known.state, known.amount_minor, await till.wallet()) == ("refunded", 20_000, 30_000)
    assert (rest.state, rest.amount_minor, rest.reason) == ("failed", 10_000, "too much")
    (failed,) = await till.events("refund_failed")
    assert (failed["refund_id"], failed["amount_minor"], failed["error"]) == (
        rest.id,
        10_000,
        "the gateway gave back \u20b9200.00 of \u20b9300.00",
    )
    assert [each["amount_minor"] for each in await till.events("refund_made")] == [20_000]
    assert (await till.payment(payment.id)).refunded_minor == 20_000
    await till.check_money()
    gateway.refunds_as = "refunded"
    assert (await flows.again(till.ports, rest.id, DEFAULT_TENANT)).state == "refunded"
    assert await till.wallet() == 20_000
    await till.check_money()

    said = gateway.give_back(next(iter(gateway.attempts)), 10_000)  # of 20,000 that are left, and it says all of the payment
    lie = attrs.evolve(said, amount_minor=50_000)
    gateway.given_back[said.refund_id] = lie
    await till.post(gateway.notice("refund.processed", refund=lie))
    await till.hear()
    assert (await till.payment(payment.id)).refunded_minor == 50_000, "no more than was paid"
    (odd,) = await till.events("payment_odd")
    assert (odd["odd"], odd["amount_minor"], odd["asked_minor"], await till.wallet()) == ("refund", 50_000, 20_000, 0)
    gateway.given_back[said.refund_id] = attrs.evolve(said, amount_minor=20_000)
    await till.check_money()


async def test_more_goes_back_than_was_wanted(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway, purpose=PREPAID, driver_id=None)
    gateway.refunds_as = "pending"
    refund = await back(till, payment, 30_000)
    (ref,) = gateway.given_back
    gateway.given_back[ref] = attrs.evolve(gateway.given_back[ref], amount_minor=45_000)
    gateway.finish_refund(ref)
    await till.rounds(61_000)
    assert (await till.do(service.need_refund, refund.id)).amount_minor == 45_000
    assert await till.balance(PREPAYMENT, str(payment.id)) == 5_000
    assert [each["odd"] for each in await till.events("payment_odd")] == ["refund"]
    await till.check_money()


async def test_a_round_sees_what_was_made_there(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway, purpose=PREPAID, driver_id=None)
    gateway.give_back(next(iter(gateway.attempts)), 20_000)
    await till.look(payment.id)
    assert await till.balance(PREPAYMENT, str(payment.id)) == 30_000
    await till.check_money()


async def test_what_a_slice_wants_is_sent_by_a_job(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway, purpose=PREPAID, driver_id=None)
    wanted = await till.do(service.want, payment.id, 35_000, "not used", "unused:1")
    assert wanted.state == "wanted"
    await till.rounds()
    assert (await till.do(refunding.need_refund, wanted.id)).state == "refunded"
    assert await till.balance(PREPAYMENT, str(payment.id)) == 15_000
    await till.check_money()


async def test_too_little_for_a_gateway_stays_where_it_is(till: Till, gateway: FakeGateway) -> None:
    payment = await paid(till, gateway)
    small = await back(till, payment, 99)
    assert (small.state, small.error) == ("failed", "fake gives back \u20b91.00 at least")
    assert "refund" not in gateway.asked
    assert await till.wallet() == 50_000
    assert (await back(till, payment, 100, "enough")).state == "refunded"
    await till.check_money()
