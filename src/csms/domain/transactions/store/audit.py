"""What did not become part of a transaction, kept for people: quarantined messages and late stops."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any

import attrs

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.core.reports import Report, StopReported
from csms.domain.listing import Listing, stretch
from csms.domain.transactions.model import Quarantined, QuarantineQuery, Transaction

_COLUMNS = (
    "id, charger_id, kind, problem, heard_transaction, report, received_at, last_received_at, times, resolved_at, note, transaction_id,"
    " guessed"
)
_NAMES = _COLUMNS.split(", ")
STOP, METER, MANGLED = "stop", "meter", "mangled"
"""The kinds of quarantined messages: a stop that named no transaction of ours, meter values that did not, and what lacks a field."""


def report_text(report: Report) -> str:
    """A report as JSON, whatever numbers it holds; decimals as strings."""
    return json.dumps(attrs.asdict(report), default=str, ensure_ascii=True)


def digest(report: Report, *more: str) -> str:
    """The same for a message and its repeats: what was said, not when we heard it."""
    said: dict[str, Any] = attrs.asdict(report)
    said.pop("received_at")
    for name in ("started_at", "updated_at", "stopped_at"):
        if said.get(f"{name}_raw"):
            said.pop(name)
    text = json.dumps([type(report).__name__, said, *more], default=str, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


_KEEP = """
INSERT INTO quarantine (tenant, charger_id, kind, problem, heard_transaction, report, digest, received_at, last_received_at, times, note)
VALUES (:tenant, :charger_id, :kind, :problem, :heard_transaction, :report, :digest, :at, :at, 1, '')
ON CONFLICT (tenant, charger_id, digest)
    DO UPDATE SET times = quarantine.times + 1, last_received_at = excluded.last_received_at"""
_KEEP_ONE = f"{_KEEP} RETURNING {_COLUMNS}"
_KEEP_OPEN = f"{_KEEP}, resolved_at = NULL RETURNING {_COLUMNS}"


def quarantine(
    tx: Tx, report: Report, *, kind: str, problem: str, heard_transaction: str = "", once_per: str | None = None
) -> Quarantined:
    """Keep a message for an operator: its row.

    A repeat is counted on the row of the first, whatever became of that. So is any other with the same ``once_per``, which asks for an
    operator anew.
    """
    key = digest(report, kind) if once_per is None else f"{kind}:{once_per}"
    (row,) = tx.all(
        _KEEP_ONE if once_per is None else _KEEP_OPEN,
        charger_id=report.charger_id,
        kind=kind,
        problem=problem,
        heard_transaction=heard_transaction,
        report=report_text(report),
        digest=key,
        at=report.received_at,
    )
    return _quarantined(row)


def _quarantined(row: Row) -> Quarantined:
    return Quarantined(**{name: row[name] for name in _NAMES} | {"guessed": bool(row["guessed"])})


def one_quarantined(tx: ReadTx, quarantine_id: int) -> Quarantined | None:
    """One quarantined message."""
    row = tx.one(f"SELECT {_COLUMNS} FROM quarantine WHERE tenant = :tenant AND id = :id", id=quarantine_id)  # noqa: S608 our own words
    return None if row is None else _quarantined(row)


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


# --- stops that named no transaction of ours --------------------------------------------------------------------------------------

_LOOSE = f"""
SELECT {_COLUMNS} FROM (
    SELECT * FROM quarantine WHERE tenant = :tenant AND charger_id = :charger_id AND kind = 'stop' ORDER BY id DESC LIMIT 64
) AS latest
WHERE resolved_at IS NULL OR guessed = 1"""  # noqa: S608 our own words


def loose_stops(tx: ReadTx, charger_id: str) -> Sequence[Quarantined]:
    """The latest stops of a charger that named no transaction of ours, and of which no person said whose they are."""
    return [_quarantined(row) for row in tx.all(_LOOSE, charger_id=charger_id)]


def stop_of(tx: ReadTx, transaction_id: int) -> Quarantined | None:
    """The stop that was found to be that transaction's although it did not name it."""
    sql = f"SELECT {_COLUMNS} FROM quarantine WHERE tenant = :tenant AND transaction_id = :id"  # noqa: S608 our own words
    row = tx.one(sql, id=transaction_id)
    return None if row is None else _quarantined(row)


def pair(tx: Tx, quarantine_id: int, transaction_id: int | None, *, guessed: bool, note: str = "") -> None:
    """Say which transaction a stop is of, None for nobody's: then it waits for an operator again."""
    tx.run(
        "UPDATE quarantine SET transaction_id = :transaction_id, guessed = :guessed, resolved_at = :resolved_at, note = :note"
        " WHERE tenant = :tenant AND id = :id",
        id=quarantine_id,
        transaction_id=transaction_id,
        guessed=int(guessed),
        resolved_at=None if transaction_id is None else tx.now,
        note=note,
    )


# --- meter values of a transaction that came to be known --------------------------------------------------------------------------


def resolve_meter(tx: Tx, known: Transaction) -> None:
    """Mark meter values as dealt with that named no transaction of ours, now that they have one by their place and time."""
    for row in tx.all(_OPEN_METER, charger_id=known.charger_id):
        told = json.loads(row["report"])
        taken = [reading["sampled_at"] for reading in told["readings"]]
        if told["place"]["evse"] == known.evse and taken and min(taken) >= (known.started_at or 0):
            tx.run(
                "UPDATE quarantine SET resolved_at = :now, note = :note WHERE tenant = :tenant AND id = :id",
                id=row["id"],
                note=f"of transaction {known.id}",
            )


_OPEN_METER = """
SELECT id, report FROM quarantine
WHERE tenant = :tenant AND charger_id = :charger_id AND kind = 'meter' AND resolved_at IS NULL ORDER BY id DESC LIMIT 8"""


# --- late stops -------------------------------------------------------------------------------------------------------------------


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
        digest=digest(report),
    )


def late_stops(tx: ReadTx, transaction_id: int) -> Sequence[Row]:
    """The later stops of a transaction, in the order in which they came."""
    return tx.all(
        "SELECT received_at, stopped_at, stopped_at_raw, meter_stop_wh, stop_reason, report FROM late_stops"
        " WHERE tenant = :tenant AND transaction_id = :id ORDER BY id",
        id=transaction_id,
    )


# --- as the management API lists them ---------------------------------------------------------------------------------------------

LISTING = Listing(
    columns=_COLUMNS,
    source="quarantine q WHERE q.tenant = :tenant",
    filters={
        "resolved": "CASE WHEN q.resolved_at IS NULL THEN 0 ELSE 1 END = :resolved",
        "kind": "q.kind = :kind",
        "charger_id": "q.charger_id = :charger_id",
        "stations": "q.charger_id IN (SELECT c.id FROM chargers c WHERE c.tenant = :tenant AND c.station_id IN ({stations}))",
    },
    search="lower(q.charger_id) LIKE :search ESCAPE '!' OR lower(q.problem) LIKE :search ESCAPE '!'"
    " OR q.heard_transaction LIKE :search ESCAPE '!'",
    unique="q.id",
)


def listed(tx: ReadTx, query: QuarantineQuery, *, stations: Collection[int] | None = None) -> Stretch[Quarantined]:
    """Quarantined messages, the newest first; ``stations`` keeps to those of chargers that somebody may see."""
    return stretch(tx, LISTING, query, _quarantined, stations=None if stations is None else tuple(stations))


def visible(tx: ReadTx, quarantine_id: int, stations: Collection[int] | None) -> bool:
    """Whether there is such a message, of a charger that somebody may see."""
    row = tx.one(
        "SELECT c.station_id FROM quarantine q JOIN chargers c ON c.id = q.charger_id WHERE q.tenant = :tenant AND q.id = :id",
        id=quarantine_id,
    )
    return row is not None and (stations is None or row["station_id"] in stations)
