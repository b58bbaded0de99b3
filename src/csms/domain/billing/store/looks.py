"""Transactions of which more became known after they had been billed, and when they are looked at again."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row, Tx

_ASK = """
INSERT INTO bill_looks (transaction_id, tenant, asked_at, times, look_at)
SELECT b.transaction_id, :tenant, :now, 1, CAST(:look_at AS BIGINT) FROM bills b
WHERE b.tenant = :tenant AND b.transaction_id = :transaction_id AND b.number = 0
ON CONFLICT (transaction_id) DO UPDATE SET times = bill_looks.times + 1,
    look_at = CASE WHEN bill_looks.asked_at + :longest_ms < :look_at THEN bill_looks.asked_at + :longest_ms ELSE :look_at END"""


def ask(tx: Tx, transaction_id: int, *, look_at: int, longest_ms: int) -> None:
    """Have the bills of a transaction looked at then, if it has any; asked again meanwhile, later, but not ``longest_ms`` after the first."""
    tx.run(_ASK, transaction_id=transaction_id, look_at=look_at, longest_ms=longest_ms)


def due(tx: ReadTx, now: int, limit: int) -> Sequence[Row]:
    """What of all tenants is to be looked at, the longest due first: ``transaction_id``, ``tenant`` and ``times``."""
    return tx.system("bills of every tenant are looked at again").all(
        "SELECT transaction_id, tenant, times FROM bill_looks WHERE look_at <= :now ORDER BY look_at, transaction_id LIMIT :limit",
        now=now,
        limit=limit,
    )


def over(tx: Tx, transaction_id: int, times: int) -> None:
    """It was looked at, and nothing came meanwhile: else it stays."""
    tx.run(
        "DELETE FROM bill_looks WHERE tenant = :tenant AND transaction_id = :transaction_id AND times = :times",
        transaction_id=transaction_id,
        times=times,
    )


def put_off(tx: Tx, transaction_id: int, times: int, look_at: int) -> None:
    """Look later; the time until then does not count as put off too long."""
    tx.run(
        "UPDATE bill_looks SET look_at = :look_at, asked_at = :now WHERE tenant = :tenant AND transaction_id = :transaction_id"
        " AND times = :times",
        transaction_id=transaction_id,
        times=times,
        look_at=look_at,
    )
