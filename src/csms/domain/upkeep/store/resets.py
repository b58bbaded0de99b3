"""SQL of resets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.ports import ReadTx
from csms.domain.upkeep.model.resets import ChargerReset

from .table import Table

RESETS = Table(ChargerReset, "charger_resets")


def reset(tx: ReadTx, reset_id: int) -> ChargerReset | None:
    """One reset."""
    return RESETS.one(tx, "AND id = :reset_id", reset_id=reset_id)


def all_open(tx: ReadTx, charger_id: str) -> Sequence[ChargerReset]:
    """Resets of a charger that it has not followed yet, the oldest first."""
    return RESETS.all(tx, "AND charger_id = :charger_id AND closed_at IS NULL ORDER BY id", charger_id=charger_id)


def overdue(tx: ReadTx, limit: int) -> Sequence[ChargerReset]:
    """Resets whose deadline has passed, the longest overdue first."""
    return RESETS.all(tx, "AND deadline_at <= :now ORDER BY deadline_at, id LIMIT :limit", now=tx.now, limit=limit)


def list_resets(tx: ReadTx, *, charger_id: str | None = None, state: str | None = None, limit: int = 50) -> Sequence[ChargerReset]:
    """Resets, the newest first."""
    where, parameters = [""], dict[str, Any](limit=limit)
    if charger_id is not None:
        where.append("charger_id = :charger_id")
        parameters["charger_id"] = charger_id
    if state is not None:
        where.append("state = :state")
        parameters["state"] = state
    return RESETS.all(tx, " AND ".join(where) + " ORDER BY id DESC LIMIT :limit", **parameters)
