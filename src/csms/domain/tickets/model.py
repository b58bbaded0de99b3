"""Nouns and events of the tickets slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import attrs
from attrs import validators

from csms.core.checks import Told
from csms.core.events import Event, event
from csms.core.paging import Paged, filter_by, one_of, sorts
from csms.domain.documents.model import Document

OPEN, PENDING, RESOLVED, CLOSED = "open", "pending", "resolved", "closed"
STATES = (OPEN, PENDING, RESOLVED, CLOSED)
"""``open`` waits for the operator, ``pending`` for the driver; ``resolved`` opens again when the driver replies, ``closed`` never."""
PRIORITIES = ("low", "normal", "high", "urgent")
DRIVER, STAFF, SYSTEM = "driver", "staff", "system"

LONGEST_TITLE, LONGEST_BODY = 200, 10_000
MOST_OPEN = 20
"""Tickets that are not closed, of one driver."""
MOST_MESSAGES = 500
"""Messages of one ticket."""
CLOSE_DAYS = 14
"""After so many days a resolved ticket closes, unless the tenant's settings say otherwise."""


def ticket_key(tenant: int, ticket_id: int) -> str:
    """The write key of one ticket."""
    return f"ticket:{tenant}:{ticket_id}"


def tickets_of_key(driver_id: int) -> str:
    """The write key of how many tickets a driver has."""
    return f"tickets_of:{driver_id}"


@attrs.frozen(slots=True, kw_only=True)
class Author:
    """Who writes: a driver or somebody of the operator's, with the name that the other side reads."""

    kind: str
    id: int | None
    name: str


@attrs.frozen(slots=True, kw_only=True)
class Message:
    """One message of a ticket. ``internal``: a note among the operator's people, which the driver does not see."""

    id: int
    at: int
    author_kind: str
    author: str
    body: str
    internal: bool


@attrs.frozen(slots=True, kw_only=True)
class Ticket:
    """A ticket, as lists show it. ``charger_id`` is ``""`` where it is about none; ``station_id`` is where that stands."""

    id: int
    driver_id: int
    driver: str
    title: str
    state: str
    priority: str
    assignee_id: int | None
    assignee: str
    transaction_id: int | None
    charger_id: str
    station_id: int | None
    opened_by: str
    messages: int
    created_at: int
    changed_at: int
    resolved_at: int | None
    closed_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class TicketDetail:
    """A ticket with all its messages and what is attached to it, the oldest first."""

    ticket: Ticket
    messages: Sequence[Message]
    attachments: Sequence[Document]


def _body() -> Any:
    return attrs.field(validator=[validators.min_len(1), validators.max_len(LONGEST_BODY)])


def _title(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    if not value.strip() or len(value) > LONGEST_TITLE or not value.isprintable():
        raise ValueError(f"a title has 1 to {LONGEST_TITLE} printable characters")


_TITLE = Told(_title, {"minLength": 1, "maxLength": LONGEST_TITLE})


def _priority(default: str | None) -> Any:
    return attrs.field(default=default, validator=validators.optional(validators.in_(PRIORITIES)))


@attrs.frozen(slots=True, kw_only=True)
class NewTicket:
    """A ticket that a driver opens, about a transaction of theirs, a charger or a station, or about nothing in particular."""

    title: str = attrs.field(validator=_TITLE)
    body: str = _body()
    transaction_id: int | None = None
    charger_id: str = attrs.field(default="", validator=validators.max_len(255))
    station_id: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class NewTicketFor(NewTicket):
    """A ticket that the operator opens for a driver, such as after a telephone call."""

    driver_id: int
    priority: str = attrs.field(default="normal", validator=validators.in_(PRIORITIES))


@attrs.frozen(slots=True, kw_only=True)
class DriversReply:
    """What a driver writes."""

    body: str = _body()


@attrs.frozen(slots=True, kw_only=True)
class StaffReply:
    """What the operator writes; ``internal`` keeps it from the driver. ``state`` says how the ticket stands after it, as a rule pending."""

    body: str = _body()
    internal: bool = False
    state: str | None = attrs.field(default=None, validator=validators.optional(validators.in_((OPEN, PENDING, RESOLVED))))


@attrs.frozen(slots=True, kw_only=True)
class TicketChange:
    """What shall be otherwise; what is not given, or null, stays as it is. ``clear`` may name ``assignee_id``."""

    title: str | None = attrs.field(default=None, validator=validators.optional(_TITLE))
    state: str | None = attrs.field(default=None, validator=validators.optional(validators.in_((OPEN, PENDING, RESOLVED))))
    priority: str | None = _priority(None)
    assignee_id: int | None = None
    clear: tuple[str, ...] = attrs.field(
        default=(), validator=validators.deep_iterable(validators.in_(("assignee_id",)), validators.max_len(1))
    )


@attrs.frozen(slots=True, kw_only=True)
class MyTicketsQuery(Paged):
    """Which of their tickets a driver wants."""

    sort: str = sorts("changed_at", "created_at", default="-changed_at")
    state: str | None = one_of(*STATES, help="how it stands")


@attrs.frozen(slots=True, kw_only=True)
class TicketsQuery(Paged):
    """Which tickets somebody wants."""

    sort: str = sorts("changed_at", "created_at", "priority", default="-changed_at")
    state: str | None = one_of(*STATES, help="how it stands")
    closed: bool | None = filter_by("true: only closed ones; false: only others")
    priority: str | None = one_of(*PRIORITIES, help="how urgent it is")
    assignee_id: int | None = filter_by("the user who looks after it")
    assigned: bool | None = filter_by("whether somebody looks after it")
    driver_id: int | None = filter_by("whose it is")
    transaction_id: int | None = filter_by("the transaction that it is about")
    charger_id: str | None = filter_by("the charger that it is about")
    station_id: int | None = filter_by("the station that it is about")


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class AboutTicket(Event):
    """What every event about a ticket says. What was written in it stands in the ticket alone."""

    ticket_id: int
    driver_id: int
    by: str
    """``driver``, ``staff`` or ``system``."""

    @property
    def key(self) -> str:
        """What happens to one driver's tickets is told in order."""
        return tickets_of_key(self.driver_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class TicketOpened(AboutTicket):
    """A support ticket was opened, by a driver or for one."""

    type: ClassVar[str] = "ticket_opened"

    title: str
    priority: str
    transaction_id: int | None
    charger_id: str
    station_id: int | None


@event
@attrs.frozen(slots=True, kw_only=True)
class TicketReplied(AboutTicket):
    """Somebody wrote in a support ticket; of notes that drivers do not see nothing is told."""

    type: ClassVar[str] = "ticket_replied"

    message_id: int
    state: str


@event
@attrs.frozen(slots=True, kw_only=True)
class TicketClosed(AboutTicket):
    """A support ticket was closed: nobody can write in it any more."""

    type: ClassVar[str] = "ticket_closed"
