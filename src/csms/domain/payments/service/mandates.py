"""Verbs on recurring payments: wanted, told of by their gateway, charged."""

from __future__ import annotations

from csms.core.errors import Conflict, NotFound, Refused
from csms.core.payments import RECURRING, GatewayPayment, Mandate, MandateWanted
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import service as drivers
from csms.domain.payments.model import MANDATE, Customer, KeptMandate, MandateChanged, NewPayment, Payment, mandate_key
from csms.domain.payments.model import OPEN as PAYMENT_OPEN
from csms.domain.payments.model.words import CANCEL, CHANGES, PAUSE, RESUME
from csms.domain.payments.store import attempts as attempts_store
from csms.domain.payments.store import mandates as store
from csms.domain.payments.store import payments as payments_store

from . import asking, gateways, timing

WANTED, FAILED = "wanted", "failed"
OVER = ("cancelled", "completed", FAILED)
DONE_BY = {PAUSE: ("paused",), RESUME: ("active", "authenticated", "pending"), CANCEL: ("cancelled", "completed")}
LONGEST_ERROR = 500


def need_mandate(tx: ReadTx, mandate_id: int) -> KeptMandate:
    """A recurring payment of the tenant. Raises ``NotFound``."""
    known = store.mandate(tx, mandate_id)
    if known is None:
        raise NotFound(f"there is no mandate {mandate_id}")
    return known


def by_ref(tx: ReadTx, mandate_ref: str) -> KeptMandate:
    """A recurring payment by its gateway's id. Raises ``NotFound``."""
    known = store.by_ref(tx, mandate_ref) if mandate_ref else None
    if known is None:
        raise NotFound(f"there is no mandate {mandate_ref!r}")
    return known


def want(tx: Tx, driver_id: int, wanted: MandateWanted, kind: str, number: str) -> KeptMandate:
    """Want a recurring payment; one ``reference`` wants it once.

    Raises ``NotFound``, ``Refused`` where no gateway takes payments, ``Conflict`` where something else is wanted under the reference.
    """
    tx.claim(f"payment-mandates:{tx.tenant}:{wanted.reference}")
    known = store.by_reference(tx, wanted.reference)
    if known is not None:
        if (known.driver_id, known.amount_minor, known.currency) != (driver_id, wanted.amount_minor, wanted.currency):
            raise Conflict(f"another mandate is wanted under the reference {wanted.reference!r} already")
        return known
    drivers.need_driver(tx, driver_id)
    account = gateways.open_account(tx, None)
    if wanted.currency != gateways.currency_of(tx):
        raise Refused(f"a mandate is in the tenant's currency, not in {wanted.currency}")
    return need_mandate(tx, store.insert(tx, driver_id, account.id, wanted, kind, number, tx.now + timing.LEASE_MS))


def looking(tx: Tx, mandate_id: int) -> KeptMandate:
    """Note that the gateway is about to be asked about it, and when that is due again. Raises ``NotFound``."""
    tx.claim(mandate_key(mandate_id))
    known = need_mandate(tx, mandate_id)
    looks = store.looks(tx, mandate_id)
    look_at: int | None = None  # who wanted one that the gateway does not know asks again: nobody can have agreed to it
    if known.mandate_ref:
        look_at = timing.late_look(tx.now, looks) if known.state in OVER else timing.mandate_look(tx.now, looks)
    store.update(tx, mandate_id, looks=looks + 1, look_at=look_at)
    return known


def refused(tx: Tx, mandate_id: int, error: str) -> KeptMandate:
    """The gateway refused to set it up. Raises ``NotFound``."""
    tx.claim(mandate_key(mandate_id))
    known = need_mandate(tx, mandate_id)
    if not known.mandate_ref:
        store.update(tx, mandate_id, state=FAILED, error=error[:LONGEST_ERROR], look_at=None)
        _tell(tx, known)
    return need_mandate(tx, mandate_id)


def told(tx: Tx, mandate_id: int, said: Mandate) -> KeptMandate:
    """Keep what the gateway says of it. Raises ``NotFound``."""
    tx.claim(mandate_key(mandate_id))
    known = need_mandate(tx, mandate_id)
    over = said.state in OVER
    changed = (said.state, said.paid_count) != (known.state, known.paid_count)
    done = said.state in DONE_BY.get(known.wanted_change, ()) or over
    store.update(
        tx,
        mandate_id,
        mandate_ref=said.mandate_id,
        state=said.state,
        pay_url=said.pay_url or known.pay_url,
        paid_count=max(said.paid_count, known.paid_count),
        next_charge_at=said.next_charge_at,
        ends_at=said.ends_at,
        wanted_change="" if done else known.wanted_change,
        error="",
    )
    if changed:
        look_at = timing.late_look(tx.now, 0) if over else timing.mandate_look(tx.now, 0)  # it may have been charged just before
        store.update(tx, mandate_id, looks=0, look_at=look_at)
        _tell(tx, known)
    return need_mandate(tx, mandate_id)


def _tell(tx: Tx, before: KeptMandate) -> None:
    after = need_mandate(tx, before.id)
    tx.emit(
        MandateChanged(
            mandate_id=after.id,
            mandate_ref=after.mandate_ref,
            driver_id=after.driver_id,
            state=after.state,
            previous_state=before.state,
            paid_count=after.paid_count,
            next_charge_at=after.next_charge_at,
            reference_kind=after.reference_kind,
            reference_id=after.reference_id,
        )
    )


def want_change(tx: Tx, mandate_id: int, change: str) -> KeptMandate:
    """Want it paused, resumed or cancelled. Raises ``NotFound``, or ``Refused`` for one that is over."""
    tx.claim(mandate_key(mandate_id))
    known = need_mandate(tx, mandate_id)
    if change not in CHANGES:
        raise Refused(f"a mandate can be paused, resumed or cancelled, not {change!r}")
    if known.state in OVER:
        if change == CANCEL:
            return known
        raise Refused(f"mandate {mandate_id} is {known.state}")
    store.update(tx, mandate_id, wanted_change=change, looks=0, look_at=tx.now + timing.LEASE_MS)
    return need_mandate(tx, mandate_id)


def not_changed(tx: Tx, mandate_id: int, error: str) -> KeptMandate:
    """The gateway refused the change. Raises ``NotFound``."""
    tx.claim(mandate_key(mandate_id))
    store.update(tx, mandate_id, wanted_change="", error=error[:LONGEST_ERROR])
    return need_mandate(tx, mandate_id)


def charged(tx: Tx, mandate_id: int, seen: GatewayPayment) -> Payment:
    """A payment for a charge of it, not credited yet: that is ``paid``, in a write of its own. Raises ``NotFound``."""
    tx.claim(mandate_key(mandate_id))
    known = need_mandate(tx, mandate_id)
    payment = asking.create(
        tx,
        NewPayment(
            purpose=MANDATE,
            way=RECURRING,
            amount_minor=known.amount_minor,
            currency=known.currency,
            key=f"mandate:{mandate_id}:{seen.payment_id}",
            description=f"recurring payment {known.reference}",
            driver_id=known.driver_id,
            reference_kind=known.reference_kind,
            reference_id=known.reference_id,
            gateway_id=known.gateway_id,
            mandate_id=mandate_id,
            customer=Customer(),  # nobody is asked: the gateway charged it by itself
        ),
    )
    if payment.state == "created":
        payments_store.update(tx, payment.id, state=PAYMENT_OPEN, opened_at=tx.now, offer_ref=known.mandate_ref, look_at=tx.now)
        pending = GatewayPayment(
            payment_id=seen.payment_id,
            gateway_id=seen.gateway_id,
            state="open",
            amount_minor=seen.amount_minor,
            currency=seen.currency,
        )
        attempts_store.save(tx, known.gateway_id, payment.id, pending)
    return asking.need_payment(tx, payment.id)
