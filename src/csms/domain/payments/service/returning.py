"""Refunds on their way: sent to the gateway, told of by it, put back where it cannot return them, begun anew."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from csms.core.errors import Refused
from csms.core.ledger import CORRECTION, GATEWAY, REFUND, AccountRef, Leg
from csms.core.money import written
from csms.core.payments import REFUND_FAILED, GatewayRefund
from csms.core.payments import REFUNDED as GIVEN_BACK
from csms.core.ports import Tx
from csms.domain.payments.model import (
    ASKED,
    FAILED,
    REFUNDED,
    WANTED,
    Payment,
    Refund,
    RefundAsking,
    RefundFailed,
    RefundMade,
    payment_key,
)
from csms.domain.payments.store import attempts as attempts_store
from csms.domain.payments.store import refunds as store

from . import asking, timing
from .refunding import (
    book,
    count,
    gone,
    kept,
    left_to_give_back,
    legs_of,
    need_asking,
    need_refund,
    odd_refund,
    reference_of,
    source,
    tell,
)

LONGEST_ERROR = 500
NOTHING = "the gateway says that it gave nothing back, or more than was paid"


def sending(tx: Tx, refund_id: int) -> RefundAsking | None:
    """Note that the gateway is about to be asked; None where it is over, or somebody is at it. Raises ``NotFound``."""
    found = need_asking(tx, refund_id)
    tx.claim(payment_key(found.refund.payment_id))
    known = found.refund
    busy = known.tries > 0 and found.look_at is not None and found.look_at > tx.now
    if known.state not in (WANTED, ASKED) or busy:
        return None
    store.update(
        tx,
        refund_id,
        state=ASKED,
        tries=known.tries + 1,
        asked_at=known.asked_at or tx.now,
        look_at=max(tx.now + timing.LEASE_MS, timing.refund_look(tx.now, known.tries)),
    )
    return need_asking(tx, refund_id)


def told(tx: Tx, refund_id: int, said: GatewayRefund) -> Refund:
    """Keep what the gateway says became of a refund, whatever was known before. Raises ``NotFound``."""
    known = need_refund(tx, refund_id)
    tx.claim(payment_key(known.payment_id))
    known = need_refund(tx, refund_id)
    if said.state == GIVEN_BACK:
        if known.state != REFUNDED:
            amount = min(said.amount_minor, left_to_give_back(tx, known.payment_id, known.attempt_id))
            if amount <= 0:
                return known if known.state == FAILED else give_up(tx, refund_id, NOTHING)
            if known.state == FAILED:
                _again(tx, known, overdraw=True)
            _as_told(tx, need_refund(tx, refund_id), said, amount)
            store.update(tx, refund_id, state=REFUNDED, refund_ref=said.refund_id, error="", look_at=None, ended_at=tx.now)
            tell(tx, attrs.evolve(known, amount_minor=amount), RefundMade, refund_ref=said.refund_id)
    elif said.state == REFUND_FAILED:
        if known.state != FAILED:
            store.update(tx, refund_id, refund_ref=said.refund_id)
            return give_up(tx, refund_id, said.error or "the gateway could not return it")
    elif known.state in (WANTED, ASKED):
        look_at = timing.refund_look(tx.now, known.tries)
        store.update(tx, refund_id, state=ASKED, refund_ref=said.refund_id, error="", look_at=look_at)
    return need_refund(tx, refund_id)


def _as_told(tx: Tx, known: Refund, said: GatewayRefund, amount: int) -> None:
    """Book the ``amount`` that the gateway gave back and not what was wanted.

    What it did not give back is where it was before, and a refund of its own that failed: somebody has to look, and can begin it anew.
    """
    payment = asking.need_payment(tx, known.payment_id)
    if said.amount_minor > min(amount, known.amount_minor) and said.amount_minor != known.amount_minor:
        odd_refund(tx, payment, known.attempt_id, said, amount)
    if amount == known.amount_minor:
        return
    inner = store.inner(tx, known.id)
    assert inner is not None
    legs = legs_of(inner["legs"])
    more = amount - known.amount_minor
    if more < 0:
        change = _less(legs, -more)
        book(tx, payment, f"refund:{known.id}:told:{inner['round']}", CORRECTION, change, "less was given back")
    else:
        attempt = attempts_store.attempt(tx, known.attempt_id)
        assert attempt is not None
        change = gone(tx, (Leg(source(payment, attempt), -more), Leg(_gateway_of(legs), more)))
        book(tx, payment, f"refund:{known.id}:told:{inner['round']}", REFUND, change, "more was given back", overdraw=True)
    count(tx, payment, known.attempt_id, known.currency, more)
    kept_legs = msgspec.json.encode([kept(leg) for leg in _together(legs, change)]).decode()
    store.update(tx, known.id, amount_minor=amount, legs=kept_legs)
    if more < 0:
        _open(tx, known, payment, tuple(Leg(leg.account, -leg.amount) for leg in change), -more)


def _less(legs: Sequence[Leg], amount: int) -> tuple[Leg, ...]:
    """What undoes so much of a refund: our own loss first, then what was taken last."""
    made, left = [Leg(_gateway_of(legs), -amount)], amount
    for leg in reversed(legs):
        part = min(left, -leg.amount)
        if part > 0:
            made.append(Leg(leg.account, part))
            left -= part
    return tuple(made)


def _gateway_of(legs: Sequence[Leg]) -> AccountRef:
    return next(leg.account for leg in legs if leg.account.kind == GATEWAY)


def _together(legs: Sequence[Leg], change: Sequence[Leg]) -> tuple[Leg, ...]:
    sums: dict[AccountRef, int] = {}
    for leg in (*legs, *change):
        sums[leg.account] = sums.get(leg.account, 0) + leg.amount
    return tuple(Leg(account, amount) for account, amount in sums.items() if amount)


def _open(tx: Tx, known: Refund, payment: Payment, legs: tuple[Leg, ...], rest: int) -> None:
    """What of a refund the gateway did not give back, as one that failed."""
    error = f"the gateway gave back {written(known.amount_minor - rest, known.currency)} of {written(known.amount_minor, known.currency)}"
    refund_id = store.insert(
        tx,
        {
            "gateway_id": payment.gateway_id,
            "payment_id": known.payment_id,
            "attempt_id": known.attempt_id,
            "driver_id": known.driver_id,
            "key": f"refund:{known.id}:rest:{rest}",
            "amount_minor": rest,
            "currency": known.currency,
            "reason": known.reason,
            "wanted_by": known.wanted_by,
            "state": FAILED,
            "refund_ref": "",
            "legs": msgspec.json.encode([kept(leg) for leg in legs]).decode(),
            "look_at": None,
            "ended_at": tx.now,
        },
    )
    store.update(tx, refund_id, reference=reference_of(tx, payment.gateway_id, refund_id, 0), error=error)
    tell(tx, need_refund(tx, refund_id), RefundFailed, error=error)


def refused(tx: Tx, refund_id: int, error: str) -> Refund:
    """The gateway refuses for now; after some tries it is given up. Raises ``NotFound``."""
    known = need_refund(tx, refund_id)
    tx.claim(payment_key(known.payment_id))
    inner = store.inner(tx, refund_id)
    assert inner is not None
    refusals = inner["refusals"] + 1
    look_at = timing.refund_retry(tx.now, refusals)
    if known.state not in (WANTED, ASKED):
        return known
    store.update(tx, refund_id, refusals=refusals, error=error[:LONGEST_ERROR], look_at=look_at)
    return give_up(tx, refund_id, error) if look_at is None else need_refund(tx, refund_id)


def put_off(tx: Tx, refund_id: int, error: str) -> Refund:
    """The gateway did not answer: what was asked may have been done, and is looked for later. Raises ``NotFound``."""
    known = need_refund(tx, refund_id)
    tx.claim(payment_key(known.payment_id))
    if known.state in (WANTED, ASKED):
        store.update(tx, refund_id, error=error[:LONGEST_ERROR], look_at=timing.refund_look(tx.now, known.tries))
    return need_refund(tx, refund_id)


def give_up(tx: Tx, refund_id: int, error: str) -> Refund:
    """It cannot go back: the money is put where it was. Raises ``NotFound``."""
    known = need_refund(tx, refund_id)
    tx.claim(payment_key(known.payment_id))
    inner = store.inner(tx, refund_id)
    assert inner is not None
    payment = asking.need_payment(tx, known.payment_id)
    legs = tuple(Leg(leg.account, -leg.amount) for leg in legs_of(inner["legs"]))
    book(tx, payment, f"refund:{refund_id}:back:{inner['round']}", CORRECTION, legs, "it failed")
    count(tx, payment, known.attempt_id, known.currency, -known.amount_minor)
    store.update(tx, refund_id, state=FAILED, error=error[:LONGEST_ERROR], look_at=None, ended_at=tx.now)
    tell(tx, known, RefundFailed, error=error[:LONGEST_ERROR])
    return need_refund(tx, refund_id)


def again(tx: Tx, refund_id: int) -> Refund:
    """Begin a refund anew that failed. Raises ``NotFound``, or ``Refused`` for one that did not fail, or whose money is gone by now."""
    known = need_refund(tx, refund_id)
    tx.claim(payment_key(known.payment_id))
    if known.state != FAILED:
        raise Refused(f"refund {refund_id} is {known.state}; only one that failed is begun anew")
    _again(tx, known, overdraw=False)
    return need_refund(tx, refund_id)


def _again(tx: Tx, known: Refund, *, overdraw: bool) -> None:
    """Take the money once more. With ``overdraw`` it is gone whatever is left: what a prepayment lacks is our loss."""
    inner = store.inner(tx, known.id)
    assert inner is not None
    number = inner["round"] + 1
    payment = asking.need_payment(tx, known.payment_id)
    legs = legs_of(inner["legs"])
    if overdraw:
        legs = gone(tx, legs)
    book(tx, payment, f"refund:{known.id}:{number}", REFUND, legs, known.reason, by=known.wanted_by, overdraw=overdraw)
    count(tx, payment, known.attempt_id, known.currency, known.amount_minor)
    gateway_id = payment.gateway_id
    store.update(
        tx,
        known.id,
        state=WANTED,
        legs=msgspec.json.encode([kept(leg) for leg in legs]).decode(),
        round=number,
        tries=0,
        refusals=0,
        error="",
        reference=reference_of(tx, gateway_id, known.id, number),
        refund_ref="",
        look_at=tx.now + timing.LEASE_MS,
        asked_at=None,
        ended_at=None,
    )
