"""What this slice holds of a driver as a person: to be handed out, and to be forgotten; and of guests, who are forgotten by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.billing.service.prepaying import GUEST_DAYS_MS

from .model import DRIVER, message_key, preferences_key

SLICE = 200

_MESSAGES = (
    "SELECT m.id, m.template, m.recipient, m.language, m.channel, m.state, m.subject, m.body, m.created_at, m.sent_at, m.delivered_at,"
    " m.read_at, n.fields FROM messages m JOIN notices n ON n.tenant = :tenant AND n.id = m.notice_id"
    " WHERE m.tenant = :tenant AND m.driver_id = :driver_id ORDER BY m.id"
)


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """What a driver was told, and what they chose of it."""
    chosen = tx.one(
        "SELECT preferences, changed_at FROM message_preferences WHERE tenant = :tenant AND person_kind = 'driver' AND person_id = :id",
        id=driver_id,
    )
    messages = [{**row, "fields": msgspec.json.decode(row["fields"])} for row in tx.all(_MESSAGES, driver_id=driver_id)]
    preferences = [] if chosen is None else [{**msgspec.json.decode(chosen["preferences"]), "changed_at": chosen["changed_at"]}]
    return {"messages": messages, "notification_preferences": preferences}


def erase(tx: Tx, driver_id: int) -> int:
    """Forget what a driver was told and where, and send them nothing more; how many messages. That there were some stays."""
    tx.claim(preferences_key(tx.tenant, DRIVER, driver_id))
    tx.run("DELETE FROM message_preferences WHERE tenant = :tenant AND person_kind = 'driver' AND person_id = :id", id=driver_id)
    rows = tx.all("SELECT id, notice_id FROM messages WHERE tenant = :tenant AND driver_id = :id ORDER BY id", id=driver_id)
    return _forget(tx, rows, "the recipient was erased")


def forget_guests(tx: Tx) -> int:
    """Forget what guests were told and where, who paid for a charge long ago; how many messages. Job: run until it says 0."""
    rows = tx.all(
        "SELECT id, notice_id FROM messages WHERE tenant = :tenant AND created_at < :before AND payment_id IS NOT NULL"
        " AND recipient <> '' ORDER BY created_at, id LIMIT :limit",
        before=tx.now - GUEST_DAYS_MS,
        limit=SLICE,
    )
    return _forget(tx, rows, "the recipient was forgotten")


def _forget(tx: Tx, rows: Sequence[Row], why: str) -> int:
    tx.claim(*sorted(message_key(row["id"]) for row in rows))
    tx.many(
        "UPDATE messages SET state = 'suppressed', ended_at = :now, error = :why"
        " WHERE tenant = :tenant AND id = :message_id AND state IN ('queued', 'held', 'sending')",
        [{"message_id": row["id"], "why": why} for row in rows],
    )
    tx.many(
        "UPDATE notices SET fields = '{}', actions = '[]', documents = '[]' WHERE tenant = :tenant AND id = :notice_id",
        [{"notice_id": row["notice_id"]} for row in rows],
    )
    tx.many(
        "UPDATE message_log SET detail = '' WHERE tenant = :tenant AND message_id = :message_id",
        [{"message_id": row["id"]} for row in rows],
    )
    tx.many(
        "UPDATE messages SET recipient = '', subject = '', body = '', secrets = '', channel_id = ''"
        " WHERE tenant = :tenant AND id = :message_id",
        [{"message_id": row["id"]} for row in rows],
    )
    return len(rows)
