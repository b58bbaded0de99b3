"""SQL of allowances."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ledger import Allowance
from csms.core.ports import ReadTx, Row, Tx

_SELECT = """
SELECT g.account_id, g.driver_id, a.unit, a.name, a.balance, g.granted, g.expires_at
FROM allowances g JOIN ledger_accounts a ON a.id = g.account_id WHERE g.tenant = :tenant AND a.tenant = :tenant"""


def _allowance(row: Row) -> Allowance:
    return Allowance(**row)


def usable(tx: ReadTx, driver_id: int) -> Sequence[Allowance]:
    """What a driver may use now, the first to expire first."""
    sql = (
        _SELECT
        + " AND g.driver_id = :driver_id AND g.ended_at IS NULL AND a.balance > 0 AND (g.expires_at IS NULL OR g.expires_at > :now)"
        " ORDER BY CASE WHEN g.expires_at IS NULL THEN 1 ELSE 0 END, g.expires_at, g.account_id"
    )
    return [_allowance(row) for row in tx.all(sql, driver_id=driver_id)]


def by_account(tx: ReadTx, account_id: int) -> Allowance | None:
    """One allowance, used up and expired ones, too."""
    row = tx.one(_SELECT + " AND g.account_id = :account_id", account_id=account_id)
    return None if row is None else _allowance(row)


def due(tx: ReadTx, limit: int) -> Sequence[Allowance]:
    """Those that expired and were not taken back yet."""
    sql = _SELECT + " AND g.ended_at IS NULL AND g.expires_at <= :now ORDER BY g.expires_at, g.account_id LIMIT :limit"
    return [_allowance(row) for row in tx.all(sql, limit=limit)]


def put(tx: Tx, account_id: int, driver_id: int, amount: int, expires_at: int | None) -> None:
    """Store that so much more was granted, and until when all of it holds now."""
    tx.run(
        "INSERT INTO allowances (account_id, tenant, driver_id, granted, granted_at, expires_at)"
        " VALUES (:account_id, :tenant, :driver_id, :amount, :now, :expires_at)"
        " ON CONFLICT (account_id) DO UPDATE SET granted = allowances.granted + excluded.granted, granted_at = excluded.granted_at,"
        " expires_at = excluded.expires_at, ended_at = NULL",
        account_id=account_id,
        driver_id=driver_id,
        amount=amount,
        expires_at=expires_at,
    )


def end(tx: Tx, account_id: int) -> None:
    """Store that nothing is left of an allowance, because it expired or was taken back."""
    tx.run("UPDATE allowances SET ended_at = :now WHERE tenant = :tenant AND account_id = :account_id", account_id=account_id)
