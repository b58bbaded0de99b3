"""What did not become part of a transaction, kept for people: quarantined messages and late stops."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ports import ReadTx, Row, Tx
from csms.core.reports import Report, StopReported
from csms.domain.transactions.model import Quarantined

_COLUMNS = "id, charger_id, kind, problem, heard_transaction, report, received_at, last_received_at, times, resolved_at, note"


def report_text(report: Report) -> str:
    """A report as JSON, whatever numbers it holds; decimals as strings."""
    return json.dumps(attrs.asdict(report), default=str, ensure_ascii=True)


def _digest(report: Report, *more: str) -> str:
    """The same for a message and its repeats: what was said, not when we heard it."""
    said: dict[str, Any] = attrs.asdict(report)
    said.pop("received_at")
    for name in ("started_at", "updated_at", "stopped_at"):
        if said.get(f"{name}_raw"):
            said.pop(name)
    text = json.dumps([type(report).__name__, said, *more], default=str, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def quarantine(
    tx: Tx, report: Report, *, kind: str, problem: str, heard_transaction: str = "", once_per: str | None = None
) -> None:
    """Keep a message for an operator; a repeat is counted on the row of the first, and so is any other with the same ``once_per``."""
    if once_per is None:
        digest = _digest(report, kind)
    else:
        digest = f"{kind}:{once_per}"
    tx.run(
        "INSERT INTO quarantine (tenant, charger_id, kind, problem, heard_transaction, report, digest, received_at, last_received_at,"
        " times, note) VALUES (:tenant, :charger_id, :kind, :problem, :heard_transaction, :report, :digest, :at, :at, 1, '')"
        " ON CONFLICT (tenant, charger_id, digest) DO UPDATE SET times = quarantine.times + 1, last_received_at = excluded.last_received_at",
        charger_id=report.charger_id,
        kind=kind,
        problem=problem,
        heard_transaction=heard_transaction,
        report=report_text(report),
        digest=digest,
        at=report.received_at,
    )


def _quarantined(row: Row) -> Quarantined:
    return Quarantined(**{name: row[name] for name in _COLUMNS.split(", ")})


def quarantined(tx: ReadTx, *, resolved: bool = False, after: int = 0, limit: int = 100) -> Sequence[Quarantined]:
    """Quarantined messages, the oldest first; ``after`` is the id of the last one seen."""
    which = "IS NOT NULL" if resolved else "IS NULL"
    sql = (
        f"SELECT {_COLUMNS} FROM quarantine WHERE tenant = :tenant AND resolved_at {which} AND id > :after ORDER BY id LIMIT :limit"  # noqa: S608 our own words
    )
    return [_quarantined(row) for row in tx.all(sql, after=after, limit=limit)]


def resolve(tx: Tx, quarantine_id: int, note: str) -> bool:
    """Mark a quarantined message as dealt with; False when there is no such open one."""
    return (
        tx.run(
            "UPDATE quarantine SET resolved_at = :now, note = :note WHERE tenant = :tenant AND id = :id AND resolved_at IS NULL",
            now=tx.now,
            note=note,
            id=quarantine_id,
        )
        == 1
    )


def late_stop(tx: Tx, transaction_id: int, report: StopReported) -> None:
    """Keep a stop that came after the one that counts; a repeat of it is the same row."""
    tx.run(
        "INSERT INTO late_stops (tenant, transaction_id, received_at, stopped_at, stopped_at_raw, meter_stop_wh, stop_reason, report,"
        " digest) VALUES (:tenant, :transaction_id, :received_at, :stopped_at, :stopped_at_raw, :meter_stop_wh, :stop_reason, :report,"
        " :digest) ON CONFLICT DO NOTHING",
        transaction_id=transaction_id,
        received_at=report.received_at,
        stopped_at=report.stopped_at,
        stopped_at_raw=report.stopped_at_raw,
        meter_stop_wh=report.meter_stop_wh,
        stop_reason=report.reason,
        report=report_text(report),
        digest=_digest(report),
    )


def late_stops(tx: ReadTx, transaction_id: int) -> Sequence[Row]:
    """The later stops of a transaction, in the order in which they came."""
    return tx.all(
        "SELECT received_at, stopped_at, stopped_at_raw, meter_stop_wh, stop_reason, report FROM late_stops"
        " WHERE tenant = :tenant AND transaction_id = :id ORDER BY id",
        id=transaction_id,
    )
