"""SQL of the audit slice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from csms.core.access import AuditEntry
from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, stretch

from .model import AuditQuery, AuditRecord, GivenAnswer

_INSERT = """
INSERT INTO audit_log (tenant, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, before, after, detail,
    remote_address, request_id)
VALUES (:tenant, :at, :actor_kind, :actor_id, :actor_name, :action, :subject_kind, :subject_id, :before, :after, :detail,
    :remote_address, :request_id)"""


def insert(tx: Tx, entry: AuditEntry) -> None:
    """Add an entry."""
    tx.run(
        _INSERT,
        at=tx.now,
        actor_kind=entry.actor_kind,
        actor_id=entry.actor_id,
        actor_name=entry.actor_name,
        action=entry.action,
        subject_kind=entry.subject_kind,
        subject_id=entry.subject_id,
        before=_json(entry.before),
        after=_json(entry.after),
        detail=_json(entry.detail) or "{}",
        remote_address=entry.remote_address,
        request_id=entry.request_id,
    )


def _json(data: Any) -> str | None:
    return None if data is None else msgspec.json.encode(data).decode()


LISTING = Listing(
    columns="id, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id, before, after, detail, remote_address,"
    " request_id",
    source="audit_log WHERE tenant = :tenant",
    filters={
        "action": "action = :action",
        "subject_kind": "subject_kind = :subject_kind",
        "subject_id": "subject_id = :subject_id",
        "actor_kind": "actor_kind = :actor_kind",
        "actor_id": "actor_id = :actor_id",
        "request_id": "request_id = :request_id",
        "from_at": "at >= :from_at",
        "to_at": "at < :to_at",
    },
    search="lower(actor_name) LIKE :search ESCAPE '!' OR lower(action) LIKE :search ESCAPE '!'"
    " OR lower(subject_id) LIKE :search ESCAPE '!'",
    unique="id",
)


def records(tx: ReadTx, query: AuditQuery) -> Stretch[AuditRecord]:
    """Entries, the newest first."""
    return stretch(tx, LISTING, query, _record)


def record(tx: ReadTx, record_id: int) -> AuditRecord | None:
    """One entry."""
    row = tx.one(f"SELECT {LISTING.columns} FROM {LISTING.source} AND id = :record_id", record_id=record_id)  # noqa: S608 (our own text)
    return None if row is None else _record(row)


def _record(row: Row) -> AuditRecord:
    read = {name: None if row[name] is None else msgspec.json.decode(row[name]) for name in ("before", "after", "detail")}
    return AuditRecord(**{**row, **read})


# --- answers under idempotency keys ---------------------------------------------------------------------------------------------


def claim_answer(tx: Tx, identity: str, key: str, fingerprint: str) -> bool:
    """Take a key for a request; False when it was taken before."""
    return (
        tx.run(
            "INSERT INTO given_answers (tenant, identity, key, fingerprint, at)"
            " VALUES (:tenant, :identity, :key, :fingerprint, :now) ON CONFLICT DO NOTHING",
            identity=identity,
            key=key,
            fingerprint=fingerprint,
        )
        > 0
    )


def answer(tx: ReadTx, identity: str, key: str) -> GivenAnswer | None:
    """What was answered under a key."""
    row: Row | None = tx.one(
        "SELECT fingerprint, status, content_type, headers, body, at FROM given_answers"
        " WHERE tenant = :tenant AND identity = :identity AND key = :key",
        identity=identity,
        key=key,
    )
    return None if row is None else GivenAnswer(**{**row, "headers": msgspec.json.decode(row["headers"])})


def keep_answer(tx: Tx, identity: str, key: str, *, status: int, content_type: str, body: str, headers: Mapping[str, str]) -> None:
    """Keep what was answered."""
    tx.run(
        "UPDATE given_answers SET status = :status, content_type = :content_type, headers = :headers, body = :body"
        " WHERE tenant = :tenant AND identity = :identity AND key = :key",
        identity=identity,
        key=key,
        status=status,
        content_type=content_type,
        headers=_json(headers),
        body=body,
    )


def forget_answer(tx: Tx, identity: str, key: str) -> None:
    """Give a key back."""
    tx.run("DELETE FROM given_answers WHERE tenant = :tenant AND identity = :identity AND key = :key", identity=identity, key=key)
