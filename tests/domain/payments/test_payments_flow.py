"""A payment's life: wanted, offered, paid, told of by whoever learns it first, credited once."""

from __future__ import annotations

import attrs
import pytest
import trio

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import EXPENSE, GATEWAY, INPUT_TAX, PREPAYMENT, RECEIVABLE, REVENUE, AccountRef, Leg, NewMovement
from csms.core.payments import Forged
from csms.domain.drivers import service as drivers
from csms.domain.payments import flows, service
from csms.domain.payments.flows import lines
from csms.domain.payments.model import PREPAID
from csms.domain.payments.service import gateways
from csms.domain.wallets import service as wallets
from csms.domain.wallets.service import proving
from csms.testing.gateways import AUTHORIZED, AWAY, BROKEN, FAILED, LOST, REFUSED, SLOW, FakeGateway

from .conftest import Till


async def test_a_top_up_is_offered_paid_and_credited_once(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    assert (payment.state, payment.pay_url) == ("open", f"https://pay.example.org/{payment.offer_ref}")
    assert gateway.offer_of(payment.reference).wanted.customer_name == "Asha"
    paid = gateway.pay(payment.offer_ref)
    notice = gateway.notice("payment.captured", payment=paid)
    assert await till.post(notice) is not None
    assert await till.wallet() == 0, "a webhook is only stored; what is true is asked for"
    await till.hear()
    known = await till.payment(payment.id)
    assert (known.state, known.paid_minor, known.method) == ("paid", 50_000, "upi")
    assert await till.wallet() == 50_000
    (event,) = await till.events("payment_paid")
    assert (event["amount_minor"], event["credited_to"], event["odd"]) == (50_000, "wallet", "")
    assert await till.post(notice) is None, "the same again"
    await till.look(payment.id, payment_ref=paid.payment_id)
    await till.days()
    assert await till.wallet() == 50_000
    assert len(await till.events("payment_paid")) == 1
    assert await till.rows("SELECT 1 FROM payments WHERE look_at IS NOT NULL") == [], "and one day nobody looks any more"
    await till.check_money()


async def test_a_round_finds_what_no_webhook_told(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    gateway.pay(payment.offer_ref, state=FAILED, error="no money")
    gateway.pay(payment.offer_ref)
    await till.rounds(20_000)
    assert (await till.payment(payment.id)).state == "paid"
    attempts = await till.rows("SELECT state, error FROM gateway_payments ORDER BY id")
    assert [row["state"] for row in attempts] == ["failed", "paid"]
    await till.check_money()


async def test_what_is_only_authorized_is_taken(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    paid = gateway.pay(payment.offer_ref, state=AUTHORIZED)
    gateway.faults["capture"].append(LOST)
    await till.rounds(20_000)
    await till.rounds(60_000)
    assert gateway.attempts[paid.payment_id].state == "paid"
    assert await till.wallet() == 50_000
    assert gateway.asked.count("capture") == 1
    await till.check_money()


async def test_one_key_asks_once(till: Till, gateway: FakeGateway) -> None:
    new = till.wanted(key="once")
    first = await flows.want(till.ports, new, DEFAULT_TENANT)
    again = await flows.want(till.ports, new, DEFAULT_TENANT)
    assert first == again
    assert len(gateway.offers) == 1
    with pytest.raises(Conflict, match="once"):
        await till.want(key="once", amount_minor=1)


async def test_what_cannot_be_wanted(till: Till) -> None:
    with pytest.raises(NotFound):
        await till.want(driver_id=4711)
    with pytest.raises(Invalid, match="needs a driver"):
        await till.want(driver_id=None)
    with pytest.raises(Invalid, match="expires_at"):
        await till.want(expires_at=till.clock.now())
    with pytest.raises(Invalid, match="recurring"):
        await till.want(way="recurring")
    await till.do(gateways.close, till.gateway_id)
    with pytest.raises(Refused, match="no payment gateway"):
        await till.want(gateway_id=None)


@pytest.mark.parametrize("fault", [AWAY, LOST, SLOW, BROKEN])
async def test_a_gateway_that_does_not_answer_is_asked_again(
    till: Till, gateway: FakeGateway, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "ANSWER_LIMIT_S", 0.05)
    gateway.faults["offer"] = [fault]
    payment = await till.want()
    assert payment.state == "created"
    assert payment.error
    await till.rounds(30_000)
    known = await till.payment(payment.id)
    assert known.state == "open"
    assert len(gateway.offers) == 1, "what was made before its answer got lost is found again"
    gateway.pay(known.offer_ref)
    await till.rounds(60_000)
    assert await till.wallet() == 50_000


async def test_a_gateway_that_refuses(till: Till, gateway: FakeGateway) -> None:
    gateway.faults["offer"] = [REFUSED]
    payment = await till.want()
    assert (payment.state, payment.error) == ("failed", "the gateway refuses (offer)")
    assert [each["error"] for each in await till.events("payment_failed")] == ["the gateway refuses (offer)"]
    assert (await till.want(key=payment.reference)).state == "open", "another one may do"


async def test_nobody_pays_in_time(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want(expires_at=till.clock.now() + 300_000)
    gateway.faults["close"] = [AWAY]
    await till.rounds(301_000)
    assert (await till.payment(payment.id)).state == "expired"
    await till.rounds(60_000)
    assert gateway.offers[payment.offer_ref].closed, "the gateway is told as soon as it hears"
    assert len(await till.events("payment_expired")) == 1
    gateway.pay(payment.offer_ref)
    await till.rounds(11 * 60_000)
    assert (await till.payment(payment.id)).state == "paid", "money that comes late is not lost"
    assert await till.wallet() == 50_000
    (odd,) = await till.events("payment_odd")
    assert (odd["odd"], odd["done"]) == ("late", "wallet")
    await till.check_money()


async def test_a_gateway_down_for_good_lets_a_wish_expire(till: Till, gateway: FakeGateway) -> None:
    gateway.faults["offer"] = [AWAY] * 100
    gateway.faults["find"] = [AWAY] * 3
    payment = await till.want(expires_at=till.clock.now() + 300_000)
    await till.days()
    assert (await till.payment(payment.id)).state == "expired"
    assert gateway.offers == {}


async def test_paid_after_it_was_cancelled(till: Till, gateway: FakeGateway) -> None:
    wallet, charge = await till.want(), await till.want(purpose=PREPAID, driver_id=None)
    for each in (wallet, charge):
        assert (await flows.cancel(till.ports, each.id, DEFAULT_TENANT)).state == "cancelled"
        assert gateway.offers[each.offer_ref].closed
        gateway.pay(each.offer_ref)
        await till.post(gateway.notice("paid", payment=next(reversed(gateway.attempts.values()))))
    await till.hear()
    await till.rounds(1)
    assert (await till.payment(wallet.id)).state == "paid"
    late = await till.payment(charge.id)
    assert (late.state, late.paid_minor, late.refunded_minor) == ("cancelled", 50_000, 50_000)
    assert await till.wallet() == 50_000
    assert [each["credited_to"] for each in await till.events("payment_paid")] == ["wallet"], "no charge starts that was cancelled"
    assert len(await till.events("refund_made")) == 1
    with pytest.raises(Refused, match="paid"):
        await flows.cancel(till.ports, wallet.id, DEFAULT_TENANT)
    await till.check_money()


async def test_paid_while_it_is_cancelled(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    gateway.pay(payment.offer_ref)
    assert (await flows.cancel(till.ports, payment.id, DEFAULT_TENANT)).state == "paid"
    assert await till.wallet() == 50_000


@pytest.mark.parametrize("guest", [False, True])
async def test_paid_twice(till: Till, gateway: FakeGateway, guest: bool) -> None:
    payment = await till.want(purpose=PREPAID, driver_id=None if guest else till.driver_id)
    gateway.pay(payment.offer_ref)
    gateway.pay(payment.offer_ref)
    await till.rounds(20_000)
    await till.rounds(1)
    assert await till.balance(PREPAYMENT, str(payment.id)) == 50_000
    (odd,) = await till.events("payment_odd")
    assert (odd["odd"], odd["done"]) == ("twice", "refund" if guest else "wallet")
    assert await till.wallet() == (0 if guest else 50_000)
    assert len(await till.events("refund_made")) == (1 if guest else 0)
    assert len(await till.events("payment_paid")) == 1
    await till.check_money()


async def test_another_amount_is_credited_as_it_came(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    gateway.pay(payment.offer_ref, amount_minor=49_000)
    await till.rounds(20_000)
    assert await till.wallet() == 49_000
    (paid,), (odd,) = await till.events("payment_paid"), await till.events("payment_odd")
    assert (paid["amount_minor"], paid["asked_minor"], odd["odd"], odd["done"]) == (49_000, 50_000, "amount", "wallet")
    await till.check_money()


async def test_another_currency_goes_back(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    gateway.pay(payment.offer_ref, currency="USD")
    not_taken = gateway.pay(payment.offer_ref, currency="USD", state=AUTHORIZED)
    await till.rounds(20_000)
    await till.rounds(1)
    assert (await till.payment(payment.id)).state == "open"
    assert gateway.balance("USD") == 0
    assert gateway.attempts[not_taken.payment_id].state == AUTHORIZED, "and what is not taken need not go back"
    assert [each["currency"] for each in await till.events("payment_odd", "refund_made")] == ["USD", "USD"]
    assert await till.wallet() == 0
    await till.check_money()


async def test_a_bill_pays_what_is_owed_and_no_more(till: Till, gateway: FakeGateway) -> None:
    debt = AccountRef(kind=RECEIVABLE, unit="INR", driver_id=till.driver_id)
    legs = (Leg(debt, -30_000), Leg(AccountRef(kind=REVENUE, unit="INR"), 30_000))
    await till.do(wallets.post, NewMovement(kind="CHARGE_DEDUCT", key="a charge", legs=legs, description="a charge"))
    payment = await till.want(purpose="bill", reference_kind="bill", reference_id="7")
    gateway.pay(payment.offer_ref)
    await till.rounds(20_000)
    assert (await till.balance(RECEIVABLE), await till.wallet()) == (0, 20_000)
    (paid,) = await till.events("payment_paid")
    assert (paid["credited_to"], paid["to_wallet_minor"], paid["reference_id"]) == ("receivable", 20_000, "7")
    await till.check_money()


async def test_a_checkout_page_says_that_it_was_paid(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want(way="order")
    assert payment.checkout == {"order_id": payment.offer_ref}
    paid = gateway.pay(payment.offer_ref)
    with pytest.raises(Forged):
        await flows.confirm(till.ports, payment.id, paid.payment_id, "f" * 64, DEFAULT_TENANT)
    assert await till.wallet() == 0
    signature = gateway.checkout_signature(payment.offer_ref, paid.payment_id)
    gateway.faults["payments"] = [AWAY]
    known = await flows.confirm(till.ports, payment.id, paid.payment_id, signature, DEFAULT_TENANT)
    assert known.state == "open", "it is not believed before the gateway was asked"
    await till.rounds()
    assert await till.wallet() == 50_000
    other = await till.want(way="order")
    stolen = gateway.checkout_signature(other.offer_ref, paid.payment_id)
    assert (await flows.confirm(till.ports, other.id, paid.payment_id, stolen, DEFAULT_TENANT)).state == "open"
    await till.check_money()


async def test_a_webhook_and_a_round_at_once(till: Till, gateway: FakeGateway) -> None:
    payments = [await till.want() for _ in range(5)]
    for each in payments:
        await till.post(gateway.notice("paid", payment=gateway.pay(each.offer_ref)))
    till.clock.advance(20_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(till.hear)
        nursery.start_soon(till.rounds)
        for each in payments:
            nursery.start_soon(till.look, each.id)
    assert await till.wallet() == 250_000
    assert len(await till.events("payment_paid")) == 5
    await till.check_money()


async def test_a_driver_who_left_gets_it_back(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    await till.do(drivers.remove_driver, till.driver_id)
    gateway.pay(payment.offer_ref)
    await till.rounds(20_000)
    await till.rounds(1)
    assert gateway.balance() == 0
    assert await till.events("payment_paid") == []
    await till.check_money()


async def test_a_wallet_is_told_by_its_statement(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    gateway.pay(payment.offer_ref)
    await till.rounds(20_000)
    sql = "SELECT kind, key, description, reference_kind, reference_id FROM ledger_movements WHERE kind <> 'GATEWAY_FEE'"
    (row,) = await till.rows(sql)
    ref = next(iter(gateway.attempts))
    assert row == {
        "kind": "TOP_UP",
        "key": f"payment:{payment.id}:{ref}",
        "description": "a top-up",
        "reference_kind": "payment",
        "reference_id": str(payment.id),
    }
    assert (await till.database.read(service.settings, tenant=DEFAULT_TENANT)).default_gateway_id == till.gateway_id


async def test_what_the_gateway_keeps_is_an_expense_and_a_tax_that_was_paid(till: Till, gateway: FakeGateway) -> None:
    """Once for each payment, also where the gateway tells it later than that it was paid."""
    payment = await till.want()
    made = gateway.pay(payment.offer_ref)
    gateway.attempts[made.payment_id] = attrs.evolve(made, fee_minor=None, fee_tax_minor=None)
    await till.look(payment.id)
    assert (await till.balance(GATEWAY, "fake"), await till.balance(EXPENSE, "fake")) == (-50_000, 0)
    gateway.attempts[made.payment_id] = made
    for _ in range(2):
        await till.look(payment.id)
    kept = [await till.balance(*account) for account in ((GATEWAY, "fake"), (EXPENSE, "fake"), (INPUT_TAX, "fake"))]
    assert (kept, await till.wallet()) == ([-49_000, -848, -152], 50_000)
    (row,) = await till.rows("SELECT key, reference_kind, reference_id FROM ledger_movements WHERE kind = 'GATEWAY_FEE'")
    assert row == {"key": f"payment:1:{made.payment_id}:fee", "reference_kind": "payment", "reference_id": "1"}
    again = await till.want()
    gateway.pay(again.offer_ref)
    await till.look(again.id)
    trial = await till.do(proving.trial_balance)
    rows = {each.kind: (each.debit, each.credit) for each in trial.rows}
    assert (trial.balanced, rows["expense"], rows["input_tax"], rows["gateway"]) == (True, (1_696, 0), (304, 0), (98_000, 0))
    assert [each["paid_minor"] for each in await till.rows("SELECT paid_minor FROM payments ORDER BY id")] == [50_000, 50_000]
    await till.check_money()
