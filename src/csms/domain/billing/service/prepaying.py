"""Verbs on charges that are paid for before they start. One turn takes one as far as the store alone can tell; it can be repeated.

Wherever it stops half-way, the next turn goes on from what is stored: the payment, the transaction that it started, and its bill.
"""

from __future__ import annotations

import attrs

from csms.core.errors import NotFound, Refused
from csms.core.ids import token_key
from csms.core.ledger import PREPAYMENT, REFUND, WALLET, AccountRef, Leg, NewMovement, prepayment_key, wallet_key
from csms.core.ports import ReadTx, Tx
from csms.core.reports import Token
from csms.domain.billing.model import NOT_BILLABLE, SETTLED
from csms.domain.billing.model.prepaying import (
    CHARGING,
    FINISHED,
    GIVEN_BACK,
    GOING_ON,
    PAID,
    PREPAID_REFERENCE,
    STARTING,
    UNPAID,
    WAITING,
    NewPrepaid,
    Prepaid,
    PrepaidChargeChanged,
)
from csms.domain.billing.store import bills as bills_store
from csms.domain.billing.store import prepaying as store
from csms.domain.billing.store import settings as settings_store
from csms.domain.drivers import store as drivers_store
from csms.domain.drivers.service import cards, judge
from csms.domain.payments import service as payments
from csms.domain.payments.model import NewPayment, Payment, payment_key
from csms.domain.payments.model.words import PAID as HAS_PAID
from csms.domain.payments.model.words import UNPAID as NOT_PAID_YET
from csms.domain.payments.store import payments as payments_store
from csms.domain.payments.store import refunds as refunds_store
from csms.domain.stations.service.starting import start_place
from csms.domain.stations.store import behind_code
from csms.domain.transactions.model import COMPLETED, EXPIRED, OVERDUE, PENDING_START, Transaction
from csms.domain.transactions.service.closing import estimate
from csms.domain.transactions.store import rows
from csms.domain.wallets import service as wallets

GUEST_KIND = cards.APP_KIND
START_WINDOW_MS = 180_000
"""So long after the money came a charger that is away, busy or unwilling is asked again; then the money goes back."""
RETRY_MS, LEASE_MS, SOON_MS = 10_000, 120_000, 2_000
LATE_NEWS_MS = 900_000
"""So long a charger that went away after it was asked to start may still have news of a charge; then the money goes back."""
LOST_MS = 6 * 3_600_000
LOOK_MS, BILL_MS, LATE_MS = 15_000, 30_000, 60_000
TOKEN_LIFE_MS = 86_400_000
GUEST_DAYS_MS = 90 * 86_400_000
SLICE = 200

GONE = "this connector is not there any more"
BUSY = "somebody else charges there now"
NOT_PLUGGED = "no car was plugged in in time"


@attrs.frozen(slots=True)
class Todo:
    """What a turn leaves to be done outside: the charger is to be asked to start, a refund to be sent."""

    prepaid: Prepaid
    start: bool = False
    refund_id: int | None = None


def need(tx: ReadTx, prepaid_id: int) -> Prepaid:
    """One prepaid charge. Raises ``NotFound``."""
    known = store.by_id(tx, prepaid_id)
    if known is None:
        raise NotFound("there is no such payment for a charge")
    return known


# --- wanted ---------------------------------------------------------------------------------------------------------------------


def want(tx: Tx, new: NewPrepaid, payment: NewPayment) -> Prepaid:
    """Want a charge and the payment for it. Raises ``Refused`` where somebody else charges there or the token may not, ``NotFound``,
    ``Invalid``, and like ``payments.create``."""
    if store.others_at(tx, new.charger_id, new.evse, 0) or store.taken(tx, new.charger_id, new.evse):
        raise Refused(BUSY)
    token, kind = new.fresh_token, GUEST_KIND
    if new.driver_id is not None:
        issued = cards.charging_token(tx, new.driver_id, new.token_id, new.fresh_token)
        token, kind = issued.value, issued.kind
        judgement = judge(tx, Token(token, kind), charger_id=new.charger_id, decision=None)
        if not judgement.verdict.accepted:
            raise Refused(f"you may not charge there: {judgement.reason or judgement.verdict.status}")
    made = payments.create(tx, attrs.evolve(payment, reference_kind=PREPAID_REFERENCE, reference_id=new.code))
    known = store.by_payment(tx, made.id)
    if known is not None:
        return known
    prepaid_id = store.insert(
        tx,
        payment_id=made.id,
        secret_hash=new.secret_hash,
        code=new.code,
        charger_id=new.charger_id,
        evse=new.evse,
        connector=new.connector,
        driver_id=new.driver_id,
        token=token,
        token_kind=kind,
        promo_code=new.promo_code,
        energy_wh=new.energy_wh,
        state=WAITING,
        look_at=None if made.expires_at is None else made.expires_at + LATE_MS,
    )
    return need(tx, prepaid_id)


# --- taken further --------------------------------------------------------------------------------------------------------------


def turn(tx: Tx, prepaid_id: int, least_minor: int, *, connected: bool) -> Todo:
    """Take a prepaid charge further. ``least_minor`` is the least that its gateway gives back, ``connected`` whether its charger is there.

    Raises ``NotFound``.
    """
    known = need(tx, prepaid_id)
    tx.claim(*known.keys(tx.tenant))
    payment = payments_store.payment(tx, known.payment_id)
    if payment is None:
        raise NotFound(f"there is no payment {known.payment_id}")
    if known.state == WAITING:
        if payment.state == HAS_PAID:
            known = _set(tx, known, PAID, paid_at=tx.now, start_until_at=tx.now + START_WINDOW_MS, look_at=tx.now)
        elif payment.state in NOT_PAID_YET:
            store.update(tx, prepaid_id, look_at=max(tx.now, payment.expires_at or 0) + LATE_MS)
            return Todo(known)
        else:
            return Todo(_set(tx, known, UNPAID, note=f"the payment {_became(payment)}", look_at=None, ended_at=tx.now))
    if known.state not in GOING_ON:
        if known.look_at is not None:
            store.update(tx, prepaid_id, look_at=None)
        return Todo(known)
    started_by = store.transaction_of(tx, known.payment_id, known.charger_id)
    transaction = None if started_by is None else rows.by_id(tx, started_by)
    if transaction is not None and transaction.started:
        return _charging(tx, known, transaction, least_minor, connected=connected)
    return _starting(tx, known, transaction, least_minor, connected=connected)


def _became(payment: Payment) -> str:
    return {"failed": "failed", "cancelled": "was cancelled"}.get(payment.state, "did not come in time")


def _starting(tx: Tx, known: Prepaid, waiting: Transaction | None, least_minor: int, *, connected: bool) -> Todo:
    """It was paid and no charge began yet."""
    if waiting is not None and waiting.state == PENDING_START:
        known = _set(tx, known, STARTING, note="", transaction_id=waiting.id, look_at=tx.now + SOON_MS)
        return Todo(known)
    if waiting is not None and waiting.state == EXPIRED:
        gone_at = waiting.closed_at or waiting.updated_at
        if not connected and tx.now < gone_at + LATE_NEWS_MS:
            store.update(tx, known.id, note="the charger is away: it may have begun", look_at=tx.now + RETRY_MS)
            return Todo(need(tx, known.id))
        return give_back(tx, known, NOT_PLUGGED, least_minor)
    if known.state == STARTING and waiting is None and known.look_at is not None and known.look_at > tx.now:
        return Todo(known)  # somebody is just asking
    objection = _objection(tx, known)
    why = objection or known.note or ("" if waiting is None else waiting.note)
    if known.start_until_at is not None and tx.now >= known.start_until_at:
        return give_back(tx, known, why or "the charger could not be started", least_minor)
    if objection:
        return Todo(_set(tx, known, PAID, note=why, look_at=tx.now + RETRY_MS))
    if known.tries and known.look_at is not None and known.look_at > tx.now:
        return Todo(known)
    if known.is_guests:
        _issue_token(tx, known)
    known = _set(tx, known, STARTING, note=known.note, tries=known.tries + 1, look_at=tx.now + LEASE_MS)
    return Todo(known, start=True)


def _objection(tx: ReadTx, known: Prepaid) -> str:
    """Why it cannot start there now."""
    row = behind_code(tx, known.code)
    if row is None or (row["tenant"], row["charger_id"]) != (tx.tenant, known.charger_id):
        return GONE
    place = start_place(row)
    if not place.startable:
        return place.reason
    if store.taken(tx, known.charger_id, known.evse) or store.others_at(tx, known.charger_id, known.evse, known.id):
        return BUSY
    return ""


def _issue_token(tx: Tx, known: Prepaid) -> None:
    """The token of a guest's charge: no reader ever shows it, and it is gone with the charge. No list of tokens changes by it."""
    if drivers_store.token(tx, known.token.casefold()) is None:
        drivers_store.insert_token(
            tx,
            value=known.token,
            folded=known.token.casefold(),
            kind=known.token_kind,
            label="prepaid charge",
            token_group_id=None,
            driver_id=None,
            valid_from=None,
            expires_at=tx.now + TOKEN_LIFE_MS,
            max_transactions=1,
            note=f"payment {known.payment_id}",
        )


def asked(tx: Tx, prepaid_id: int, energy_wh: int, note: str, *, again: bool) -> None:
    """The charger was asked to start; where it certainly does not (``again``), it is asked once more in a moment."""
    known = need(tx, prepaid_id)
    tx.claim(*known.keys(tx.tenant))
    if known.state != STARTING:
        return
    if again:
        _set(tx, known, PAID, energy_wh=energy_wh, note=note[:300], look_at=tx.now + RETRY_MS)
    else:
        store.update(tx, prepaid_id, energy_wh=energy_wh, note="", look_at=tx.now + SOON_MS)


def _charging(tx: Tx, known: Prepaid, transaction: Transaction, least_minor: int, *, connected: bool) -> Todo:
    """A charge began; it goes on, or ended and is billed. One whose charger is gone for hours ends with what its meter showed last: so
    that nobody waits for their money for ever. The charger's own stop corrects that."""
    known = _set(tx, known, CHARGING, note="", transaction_id=transaction.id, look_at=tx.now + LOOK_MS)
    if transaction.state != COMPLETED and not connected and tx.now - transaction.last_known_at >= LOST_MS:
        transaction = estimate(tx, transaction, reason=OVERDUE, note="its charger is gone for hours")
    if transaction.state != COMPLETED:
        return Todo(known)
    bills = bills_store.of_transaction(tx, transaction.id)
    if not bills and not settings_store.settings(tx).enabled:
        return give_back(tx, known, "charges are not billed here", least_minor)
    if not bills or any(each.state not in (SETTLED, NOT_BILLABLE) for each in bills):
        store.update(tx, known.id, look_at=tx.now + (SOON_MS if tx.now - (transaction.stopped_at or 0) < BILL_MS else BILL_MS))
        return Todo(known)
    refund_id = give_rest(tx, known.payment_id, bills[-1].id, least_minor)
    _forget_token(tx, known)
    note = bills[-1].note if bills[-1].state == NOT_BILLABLE else ""
    return Todo(_set(tx, known, FINISHED, note=note, look_at=None, ended_at=tx.now), refund_id=refund_id)


# --- over -----------------------------------------------------------------------------------------------------------------------


def give_back(tx: Tx, known: Prepaid, why: str, least_minor: int) -> Todo:
    """No charge came of it: its token opens nothing any more, and the money goes back, in one write."""
    _forget_token(tx, known)
    refund_id = _give(tx, known.payment_id, f"prepaid:{known.id}", f"no charge: {why}"[:300], least_minor)
    return Todo(_set(tx, known, GIVEN_BACK, note=why[:300], look_at=None, ended_at=tx.now), refund_id=refund_id)


def give_rest(tx: Tx, payment_id: int, bill_id: int, least_minor: int) -> int | None:
    """What is left of the payment that a charge was started by goes back: the refund that was wanted, None where nothing is to be sent.

    What is too little to send goes to the driver's wallet; a guest's stays where it is, for a later correction may still need it.
    """
    return _give(tx, payment_id, f"rest:{bill_id}", "the rest of what was paid for a charge", least_minor)


def _give(tx: Tx, payment_id: int, key: str, reason: str, least_minor: int) -> int | None:
    tx.claim(payment_key(payment_id), prepayment_key(tx.tenant, str(payment_id)))
    before = refunds_store.by_key(tx, key)
    if before is not None:
        return before.id
    payment = payments_store.payment(tx, payment_id)
    if payment is None:
        return None
    account = AccountRef(kind=PREPAYMENT, unit=payment.currency, name=str(payment_id))
    left = wallets.balance(tx, account)
    if left <= 0:
        return None
    if left >= least_minor:
        return payments.want(tx, payment_id, left, reason, key, sent_by_caller=True).id
    if payment.driver_id is not None and drivers_store.driver(tx, payment.driver_id) is not None:
        _to_wallet(tx, payment, account, left, key)
    return None


def _to_wallet(tx: Tx, payment: Payment, account: AccountRef, amount: int, key: str) -> None:
    driver_id = payment.driver_id
    assert driver_id is not None
    tx.claim(wallet_key(tx.tenant, driver_id))
    wallets.open_wallet(tx, driver_id)
    movement = NewMovement(
        kind=REFUND,
        key=f"payment:{payment.id}:{key}",
        legs=(Leg(account, -amount), Leg(AccountRef(kind=WALLET, unit=payment.currency, driver_id=driver_id), amount)),
        description=f"what is left of payment {payment.id}, too little to send back",
        reference_kind="payment",
        reference_id=str(payment.id),
    )
    wallets.post(tx, movement)
    known = store.by_payment(tx, payment.id)
    if known is not None:
        store.update(tx, known.id, to_wallet_minor=known.to_wallet_minor + amount)


def _forget_token(tx: Tx, known: Prepaid) -> None:
    if not known.is_guests:
        return
    tx.claim(token_key(tx.tenant, known.token))
    issued = drivers_store.token(tx, known.token.casefold())
    if issued is not None:
        drivers_store.remove_token(tx, issued.id)


def _set(tx: Tx, known: Prepaid, state: str, **values: object) -> Prepaid:
    """Store a state, and tell of it where it is another."""
    store.update(tx, known.id, state=state, **values)
    after = need(tx, known.id)
    if after.state != known.state:
        tx.emit(
            PrepaidChargeChanged(
                prepaid_id=known.id,
                payment_id=known.payment_id,
                transaction_id=after.transaction_id,
                driver_id=known.driver_id,
                charger_id=known.charger_id,
                evse=known.evse,
                state=state,
                previous_state=known.state,
                note=after.note,
            )
        )
    return after


def forget_guests(tx: Tx) -> int:
    """Forget how guests can be reached whose charges are long over; how many. Job: run until it says 0."""
    return store.forget_guests(tx, tx.now - GUEST_DAYS_MS, SLICE)
