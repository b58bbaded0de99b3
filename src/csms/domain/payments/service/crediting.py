"""What becomes of money that a gateway says was paid: in the ledger once, where it belongs, or on its way back."""

from __future__ import annotations

import attrs

from csms.core.ledger import (
    EXPENSE,
    GATEWAY,
    GATEWAY_FEE,
    INPUT_TAX,
    PAYMENT,
    PREPAYMENT,
    RECEIVABLE,
    TOP_UP,
    WALLET,
    AccountRef,
    Leg,
    NewMovement,
)
from csms.core.payments import AUTHORIZED
from csms.core.payments import FAILED as ATTEMPT_FAILED
from csms.core.payments import PAID as ATTEMPT_PAID
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import store as drivers_store
from csms.domain.payments.model import (
    BILL,
    PAID,
    PREPAID,
    UNPAID,
    Attempt,
    Payment,
    PaymentOdd,
    PaymentPaid,
    Seen,
    payment_key,
)
from csms.domain.payments.model import TOP_UP as FOR_THE_WALLET
from csms.domain.payments.model.words import AMOUNT, CURRENCY, LATE, TWICE
from csms.domain.payments.store import attempts as attempts_store
from csms.domain.payments.store import methods as methods_store
from csms.domain.payments.store import payments as store
from csms.domain.wallets import service as wallets

from . import asking, gateways, refunding, timing

REFUND = "refund"
WHY = {
    TWICE: "it was paid already",
    CURRENCY: "it was paid in another currency",
    LATE: "it was paid when it was over",
    AMOUNT: "there is nobody to credit it to",
    "": "there is nobody to credit it to",
}


def told(tx: Tx, payment_id: int, seen: Seen) -> Payment:
    """Keep what the gateway tells of an attempt to pay, and have it credited where it was paid. Raises ``NotFound``."""
    if seen.payment.state == ATTEMPT_PAID:
        return paid(tx, payment_id, seen)
    tx.claim(payment_key(payment_id))
    known = asking.need_payment(tx, payment_id)
    attempt = attempts_store.save(tx, known.gateway_id, payment_id, seen.payment)
    charged = attempt is not None and attempt.state == ATTEMPT_FAILED and known.method_id is not None
    if charged and all(each.state == ATTEMPT_FAILED for each in attempts_store.attempts(tx, payment_id)):
        return asking.fail(tx, payment_id, seen.payment.error or "the saved method could not be charged")
    return known


def paid(tx: Tx, payment_id: int, seen: Seen) -> Payment:
    """Money came: credit it, in this very write, under the key of its attempt. However often it is told of, it is credited once.

    The one way in which payments are paid, whoever learnt of it: a webhook, a round, a checkout page or an operator. Raises ``NotFound``.
    """
    tx.claim(payment_key(payment_id))
    known = asking.need_payment(tx, payment_id)
    attempt = attempts_store.save(tx, known.gateway_id, payment_id, seen.payment)
    if attempt is None or attempt.amount_minor <= 0:
        return known
    if attempt.credited_at is not None:
        _book_fee(tx, known, attempt)  # which some gateways tell later than that it was paid
        return known
    _remember(tx, known, attempt, seen)
    odd = _odd(tx, known, attempt)
    where = _where(tx, known, attempt, odd)
    to_wallet_minor = _post(tx, known, attempt, where)
    account_name = where.account.name if where.account.kind == PREPAYMENT else ""
    attempts_store.update(
        tx, attempt.id, credited_at=tx.now, credited_to=where.account.kind, account_name=account_name, odd=odd, error=""
    )
    _book_fee(tx, known, attempt)
    if attempt.currency == known.currency:
        store.count_paid(tx, payment_id, attempt.amount_minor)
    if where.refund:
        refunding.want_back(tx, payment_id, attempt.id, WHY[odd], key=f"odd:{payment_id}:{attempt.payment_ref}")
    elif known.state != PAID:
        _mark_paid(tx, known, attempt)
        tx.emit(
            asking.about(
                known,
                PaymentPaid,
                amount_minor=attempt.amount_minor,
                asked_minor=known.amount_minor,
                credited_to=where.account.kind,
                to_wallet_minor=to_wallet_minor,
                way=known.way,
                method=attempt.method,
                payment_ref=attempt.payment_ref,
                odd=odd,
            )
        )
    if odd:
        done = REFUND if where.refund else where.account.kind
        tx.emit(
            asking.about(
                known,
                PaymentOdd,
                odd=odd,
                done=done,
                amount_minor=attempt.amount_minor,
                currency=attempt.currency,
                asked_minor=known.amount_minor,
                asked_currency=known.currency,
                payment_ref=attempt.payment_ref,
            )
        )
    return asking.need_payment(tx, payment_id)


def may_capture(tx: ReadTx, payment_id: int, payment_ref: str) -> bool:
    """Whether an attempt that is authorized is to be taken: not what would only have to go back. Raises ``NotFound``."""
    known = asking.need_payment(tx, payment_id)
    attempt = next((each for each in attempts_store.attempts(tx, payment_id) if each.payment_ref == payment_ref), None)
    if attempt is None or attempt.state != AUTHORIZED:
        return False
    odd = _odd(tx, known, attempt)
    return odd not in (TWICE, CURRENCY) and not _where(tx, known, attempt, odd).refund


@attrs.frozen(slots=True)
class _Where:
    """Where money goes; ``refund``: from there it goes back at once."""

    account: AccountRef
    refund: bool = False


def _odd(tx: ReadTx, known: Payment, attempt: Attempt) -> str:
    own = known.purpose == PREPAID or attempt.currency == gateways.currency_of(
        tx
    )  # wallets are kept in the tenant's currency alone
    if attempt.currency != known.currency or not own:
        return CURRENCY
    if known.state == PAID:
        return TWICE
    if known.state not in UNPAID:
        return LATE
    return AMOUNT if attempt.amount_minor != known.amount_minor else ""


def _where(tx: ReadTx, known: Payment, attempt: Attempt, odd: str) -> _Where:
    """What was paid twice or as another amount goes to the wallet of whoever has one; what came too late for a charge goes back."""
    unit = attempt.currency
    driver_id = known.driver_id
    if driver_id is not None and drivers_store.driver(tx, driver_id) is None:
        driver_id = None  # removed, or forgotten: nobody would find the money there
    aside = _Where(AccountRef(kind=PREPAYMENT, unit=unit, name=f"{known.id}/{attempt.payment_ref}"), refund=True)
    if odd == CURRENCY or (odd == LATE and known.purpose == PREPAID):
        return aside
    if known.purpose == PREPAID and odd != TWICE:
        return _Where(AccountRef(kind=PREPAYMENT, unit=unit, name=str(known.id)))
    if driver_id is None or unit != gateways.currency_of(tx):
        return aside
    if known.purpose == BILL and odd != TWICE:
        return _Where(AccountRef(kind=RECEIVABLE, unit=unit, driver_id=driver_id))
    return _Where(AccountRef(kind=WALLET, unit=unit, driver_id=driver_id))


def _post(tx: Tx, known: Payment, attempt: Attempt, where: _Where) -> int:
    """Credit it; how much of it went to the wallet."""
    amount, account = attempt.amount_minor, where.account
    legs = [Leg(AccountRef(kind=GATEWAY, unit=attempt.currency, name=provider_of(tx, known)), -amount)]
    to_wallet = amount if account.kind == WALLET else 0
    if account.driver_id is not None:
        wallets.open_wallet(tx, account.driver_id)
    if account.kind == RECEIVABLE:
        owed = max(0, -wallets.balance(tx, account))
        to_wallet = max(0, amount - owed)
        wallet = AccountRef(kind=WALLET, unit=attempt.currency, driver_id=account.driver_id)
        legs.append(Leg(wallet, to_wallet))
    legs.append(Leg(account, amount - to_wallet if account.kind == RECEIVABLE else amount))
    topped_up = account.kind == WALLET and (known.purpose == FOR_THE_WALLET or known.state == PAID)
    movement = NewMovement(
        kind=TOP_UP if topped_up else PAYMENT,
        key=f"payment:{known.id}:{attempt.payment_ref}",
        legs=tuple(legs),
        description=known.description or f"payment {known.id}",
        reference_kind="payment",
        reference_id=str(known.id),
    )
    wallets.post(tx, movement)
    return to_wallet


def _book_fee(tx: Tx, known: Payment, attempt: Attempt) -> None:
    """What the gateway keeps of a payment is the tenant's expense, and the tax in it apart: so the gateway's account is what it owes."""
    fee = attempt.fee_minor or 0
    if attempt.fee_booked_at is not None or not 0 < fee <= attempt.amount_minor:
        return
    tax = min(max(0, attempt.fee_tax_minor or 0), fee)
    unit, provider = attempt.currency, provider_of(tx, known)
    movement = NewMovement(
        kind=GATEWAY_FEE,
        key=f"payment:{known.id}:{attempt.payment_ref}:fee",
        legs=(
            Leg(AccountRef(kind=GATEWAY, unit=unit, name=provider), fee),
            Leg(AccountRef(kind=EXPENSE, unit=unit, name=provider), tax - fee),
            Leg(AccountRef(kind=INPUT_TAX, unit=unit, name=provider), -tax),
        ),
        description=f"kept by {provider} of payment {known.id}",
        reference_kind="payment",
        reference_id=str(known.id),
    )
    wallets.post(tx, movement)
    attempts_store.update(tx, attempt.id, fee_booked_at=tx.now)


def provider_of(tx: ReadTx, known: Payment) -> str:
    """The name of the ledger's account of the gateway that has the money."""
    return gateways.need_account(tx, known.gateway_id).provider


def _mark_paid(tx: Tx, known: Payment, attempt: Attempt) -> None:
    store.update(
        tx,
        known.id,
        state=PAID,
        paid_at=tx.now,
        ended_at=None,
        method=attempt.method,
        error="",
        close_wanted=0,
        looks=0,
        look_at=timing.late_look(tx.now, 0),
    )


def _remember(tx: Tx, known: Payment, attempt: Attempt, seen: Seen) -> None:
    """Keep the method for the next time, where the gateway saved it and its owner is a driver of ours."""
    if not seen.sealed or known.driver_id is None or drivers_store.driver(tx, known.driver_id) is None:
        return
    tx.claim(methods_key(tx.tenant, known.driver_id))
    methods_store.save(
        tx,
        driver_id=known.driver_id,
        gateway_id=known.gateway_id,
        sealed=seen.sealed,
        fingerprint=seen.fingerprint,
        method=attempt.method,
        shown=attempt.shown,
    )


def methods_key(tenant: int, driver_id: int) -> str:
    """The write key of a driver's saved methods."""
    return f"payment-methods:{tenant}:{driver_id}"
