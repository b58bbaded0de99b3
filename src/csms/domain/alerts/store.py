"""SQL of the alerts slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from csms.core.ports import ReadTx, Row, Tx

from .model import Alert, Occurrence

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


@attrs.frozen(slots=True, kw_only=True)
class Filter:
    """Which alerts to list. ``open`` True takes those that are not resolved, False the others."""

    kind: str | None = None
    severity: str | None = None
    charger_id: str | None = None
    open: bool | None = None
    acknowledged: bool | None = None


def page(tx: ReadTx, which: Filter, *, before: int | None = None, limit: int = 100) -> Sequence[Alert]:
    """At most ``limit`` alerts, the newest id first; ``before`` is the last id of the page before this one."""
    conditions: list[str] = []
    values: dict[str, Any] = {"limit": limit}
    for name in ("kind", "severity", "charger_id"):
        if (value := getattr(which, name)) is not None:
            conditions.append(f"{name} = :{name}")
            values[name] = value
    if which.open is not None:
        conditions.append("resolved_at IS NULL" if which.open else "resolved_at IS NOT NULL")
    if which.acknowledged is not None:
        conditions.append("acknowledged_at IS NOT NULL" if which.acknowledged else "acknowledged_at IS NULL")
    if before is not None:
        conditions.append("id < :before")
        values["before"] = before
    sql = _SELECT + "".join(f" AND {condition}" for condition in conditions) + " ORDER BY id DESC LIMIT :limit"
    return [_alert(row) for row in tx.all(sql, **values)]
