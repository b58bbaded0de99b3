"""Verbs of the audit slice."""

from __future__ import annotations

from collections.abc import Mapping

from csms.core.access import AuditEntry
from csms.core.errors import NotFound
from csms.core.ports import ReadTx, Tx

from . import store
from .model import AuditRecord, GivenAnswer


def record(tx: Tx, entry: AuditEntry, /) -> None:
    """Add an entry to the audit log, with the change that it tells of."""
    store.insert(tx, entry)


def need_record(tx: ReadTx, record_id: int) -> AuditRecord:
    """One entry. Raises ``NotFound``."""
    found = store.record(tx, record_id)
    if found is None:
        raise NotFound(f"there is no entry {record_id} in the audit log")
    return found


def _answer_key(tx: Tx, identity: str, key: str) -> str:
    return f"answer:{tx.tenant}:{identity}:{key}"


def begin_answer(tx: Tx, identity: str, key: str, fingerprint: str) -> GivenAnswer | None:
    """Claim an idempotency key; None when it is new, else what was given under it."""
    tx.claim(_answer_key(tx, identity, key))
    return None if store.claim_answer(tx, identity, key, fingerprint) else store.answer(tx, identity, key)


def keep_answer(tx: Tx, identity: str, key: str, status: int, content_type: str, body: str, headers: Mapping[str, str]) -> None:
    """Keep what was answered under a key."""
    tx.claim(_answer_key(tx, identity, key))
    store.keep_answer(tx, identity, key, status=status, content_type=content_type, body=body, headers=headers)


def forget_answer(tx: Tx, identity: str, key: str) -> None:
    """Give a key back: nothing was done under it."""
    tx.claim(_answer_key(tx, identity, key))
    store.forget_answer(tx, identity, key)
