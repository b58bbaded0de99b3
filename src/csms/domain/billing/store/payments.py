"""What was paid of bills' debts, as rows."""

from __future__ import annotations

from csms.core.ports import ReadTx, Tx


def insert(tx: Tx, bill_id: int, source: str, amount_minor: int) -> bool:
    """Remember that so much of a bill was paid; False where this source was counted before."""
    touched = tx.run(
        "INSERT INTO bill_payments (tenant, bill_id, source, amount_minor, at) VALUES (:tenant, :bill_id, :source, :amount_minor, :now)"
        " ON CONFLICT DO NOTHING",
        bill_id=bill_id,
        source=source,
        amount_minor=amount_minor,
    )
    return touched == 1


def paid_by(tx: ReadTx, driver_id: int, beginning: str) -> list[tuple[int, int]]:
    """Which bills of a driver were paid by a source that begins so, and how much of each, the newest first."""
    rows = tx.all(
        "SELECT p.bill_id, p.amount_minor FROM bills b JOIN bill_payments p ON p.tenant = b.tenant AND p.bill_id = b.id"
        " AND p.source LIKE :beginning || '%' WHERE b.tenant = :tenant AND b.driver_id = :driver_id ORDER BY p.bill_id DESC",
        driver_id=driver_id,
        beginning=beginning,
    )
    return [(row["bill_id"], row["amount_minor"]) for row in rows]


def counted(tx: ReadTx, driver_id: int, source: str) -> bool:
    """Whether a payment was counted for any bill of a driver."""
    found = tx.value(
        "SELECT 1 FROM bills b JOIN bill_payments p ON p.tenant = b.tenant AND p.bill_id = b.id AND p.source = :source"
        " WHERE b.tenant = :tenant AND b.driver_id = :driver_id LIMIT 1",
        driver_id=driver_id,
        source=source,
    )
    return found is not None
