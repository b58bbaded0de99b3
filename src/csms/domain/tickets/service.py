"""Verbs on tickets."""

from __future__ import annotations

import attrs

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.documents import store as documents
from csms.domain.documents.kinds import TICKET
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.transactions.store import rows as transactions

from . import store
from .model import (
    CLOSED,
    DRIVER,
    MOST_MESSAGES,
    MOST_OPEN,
    OPEN,
    PENDING,
    RESOLVED,
    STAFF,
    SYSTEM,
    Author,
    NewTicket,
    StaffReply,
    Ticket,
    TicketChange,
    TicketClosed,
    TicketDetail,
    TicketOpened,
    TicketReplied,
    ticket_key,
    tickets_of_key,
)

SLICE = 100


@attrs.frozen(slots=True)
class About:
    """What a ticket is about, as it was found."""

    transaction_id: int | None
    charger_id: str
    station_id: int | None


def need_ticket(tx: ReadTx, ticket_id: int, driver_id: int | None = None) -> Ticket:
    """A ticket of the tenant, or of one driver, as they see it. Raises ``NotFound``."""
    found = store.ticket(tx, ticket_id, to_driver=driver_id is not None)
    if found is None or driver_id not in (None, found.driver_id):
        raise NotFound(f"there is no ticket {ticket_id}")
    return found


def detail(tx: ReadTx, ticket_id: int, driver_id: int | None = None) -> TicketDetail:
    """A ticket with its messages and attachments; without the operator's notes for its driver. Raises ``NotFound``."""
    return TicketDetail(
        ticket=need_ticket(tx, ticket_id, driver_id),
        messages=store.messages(tx, ticket_id, internal=driver_id is None),
        attachments=documents.of_subject(tx, TICKET, str(ticket_id)),
    )


def open_ticket(tx: Tx, driver_id: int, new: NewTicket, author: Author, *, priority: str = "normal") -> Ticket:
    """Open a ticket of a driver.

    Raises ``NotFound`` for the driver or what it is about (a transaction must be the driver's own), ``Refused`` where they have many
    open already.
    """
    tx.claim(tickets_of_key(driver_id))
    drivers.need_driver(tx, driver_id)
    about = _about(tx, driver_id, new)
    if author.kind == DRIVER and store.unclosed(tx, driver_id) >= MOST_OPEN:
        raise Refused(f"{MOST_OPEN} tickets are open already; write in one of them")
    added = store.insert(
        tx,
        driver_id=driver_id,
        title=new.title.strip(),
        state=OPEN,
        priority=priority,
        transaction_id=about.transaction_id,
        charger_id=about.charger_id,
        station_id=about.station_id,
        opened_by=author.kind,
    )
    store.add_message(tx, added, author, new.body, internal=False)
    tx.emit(
        TicketOpened(
            ticket_id=added,
            driver_id=driver_id,
            by=author.kind,
            title=new.title.strip(),
            priority=priority,
            transaction_id=about.transaction_id,
            charger_id=about.charger_id,
            station_id=about.station_id,
        )
    )
    return need_ticket(tx, added)


def _about(tx: ReadTx, driver_id: int, new: NewTicket) -> About:
    """What a ticket is about: of a transaction its charger, of a charger its station. What contradicts that is ``Invalid``."""
    charger_id, station_id = new.charger_id, new.station_id
    if new.transaction_id is not None:
        known = transactions.by_id(tx, new.transaction_id)
        if known is None or known.driver_id != driver_id:
            raise NotFound(f"there is no transaction {new.transaction_id} of this driver")
        if charger_id not in ("", known.charger_id):
            raise Invalid(f"the transaction is at the charger {known.charger_id!r}", field="charger_id")
        charger_id = known.charger_id
    if charger_id:
        charger = stations_store.charger(tx, charger_id)
        if charger is None and new.transaction_id is None:
            raise NotFound(f"there is no charger {charger_id!r}")
        stands_at = None if charger is None else charger.station_id
        if station_id not in (None, stands_at):
            raise Invalid("the charger stands somewhere else", field="station_id")
        station_id = stands_at
    elif station_id is not None:
        stations.need_station(tx, station_id)
    return About(new.transaction_id, charger_id, station_id)


def drivers_reply(tx: Tx, ticket_id: int, driver_id: int, author: Author, body: str) -> Ticket:
    """What a driver writes; a resolved ticket opens again. Raises ``NotFound``, or ``Refused`` for one that is closed."""
    known = _writable(tx, ticket_id, driver_id)
    message_id = store.add_message(tx, ticket_id, author, body, internal=False)
    store.update(tx, ticket_id, state=OPEN, resolved_at=None)
    tx.emit(TicketReplied(ticket_id=ticket_id, driver_id=known.driver_id, by=DRIVER, message_id=message_id, state=OPEN))
    return need_ticket(tx, ticket_id, driver_id)


def staff_reply(tx: Tx, ticket_id: int, author: Author, reply: StaffReply) -> Ticket:
    """What the operator writes, to the driver or as a note. Raises ``NotFound``, or ``Refused`` for a ticket that is closed."""
    known = _writable(tx, ticket_id)
    message_id = store.add_message(tx, ticket_id, author, reply.body, internal=reply.internal)
    state = reply.state or (known.state if reply.internal else PENDING)
    _set_state(tx, known, state)
    if not reply.internal:
        tx.emit(TicketReplied(ticket_id=ticket_id, driver_id=known.driver_id, by=STAFF, message_id=message_id, state=state))
    return need_ticket(tx, ticket_id)


def change(tx: Tx, ticket_id: int, wanted: TicketChange, assignee: str) -> Ticket:
    """Change how a ticket stands or who looks after it, by the name ``assignee``. Raises ``NotFound``, ``Invalid`` or ``Refused``."""
    known = _writable(tx, ticket_id)
    if wanted.clear and wanted.assignee_id is not None:
        raise Invalid("assignee_id is given a value and cleared", field="clear")
    if wanted.clear:
        store.update(tx, ticket_id, assignee_id=None, assignee="")
    elif wanted.assignee_id is not None:
        store.update(tx, ticket_id, assignee_id=wanted.assignee_id, assignee=assignee)
    if wanted.title is not None:
        store.update(tx, ticket_id, title=wanted.title.strip())
    if wanted.priority is not None:
        store.update(tx, ticket_id, priority=wanted.priority)
    if wanted.state is not None:
        _set_state(tx, known, wanted.state)
    return need_ticket(tx, ticket_id)


def _set_state(tx: Tx, known: Ticket, state: str) -> None:
    resolved_at = None if state != RESOLVED else known.resolved_at or tx.now
    store.update(tx, known.id, state=state, resolved_at=resolved_at)


def close(tx: Tx, ticket_id: int, by: str, driver_id: int | None = None) -> Ticket:
    """Close a ticket for good; closing a closed one changes nothing. Raises ``NotFound``."""
    tx.claim(ticket_key(tx.tenant, ticket_id))
    known = need_ticket(tx, ticket_id, driver_id)
    if known.state != CLOSED:
        store.update(tx, ticket_id, state=CLOSED, closed_at=tx.now, resolved_at=known.resolved_at or tx.now)
        tx.emit(TicketClosed(ticket_id=ticket_id, driver_id=known.driver_id, by=by))
    return need_ticket(tx, ticket_id, driver_id)


def close_resolved(tx: Tx, older_than_ms: int) -> int:
    """Close tickets that were resolved so long ago; how many. Job."""
    found = store.long_resolved(tx, before=tx.now - older_than_ms, limit=SLICE)
    tx.claim(*sorted({key for each in found for key in (ticket_key(tx.tenant, each.id), tickets_of_key(each.driver_id))}))
    for each in found:
        close(tx, each.id, SYSTEM)
    return len(found)


def _writable(tx: Tx, ticket_id: int, driver_id: int | None = None) -> Ticket:
    tx.claim(ticket_key(tx.tenant, ticket_id))
    known = need_ticket(tx, ticket_id, driver_id)
    if known.state == CLOSED:
        raise Refused(f"ticket {ticket_id} is closed; open a new one")
    if known.messages >= MOST_MESSAGES:
        raise Refused(f"ticket {ticket_id} has {MOST_MESSAGES} messages; open a new one")
    return known


def attachable(tx: ReadTx, ticket_id: int, driver_id: int | None = None) -> Ticket:
    """A ticket to which something may be attached. Raises ``NotFound``, or ``Refused`` for one that is closed."""
    known = need_ticket(tx, ticket_id, driver_id)
    if known.state == CLOSED:
        raise Refused(f"ticket {ticket_id} is closed; open a new one")
    return known


def erase(tx: Tx, driver_id: int, pseudonym: str) -> int:
    """Take away what was written in a driver's tickets, and close them; how many messages."""
    tx.claim(tickets_of_key(driver_id))
    mine = store.all_of_driver(tx, driver_id)
    tx.claim(*sorted(ticket_key(tx.tenant, each.id) for each in mine))
    for each in mine:
        close(tx, each.id, SYSTEM)
    return store.erase(tx, driver_id, pseudonym)
