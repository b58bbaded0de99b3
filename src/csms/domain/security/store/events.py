"""SQL of security events."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Tx
from csms.domain.security.model import SecurityEvent


def insert(
    tx: Tx, charger_id: str, *, source: str, kind: str, critical: bool, info: str, occurred_at: int, occurred_at_raw: str = ""
) -> bool:
    """Store an event of a charger that the tenant has; False for one that is known already, and for a charger that is not."""
    found = tx.value(
        """
        INSERT INTO security_events (tenant, charger_id, source, kind, critical, info, occurred_at, occurred_at_raw, received_at)
        SELECT :tenant, id, :source, :kind, :critical, :info, :occurred_at, :occurred_at_raw, :received_at
        FROM chargers WHERE id = :charger_id AND tenant = :tenant
        ON CONFLICT (charger_id, occurred_at, kind, info) DO NOTHING RETURNING id""",
        charger_id=charger_id,
        source=source,
        kind=kind,
        critical=int(critical),
        info=info,
        occurred_at=occurred_at,
        occurred_at_raw=occurred_at_raw,
        received_at=tx.now,
    )
    return found is not None


def last_of_kind(tx: ReadTx, charger_id: str, kind: str) -> int | None:
    """When we last noticed an event of this kind about a charger ourselves: what it says of itself silences nobody."""
    found: int | None = tx.value(
        "SELECT max(occurred_at) FROM security_events"
        " WHERE charger_id = :charger_id AND kind = :kind AND tenant = :tenant AND source = 'csms'",
        charger_id=charger_id,
        kind=kind,
    )
    return found


def listed(
    tx: ReadTx, *, charger_id: str = "", critical: bool = False, since: int = 0, before: int | None = None, limit: int = 100
) -> list[SecurityEvent]:
    """Events, the newest received first; the next page is ``before`` the last one's id."""
    where = [
        "SELECT id, charger_id, source, kind, critical, info, occurred_at, occurred_at_raw, received_at FROM security_events"
        " WHERE tenant = :tenant AND received_at >= :since"
    ]
    parameters: dict[str, Any] = {"since": since, "limit": limit}
    if charger_id:
        where.append("charger_id = :charger_id")
        parameters["charger_id"] = charger_id
    if critical:
        where.append("critical = 1")
    if before is not None:
        where.append("id < :before")
        parameters["before"] = before
    rows = tx.all(" AND ".join(where) + " ORDER BY id DESC LIMIT :limit", **parameters)
    return [SecurityEvent(**{**row, "critical": bool(row["critical"])}) for row in rows]
