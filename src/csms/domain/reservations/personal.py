"""What this slice holds of a driver as a person: to be handed out, and to be forgotten."""

from __future__ import annotations

from typing import Any

from csms.core.errors import Refused
from csms.core.ports import ReadTx, Tx


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name."""
    sql = "SELECT * FROM reservations WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id"
    return {"reservations": list(tx.all(sql, driver_id=driver_id))}


def erase(tx: Tx, driver_id: int, name: str) -> None:
    """Put a pseudonym in the place of a driver's tokens. Raises ``Refused`` while a reservation of theirs is open."""
    open_one = tx.value(
        "SELECT id FROM reservations WHERE tenant = :tenant AND driver_id = :driver_id AND ended_at IS NULL LIMIT 1",
        driver_id=driver_id,
    )
    if open_one is not None:
        raise Refused(f"the driver has a reservation ({open_one}); cancel it first, or wait for its end")
    tx.run(
        "UPDATE reservations SET token = :name, token_folded = :name, parent = '', replaced = ''"
        " WHERE tenant = :tenant AND driver_id = :driver_id",
        driver_id=driver_id,
        name=name,
    )
