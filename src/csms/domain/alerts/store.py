"""SQL of the alerts slice."""

from __future__ import annotations

from collections.abc import Collection

import attrs
import msgspec

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page, whether

from .model import SEVERITIES, Alert, AlertsQuery, Occurrence

COLUMNS = tuple(field.name for field in attrs.fields(Alert))
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM alerts WHERE tenant = :tenant"  # noqa: S608 - Alert's own fields


def _alert(row: Row) -> Alert:
    return Alert(**{**{name: row[name] for name in COLUMNS}, "detail": msgspec.json.decode(row["detail"])})


def by_id(tx: ReadTx, alert_id: int) -> Alert | None:
    """The alert of that id; None also for a number that can be no id."""
    if not 0 < alert_id < 2**63:
        return None
    row = tx.one(f"{_SELECT} AND id = :id", id=alert_id)
    return None if row is None else _alert(row)


def open_one(tx: ReadTx, kind: str, subject: str) -> Alert | None:
    """The open alert of a kind about a subject."""
    row = tx.one(f"{_SELECT} AND kind = :kind AND subject = :subject AND resolved_at IS NULL", kind=kind, subject=subject)
    return None if row is None else _alert(row)


def insert_refusal(tx: Tx, charger_id: str, event_id: int, at: int) -> None:
    """Store that a token was refused, once per event."""
    tx.run(
        "INSERT INTO token_refusals (event_id, tenant, charger_id, at) VALUES (:event_id, :tenant, :charger_id, :at)"
        " ON CONFLICT (event_id) DO NOTHING",
        event_id=event_id,
        charger_id=charger_id,
        at=at,
    )


def forget_refusals(tx: Tx, charger_id: str, *, before: int) -> None:
    """Forget a charger's older refusals."""
    tx.run(
        "DELETE FROM token_refusals WHERE tenant = :tenant AND charger_id = :charger_id AND at < :before",
        charger_id=charger_id,
        before=before,
    )


def last_event(tx: ReadTx, kind: str, subject: str) -> int:
    """The last event that alerts of a kind about a subject heard; 0 for none."""
    found: int | None = tx.value(
        "SELECT event_id FROM alerts WHERE tenant = :tenant AND kind = :kind AND subject = :subject ORDER BY id DESC LIMIT 1",
        kind=kind,
        subject=subject,
    )
    return found or 0


_RAISE = """
INSERT INTO alerts (tenant, kind, severity, subject, charger_id, message, detail, event_id, times, raised_at, last_raised_at,
    acknowledged_by, resolved_by, note)
VALUES (:tenant, :kind, :severity, :subject, :charger_id, :message, :detail, :event_id, 1, :now, :now, '', '', '')
ON CONFLICT (tenant, kind, subject) WHERE resolved_at IS NULL DO UPDATE SET times = alerts.times + 1, last_raised_at = :now,
    severity = excluded.severity, message = excluded.message, detail = excluded.detail, event_id = excluded.event_id
RETURNING id, times"""


def insert_or_count(tx: Tx, one: Occurrence) -> tuple[int, int]:
    """Open an alert, or count one more on the open one: its id, and how often it was raised."""
    row = tx.one(
        _RAISE,
        kind=one.kind,
        severity=one.severity,
        subject=one.subject,
        charger_id=one.charger_id,
        message=one.message,
        detail=msgspec.json.encode(one.detail).decode(),
        event_id=one.event_id,
        now=tx.now,
    )
    assert row is not None
    return row["id"], row["times"]


def acknowledge(tx: Tx, alert_id: int, *, by: str, note: str) -> None:
    """Somebody looks after an alert from now on."""
    tx.run(
        "UPDATE alerts SET acknowledged_at = :now, acknowledged_by = :by, note = :note WHERE tenant = :tenant AND id = :id",
        id=alert_id,
        by=by,
        note=note,
        now=tx.now,
    )


def resolve(tx: Tx, alert_id: int, *, by: str, note: str, event_id: int) -> None:
    """An alert is over."""
    tx.run(
        "UPDATE alerts SET resolved_at = :now, resolved_by = :by, note = :note,"
        " event_id = CASE WHEN event_id > :event_id THEN event_id ELSE :event_id END WHERE tenant = :tenant AND id = :id",
        id=alert_id,
        by=by,
        note=note,
        event_id=event_id,
        now=tx.now,
    )


# --- lists ----------------------------------------------------------------------------------------------------------------------

ALERTS = Listing(
    columns=", ".join(COLUMNS),
    source="alerts WHERE tenant = :tenant",
    filters={
        **at_chargers("charger_id"),
        "kind": "kind = :kind",
        "severity": "severity = :severity",
        "unresolved": "resolved_at IS NULL",
        "resolved": "resolved_at IS NOT NULL",
        "seen": "acknowledged_at IS NOT NULL",
        "unseen": "acknowledged_at IS NULL",
        "from_at": "raised_at >= :from_at",
        "to_at": "raised_at < :to_at",
    },
    search="lower(message) LIKE :search ESCAPE '!' OR lower(subject) LIKE :search ESCAPE '!' OR lower(note) LIKE :search ESCAPE '!'",
    sorts={
        "raised_at": "id",  # they are numbered as they are raised
        "last_raised_at": "last_raised_at",
        "severity": "CASE severity " + " ".join(f"WHEN '{each}' THEN {n}" for n, each in enumerate(SEVERITIES)) + " END",
        "times": "times",
    },
    unique="id",
)


def _flags(query: AlertsQuery) -> dict[str, bool]:
    return whether(query.open, "unresolved", "resolved") | whether(query.acknowledged, "seen", "unseen")


def page_of_alerts(tx: ReadTx, query: AlertsQuery, stations: Collection[int] | None = None) -> Page[Alert]:
    """A page of alerts; of those about chargers of ``stations`` only, unless that is None."""
    return page(tx, ALERTS, query, _alert, **_flags(query), stations=stations)


def alerts(tx: ReadTx, query: AlertsQuery, limit: int) -> list[Alert]:
    """The first alerts of a list, uncounted."""
    return first(tx, ALERTS, query, _alert, limit, **_flags(query))
