"""SQL of the frame log: written twice per message, read seldom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.ports import Admission, FrameEntry, ReadTx, Row, Tx
from csms.domain.stations.model import LoggedFrame

FRAME_INSERT = """
INSERT INTO frames (tenant, charger_id, connection_id, at, direction, kind, message_id, action, text, took_ms, problem,
    request_id)
VALUES (:tenant, :charger_id, :connection_id, :at, :direction, :kind, :message_id, :action, :text, :took_ms, :problem,
    :request_id)"""
"""For ``Database.append``, with ``frame_row``."""

ANSWER_WINDOW_MS = 15 * 60_000
"""How far from a frame its counterpart is looked for: longer than any call's time limit."""


def frame_row(admission: Admission, entry: FrameEntry) -> dict[str, Any]:
    """The row of one frame for ``FRAME_INSERT``."""
    text, message_id, action = entry.text, entry.message_id, entry.action
    if "\x00" in text:  # which PostgreSQL cannot store; only unreadable frames have it, JSON escapes it
        text = text.replace("\x00", "�")
    if not message_id.isprintable():
        message_id = message_id.replace("\x00", "�")
    if not action.isprintable():
        action = action.replace("\x00", "�")
    return {
        "tenant": admission.tenant,
        "charger_id": admission.charger_id,
        "connection_id": entry.connection_id,
        "at": entry.at,
        "direction": entry.direction,
        "kind": entry.kind,
        "message_id": message_id,
        "action": action,
        "text": text,
        "took_ms": entry.took_ms,
        "problem": entry.problem,
        "request_id": entry.request_id,
    }


_SELECT = """
SELECT id, charger_id, connection_id, at, direction, kind, message_id, action, text, took_ms, problem, request_id
FROM frames WHERE charger_id = :charger_id AND tenant = :tenant AND at >= :since AND at < :until"""


def list_frames(
    tx: ReadTx, charger_id: str, *, since: int, until: int, after: tuple[int, int] | None = None, limit: int = 100
) -> list[LoggedFrame]:
    """A charger's frames within ``since <= at < until``, the oldest first; the next page is ``after`` the last ``(at, id)``."""
    parameters: dict[str, Any] = {"charger_id": charger_id, "since": since, "until": until, "limit": limit}
    sql = _SELECT
    if after is not None:
        # the first bound repeats what the second says, so that the index on at serves it on both engines
        parameters |= {"since": max(since, after[0]), "at": after[0], "id": after[1]}
        sql += " AND (at > :at OR id > :id)"
    return _all(tx.all(sql + " ORDER BY at, id LIMIT :limit", **parameters))


def frames_of_message(tx: ReadTx, charger_id: str, message_id: str, *, since: int, until: int) -> list[LoggedFrame]:
    """A charger's frames of one message id within a time. Ids are unique per connection at best: several exchanges may share one.

    There is no index on ids, which would cost every frame an insert at a random place; the charger and the time narrow the search.
    """
    return _all(
        tx.all(
            _SELECT + " AND message_id = :message_id ORDER BY at, id LIMIT 1000",
            charger_id=charger_id,
            message_id=message_id,
            since=since,
            until=until,
        )
    )


def exchange(tx: ReadTx, charger_id: str, frame_id: int) -> list[LoggedFrame]:
    """A frame with its counterparts: the call and its answer, and what was sent again, on the same connection."""
    frame = tx.one(
        "SELECT at, connection_id, message_id FROM frames WHERE id = :id AND charger_id = :charger_id AND tenant = :tenant",
        id=frame_id,
        charger_id=charger_id,
    )
    if frame is None:
        return []
    return _all(
        tx.all(
            _SELECT + " AND connection_id = :connection_id AND message_id = :message_id AND (message_id <> '' OR id = :id)"
            " ORDER BY at, id LIMIT 1000",
            charger_id=charger_id,
            id=frame_id,
            connection_id=frame["connection_id"],
            message_id=frame["message_id"],
            since=frame["at"] - ANSWER_WINDOW_MS,
            until=frame["at"] + ANSWER_WINDOW_MS,
        )
    )


def prune_frames(tx: Tx, before: int, limit: int) -> int:
    """Delete frames older than ``before``, looking at the ``limit`` oldest; how many were deleted.

    Frames are stored nearly in the order of their time, so the lowest ids are the oldest and need no index of their own.
    """
    return tx.system("retention concerns every tenant").run(
        "DELETE FROM frames WHERE at < :before AND id IN (SELECT id FROM frames ORDER BY id LIMIT :limit)",
        before=before,
        limit=limit,
    )


def _all(rows: Sequence[Row]) -> list[LoggedFrame]:
    return [
        LoggedFrame(
            id=row["id"],
            charger_id=row["charger_id"],
            connection_id=row["connection_id"],
            at=row["at"],
            direction=row["direction"],
            kind=row["kind"],
            message_id=row["message_id"],
            action=row["action"],
            text=row["text"],
            took_ms=row["took_ms"],
            problem=row["problem"],
            request_id=row["request_id"],
        )
        for row in rows
    ]
