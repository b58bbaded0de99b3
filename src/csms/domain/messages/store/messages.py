"""SQL of notices and messages: what is shown of them, and what was taken on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, stretch, whether
from csms.domain.messages.model import WAITING, Held, LogEntry, Message, MessageDetail, MessagesQuery, MyMessage, MyMessagesQuery

_COLUMNS = (
    "m.id, m.notice_id, m.reference, m.template, m.kind, m.driver_id, m.user_id, m.payment_id, m.recipient, m.language, m.state, m.plan,"
    " m.channel, m.attempts, m.error, m.is_secret, m.due_at, m.created_at, m.sent_at, m.delivered_at, m.read_at, m.ended_at"
)
_HELD = (
    "SELECT m.id, m.notice_id, m.reference, m.template, m.kind, m.installation, m.driver_id, m.user_id, m.payment_id, m.recipient, m.language,"
    " m.state, m.plan, m.step, m.channel, m.rank, m.due_at, m.expires_at, m.tries, m.attempts, m.error, m.channel_id, m.is_secret, m.secrets, m.created_at,"
    " n.key, n.fields, n.actions, n.documents FROM messages m JOIN notices n ON n.tenant = :tenant AND n.id = m.notice_id"
    " WHERE m.tenant = :tenant AND m.id = :message_id"
)
_WAITS = "m.state IN ('queued', 'held', 'sending')"

LISTING = Listing(
    columns=_COLUMNS,
    source="messages m WHERE m.tenant = :tenant",
    filters={
        "state": "m.state = :state",
        "waits": _WAITS,
        "waits_not": f"NOT {_WAITS}",
        "template": "m.template = :template",
        "kind": "m.kind = :kind",
        "channel": "m.channel = :channel",
        "driver_id": "m.driver_id = :driver_id",
        "user_id": "m.user_id = :user_id",
        "payment_id": "m.payment_id = :payment_id",
        "recipient": "m.recipient = :recipient",
        "from_at": "m.created_at >= :from_at",
        "to_at": "m.created_at < :to_at",
        "tenants_only": "m.installation = 0",
    },
    search="lower(m.recipient) LIKE :search ESCAPE '!' OR lower(m.subject) LIKE :search ESCAPE '!'"
    " OR lower(m.error) LIKE :search ESCAPE '!'",
    unique="m.id",
)

MINE = Listing(
    columns="m.id, m.template, m.kind, m.subject, m.body AS text, m.channel, m.state, m.created_at, m.sent_at",
    source="messages m WHERE m.tenant = :tenant AND m.is_secret = 0 AND m.sent_at IS NOT NULL",
    filters={
        "driver_id": "m.driver_id = :driver_id",
        "user_id": "m.user_id = :user_id",
        "template": "m.template = :template",
        "kind": "m.kind = :kind",
        "channel": "m.channel = :channel",
        "from_at": "m.sent_at >= :from_at",
        "to_at": "m.sent_at < :to_at",
    },
    search="lower(m.subject) LIKE :search ESCAPE '!' OR lower(m.body) LIKE :search ESCAPE '!'",
    unique="m.id",
)


def _message(row: Row) -> Message:
    said = dict(row)
    said["channels"] = tuple(msgspec.json.decode(said.pop("plan")))
    said["is_secret"] = bool(row["is_secret"])
    said["due_at"] = row["due_at"] if row["state"] in WAITING else None
    return Message(**said)


def messages(tx: ReadTx, query: MessagesQuery, *, all_of_them: bool) -> Stretch[Message]:
    """Messages of the tenant, the newest first; those of logging in only with ``all_of_them``."""
    fixed = whether(query.waiting, "waits", "waits_not")
    if not all_of_them:
        fixed["tenants_only"] = True
    return stretch(tx, LISTING, query, _message, **fixed)


def mine(tx: ReadTx, query: MyMessagesQuery, *, driver_id: int | None, user_id: int | None) -> Stretch[MyMessage]:
    """Messages that somebody was sent, the newest first."""
    fixed = {"driver_id": driver_id} if driver_id is not None else {"user_id": user_id}
    return stretch(tx, MINE, query, _mine, **fixed)


def _mine(row: Row) -> MyMessage:
    return MyMessage(**row)


def of_notice(tx: ReadTx, notice_id: int) -> Sequence[Message]:
    """Every message that a notice became."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM messages m WHERE m.tenant = :tenant AND m.notice_id = :notice_id ORDER BY m.id",  # noqa: S608 (our text)
        notice_id=notice_id,
    )
    return [_message(row) for row in rows]


def detail(tx: ReadTx, message_id: int, *, all_of_them: bool) -> MessageDetail | None:
    """A message with everything that may be seen of it. Two statements."""
    row = tx.one(
        f"SELECT {_COLUMNS}, m.subject, m.body, n.key, n.fields, n.actions, n.documents FROM messages m"  # noqa: S608 (our text)
        " JOIN notices n ON n.tenant = :tenant AND n.id = m.notice_id"
        " WHERE m.tenant = :tenant AND m.id = :id AND m.installation <= :most",
        id=message_id,
        most=int(all_of_them),
    )
    if row is None:
        return None
    own = dict(row)
    said = {name: own.pop(name) for name in ("subject", "body", "key", "fields", "actions", "documents")}
    return MessageDetail(
        message=_message(own),
        key=said["key"],
        subject=said["subject"],
        text=said["body"],
        fields=msgspec.json.decode(said["fields"]),
        actions=msgspec.json.decode(said["actions"]),
        document_ids=msgspec.json.decode(said["documents"]),
        log=log(tx, message_id),
    )


def log(tx: ReadTx, message_id: int) -> Sequence[LogEntry]:
    """What happened to a message, in its order."""
    rows = tx.all(
        "SELECT at, what, channel, detail, took_ms FROM message_log WHERE tenant = :tenant AND message_id = :message_id ORDER BY id",
        message_id=message_id,
    )
    return [LogEntry(**row) for row in rows]


def held(tx: ReadTx, message_id: int) -> Held | None:
    """A message with its notice, for whoever sends it."""
    row = tx.one(_HELD, message_id=message_id)
    if row is None:
        return None
    said = dict(row)
    said["plan"] = tuple(msgspec.json.decode(row["plan"]))
    said["fields"] = msgspec.json.decode(row["fields"])
    said["actions"] = tuple((words, url) for words, url in msgspec.json.decode(row["actions"]))
    said["documents"] = tuple(msgspec.json.decode(row["documents"]))
    return Held(**{**said, "installation": bool(row["installation"]), "is_secret": bool(row["is_secret"])})


def waiting(tx: ReadTx, most: int) -> int:
    """How many messages of all tenants are still to be sent, as far as ``most``."""
    return int(
        tx.system("messages of all tenants share one queue").value(
            f"SELECT count(*) FROM (SELECT 1 FROM messages m WHERE {_WAITS} LIMIT :most) few",  # noqa: S608 (our text)
            most=most,
        )
    )


# --- taking on ------------------------------------------------------------------------------------------------------------------


def insert_notice(tx: Tx, *, key: str, template: str, fields: Mapping[str, str], actions: Any, documents: Any) -> int | None:
    """The id of a new notice, None where its key was told before."""
    found: int | None = tx.value(
        "INSERT INTO notices (tenant, key, template, fields, actions, documents, created_at)"
        " VALUES (:tenant, :key, :template, :fields, :actions, :documents, :now) ON CONFLICT (tenant, key) DO NOTHING RETURNING id",
        key=key,
        template=template,
        fields=_json(fields),
        actions=_json(actions),
        documents=_json(documents),
    )
    return found


def insert(tx: Tx, **values: Any) -> int:
    """The id of a new message; ``values`` are its columns."""
    names = tuple(values)
    found: int = tx.value(
        f"INSERT INTO messages (tenant, created_at, {', '.join(names)})"  # noqa: S608 (the service's own names)
        f" VALUES (:tenant, :now, {', '.join(f':{name}' for name in names)}) RETURNING id",
        **{name: _json(value) if isinstance(value, tuple) else value for name, value in values.items()},
    )
    return found


def update(tx: Tx, message_id: int, **values: Any) -> None:
    """Change columns of a message."""
    texts = {name: _json(value) if isinstance(value, tuple) else value for name, value in values.items()}
    assigned = ", ".join(f"{name} = :{name}" for name in texts)
    tx.run(f"UPDATE messages SET {assigned} WHERE tenant = :tenant AND id = :id", id=message_id, **texts)  # noqa: S608 (own names)


def note(tx: Tx, message_id: int, what: str, *, channel: str = "", detail: str = "", took_ms: int | None = None) -> int:
    """The id of a new entry in a message's log."""
    found: int = tx.value(
        "INSERT INTO message_log (tenant, message_id, at, what, channel, detail, took_ms)"
        " VALUES (:tenant, :message_id, :now, :what, :channel, :detail, :took_ms) RETURNING id",
        message_id=message_id,
        what=what,
        channel=channel,
        detail=detail,
        took_ms=took_ms,
    )
    return found


def close_note(tx: Tx, log_id: int, what: str, detail: str, took_ms: int) -> None:
    """Say how an attempt ended whose beginning is in the log."""
    tx.run(
        "UPDATE message_log SET what = :what, detail = :detail, took_ms = :took_ms WHERE tenant = :tenant AND id = :id",
        id=log_id,
        what=what,
        detail=detail,
        took_ms=took_ms,
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
