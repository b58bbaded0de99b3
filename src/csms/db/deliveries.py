"""The rows behind a consumer's progress: its cursor, and the deliveries that are not simply done. Verbs and queries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.errors import NotFound
from csms.core.ports import ReadTx, Tx

from .spine import START, Entry, Position, end

CURSOR = """
    INSERT INTO cursors (consumer, xid, sequence, created_at, saved_at) VALUES (:consumer, :xid, :sequence, :now, :now)
    ON CONFLICT (consumer) DO UPDATE SET xid = excluded.xid, sequence = excluded.sequence, saved_at = excluded.saved_at
"""
RECORD = """
    INSERT INTO deliveries (consumer, sequence, xid, key, state, attempts, retry_at, error, changed_at)
    VALUES (:consumer, :sequence, :xid, :key, :state, :attempts, :retry_at, :error, :now)
    ON CONFLICT (consumer, sequence) DO UPDATE
    SET state = excluded.state, attempts = excluded.attempts, retry_at = excluded.retry_at, error = excluded.error,
        changed_at = excluded.changed_at
"""
FORGET = "DELETE FROM deliveries WHERE consumer = :consumer AND sequence = :sequence"
HEADS = """
    SELECT d.key, d.retry_at FROM deliveries d
    WHERE d.consumer = :consumer AND d.state = 'retry' AND NOT EXISTS (
        SELECT 1 FROM deliveries b
        WHERE b.consumer = d.consumer AND b.state = 'retry' AND b.key = d.key AND (b.xid, b.sequence) < (d.xid, d.sequence)
    )
"""
DUE = """
    SELECT e.sequence, e.xid, e.tenant, e.key, e.type, e.payload, e.at, d.attempts, 1 AS recorded
    FROM deliveries d JOIN events e ON e.sequence = d.sequence
    WHERE d.consumer = :consumer AND d.state = 'retry' AND d.key = :key
    ORDER BY d.xid, d.sequence LIMIT :limit
"""
DEAD = """
    SELECT d.consumer, d.sequence AS event_id, e.tenant, e.type, e.key, e.at, d.attempts, d.error, d.changed_at AS given_up_at
    FROM deliveries d JOIN events e ON e.sequence = d.sequence
    WHERE d.state = 'dead' AND (:consumer = '' OR d.consumer = :consumer) AND d.sequence > :after
    ORDER BY d.sequence, d.consumer LIMIT :limit
"""
CONSUMERS = """
    SELECT c.consumer AS name, c.saved_at,
        (SELECT count(*) FROM events e WHERE (e.xid, e.sequence) > (c.xid, c.sequence)) AS behind,
        (SELECT count(*) FROM deliveries d WHERE d.consumer = c.consumer AND d.state = 'retry') AS retrying,
        (SELECT count(*) FROM deliveries d WHERE d.consumer = c.consumer AND d.state = 'dead') AS dead
    FROM cursors c ORDER BY c.consumer
"""
AGAIN = """
    UPDATE deliveries SET state = 'retry', attempts = 0, retry_at = :now, changed_at = :now
    WHERE consumer = :consumer AND state = 'dead'
"""
RANGE_AGAIN = """
    INSERT INTO deliveries (consumer, sequence, xid, key, state, attempts, retry_at, error, changed_at)
    SELECT c.consumer, e.sequence, e.xid, e.key, 'retry', 0, :now, '', :now
    FROM events e JOIN cursors c ON c.consumer = :consumer AND (e.xid, e.sequence) <= (c.xid, c.sequence)
    WHERE e.sequence BETWEEN :first AND :last
    ON CONFLICT (consumer, sequence) DO UPDATE SET state = 'retry', attempts = 0, retry_at = :now, changed_at = :now
"""


@attrs.frozen(slots=True, kw_only=True)
class DeadLetter:
    """An event that a consumer could not take; it can be run again with ``replay``."""

    consumer: str
    event_id: int
    tenant: int
    type: str
    key: str
    at: int
    attempts: int
    error: str
    given_up_at: int


@attrs.frozen(slots=True, kw_only=True)
class Progress:
    """How far a consumer is: events it has not seen yet, events that wait for another try, dead letters."""

    name: str
    saved_at: int
    behind: int
    retrying: int
    dead: int


@attrs.frozen(slots=True)
class Change:
    """What became of a delivery; ``state`` empty: its row is to go."""

    entry: Entry
    state: str
    retry_at: int = 0
    error: str = ""


def begin(tx: Tx, engine: str, consumer: str, from_start: bool) -> Position:
    """The cursor of a consumer, made if it is new."""
    row = tx.one("SELECT xid, sequence FROM cursors WHERE consumer = :consumer", consumer=consumer)
    if row is not None:
        return (row["xid"], row["sequence"])
    xid, sequence = START if from_start else end(tx, engine)
    tx.run(CURSOR, consumer=consumer, xid=xid, sequence=sequence)
    return (xid, sequence)


def save(tx: Tx, consumer: str, cursor: Position, changes: Sequence[Change]) -> None:
    """Store progress: the cursor, and what is recorded. Below the cursor no ``done`` is needed."""
    tx.run(CURSOR, consumer=consumer, xid=cursor[0], sequence=cursor[1])
    rows = [
        {
            "consumer": consumer,
            "sequence": change.entry.sequence,
            "xid": change.entry.xid,
            "key": change.entry.key,
            "state": change.state,
            "attempts": change.entry.attempts,
            "retry_at": change.retry_at,
            "error": change.error,
        }
        for change in changes
        if change.state
    ]
    tx.many(RECORD, rows)
    tx.many(FORGET, [{"consumer": consumer, "sequence": change.entry.sequence} for change in changes if not change.state])
    tx.run(
        "DELETE FROM deliveries WHERE consumer = :consumer AND state = 'done' AND (xid, sequence) <= (:xid, :sequence)",
        consumer=consumer,
        xid=cursor[0],
        sequence=cursor[1],
    )


def heads(tx: ReadTx, consumer: str) -> tuple[dict[str, int], int]:
    """When the first waiting event of each key is due, and how many wait in all."""
    due = {row["key"]: row["retry_at"] for row in tx.all(HEADS, consumer=consumer)}
    waiting = "SELECT count(*) FROM deliveries WHERE consumer = :consumer AND state = 'retry'"
    return due, tx.value(waiting, consumer=consumer)


def due(tx: ReadTx, consumer: str, key: str, limit: int) -> list[Entry]:
    """The first waiting events of a key."""
    rows = tx.system("event consumers read every tenant's events").all(DUE, consumer=consumer, key=key, limit=limit)
    return [Entry(**row) for row in rows]


def dead(tx: ReadTx, consumer: str, after: int, limit: int) -> list[DeadLetter]:
    """Dead letters, of one consumer or (empty) of all."""
    rows = tx.system("dead letters concern the installation").all(DEAD, consumer=consumer, after=after, limit=limit)
    return [DeadLetter(**row) for row in rows]


def progress(tx: ReadTx) -> list[Progress]:
    """Every consumer that the database knows."""
    return [Progress(**row) for row in tx.system("consumers concern the installation").all(CONSUMERS)]


def again(tx: Tx, consumer: str, first: int | None, last: int | None) -> int:
    """Have dead letters, or the events of a range, delivered again; how many. Raises ``NotFound``."""
    parameters: dict[str, Any] = {"consumer": consumer}
    if tx.value("SELECT 1 FROM cursors WHERE consumer = :consumer", **parameters) is None:
        raise NotFound(f"there is no consumer {consumer!r}")
    if first is None and last is None:
        return tx.run(AGAIN, **parameters)
    system = tx.system("a replay reads every tenant's events")
    return system.run(RANGE_AGAIN, first=first or 0, last=2**62 if last is None else last, **parameters)


def forget(tx: Tx, consumer: str) -> int:
    """Forget a consumer that is gone, so that it keeps no events."""
    return tx.run("DELETE FROM cursors WHERE consumer = :consumer", consumer=consumer)
