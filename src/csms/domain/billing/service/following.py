"""A prepaid charge as its payer follows it."""

from __future__ import annotations

from csms.core.ledger import PREPAYMENT, AccountRef
from csms.core.ports import ReadTx
from csms.domain.billing.model import SETTLED
from csms.domain.billing.model.prepaying import CHARGING, ENDED, FINISHED, GIVEN_BACK, GivenBack, Prepaid, PrepaidStatus
from csms.domain.billing.store import bills as bills_store
from csms.domain.billing.store import prepaying as store
from csms.domain.payments import service as payments
from csms.domain.payments.store import refunds as refunds_store
from csms.domain.stations.store import behind_code
from csms.domain.transactions.model import TransactionItem
from csms.domain.transactions.service import views
from csms.domain.wallets import service as wallets

from .prepaying import need


def transaction_of(tx: ReadTx, known: Prepaid) -> TransactionItem | None:
    """The transaction that came of it, or is waited for; None while there is none."""
    found = store.transaction_of(tx, known.payment_id, known.charger_id)
    return None if found is None else views.need_item(tx, found)


def status(tx: ReadTx, prepaid_id: int) -> PrepaidStatus:
    """How far it has come. ``cost_minor`` of a charge that goes on is as the watch last saw it. Raises ``NotFound``."""
    known = need(tx, prepaid_id)
    payment = payments.need_payment(tx, known.payment_id)
    transaction = transaction_of(tx, known)
    began = transaction is not None and transaction.started_at is not None
    bills = bills_store.of_transaction(tx, transaction.id) if began and transaction is not None else ()
    settled = [each for each in bills if each.state == SETTLED]
    state = known.state
    if began and transaction is not None and state not in (FINISHED, GIVEN_BACK):
        state = CHARGING if transaction.stopped_at is None else ENDED
    cost: int | None = sum(each.total_minor for each in settled) if settled else None
    if cost is None and state == FINISHED:
        cost = 0
    if cost is None and began and transaction is not None:
        cost = store.cost_of(tx, transaction.id)
    refunds = [
        GivenBack(amount_minor=each.amount_minor, state=each.state, at=each.ended_at or each.created_at)
        for each in refunds_store.of_payment(tx, payment.id)
    ]
    left = wallets.balance(tx, AccountRef(kind=PREPAYMENT, unit=payment.currency, name=str(payment.id)))
    over = state in (FINISHED, GIVEN_BACK) and not any(each.state == "failed" for each in refunds)
    place = behind_code(tx, known.code)
    return PrepaidStatus(
        state=state,
        note=known.note,
        code=known.code,
        station_name="" if place is None else place["station_name"] or "",
        charger_id=known.charger_id,
        evse=known.evse,
        payment_id=payment.id,
        payment_state=payment.state,
        way=payment.way,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        pay_url=payment.pay_url,
        image_url=payment.image_url,
        checkout=payment.checkout,
        payment_expires_at=payment.expires_at,
        paid_minor=payment.paid_minor,
        limit_wh=known.energy_wh,
        transaction_id=transaction.id if began and transaction is not None else None,
        started_at=transaction.started_at if transaction is not None else None,
        ended_at=transaction.stopped_at if transaction is not None else None,
        energy_wh=_energy(transaction) if began and transaction is not None else None,
        cost_minor=cost,
        tariff=settled[-1].tariff if settled else "",
        refunds=refunds,
        to_wallet_minor=known.to_wallet_minor,
        kept_minor=left if over else 0,
    )


def _energy(transaction: TransactionItem) -> int | None:
    return transaction.energy_so_far_wh if transaction.energy_wh is None else transaction.energy_wh
