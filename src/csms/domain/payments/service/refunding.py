"""Money that goes back: set aside in the ledger in the write that wants it, put back where the gateway cannot return it."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ledger import (
    ADJUSTMENTS,
    GATEWAY,
    PREPAYMENT,
    REFUND,
    WALLET,
    AccountRef,
    Leg,
    NewMovement,
)
from csms.core.money import written
from csms.core.payments import GatewayRefund
from csms.core.ports import ReadTx, Tx
from csms.domain.payments.model import (
    REFUNDED,
    WANTED,
    Attempt,
    Payment,
    PaymentOdd,
    Refund,
    RefundAsking,
    RefundFailed,
    RefundMade,
    payment_key,
)
from csms.domain.payments.model.words import REFUND as REFUND_ODD
from csms.domain.payments.store import attempts as attempts_store
from csms.domain.payments.store import payments as payments_store
from csms.domain.payments.store import refunds as store
from csms.domain.wallets import service as wallets

from . import asking, gateways, timing


def need_refund(tx: ReadTx, refund_id: int) -> Refund:
    """A refund of the tenant. Raises ``NotFound``."""
    known = store.refund(tx, refund_id)
    if known is None:
        raise NotFound(f"there is no refund {refund_id}")
    return known


def need_asking(tx: ReadTx, refund_id: int) -> RefundAsking:
    """A refund as whoever speaks to its gateway needs it. Raises ``NotFound``."""
    known = store.asking(tx, refund_id)
    if known is None:
        raise NotFound(f"there is no refund {refund_id}")
    return known


# --- wanted ---------------------------------------------------------------------------------------------------------------------


def want(
    tx: Tx, payment_id: int, amount_minor: int | None, reason: str, key: str, by: str = "", *, sent_by_caller: bool = False
) -> Refund:
    """Want money back to who paid it, all that is left where no amount is given; one ``key`` wants it once.

    A job sends it within seconds, unless it is ``sent_by_caller`` (``flows.refund``): then a job does where that did not come to it.

    It is taken at once from where it was credited: the prepayment, else the wallet (never out of its credit limit). Raises ``NotFound``,
    ``Conflict`` for a key under which something else is wanted, ``Refused`` where so much is not there.
    """
    tx.claim(payment_key(payment_id))
    known = asking.need_payment(tx, payment_id)
    before = store.by_key(tx, key)
    if before is not None:
        if before.payment_id != payment_id or amount_minor not in (None, before.amount_minor):
            raise Conflict(f"another refund is wanted under the key {key!r} already")
        return before
    attempt = _attempt_for(tx, known, amount_minor)
    amount = attempt.amount_minor - attempt.refunded_minor if amount_minor is None else amount_minor
    made = _want(tx, known, attempt, amount, reason, key, by)
    if sent_by_caller:
        store.update(tx, made.id, look_at=tx.now + timing.LEASE_MS)
    return made


def want_back(tx: Tx, payment_id: int, attempt_id: int, reason: str, *, key: str) -> Refund:
    """Want all of one attempt back that should not have been paid."""
    tx.claim(payment_key(payment_id))
    before = store.by_key(tx, key)
    if before is not None:
        return before
    attempt = attempts_store.attempt(tx, attempt_id)
    assert attempt is not None
    amount = attempt.amount_minor - attempt.refunded_minor
    return _want(tx, asking.need_payment(tx, payment_id), attempt, amount, reason, key, "")


def _attempt_for(tx: ReadTx, known: Payment, amount_minor: int | None) -> Attempt:
    """The attempt that can give back so much; what was as it should be, first. Raises ``Refused``."""
    left = [
        each
        for each in attempts_store.attempts(tx, known.id)
        if each.credited_at is not None and each.amount_minor > each.refunded_minor
    ]
    if not left:
        raise Refused(f"nothing of payment {known.id} is left to give back")
    left.sort(key=lambda each: (each.odd in ("twice", "currency"), each.id))
    fitting = [each for each in left if amount_minor is None or each.amount_minor - each.refunded_minor >= amount_minor]
    if not fitting:
        most = max(each.amount_minor - each.refunded_minor for each in left)
        raise Refused(f"of payment {known.id} {written(most, known.currency)} at most can go back at once")
    return fitting[0]


def _want(tx: Tx, known: Payment, attempt: Attempt, amount: int, reason: str, key: str, by: str) -> Refund:
    if amount <= 0:
        raise Invalid("amount_minor: there is nothing to give back", field="amount_minor")
    account = source(known, attempt)
    if account.kind == WALLET:
        driver_id = account.driver_id
        assert driver_id is not None
        wallets.open_wallet(tx, driver_id)
        funds = wallets.funds(tx, driver_id)
        free = funds.balance_minor - funds.held_minor
        if amount > free:
            raise Refused(f"the wallet has {written(max(0, free), known.currency)} that can go back; the rest is spent or held")
    legs = (Leg(account, -amount), Leg(_gateway_account(tx, known, attempt.currency), amount))
    return _insert(tx, known, attempt, legs, amount=amount, reason=reason, key=key, by=by)


def _insert(
    tx: Tx,
    known: Payment,
    attempt: Attempt,
    legs: tuple[Leg, ...],
    *,
    amount: int,
    reason: str,
    key: str,
    by: str,
    refund_ref: str = "",
    overdraw: bool = False,
) -> Refund:
    """Keep a refund, with what it moves in the ledger. With ``refund_ref`` the gateway made it by itself: it is done."""
    done = bool(refund_ref)
    refund_id = store.insert(
        tx,
        {
            "gateway_id": known.gateway_id,
            "payment_id": known.id,
            "attempt_id": attempt.id,
            "driver_id": known.driver_id,
            "key": key,
            "amount_minor": amount,
            "currency": attempt.currency,
            "reason": reason,
            "wanted_by": by,
            "state": REFUNDED if done else WANTED,
            "refund_ref": refund_ref,
            "legs": msgspec.json.encode([kept(leg) for leg in legs]).decode(),
            "look_at": None if done else tx.now,
            "ended_at": tx.now if done else None,
        },
    )
    store.update(tx, refund_id, reference=reference_of(tx, known.gateway_id, refund_id, 0))
    book(tx, known, f"refund:{refund_id}", REFUND, legs, reason, by=by, overdraw=overdraw)
    count(tx, known, attempt.id, attempt.currency, amount)
    return need_refund(tx, refund_id)


def source(known: Payment, attempt: Attempt) -> AccountRef:
    """From where money goes back: where it was credited, of a bill the wallet (what a bill should not have cost is credited there)."""
    if attempt.credited_to == PREPAYMENT:
        return AccountRef(kind=PREPAYMENT, unit=attempt.currency, name=attempt.account_name)
    return AccountRef(kind=WALLET, unit=attempt.currency, driver_id=known.driver_id)


def reference_of(tx: ReadTx, gateway_id: int, refund_id: int, number: int) -> str:
    """Our reference of a refund at its gateway, another for each time that it is begun anew."""
    mark = gateways.need_account(tx, gateway_id).mark
    return f"{mark}-r{refund_id}" + (f"-{number}" if number else "")


def _gateway_account(tx: ReadTx, known: Payment, unit: str) -> AccountRef:
    return AccountRef(kind=GATEWAY, unit=unit, name=gateways.need_account(tx, known.gateway_id).provider)


def kept(leg: Leg) -> dict[str, Any]:
    """A leg as it is stored with its refund."""
    return {**attrs.asdict(leg.account), "amount": leg.amount}


def legs_of(text: str) -> tuple[Leg, ...]:
    """What a refund moved in the ledger when it was begun last."""
    found = msgspec.json.decode(text)
    return tuple(
        Leg(AccountRef(**{name: value for name, value in each.items() if name != "amount"}), each["amount"]) for each in found
    )


def book(
    tx: Tx, known: Payment, key: str, kind: str, legs: tuple[Leg, ...], why: str, *, by: str = "", overdraw: bool = False
) -> None:
    """Move money for a refund, or back. Raises ``Refused`` where it is not there."""
    movement = NewMovement(
        kind=kind,
        key=key,
        legs=legs,
        description=f"refund of payment {known.id}: {why}"[:300],
        reference_kind="payment",
        reference_id=str(known.id),
        by=by,
    )
    wallets.post(tx, movement, overdraw=overdraw)


def count(tx: Tx, known: Payment, attempt_id: int, currency: str, amount: int) -> None:
    """So much more of a payment goes back, or less where it came to nothing."""
    attempts_store.count_refunded(tx, attempt_id, amount)
    if currency == known.currency:
        payments_store.count_refunded(tx, known.id, amount)


def gone(tx: ReadTx, legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    """The same movement, where the money has left already: what a prepayment does not have any more is booked as an adjustment."""
    made: list[Leg] = []
    for leg in legs:
        if leg.account.kind != PREPAYMENT or leg.amount >= 0:
            made.append(leg)
            continue
        there = min(wallets.balance(tx, leg.account), -leg.amount)
        made.append(Leg(leg.account, -there))
        made.append(Leg(AccountRef(kind=ADJUSTMENTS, unit=leg.account.unit, name="refunds"), leg.amount + there))
    return tuple(made)


def adopt(tx: Tx, payment_id: int, payment_ref: str, said: GatewayRefund) -> Refund | None:
    """Keep a refund that was made at the gateway without us, such as on its own pages; None where its money never was in our ledger."""
    tx.claim(payment_key(payment_id))
    known = asking.need_payment(tx, payment_id)
    attempt = next((each for each in attempts_store.attempts(tx, payment_id) if each.payment_ref == payment_ref), None)
    key = f"gateway:{known.gateway_id}:{said.refund_id}"[:200]
    if attempt is None or attempt.credited_at is None or said.amount_minor <= 0:
        return None
    before = store.by_key(tx, key)
    if before is not None:
        return before
    amount = min(said.amount_minor, left_to_give_back(tx, payment_id, attempt.id))
    if amount <= 0:
        return None  # it cannot have gone back twice
    if amount < said.amount_minor:
        odd_refund(tx, known, attempt.id, said, amount)
    legs = gone(tx, (Leg(source(known, attempt), -amount), Leg(_gateway_account(tx, known, attempt.currency), amount)))
    reason = "made at the gateway"
    made = _insert(tx, known, attempt, legs, amount=amount, reason=reason, key=key, by="", refund_ref=said.refund_id, overdraw=True)
    tell(tx, made, RefundMade, refund_ref=said.refund_id)
    return made


def left_to_give_back(tx: ReadTx, payment_id: int, attempt_id: int) -> int:
    """How much of an attempt can have gone back besides what did: no gateway gives back more than was paid."""
    attempt = attempts_store.attempt(tx, attempt_id)
    assert attempt is not None
    made = store.of_payment(tx, payment_id)
    done = [each for each in made if each.attempt_id == attempt_id and each.state == REFUNDED]
    return attempt.amount_minor - sum(each.amount_minor for each in done)


def odd_refund(tx: Tx, known: Payment, attempt_id: int, said: GatewayRefund, booked_minor: int) -> None:
    """Tell that a gateway says that it gave back more than can be, or more than was wanted: ``asked_minor`` is what of it is booked."""
    attempt = attempts_store.attempt(tx, attempt_id)
    assert attempt is not None
    tx.emit(
        asking.about(
            known,
            PaymentOdd,
            odd=REFUND_ODD,
            done="refund",
            amount_minor=said.amount_minor,
            currency=attempt.currency,
            asked_minor=booked_minor,
            asked_currency=attempt.currency,
            payment_ref=attempt.payment_ref,
        )
    )


def tell(tx: Tx, known: Refund, kind: type[RefundMade] | type[RefundFailed], **more: str) -> None:
    """Tell what became of a refund."""
    payment = asking.need_payment(tx, known.payment_id)
    tx.emit(
        asking.about(
            payment,
            kind,
            amount_minor=known.amount_minor,
            currency=known.currency,
            refund_id=known.id,
            reason=known.reason,
            **more,
        )
    )
