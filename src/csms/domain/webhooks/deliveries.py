"""SQL of deliveries: what waits, what was delivered, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, stretch

from .model import DELIVERED, FAILED, WAITING, Attempt, Delivery, DeliveryQuery, Parcel

_COLUMNS = (
    "id, webhook_id, event_id, event_type, charger_id, state, attempts, status, error, answer, took_ms, due_at, attempted_at,"
    " created_at"
)
LISTING = Listing(
    columns=_COLUMNS,
    source="webhook_deliveries WHERE tenant = :tenant AND webhook_id = :webhook_id",
    filters={
        "state": "state = :state",
        "event_type": "event_type = :event_type",
        "charger_id": "charger_id = :charger_id",
        "from_at": "created_at >= :from_at",
        "to_at": "created_at < :to_at",
        "webhook_id": "webhook_id = :webhook_id",
    },
    search="lower(event_type) LIKE :search ESCAPE '!' OR lower(charger_id) LIKE :search ESCAPE '!'"
    " OR lower(error) LIKE :search ESCAPE '!' OR lower(answer) LIKE :search ESCAPE '!'",
    unique="id",
)

_INSERT = """
INSERT INTO webhook_deliveries (tenant, webhook_id, event_id, event_type, event_key, charger_id, state, due_at, created_at)
VALUES (:tenant, :webhook_id, :event_id, :event_type, :event_key, :charger_id, 'waiting', :due_at, :now)
ON CONFLICT (webhook_id, event_id) DO """


def deliveries(tx: ReadTx, webhook_id: int, query: DeliveryQuery) -> Stretch[Delivery]:
    """Deliveries of a subscription, the newest first."""
    return stretch(tx, LISTING, query, _delivery, webhook_id=webhook_id)


def delivery(tx: ReadTx, webhook_id: int, delivery_id: int) -> Delivery | None:
    """One delivery."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM {LISTING.source} AND id = :delivery_id",  # noqa: S608 (our own text)
        webhook_id=webhook_id,
        delivery_id=delivery_id,
    )
    return None if row is None else _delivery(row)


def _delivery(row: Row) -> Delivery:
    return Delivery(**{**row, "due_at": row["due_at"] or row["created_at"] if row["state"] == WAITING else None})


def add(tx: Tx, webhook_ids: Sequence[int], *, event_id: int, event_type: str, event_key: str, charger_id: str) -> None:
    """Have an event delivered to subscriptions; to none of them twice."""
    event = {"event_id": event_id, "event_type": event_type, "event_key": event_key, "charger_id": charger_id, "due_at": 0}
    tx.many(_INSERT + "NOTHING", [{"webhook_id": each, **event} for each in webhook_ids])


def add_again(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Have events delivered to a subscription that it missed or that failed; what waits or was delivered stays so."""
    tx.many(
        _INSERT + "UPDATE SET state = 'waiting', due_at = :due_at, attempts = 0 WHERE webhook_deliveries.state = 'failed'",
        rows,
    )


def insert_test(tx: Tx, webhook_id: int, event_type: str, attempt: Attempt) -> int:
    """Keep what came of a test."""
    found: int = tx.value(
        "INSERT INTO webhook_deliveries (tenant, webhook_id, event_id, event_type, event_key, state, due_at, attempts, status, error,"
        " answer, took_ms, attempted_at, created_at) VALUES (:tenant, :webhook_id, NULL, :event_type, '', :state, 0, 1, :status,"
        " :error, :answer, :took_ms, :now, :now) RETURNING id",
        webhook_id=webhook_id,
        event_type=event_type,
        state=DELIVERED if attempt.ok else FAILED,
        **_came_of(attempt),
    )
    return found


def _came_of(attempt: Attempt) -> dict[str, Any]:
    return {"status": attempt.status, "error": attempt.error, "answer": attempt.answer, "took_ms": attempt.took_ms}


def save(tx: Tx, delivery_id: int, attempt: Attempt, *, state: str, due_at: int) -> bool:
    """Keep what came of an attempt; False where nobody waits for it any more."""
    return (
        tx.run(
            "UPDATE webhook_deliveries SET state = :state, due_at = :due_at, attempts = attempts + 1, status = :status, error = :error,"
            " answer = :answer, took_ms = :took_ms, attempted_at = :now"
            " WHERE tenant = :tenant AND id = :delivery_id AND state = 'waiting'",
            delivery_id=delivery_id,
            state=state,
            due_at=due_at,
            **_came_of(attempt),
        )
        > 0
    )


def again(tx: Tx, delivery_id: int) -> None:
    """Send once more, from the first attempt on."""
    tx.run(
        "UPDATE webhook_deliveries SET state = 'waiting', due_at = :now, attempts = 0 WHERE tenant = :tenant AND id = :delivery_id",
        delivery_id=delivery_id,
    )


def failed_again(tx: Tx, webhook_id: int, since_at: int) -> int:
    """Send once more whatever failed of the deliveries since an instant; how many."""
    return tx.run(
        "UPDATE webhook_deliveries SET state = 'waiting', due_at = :now, attempts = 0 WHERE tenant = :tenant"
        " AND webhook_id = :webhook_id AND state = 'failed' AND event_id IS NOT NULL AND created_at >= :since_at",
        webhook_id=webhook_id,
        since_at=since_at,
    )


def due(tx: ReadTx, webhook_id: int, limit: int) -> list[Parcel]:
    """What is due for a subscription: first attempts in the order of their events, then what is tried again."""
    rows = tx.all(
        "SELECT d.id, d.webhook_id, d.event_id, d.event_type, d.event_key, d.attempts, e.at, e.payload FROM webhook_deliveries d"
        " LEFT JOIN events e ON e.sequence = d.event_id AND e.tenant = :tenant WHERE d.tenant = :tenant"
        " AND d.webhook_id = :webhook_id AND d.state = 'waiting' AND d.due_at <= :now ORDER BY d.due_at, d.id LIMIT :limit",
        webhook_id=webhook_id,
        limit=limit,
    )
    return [Parcel(**row) for row in rows]


def payload(tx: ReadTx, event_id: int) -> tuple[int, str] | None:
    """Instant and payload of an event."""
    row = tx.one("SELECT at, payload FROM events WHERE tenant = :tenant AND sequence = :event_id", event_id=event_id)
    return None if row is None else (row["at"], row["payload"])


def before_instant(tx: ReadTx, since_at: int) -> int:
    """The id of an event before all that happened since an instant, found by halving: events have no index by time."""
    system = tx.system("ids and instants of events tell nothing about them")
    ends = system.one("SELECT min(sequence) AS first, max(sequence) AS last FROM events")
    if ends is None or ends["first"] is None:
        return 0
    low, high = ends["first"] - 1, ends["last"]
    while low < high:
        middle = (low + high + 1) // 2
        at = system.value("SELECT at FROM events WHERE sequence >= :middle ORDER BY sequence LIMIT 1", middle=middle)
        if at is not None and at < since_at:
            low = middle
        else:
            high = middle - 1
    return int(low)


def events_since(tx: ReadTx, webhook_id: int, since_at: int, after: int, limit: int) -> Sequence[Row]:
    """Stored events of the tenant since an instant, by their ids; ``known`` where the subscription has a delivery of it."""
    return tx.all(
        "SELECT e.sequence, e.type, e.key, e.payload, EXISTS (SELECT 1 FROM webhook_deliveries d WHERE d.tenant = :tenant"
        " AND d.webhook_id = :webhook_id AND d.event_id = e.sequence) AS known FROM events e"
        " WHERE e.tenant = :tenant AND e.sequence > :after AND e.at >= :since_at ORDER BY e.sequence LIMIT :limit",
        webhook_id=webhook_id,
        after=after,
        since_at=since_at,
        limit=limit,
    )
