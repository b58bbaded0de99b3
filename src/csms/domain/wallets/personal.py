"""What this slice holds of a driver as a person: to be handed out, and to be forgotten. Money itself is never forgotten."""

from __future__ import annotations

from typing import Any

from csms.core.ledger import wallet_key
from csms.core.ports import ReadTx, Row, Tx

PAGE = 500

_PARTS = {
    "wallets": "SELECT * FROM wallets WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "wallet_holds": "SELECT * FROM wallet_holds WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
    "allowances": "SELECT a.unit, a.name, a.balance, g.granted, g.granted_at, g.expires_at, g.ended_at FROM allowances g"
    " JOIN ledger_accounts a ON a.id = g.account_id WHERE g.tenant = :tenant AND a.tenant = :tenant AND g.driver_id = :driver_id"
    " ORDER BY g.account_id",
}
_MOVEMENTS = """
SELECT e.movement_id, e.line, m.at, m.kind, m.description, m.reference_kind, m.reference_id, a.kind AS account, a.unit, e.amount,
    e.balance_after
FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id JOIN ledger_movements m ON m.id = e.movement_id
WHERE a.tenant = :tenant AND e.tenant = :tenant AND m.tenant = :tenant AND a.driver_id = :driver_id
    AND (e.movement_id > :movement OR (e.movement_id = :movement AND e.line > :line)) ORDER BY e.movement_id, e.line LIMIT :limit"""


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name."""
    found: list[Row] = []
    after = {"movement": 0, "line": 0}
    while rows := tx.all(_MOVEMENTS, driver_id=driver_id, limit=PAGE, **after):
        found += rows
        after = {"movement": rows[-1]["movement_id"], "line": rows[-1]["line"]}
    held: dict[str, Any] = {name: list(tx.all(sql, driver_id=driver_id)) for name, sql in _PARTS.items()}
    return held | {"wallet_movements": found}


def erase(tx: Tx, driver_id: int) -> None:
    """Forget what people wrote about a driver's money: descriptions, and who adjusted what. Amounts, dates and references stay."""
    tx.claim(wallet_key(tx.tenant, driver_id))
    tx.run(
        "UPDATE ledger_movements SET description = '', made_by = '' WHERE tenant = :tenant AND (description <> '' OR made_by <> '')"
        " AND id IN (SELECT e.movement_id FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id"
        " WHERE a.tenant = :tenant AND e.tenant = :tenant AND a.driver_id = :driver_id)",
        driver_id=driver_id,
    )
    tx.run("UPDATE wallet_holds SET description = '' WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id)
