"""What becomes of invoices: what of them is open follows their bills, and money that came past every gateway pays these."""

from __future__ import annotations

import attrs

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ledger import GATEWAY, PAYMENT, RECEIVABLE, AccountRef, Leg, NewMovement, wallet_key
from csms.core.money import written
from csms.core.ports import ReadTx, Tx
from csms.domain.billing.model import bill_key
from csms.domain.billing.service import paid as bill_paid
from csms.domain.billing.store import bills as bills_store
from csms.domain.invoices.model import (
    CREDITED,
    INVOICE,
    ISSUED,
    PAID,
    PARTLY_PAID,
    InvoiceItem,
    OutsidePayment,
)
from csms.domain.invoices.store import invoices as store
from csms.domain.wallets import service as wallets

from . import telling

OUTSIDE = "outside"
"""The account of money that came past every gateway."""
AT_ONCE = 100


def need_invoice(tx: ReadTx, invoice_id: int) -> InvoiceItem:
    """An invoice of the tenant. Raises ``NotFound``."""
    found = store.by_id(tx, invoice_id)
    if found is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    return found


def refresh(tx: Tx, invoice_id: int) -> None:
    """Bring what became of an invoice up to what its bills and credit notes say."""
    tx.claim(need_invoice(tx, invoice_id).key)
    known = need_invoice(tx, invoice_id)
    if known.kind != INVOICE:
        return
    due, paid_at = store.open_of(tx, invoice_id)
    credited = store.credited(tx, invoice_id)
    status = _status(known.total_minor, due, credited)
    if (known.status, known.due_minor, known.credited_minor) == (status, due, credited):
        return
    when = known.paid_at or (None if due else paid_at or tx.now)
    store.became(tx, invoice_id, status=status, due_minor=due, credited_minor=credited, paid_at=when)
    if known.due_minor and not due:
        tx.emit(telling.paid(attrs.evolve(known, status=status, due_minor=due, credited_minor=credited, paid_at=when)))


def _status(total: int, due: int, credited: int) -> str:
    if credited >= total:
        return CREDITED
    if not due:
        return PAID
    return PARTLY_PAID if due < total - credited else ISSUED


def refresh_transaction(tx: Tx, transaction_id: int) -> int:
    """Something became of a transaction's bills: bring their invoices up to that; how many there are."""
    ids = store.invoices_of(tx, transaction_id)
    tx.claim(*sorted({need_invoice(tx, each).key for each in ids}))
    for invoice_id in ids:
        refresh(tx, invoice_id)
    return len(ids)


def refresh_stale(tx: Tx) -> int:
    """Bring invoices up to date whose bills were paid in part, which no event tells; how many. Job."""
    ids = store.stale(tx, AT_ONCE)
    tx.claim(*sorted({need_invoice(tx, each).key for each in ids}))
    for invoice_id in ids:
        refresh(tx, invoice_id)
    return len(ids)


def paid_outside(tx: Tx, invoice_id: int, wanted: OutsidePayment, *, by: str) -> InvoiceItem:
    """Money came for an invoice past every gateway: what its driver owes becomes less.

    Raises ``NotFound``, ``Refused`` where nothing is open, ``Invalid`` for more than is.
    """
    known = need_invoice(tx, invoice_id)
    bills = bills_store.some(tx, store.bill_ids(tx, invoice_id))
    keys = {known.key, *(bill_key(each.transaction_id) for each in bills)}
    if known.driver_id is not None:
        keys.add(wallet_key(tx.tenant, known.driver_id))
    tx.claim(*sorted(keys))
    due = sum(each.open_minor for each in bills)
    if not due:
        raise Refused(f"nothing of {known.number} is open")
    amount = due if wanted.amount_minor is None else wanted.amount_minor
    if amount > due:
        raise Invalid(
            f"{written(due, known.currency)} of {known.number} is open, not {written(amount, known.currency)}", field="amount_minor"
        )
    source = f"invoice:{invoice_id}:outside:{due}"  # what is open only falls, so its amount names the payment
    wallets.post(
        tx,
        NewMovement(
            kind=PAYMENT,
            key=source,
            legs=(
                Leg(AccountRef(kind=GATEWAY, unit=known.currency, name=OUTSIDE), -amount),
                Leg(AccountRef(kind=RECEIVABLE, unit=known.currency, driver_id=known.driver_id), amount),
            ),
            description=f"{known.number}: {wanted.reason}"[:300],
            reference_kind="invoice",
            reference_id=str(invoice_id),
            by=by,
        ),
    )
    left = amount
    for bill in sorted(bills, key=lambda each: each.id):
        left -= bill_paid(tx, bill.id, left, source=source) if left else 0
    refresh(tx, invoice_id)
    return need_invoice(tx, invoice_id)
