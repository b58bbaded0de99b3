"""Running transactions as the watch last saw them, and drivers who know that their wallet is low."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.ports import ReadTx, Row, Tx

_RUNNING = """
SELECT t.id, t.charger_id, t.reference, t.evse, t.state, t.driver_id, t.token_status, t.started_at, t.last_meter_at,
    t.meter_start_wh, t.last_meter_wh, COALESCE(w.amount_minor, a.amount_minor) AS amount_minor,
    COALESCE(w.energy_wh, a.energy_wh) AS energy_wh, COALESCE(w.duration_s, a.duration_s) AS duration_s,
    COALESCE(w.payment_id, a.payment_id) AS payment_id,
    v.look_at, v.hold_minor, v.cost_minor, v.reached, v.asks, v.asked_at
FROM transactions t
LEFT JOIN charge_watches v ON v.transaction_id = t.id
LEFT JOIN charge_wishes w ON w.transaction_id = t.id
LEFT JOIN charge_wishes a ON a.transaction_id = t.remote_start_id AND a.tenant = t.tenant
WHERE t.tenant = :tenant AND t.closed_at IS NULL AND t.started_at IS NOT NULL"""


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """Running transactions that are to be looked at, those first that were never looked at, then the longest due."""
    return tx.all(
        f"{_RUNNING} AND COALESCE(v.look_at, 0) <= :now ORDER BY COALESCE(v.look_at, 0), t.id LIMIT :limit",
        limit=limit,
    )


def one(tx: ReadTx, transaction_id: int) -> Row | None:
    """A running transaction; None where it does not run (any more)."""
    return tx.one(f"{_RUNNING} AND t.id = :id", id=transaction_id)


_SAVE = """
INSERT INTO charge_watches (transaction_id, tenant, look_at, hold_minor, cost_minor, currency, priced_at, reached, asks, asked_at, error)
VALUES (:transaction_id, :tenant, :look_at, :hold_minor, :cost_minor, :currency, :priced_at, :reached, :asks, :asked_at, :error)
ON CONFLICT (transaction_id) DO UPDATE SET {changes}"""


def save(tx: Tx, transaction_id: int, **values: Any) -> None:
    """Store what changed about the watch of a transaction; ``look_at`` is always given."""
    usual: dict[str, Any] = {
        "hold_minor": None,
        "cost_minor": None,
        "currency": "",
        "priced_at": None,
        "reached": "",
        "asks": 0,
        "asked_at": None,
        "error": "",
    }
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    tx.run(_SAVE.format(changes=changes), transaction_id=transaction_id, **{**usual, **values})


def forget(tx: Tx, transaction_id: int) -> None:
    """A transaction is over: nobody watches it any more."""
    tx.run("DELETE FROM charge_watches WHERE tenant = :tenant AND transaction_id = :transaction_id", transaction_id=transaction_id)


def over(tx: ReadTx, reached_at: int, limit: int) -> Sequence[Row]:
    """Watches of transactions that are over and have a bill, or never will: what ended before ``reached_at`` has its bill if it gets one."""
    return tx.all(
        "SELECT transaction_id, is_billed FROM (SELECT v.transaction_id, t.closed_at, CASE WHEN EXISTS (SELECT 1 FROM bills b"
        " WHERE b.tenant = :tenant AND b.transaction_id = v.transaction_id) THEN 1 ELSE 0 END AS is_billed"
        " FROM charge_watches v JOIN transactions t ON t.id = v.transaction_id"
        " WHERE v.tenant = :tenant AND t.tenant = :tenant AND t.closed_at IS NOT NULL AND v.look_at <= :now) AS ended"
        " WHERE is_billed = 1 OR closed_at < :reached_at ORDER BY transaction_id LIMIT :limit",
        reached_at=reached_at,
        limit=limit,
    )


def cost_of(tx: ReadTx, driver_id: int, besides: int) -> int:
    """What the other running transactions of a driver cost when they were last priced, beyond what is held for them."""
    found: int | None = tx.value(
        "SELECT sum(CASE WHEN v.cost_minor > COALESCE(v.hold_minor, 0) THEN v.cost_minor - COALESCE(v.hold_minor, 0) ELSE 0 END)"
        " FROM charge_watches v JOIN transactions t ON t.id = v.transaction_id"
        " WHERE v.tenant = :tenant AND t.tenant = :tenant AND t.closed_at IS NULL AND t.driver_id = :driver_id AND t.id <> :besides",
        driver_id=driver_id,
        besides=besides,
    )
    return int(found or 0)


# --- low wallets ----------------------------------------------------------------------------------------------------------------


def mark_low(tx: Tx, driver_id: int) -> bool:
    """Remember that a driver was told; False where they had been already."""
    touched = tx.run(
        "INSERT INTO low_wallets (tenant, driver_id, told_at) VALUES (:tenant, :driver_id, :now) ON CONFLICT DO NOTHING",
        driver_id=driver_id,
    )
    return touched == 1


def mark_enough(tx: Tx, driver_id: int) -> None:
    """The next time that it is low, the driver is told again."""
    tx.run("DELETE FROM low_wallets WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id)


def is_low(tx: ReadTx, driver_id: int) -> bool:
    """Whether the driver was told, and nothing came since."""
    found = tx.value("SELECT 1 FROM low_wallets WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id)
    return found is not None
