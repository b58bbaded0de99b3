"""SQL of notices: what gateways told by themselves."""

from __future__ import annotations

from typing import Any

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, stretch, whether
from csms.domain.payments.model import NoticesQuery, PaymentNotice

_COLUMNS = (
    "id, gateway_id, event_ref, kind, payment_id, reference, offer_ref, payment_ref, refund_ref, mandate_ref, dispute_ref, times, outcome,"
    " occurred_at, received_at, processed_at, body"
)

LISTING = Listing(
    columns=_COLUMNS,
    source="payment_notices WHERE tenant = :tenant",
    filters={
        "gateway_id": "gateway_id = :gateway_id",
        "payment_id": "payment_id = :payment_id",
        "kind": "kind = :kind",
        "waiting": "processed_at IS NULL",
        "done": "processed_at IS NOT NULL",
    },
    search="lower(event_ref) LIKE :search ESCAPE '!' OR lower(payment_ref) LIKE :search ESCAPE '!' OR lower(offer_ref) LIKE :search"
    " ESCAPE '!' OR lower(reference) LIKE :search ESCAPE '!'",
    unique="id",
)


def notices(tx: ReadTx, query: NoticesQuery) -> Stretch[PaymentNotice]:
    """Notices of the tenant's gateways, the newest first."""
    return stretch(tx, LISTING, query, _notice, **whether(query.pending, "waiting", "done"))


def _notice(row: Row) -> PaymentNotice:
    return PaymentNotice(**row)


def of_payment(tx: ReadTx, payment_id: int, limit: int = 100) -> list[PaymentNotice]:
    """What was told of a payment, the newest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM payment_notices WHERE tenant = :tenant AND payment_id = :payment_id ORDER BY id DESC LIMIT :limit",  # noqa: S608
        payment_id=payment_id,
        limit=limit,
    )
    return [_notice(row) for row in rows]


def notice(tx: ReadTx, notice_id: int) -> PaymentNotice | None:
    """One notice."""
    row = tx.one(f"SELECT {_COLUMNS} FROM payment_notices WHERE tenant = :tenant AND id = :notice_id", notice_id=notice_id)  # noqa: S608
    return None if row is None else _notice(row)


def keep(tx: Tx, values: dict[str, Any]) -> tuple[int, int]:
    """Keep a notice, or count that it came again: its id, and how often it came."""
    row = tx.one(
        "INSERT INTO payment_notices (tenant, gateway_id, event_ref, kind, reference, offer_ref, payment_ref, refund_ref, mandate_ref,"
        " dispute_ref, body, occurred_at, received_at) VALUES (:tenant, :gateway_id, :event_ref, :kind, :reference, :offer_ref, :payment_ref,"
        " :refund_ref, :mandate_ref, :dispute_ref, :body, :occurred_at, :now) ON CONFLICT (gateway_id, event_ref)"
        " DO UPDATE SET times = payment_notices.times + 1 RETURNING id, times",
        **values,
    )
    assert row is not None
    return row["id"], row["times"]


def processed(tx: Tx, notice_id: int, payment_id: int | None, outcome: str) -> None:
    """Keep what came of a notice."""
    tx.run(
        "UPDATE payment_notices SET processed_at = :now, payment_id = :payment_id, outcome = :outcome"
        " WHERE tenant = :tenant AND id = :notice_id",
        notice_id=notice_id,
        payment_id=payment_id,
        outcome=outcome,
    )


def forget(tx: Tx, before: int, limit: int) -> int:
    """Delete old notices that were processed; how many."""
    return tx.run(
        "DELETE FROM payment_notices WHERE tenant = :tenant AND id IN (SELECT id FROM payment_notices WHERE tenant = :tenant"
        " AND processed_at IS NOT NULL AND received_at < :before ORDER BY id LIMIT :limit)",
        before=before,
        limit=limit,
    )
