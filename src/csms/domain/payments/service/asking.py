"""Verbs on payments: wanted, offered by the gateway, given up; what is written before the gateway is asked, and after it answered."""

from __future__ import annotations

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.payments import RECURRING, PaymentOffer
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import service as drivers
from csms.domain.payments.model import (
    CANCELLED,
    CREATED,
    EXPIRED,
    FAILED,
    MANDATE,
    OPEN,
    PREPAID,
    UNPAID,
    Asking,
    Customer,
    NewPayment,
    Payment,
    PaymentCancelled,
    PaymentExpired,
    PaymentFailed,
    PaymentOpened,
    payment_key,
)
from csms.domain.payments.model.events import AboutPayment
from csms.domain.payments.store import methods as methods_store
from csms.domain.payments.store import payments as store

from . import gateways, timing

LONGEST_ERROR = 500
LONGEST_LIFE_MS = 90 * 86_400_000


def need_payment(tx: ReadTx, payment_id: int) -> Payment:
    """A payment of the tenant. Raises ``NotFound``."""
    known = store.payment(tx, payment_id)
    if known is None:
        raise NotFound(f"there is no payment {payment_id}")
    return known


def own_payment(tx: ReadTx, driver_id: int, payment_id: int) -> Payment:
    """A payment of this driver. Raises ``NotFound``."""
    known = need_payment(tx, payment_id)
    if known.driver_id != driver_id:
        raise NotFound(f"there is no payment {payment_id}")
    return known


def need_asking(tx: ReadTx, payment_id: int) -> Asking:
    """A payment as whoever speaks to its gateway needs it. Raises ``NotFound``."""
    known = store.asking(tx, payment_id)
    if known is None:
        raise NotFound(f"there is no payment {payment_id}")
    return known


def about(known: Payment, kind: type[AboutPayment], **more: object) -> AboutPayment:
    """An event about a payment; ``amount_minor`` and ``currency`` are those that were asked for, unless given."""
    said: dict[str, object] = {
        "payment_id": known.id,
        "driver_id": known.driver_id,
        "purpose": known.purpose,
        "reference_kind": known.reference_kind,
        "reference_id": known.reference_id,
        "amount_minor": known.amount_minor,
        "currency": known.currency,
    }
    return kind(**{**said, **more})  # type: ignore[arg-type]  # each event's own fields are its callers' business


# --- wanted ---------------------------------------------------------------------------------------------------------------------


def create(tx: Tx, new: NewPayment) -> Payment:
    """Want a payment; one ``key`` wants it once. ``flows.offer`` asks the gateway for it then; a job does, where nobody does.

    Raises ``NotFound`` (driver, account, saved method), ``Refused`` where no gateway takes payments, ``Conflict`` for a key under which
    something else is wanted, ``Invalid``.
    """
    tx.claim(f"payment-key:{tx.tenant}:{new.key}")
    known = store.by_key(tx, new.key)
    if known is not None:
        same = (known.driver_id, known.purpose, known.amount_minor) == (new.driver_id, new.purpose, new.amount_minor)
        if not same:
            raise Conflict(f"another payment is wanted under the key {new.key!r} already")
        return known
    if new.driver_id is None and new.purpose != PREPAID:
        raise Invalid(f"a payment with the purpose {new.purpose} needs a driver", field="driver_id")
    if (new.way == RECURRING) != (new.purpose == MANDATE):
        raise Invalid("only charges of a mandate are recurring, and every one is", field="way")
    gateway_id = new.gateway_id
    if new.method_id is not None:
        method = None if new.driver_id is None else methods_store.method(tx, new.driver_id, new.method_id)
        if method is None:
            raise NotFound(f"there is no saved method {new.method_id} of this driver")
        gateway_id = method.gateway_id
    account = gateways.need_account(tx, gateway_id) if new.mandate_id and gateway_id else gateways.open_account(tx, gateway_id)
    expires_at = new.expires_at or tx.now + timing.life_ms(new.way)
    if not tx.now < expires_at <= tx.now + LONGEST_LIFE_MS:
        raise Invalid("expires_at: it must lie ahead, and not more than 90 days", field="expires_at")
    payment_id = store.insert(
        tx,
        new,
        currency=new.currency or gateways.currency_of(tx),
        gateway_id=account.id,
        customer=new.customer or _customer(tx, new.driver_id),
        look_at=tx.now + timing.LEASE_MS,
    )
    store.update(tx, payment_id, reference=f"{account.mark}-p{payment_id}", expires_at=expires_at)
    return need_payment(tx, payment_id)


def _customer(tx: ReadTx, driver_id: int | None) -> Customer:
    if driver_id is None:
        return Customer()
    known = drivers.need_driver(tx, driver_id)
    return Customer(name=known.name[:200], email=known.email[:255], phone=known.phone[:40])


# --- asked for ------------------------------------------------------------------------------------------------------------------


def offering(tx: Tx, payment_id: int) -> Asking | None:
    """Note that the gateway is about to be asked for a payment; None where that is done, or somebody is at it."""
    tx.claim(payment_key(payment_id))
    known = need_asking(tx, payment_id)
    busy = known.tries > 0 and known.look_at is not None and known.look_at > tx.now
    if known.payment.state != CREATED or known.payment.offer_ref or busy:
        return None
    lease = timing.LEASE_MS if known.payment.method_id is None else timing.SAVED_LEASE_MS
    store.update(tx, payment_id, tries=known.tries + 1, look_at=tx.now + lease)
    return need_asking(tx, payment_id)


def opened(tx: Tx, payment_id: int, offer: PaymentOffer) -> Payment:
    """Keep what the gateway made of it: it can be paid. One that is not wanted any more by now is to be closed there."""
    tx.claim(payment_key(payment_id))
    known = need_payment(tx, payment_id)
    if known.offer_ref == offer.gateway_id and known.state != CREATED:
        return known
    store.save_offer(tx, payment_id, offer)
    if known.state == CREATED:
        look_at = timing.open_look(tx.now, 0, known.expires_at)
        store.update(tx, payment_id, state=OPEN, opened_at=tx.now, looks=0, look_at=look_at)
        tx.emit(about(known, PaymentOpened, way=known.way, expires_at=known.expires_at))
    else:
        store.update(tx, payment_id, close_wanted=int(known.state in (CANCELLED, EXPIRED, FAILED)), looks=0, look_at=tx.now)
    return need_payment(tx, payment_id)


def put_off(tx: Tx, payment_id: int, error: str) -> Payment:
    """The gateway did not answer: ask again later. What was asked may have been done."""
    tx.claim(payment_key(payment_id))
    known = need_asking(tx, payment_id)
    if known.payment.state == CREATED:
        look_at = timing.retry(tx.now, known.tries, known.payment.expires_at)
        if known.payment.method_id is not None:
            look_at = max(look_at, tx.now + timing.SAVED_LEASE_MS)
        store.update(tx, payment_id, error=error[:LONGEST_ERROR], look_at=look_at)
    return need_payment(tx, payment_id)


def looking(tx: Tx, payment_id: int) -> Asking:
    """Note that the gateway is about to be asked what became of a payment, and when that is due again. Raises ``NotFound``."""
    tx.claim(payment_key(payment_id))
    known = need_asking(tx, payment_id)
    payment = known.payment
    if payment.state in UNPAID:
        look_at: int | None = timing.open_look(tx.now, known.looks, payment.expires_at)
    else:
        look_at = timing.late_look(tx.now, known.looks)
        if known.close_wanted:
            look_at = timing.open_look(tx.now, known.looks, None)
    store.update(tx, payment_id, looks=known.looks + 1, look_at=look_at)
    return known


def look_now(tx: Tx, payment_id: int) -> Payment:
    """Have the gateway asked about a payment as soon as may be. Raises ``NotFound``."""
    tx.claim(payment_key(payment_id))
    known = need_payment(tx, payment_id)
    store.update(tx, payment_id, look_at=tx.now)
    return known


# --- over -----------------------------------------------------------------------------------------------------------------------


def fail(tx: Tx, payment_id: int, error: str) -> Payment:
    """It came to nothing: the gateway refused."""
    tx.claim(payment_key(payment_id))
    known = need_payment(tx, payment_id)
    if known.state in UNPAID:
        error = error[:LONGEST_ERROR]
        _end(tx, known, FAILED, close=False)
        store.update(tx, payment_id, error=error)
        tx.emit(about(known, PaymentFailed, error=error))
    return need_payment(tx, payment_id)


def cancel(tx: Tx, payment_id: int) -> Payment:
    """Nobody is to pay it any more; ``flows.cancel`` tells the gateway. Raises ``NotFound``, or ``Refused`` for one that was paid."""
    tx.claim(payment_key(payment_id))
    known = need_payment(tx, payment_id)
    if known.state not in UNPAID:
        if known.state == CANCELLED:
            return known
        raise Refused(f"payment {payment_id} is {known.state}")
    _end(tx, known, CANCELLED, close=True)
    tx.emit(about(known, PaymentCancelled))
    return need_payment(tx, payment_id)


def expire(tx: Tx, payment_id: int, *, closed: bool) -> Payment:
    """Nobody paid in time. ``closed``: the gateway lets nobody pay it any more."""
    tx.claim(payment_key(payment_id))
    known = need_payment(tx, payment_id)
    if known.state in UNPAID and known.expires_at is not None and known.expires_at <= tx.now:
        _end(tx, known, EXPIRED, close=not closed)
        tx.emit(about(known, PaymentExpired))
    return need_payment(tx, payment_id)


def _end(tx: Tx, known: Payment, state: str, *, close: bool) -> None:
    look_at = timing.late_look(tx.now, 0)
    if close:
        look_at = tx.now if state == CANCELLED else timing.open_look(tx.now, 0, None)
    store.update(
        tx, known.id, state=state, ended_at=tx.now, close_wanted=int(close and known.way != RECURRING), looks=0, look_at=look_at
    )


def was_closed(tx: Tx, payment_id: int) -> None:
    """The gateway lets nobody pay it any more."""
    tx.claim(payment_key(payment_id))
    store.update(tx, payment_id, close_wanted=0, looks=0, look_at=timing.late_look(tx.now, 0))
