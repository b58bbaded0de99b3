"""SQL of disputes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.payments import GatewayDispute
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.payments.model import Dispute

_COLUMNS = (
    "id, payment_id, attempt_id, dispute_ref, state, phase, reason, amount_minor, currency, respond_by_at, booked_minor, booked_to,"
    " raised_at, created_at, changed_at, ended_at"
)


def of_payment(tx: ReadTx, payment_id: int) -> list[Dispute]:
    """Every dispute of a payment, the first first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM payment_disputes WHERE tenant = :tenant AND payment_id = :payment_id ORDER BY id",  # noqa: S608
        payment_id=payment_id,
    )
    return [Dispute(**row) for row in rows]


def by_ref(tx: ReadTx, gateway_id: int, dispute_ref: str) -> Dispute | None:
    """A dispute by its gateway's id."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM payment_disputes WHERE tenant = :tenant AND gateway_id = :gateway_id AND dispute_ref = :dispute_ref",  # noqa: S608
        gateway_id=gateway_id,
        dispute_ref=dispute_ref,
    )
    return None if row is None else Dispute(**row)


def where(tx: ReadTx, dispute_id: int) -> Row | None:
    """At which account a dispute is, under which id, of which payment, and how often it was looked at."""
    return tx.one(
        "SELECT gateway_id, payment_id, dispute_ref, looks, look_at FROM payment_disputes WHERE tenant = :tenant AND id = :dispute_id",
        dispute_id=dispute_id,
    )


def insert(tx: Tx, gateway_id: int, payment_id: int, attempt_id: int, said: GatewayDispute) -> Dispute | None:
    """Keep a dispute that is told of for the first time; None where its id is another payment's."""
    row = tx.one(
        "INSERT INTO payment_disputes (tenant, gateway_id, payment_id, attempt_id, dispute_ref, state, phase, reason, amount_minor, currency,"  # noqa: S608
        " respond_by_at, raised_at, created_at, changed_at) VALUES (:tenant, :gateway_id, :payment_id, :attempt_id, :dispute_ref, 'open', '',"
        f" '', :amount, :currency, :respond_by_at, :raised_at, :now, :now) ON CONFLICT DO NOTHING RETURNING {_COLUMNS}",
        gateway_id=gateway_id,
        payment_id=payment_id,
        attempt_id=attempt_id,
        dispute_ref=said.dispute_id,
        amount=said.amount_minor,
        currency=said.currency,
        respond_by_at=said.respond_by_at,
        raised_at=said.raised_at,
    )
    return None if row is None else Dispute(**row)


def update(tx: Tx, dispute_id: int, **values: Any) -> None:
    """Change columns of a dispute; the names are of our own code."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(
        f"UPDATE payment_disputes SET {sets}, changed_at = :now WHERE tenant = :tenant AND id = :dispute_id",  # noqa: S608
        dispute_id=dispute_id,
        **values,
    )


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``tenant`` and ``id`` of disputes about which gateways are to be asked, of all tenants, the longest due first."""
    return tx.system("disputes of all tenants are looked after").all(
        "SELECT tenant, id FROM payment_disputes WHERE look_at IS NOT NULL AND look_at <= :now ORDER BY look_at LIMIT :limit",
        limit=limit,
    )
