"""SQL of security events."""

from __future__ import annotations

from collections.abc import Collection

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, newest, stretch
from csms.domain.security.model import SecurityEvent
from csms.domain.security.shown import SecurityEventsQuery


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


LISTING = Listing(
    columns="id, charger_id, source, kind, critical, info, occurred_at, occurred_at_raw, received_at",
    source="security_events WHERE tenant = :tenant",
    filters={
        **at_chargers("charger_id"),
        "critical": "critical = :critical",
        "kind": "kind = :kind",
        "source": "source = :source",
        "from_at": "received_at >= :from_at",
        "to_at": "received_at < :to_at",
    },
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(kind) LIKE :search ESCAPE '!' OR lower(info) LIKE :search ESCAPE '!'",
    unique="id",
)


def stretch_of_events(tx: ReadTx, query: SecurityEventsQuery, stations: Collection[int] | None = None) -> Stretch[SecurityEvent]:
    """Events, the newest received first; about chargers of ``stations`` only, unless that is None."""
    return stretch(tx, LISTING, query, _event, stations=stations)


def listed(tx: ReadTx, query: SecurityEventsQuery, limit: int) -> list[SecurityEvent]:
    """The newest events."""
    return newest(tx, LISTING, query, _event, limit)


def by_id(tx: ReadTx, event_id: int) -> SecurityEvent | None:
    """One event."""
    row = tx.one(f"SELECT {LISTING.columns} FROM {LISTING.source} AND id = :id", id=event_id)  # noqa: S608 (our own text)
    return None if row is None else _event(row)


def _event(row: Row) -> SecurityEvent:
    return SecurityEvent(**{**row, "critical": bool(row["critical"])})
