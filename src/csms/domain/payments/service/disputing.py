"""Verbs on disputes: what the gateway says of one is kept and told; a lost one is in the ledger once."""

from __future__ import annotations

from csms.core.ledger import (
    CHARGEBACK,
    EXPENSE,
    GATEWAY,
    PREPAYMENT,
    RECEIVABLE,
    WALLET,
    AccountRef,
    Leg,
    NewMovement,
    prepayment_key,
)
from csms.core.payments import DISPUTE_LOST, DISPUTE_OVER, GatewayDispute
from csms.core.ports import Row, Tx
from csms.domain.drivers import store as drivers_store
from csms.domain.payments.model import Attempt, Dispute, Payment, PaymentDisputed, payment_key
from csms.domain.payments.store import attempts as attempts_store
from csms.domain.payments.store import disputes as store
from csms.domain.wallets import service as wallets

from . import asking, gateways, timing

CHARGEBACKS = "chargebacks"
"""The account of what payers' banks took back, and nobody owes."""
LONGEST_WORD, LONGEST_REASON = 100, 300


def disputed(tx: Tx, payment_id: int, said: GatewayDispute) -> Dispute | None:
    """Keep what a gateway says of a dispute, and take what is lost from where it was credited; the same again changes nothing.

    None where the money never was in our ledger. A dispute that was lost stays lost. Raises ``NotFound`` for the payment.
    """
    tx.claim(payment_key(payment_id))
    payment = asking.need_payment(tx, payment_id)
    attempt = next((each for each in attempts_store.attempts(tx, payment_id) if each.payment_ref == said.payment_id), None)
    if attempt is None or attempt.credited_at is None:
        return None
    before = store.by_ref(tx, payment.gateway_id, said.dispute_id)
    known = before or store.insert(tx, payment.gateway_id, payment_id, attempt.id, said)
    if known is None or known.payment_id != payment_id or known.state == DISPUTE_LOST:
        return known
    booked = _lose(tx, payment, attempt, known, said) if said.state == DISPUTE_LOST else (0, "")
    over = said.state in DISPUTE_OVER
    store.update(
        tx,
        known.id,
        state=said.state,
        phase=said.phase[:LONGEST_WORD],
        reason=said.reason[:LONGEST_REASON],
        amount_minor=said.amount_minor,
        respond_by_at=said.respond_by_at,
        booked_minor=booked[0],
        booked_to=booked[1],
        look_at=timing.dispute_look(tx.now, said.respond_by_at, over=over),
        ended_at=tx.now if over else None,
    )
    if before is None or before.state != said.state:
        tx.emit(
            asking.about(
                payment,
                PaymentDisputed,
                amount_minor=said.amount_minor,
                currency=attempt.currency,
                dispute_id=known.id,
                dispute_ref=known.dispute_ref,
                state=said.state,
                previous_state="" if before is None else before.state,
                phase=said.phase[:LONGEST_WORD],
                reason=said.reason[:LONGEST_REASON],
                respond_by_at=said.respond_by_at,
                booked_minor=booked[0],
                booked_to=booked[1],
            )
        )
    return store.by_ref(tx, payment.gateway_id, said.dispute_id)


def looking(tx: Tx, dispute_id: int) -> Row | None:
    """Note that the gateway is about to be asked of a dispute, so that the next round is not at once; where it is."""
    found = store.where(tx, dispute_id)
    if found is None:
        return None
    tx.claim(payment_key(found["payment_id"]))
    store.update(tx, dispute_id, looks=found["looks"] + 1, look_at=tx.now + timing.DISPUTE_LOOK_MS)
    return found


def _lose(tx: Tx, payment: Payment, attempt: Attempt, known: Dispute, said: GatewayDispute) -> tuple[int, str]:
    """The gateway's account has so much less: how much, and against what."""
    amount = min(said.deducted_minor or said.amount_minor, attempt.amount_minor)
    unit = attempt.currency
    driver_id = payment.driver_id
    if driver_id is not None and (drivers_store.driver(tx, driver_id) is None or unit != gateways.currency_of(tx)):
        driver_id = None
    loss = AccountRef(kind=EXPENSE, unit=unit, name=CHARGEBACKS)
    legs = [Leg(AccountRef(kind=GATEWAY, unit=unit, name=gateways.need_account(tx, payment.gateway_id).provider), amount)]
    left = amount
    if attempt.credited_to == PREPAYMENT:
        tx.claim(prepayment_key(tx.tenant, attempt.account_name))
        there = AccountRef(kind=PREPAYMENT, unit=unit, name=attempt.account_name)
        part = min(left, max(0, wallets.balance(tx, there)))
        legs.append(Leg(there, -part))
        left -= part
    if driver_id is None:
        against = loss
    else:
        wallets.open_wallet(tx, driver_id)
        kind = RECEIVABLE if attempt.credited_to == RECEIVABLE else WALLET
        against = AccountRef(kind=kind, unit=unit, driver_id=driver_id)
    legs.append(Leg(against, -left))
    movement = NewMovement(
        kind=CHARGEBACK,
        key=f"dispute:{known.id}",
        legs=tuple(legs),
        description=f"payment {payment.id} was taken back by who paid it: {said.reason}"[:300],
        reference_kind="payment",
        reference_id=str(payment.id),
    )
    wallets.post(tx, movement, overdraw=True)
    return amount, against.kind if left else PREPAYMENT
