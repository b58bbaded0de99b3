"""What is due: bills to be priced, transactions without a bill, and bills that wait for a price."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row, Tx

FACTS = (
    "t.id, t.charger_id, t.station_id, t.driver_id, t.evse, t.connector, t.state, t.started_at, t.stopped_at, t.closed_at, t.energy_wh,"
    " t.energy_basis, COALESCE(w.payment_id, a.payment_id) AS payment_id"
)
_WISHES = (
    "LEFT JOIN charge_wishes w ON w.transaction_id = t.id"
    " LEFT JOIN charge_wishes a ON a.transaction_id = t.remote_start_id AND a.tenant = t.tenant"
)


def transaction(tx: ReadTx, transaction_id: int) -> Row | None:
    """What a bill is made of, of a transaction as it is now."""
    return tx.one(f"SELECT {FACTS} FROM transactions t {_WISHES} WHERE t.tenant = :tenant AND t.id = :id", id=transaction_id)  # noqa: S608


def due(tx: ReadTx, now: int, limit: int) -> Sequence[Row]:
    """Bills of all tenants that are to be priced, the longest due first: ``id``, ``tenant`` and ``transaction_id``."""
    return tx.system("bills of every tenant are priced").all(
        "SELECT id, tenant, transaction_id FROM bills WHERE due_at IS NOT NULL AND due_at <= :now ORDER BY due_at, id LIMIT :limit",
        now=now,
        limit=limit,
    )


def without_bill(tx: ReadTx, since: int, until: int, limit: int) -> Sequence[Row]:
    """Transactions that completed in a stretch of time and have no bill, the earliest first."""
    return tx.all(
        f"SELECT {FACTS} FROM transactions t {_WISHES} WHERE t.tenant = :tenant AND t.state = 'completed' AND t.closed_at >= :since"  # noqa: S608
        " AND t.closed_at < :until AND t.started_at IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM bills b WHERE b.tenant = :tenant AND b.transaction_id = t.id)"
        " ORDER BY t.closed_at, t.id LIMIT :limit",
        since=since,
        until=until,
        limit=limit,
    )


def mark(tx: ReadTx) -> int:
    """Up to when everything that ended has its bill."""
    found: int | None = tx.value("SELECT reached_at FROM billing_marks WHERE tenant = :tenant")
    return 0 if found is None else found


def advance(tx: Tx, reached_at: int) -> None:
    """Remember that everything that ended before has its bill."""
    tx.run(
        "INSERT INTO billing_marks (tenant, reached_at) VALUES (:tenant, :reached_at)"
        " ON CONFLICT (tenant) DO UPDATE SET reached_at = excluded.reached_at",
        reached_at=reached_at,
    )


def unpriced(tx: ReadTx, after: int, limit: int) -> Sequence[Row]:
    """Bills that nobody had a price for, by id, a page after one."""
    return tx.all(
        "SELECT id, transaction_id FROM bills WHERE tenant = :tenant AND unpriced = 1 AND id > :after ORDER BY id LIMIT :limit",
        after=after,
        limit=limit,
    )


def wake(tx: Tx, bill_id: int, due_at: int) -> int:
    """Have a bill that nobody had a price for priced; how many were."""
    return tx.run(
        "UPDATE bills SET due_at = :due_at WHERE tenant = :tenant AND id = :id AND unpriced = 1", id=bill_id, due_at=due_at
    )


def put_off(tx: Tx, bill_id: int, due_at: int, error: str) -> int:
    """Have a bill wait that is not even looked at."""
    return tx.run(
        "UPDATE bills SET due_at = :due_at, error = :error WHERE tenant = :tenant AND id = :id AND due_at IS NOT NULL",
        id=bill_id,
        due_at=due_at,
        error=error,
    )
