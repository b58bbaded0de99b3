"""Payers who ask their bank for their money back: kept, told of, and where it is lost in the ledger once, against who had it."""

from __future__ import annotations

import pytest

from csms.core.ledger import EXPENSE, GATEWAY, PREPAYMENT, RECEIVABLE, REVENUE, AccountRef, Leg, NewMovement
from csms.core.payments import GatewayDispute
from csms.core.ports import Tx
from csms.domain.payments.model import BILL, PREPAID, Dispute, Payment
from csms.domain.payments.routes.payments import detail
from csms.domain.wallets import service as wallets
from csms.testing.gateways import AWAY, FakeGateway

from .conftest import Till


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def paid(till: Till, gateway: FakeGateway, **more: object) -> tuple[Payment, str]:
    payment = await till.want(**more)
    made = gateway.pay(payment.offer_ref)
    return await till.look(payment.id), made.payment_id


async def told(till: Till, gateway: FakeGateway, dispute: GatewayDispute) -> None:
    """The gateway tells of a dispute as it is now, twice."""
    attempt = gateway.attempts[dispute.payment_id]
    for _ in range(2):
        await till.post(gateway.notice(f"payment.dispute.{dispute.state}", payment=attempt, dispute=dispute))
        await till.hear()


async def lose(till: Till, gateway: FakeGateway, payment_ref: str, amount: int | None = None) -> None:
    raised = gateway.raise_dispute(payment_ref, amount)
    await told(till, gateway, raised)
    await told(till, gateway, gateway.decide_dispute(raised.dispute_id, "lost"))


async def disputes(till: Till, payment: Payment) -> list[Dispute]:
    return list((await till.do(detail, payment.id)).disputes)


async def test_it_is_kept_with_the_payment_and_told_of(till: Till, gateway: FakeGateway) -> None:
    payment, ref = await paid(till, gateway)
    respond_by = till.clock.now() + 7 * 86_400_000
    raised = gateway.raise_dispute(ref, 30_000, respond_by_at=respond_by)
    await told(till, gateway, raised)
    (known,) = await disputes(till, payment)
    assert (known.state, known.amount_minor, known.reason) == ("open", 30_000, "goods_or_services_not_received")
    assert (known.respond_by_at, known.phase, known.booked_minor, known.ended_at) == (respond_by, "chargeback", 0, None)
    await told(till, gateway, gateway.decide_dispute(raised.dispute_id, "under_review"))
    gateway.decide_dispute(raised.dispute_id, "won")  # and nobody tells of it
    gateway.faults["dispute"] = [AWAY]
    await till.days()
    (known,) = await disputes(till, payment)
    assert (known.state, known.booked_minor, known.ended_at is not None) == ("won", 0, True)
    events = await till.events("payment_disputed")
    assert [(each["state"], each["previous_state"]) for each in events] == [
        ("open", ""),
        ("under_review", "open"),
        ("won", "under_review"),
    ]
    assert (events[0]["amount_minor"], events[0]["respond_by_at"], events[0]["driver_id"]) == (30_000, respond_by, till.driver_id)
    assert await till.wallet() == 50_000
    await till.check_money()


async def test_a_lost_top_up_is_taken_from_the_wallet_though_it_is_spent(till: Till, gateway: FakeGateway) -> None:
    payment, ref = await paid(till, gateway)
    spent = (
        Leg(AccountRef(kind="wallet", unit="INR", driver_id=till.driver_id), -40_000),
        Leg(AccountRef(kind=REVENUE, unit="INR"), 40_000),
    )
    await till.do(wallets.post, NewMovement(kind="CHARGE_DEDUCT", key="c", legs=spent, description="a charge"))
    await lose(till, gateway, ref)
    (known,) = await disputes(till, payment)
    assert (known.state, known.booked_minor, known.booked_to) == ("lost", 50_000, "wallet")
    assert (await till.wallet(), await till.balance(GATEWAY, "fake")) == (-40_000, 1_000)
    assert len(await till.rows("SELECT id FROM ledger_movements WHERE kind = 'CHARGEBACK'")) == 1
    event = (await till.events("payment_disputed"))[-1]
    assert (event["state"], event["booked_minor"], event["booked_to"]) == ("lost", 50_000, "wallet")
    await till.check_money()


async def test_a_lost_payment_of_a_bill_is_owed_again(till: Till, gateway: FakeGateway) -> None:
    def owe(tx: Tx) -> None:
        owed = (
            Leg(AccountRef(kind=RECEIVABLE, unit="INR", driver_id=till.driver_id), -50_000),
            Leg(AccountRef(kind=REVENUE, unit="INR"), 50_000),
        )
        wallets.post(tx, NewMovement(kind="CHARGE_DEDUCT", key="owed", legs=owed, description="a charge"))

    await till.do(owe)
    _, ref = await paid(till, gateway, purpose=BILL, reference_kind="bill", reference_id="1")
    assert await till.balance(RECEIVABLE) == 0
    await lose(till, gateway, ref, 20_000)
    assert (await till.balance(RECEIVABLE), await till.wallet()) == (-20_000, 0)
    await till.check_money()


async def test_what_a_guest_takes_back_is_a_loss_beyond_what_is_left_of_it(till: Till, gateway: FakeGateway) -> None:
    payment, ref = await paid(till, gateway, purpose=PREPAID, driver_id=None)
    used = (
        Leg(AccountRef(kind=PREPAYMENT, unit="INR", name=str(payment.id)), -35_000),
        Leg(AccountRef(kind=REVENUE, unit="INR"), 35_000),
    )
    await till.do(wallets.post, NewMovement(kind="CHARGE_DEDUCT", key="c", legs=used, description="a charge"))
    await lose(till, gateway, ref)
    assert (await till.balance(PREPAYMENT, str(payment.id)), await till.balance(EXPENSE, "chargebacks")) == (0, -35_000)
    assert (await disputes(till, payment))[0].booked_to == "expense"
    await till.check_money()
