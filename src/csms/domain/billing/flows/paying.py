"""Money that goes through gateways because of bills: a debt that its driver is asked for, and what is left of a prepayment."""

from __future__ import annotations

import structlog

from csms.core.errors import NotFound, Refused
from csms.core.ids import TenantId
from csms.core.ledger import PREPAYMENT, AccountRef
from csms.core.ports import Ports, ReadTx
from csms.domain.billing.model import BILL_REFERENCE, Bill
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import prepaying as prepaying_store
from csms.domain.payments import flows as payments
from csms.domain.payments.model import BILL, UNPAID, NewPayment, Payment
from csms.domain.payments.store import payments as payments_store
from csms.domain.transactions.store import wishes
from csms.domain.wallets import service as wallets

MOST_TIMES = 50
"""A payment for one amount that is open is asked for so often: after the last one was cancelled, failed or expired."""

log = structlog.get_logger("csms.billing")


async def ask_for(
    ports: Ports, bill_id: int, tenant: TenantId, *, way: str, method_id: int | None = None, return_url: str = ""
) -> Payment:
    """Ask the driver of a bill for what is open of it. Twice asked, it is the same payment, as long as that can be paid.

    Raises ``NotFound``, or ``Refused`` where nothing is open, the tenant has no gateway or that has no such way.
    """
    bill, number = await ports.database.read(_wanted, bill_id, tenant=tenant)
    new = NewPayment(
        purpose=BILL,
        way=way if method_id is None else "order",
        amount_minor=bill.open_minor,
        currency=bill.currency,
        key=f"bill:{bill.id}:{bill.open_minor}:{way}:{method_id or 0}:{number}",
        description=f"charge {bill.transaction_id} at {bill.charger_id}"[:300],
        driver_id=bill.driver_id,
        reference_kind=BILL_REFERENCE,
        reference_id=str(bill.id),
        method_id=method_id,
        return_url=return_url,
    )
    return await payments.want(ports, new, tenant)


def _wanted(tx: ReadTx, bill_id: int) -> tuple[Bill, int]:
    bill = store.by_id(tx, bill_id)
    if bill is None:
        raise NotFound(f"there is no bill {bill_id}")
    if not bill.open_minor or bill.driver_id is None:
        raise Refused(f"nothing of bill {bill_id} is open")
    over = tx.value(
        "SELECT count(*) FROM payments WHERE tenant = :tenant AND reference_kind = :kind AND reference_id = :id"
        " AND state NOT IN (:created, :open)",
        created=UNPAID[0],
        open=UNPAID[1],
        kind=BILL_REFERENCE,
        id=str(bill_id),
    )
    if over >= MOST_TIMES:
        raise Refused(f"bill {bill_id} was asked for {over} times already")
    return bill, int(over)


async def give_back_unused(ports: Ports, transaction_id: int, tenant: TenantId) -> int:
    """A start that a payment was made for came to nothing: give back the payment; how much. Nothing of one that another transaction took
    over."""

    def paid_by(tx: ReadTx) -> int | None:
        wished = wishes.of(tx, transaction_id)
        if wished is None or wished.payment_id is None:
            return None
        taken_over = tx.value(
            "SELECT id FROM (SELECT t.id, t.remote_start_id FROM transactions t JOIN transactions asked ON asked.charger_id = t.charger_id"
            " WHERE t.tenant = :tenant AND asked.tenant = :tenant AND asked.id = :id ORDER BY t.id DESC LIMIT 64) AS latest"
            " WHERE remote_start_id = :id AND id <> :id",
            id=transaction_id,
        ) or tx.value(
            "SELECT id FROM transactions WHERE tenant = :tenant AND id = :id AND started_at IS NOT NULL", id=transaction_id
        )
        looked_after = prepaying_store.by_payment(tx, wished.payment_id) is not None  # it may be asked to start again
        return None if taken_over is not None or looked_after else wished.payment_id

    payment_id = await ports.database.read(paid_by, tenant=tenant)
    return 0 if payment_id is None else await _give_back(ports, payment_id, f"unused:{transaction_id}", tenant)


async def _give_back(ports: Ports, payment_id: int, key: str, tenant: TenantId) -> int:
    def left(tx: ReadTx) -> int:
        known = payments_store.payment(tx, payment_id)
        if known is None:
            return 0
        return wallets.balance(tx, AccountRef(kind=PREPAYMENT, unit=known.currency, name=str(payment_id)))

    amount = await ports.database.read(left, tenant=tenant)
    if amount <= 0:
        return 0
    try:
        await payments.refund(ports, payment_id, amount, "what was paid for a charge and not used", key, tenant)
    except (NotFound, Refused) as error:
        log.warning("billing.rest_not_refunded", payment=payment_id, key=key, amount_minor=amount, reason=str(error))
        return 0
    return amount
