"""SQL of attempts to pay, as gateways tell them."""

from __future__ import annotations

from typing import Any

from csms.core.payments import GatewayPayment
from csms.core.ports import ReadTx, Tx
from csms.domain.payments.model import Attempt

_COLUMNS = (
    "id, payment_id, payment_ref, state, amount_minor, currency, method, shown, fee_minor, fee_tax_minor, fee_booked_at, error, paid_at,"
    " credited_at, credited_to, account_name, odd, refunded_minor, created_at"
)


def save(tx: Tx, gateway_id: int, payment_id: int, seen: GatewayPayment) -> Attempt | None:
    """Keep an attempt as the gateway tells it; None where its id is of another payment's. What was paid stays paid: an older word that
    comes late changes nothing."""
    row = tx.one(
        "INSERT INTO gateway_payments (tenant, gateway_id, payment_id, payment_ref, state, amount_minor, currency, method, shown,"  # noqa: S608
        " fee_minor, fee_tax_minor, error, paid_at, created_at, changed_at) VALUES (:tenant, :gateway_id, :payment_id, :payment_ref, :state,"
        " :amount, :currency, :method, :shown, :fee, :fee_tax, :error, :paid_at, :now, :now) ON CONFLICT (gateway_id, payment_ref) DO UPDATE SET"
        " state = CASE WHEN gateway_payments.state = 'paid' THEN 'paid' ELSE excluded.state END,"
        " amount_minor = CASE WHEN gateway_payments.credited_at IS NULL THEN excluded.amount_minor ELSE gateway_payments.amount_minor END,"
        " currency = CASE WHEN gateway_payments.credited_at IS NULL THEN excluded.currency ELSE gateway_payments.currency END,"
        " method = CASE WHEN excluded.method = '' THEN gateway_payments.method ELSE excluded.method END,"
        " shown = CASE WHEN excluded.shown = '' THEN gateway_payments.shown ELSE excluded.shown END,"
        " fee_minor = COALESCE(excluded.fee_minor, gateway_payments.fee_minor),"
        " fee_tax_minor = COALESCE(excluded.fee_tax_minor, gateway_payments.fee_tax_minor), error = excluded.error,"
        " paid_at = COALESCE(gateway_payments.paid_at, excluded.paid_at), changed_at = excluded.changed_at"
        f" WHERE gateway_payments.tenant = :tenant AND gateway_payments.payment_id = :payment_id RETURNING {_COLUMNS}",
        gateway_id=gateway_id,
        payment_id=payment_id,
        payment_ref=seen.payment_id,
        state=seen.state,
        amount=seen.amount_minor,
        currency=seen.currency,
        method=seen.method,
        shown=seen.shown,
        fee=seen.fee_minor,
        fee_tax=seen.fee_tax_minor,
        error=seen.error,
        paid_at=seen.paid_at,
    )
    return None if row is None else Attempt(**row)


def attempts(tx: ReadTx, payment_id: int) -> list[Attempt]:
    """Every attempt to pay a payment, the first first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM gateway_payments WHERE tenant = :tenant AND payment_id = :payment_id ORDER BY id",  # noqa: S608
        payment_id=payment_id,
    )
    return [Attempt(**row) for row in rows]


def attempt(tx: ReadTx, attempt_id: int) -> Attempt | None:
    """One attempt."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM gateway_payments WHERE tenant = :tenant AND id = :attempt_id",  # noqa: S608 (our own text)
        attempt_id=attempt_id,
    )
    return None if row is None else Attempt(**row)


def payment_of(tx: ReadTx, gateway_id: int, payment_ref: str) -> int | None:
    """The payment that an attempt is for."""
    sql = (
        "SELECT payment_id FROM gateway_payments WHERE tenant = :tenant AND gateway_id = :gateway_id AND payment_ref = :payment_ref"
    )
    found: int | None = tx.value(sql, gateway_id=gateway_id, payment_ref=payment_ref)
    return found


def update(tx: Tx, attempt_id: int, **values: Any) -> None:
    """Change columns of an attempt; the names are of our own code."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(
        f"UPDATE gateway_payments SET {sets}, changed_at = :now WHERE tenant = :tenant AND id = :attempt_id",  # noqa: S608
        attempt_id=attempt_id,
        **values,
    )


def count_refunded(tx: Tx, attempt_id: int, amount_minor: int) -> None:
    """So much more goes back, or less where it came to nothing."""
    tx.run(
        "UPDATE gateway_payments SET refunded_minor = refunded_minor + :amount WHERE tenant = :tenant AND id = :attempt_id",
        attempt_id=attempt_id,
        amount=amount_minor,
    )
