"""SQL of the tickets slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page

from .model import Author, Message, MyTicketsQuery, Ticket, TicketsQuery

_COLUMNS = (
    "k.id, k.driver_id, d.name AS driver, k.title, k.state, k.priority, k.assignee_id, k.assignee, k.transaction_id, k.charger_id,"
    " k.station_id, k.opened_by, k.messages, k.created_at, k.changed_at, k.resolved_at, k.closed_at"
)
_TO_DRIVERS = _COLUMNS.replace(
    "k.messages",
    "(SELECT count(*) FROM ticket_messages m WHERE m.tenant = k.tenant AND m.ticket_id = k.id AND m.internal = 0) AS messages",
)
"""As drivers see them: the operator's notes are not counted either."""
_SOURCE = "tickets k JOIN drivers d ON d.id = k.driver_id WHERE k.tenant = :tenant"
_RANK = "CASE k.priority WHEN 'urgent' THEN 3 WHEN 'high' THEN 2 WHEN 'normal' THEN 1 ELSE 0 END"

LISTING = Listing(
    columns=_COLUMNS,
    source=_SOURCE,
    filters={
        "state": "k.state = :state",
        "closed": "CASE WHEN k.state = 'closed' THEN 1 ELSE 0 END = :closed",
        "priority": "k.priority = :priority",
        "assignee_id": "k.assignee_id = :assignee_id",
        "assigned": "CASE WHEN k.assignee_id IS NULL THEN 0 ELSE 1 END = :assigned",
        "driver_id": "k.driver_id = :driver_id",
        "transaction_id": "k.transaction_id = :transaction_id",
        "charger_id": "k.charger_id = :charger_id",
        "station_id": "k.station_id = :station_id",
        "stations": "k.station_id IN ({stations})",
        "mine": "k.driver_id = :mine",
    },
    search="lower(k.title) LIKE :search ESCAPE '!' OR lower(d.name) LIKE :search ESCAPE '!'",
    sorts={"changed_at": "k.changed_at", "created_at": "k.id", "priority": _RANK},
    unique="k.id",
)
_MINE = attrs.evolve(LISTING, columns=_TO_DRIVERS)


def _ticket(row: Row) -> Ticket:
    return Ticket(**row)


def tickets(tx: ReadTx, query: TicketsQuery, stations: frozenset[int] | None) -> Page[Ticket]:
    """Tickets, page by page; of some stations only, for those who see no more."""
    return page(tx, LISTING, query, _ticket, stations=stations)


def of_driver(tx: ReadTx, driver_id: int, query: MyTicketsQuery) -> Page[Ticket]:
    """A driver's tickets, page by page."""
    return page(tx, _MINE, query, _ticket, mine=driver_id)


def all_of_driver(tx: ReadTx, driver_id: int) -> Sequence[Ticket]:
    """Every ticket of a driver, the oldest first."""
    sql = f"SELECT {_COLUMNS} FROM {_SOURCE} AND k.driver_id = :driver_id ORDER BY k.id"  # noqa: S608 (our text)
    return [_ticket(row) for row in tx.all(sql, driver_id=driver_id)]


def ticket(tx: ReadTx, ticket_id: int, *, to_driver: bool = False) -> Ticket | None:
    """One ticket, as staff or as its driver sees it."""
    columns = _TO_DRIVERS if to_driver else _COLUMNS
    row = tx.one(f"SELECT {columns} FROM {_SOURCE} AND k.id = :id", id=ticket_id)  # noqa: S608 (our text)
    return None if row is None else _ticket(row)


def unclosed(tx: ReadTx, driver_id: int) -> int:
    """How many tickets of a driver are not closed."""
    return int(
        tx.value(
            "SELECT count(*) FROM tickets WHERE tenant = :tenant AND driver_id = :driver_id AND closed_at IS NULL",
            driver_id=driver_id,
        )
    )


def messages(tx: ReadTx, ticket_id: int, *, internal: bool) -> Sequence[Message]:
    """The messages of a ticket, the oldest first; with or without the operator's own notes."""
    rows = tx.all(
        "SELECT id, at, author_kind, author, body, internal FROM ticket_messages"
        " WHERE tenant = :tenant AND ticket_id = :ticket_id AND internal <= :internal ORDER BY id",
        ticket_id=ticket_id,
        internal=int(internal),
    )
    return [Message(**{**row, "internal": bool(row["internal"])}) for row in rows]


def insert(tx: Tx, **values: Any) -> int:
    """The id of a new ticket; ``values`` are its columns."""
    names = tuple(values)
    found: int = tx.value(
        f"INSERT INTO tickets (tenant, created_at, changed_at, {', '.join(names)})"  # noqa: S608 (the service's own names)
        f" VALUES (:tenant, :at, :at, {', '.join(f':{name}' for name in names)}) RETURNING id",
        at=tx.now,
        **values,
    )
    return found


def update(tx: Tx, ticket_id: int, **values: Any) -> None:
    """Change columns of a ticket."""
    assigned = "".join(f", {name} = :{name}" for name in values)
    tx.run(
        f"UPDATE tickets SET changed_at = :at{assigned} WHERE tenant = :tenant AND id = :id",  # noqa: S608 (own names)
        id=ticket_id,
        at=tx.now,
        **values,
    )


def add_message(tx: Tx, ticket_id: int, author: Author, body: str, *, internal: bool) -> int:
    """The id of a new message."""
    found: int = tx.value(
        "INSERT INTO ticket_messages (tenant, ticket_id, at, author_kind, author_id, author, body, internal)"
        " VALUES (:tenant, :ticket_id, :at, :author_kind, :author_id, :author, :body, :internal) RETURNING id",
        ticket_id=ticket_id,
        at=tx.now,
        author_kind=author.kind,
        author_id=author.id,
        author=author.name,
        body=body,
        internal=int(internal),
    )
    tx.run("UPDATE tickets SET messages = messages + 1 WHERE tenant = :tenant AND id = :id", id=ticket_id)
    return found


def long_resolved(tx: ReadTx, *, before: int, limit: int) -> Sequence[Ticket]:
    """Tickets that were resolved before an instant and are not closed."""
    sql = (
        f"SELECT {_COLUMNS} FROM {_SOURCE} AND k.state = 'resolved' AND k.resolved_at < :before"  # noqa: S608 (our text)
        " ORDER BY k.resolved_at LIMIT :limit"
    )
    return [_ticket(row) for row in tx.all(sql, before=before, limit=limit)]


def erase(tx: Tx, driver_id: int, pseudonym: str) -> int:
    """Take away what a driver wrote, and what was written to them; how many messages."""
    tx.run(
        "UPDATE tickets SET title = :pseudonym WHERE tenant = :tenant AND driver_id = :driver_id",
        driver_id=driver_id,
        pseudonym=pseudonym,
    )
    return tx.run(
        "UPDATE ticket_messages SET body = '', author = CASE WHEN author_kind = 'driver' THEN :pseudonym ELSE author END"
        " WHERE tenant = :tenant AND body <> ''"
        " AND ticket_id IN (SELECT id FROM tickets WHERE tenant = :tenant AND driver_id = :driver_id)",
        driver_id=driver_id,
        pseudonym=pseudonym,
    )
