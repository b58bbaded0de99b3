"""Tickets over HTTP: for the operator's people under ``/tickets``, for drivers under ``/me/tickets``."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import FILE, OWN, Reply, Routes
from csms.core.errors import NotFound
from csms.core.ids import TenantId
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.documents import service as documents
from csms.domain.documents.desk import Answer, Desk, sent
from csms.domain.documents.kinds import TICKET
from csms.domain.documents.model import Document, NewDocument, Shown

from . import service, store
from .model import (
    DRIVER,
    STAFF,
    Author,
    DriversReply,
    MyTicketsQuery,
    NewTicket,
    NewTicketFor,
    StaffReply,
    Ticket,
    TicketChange,
    TicketDetail,
    TicketsQuery,
)

UPLOAD_LIMIT_S = 300.0
STREAM = "application/octet-stream"
CLOSED = {409: "the ticket is closed"}

NameOf = Callable[[TenantId, int], Awaitable[str]]
"""``name_of(tenant, user_id)``: what somebody of the tenant's people is called. Raises ``NotFound``."""


def routes(desk: Desk, name_of: NameOf) -> Routes:
    """Routes of this slice."""
    made = Routes("tickets", "What drivers ask and operators answer.", tag="Support tickets")
    _staff(made, name_of)
    _staff_attachments(made, desk)
    _drivers(made)
    _drivers_attachments(made, desk)
    return made


def _subject(ticket_id: int) -> Subject:
    def view(tx: ReadTx) -> Ticket:
        return service.need_ticket(tx, ticket_id)

    return Subject("ticket", str(ticket_id), view)


async def _visible(call: Call, ticket_id: int) -> Ticket:
    """A ticket that the caller, of the operator's people, may see. Raises ``NotFound``."""
    found = await call.read(service.need_ticket, ticket_id)
    call.needs_station(found.station_id)
    return found


def _staff(made: Routes, name_of: NameOf) -> None:
    @made.get("/tickets", needs="tickets:read", reach="list")
    async def list_(call: Call, query: TicketsQuery) -> Page[Ticket]:
        """Support tickets, those last that nothing happened in for long."""
        return await call.read(store.tickets, query, call.stations)

    @made.post(
        "/tickets",
        needs="tickets:write",
        status=201,
        tells=Ticket,
        example={"driver_id": 7, "title": "Cable stuck", "body": "Called at 9:15.", "charger_id": "CP1", "priority": "high"},
    )
    async def add(call: Call, body: NewTicketFor) -> Reply:
        """Open a ticket for a driver, such as after a telephone call."""
        verb = partial(service.open_ticket, priority=body.priority)
        added = await call.write(verb, body.driver_id, body, _staff_author(call), makes="ticket")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/tickets/{added.id}"})

    @made.get("/tickets/<int:ticket_id>", needs="tickets:read", reach="list")
    async def show(call: Call, ticket_id: int) -> TicketDetail:
        """A ticket with its messages, the operator's notes among them, and what is attached to it."""
        await _visible(call, ticket_id)
        return await call.read(service.detail, ticket_id)

    @made.patch(
        "/tickets/<int:ticket_id>",
        needs="tickets:write",
        reach="list",
        errors=CLOSED,
        example={"priority": "high", "assignee_id": 3},
    )
    async def change(call: Call, ticket_id: int, body: TicketChange) -> Ticket:
        """Say who looks after a ticket, how urgent it is and how it stands."""
        await _visible(call, ticket_id)
        assignee = "" if body.assignee_id is None else await name_of(call.tenant, body.assignee_id)
        return await call.write(service.change, ticket_id, body, assignee, of=_subject(ticket_id))

    @made.post(
        "/tickets/<int:ticket_id>/messages",
        needs="tickets:write",
        reach="list",
        errors=CLOSED,
        example={"body": "We sent somebody to look.", "internal": False},
    )
    async def reply(call: Call, ticket_id: int, body: StaffReply) -> Ticket:
        """Answer the driver, or leave a note that only the operator's people see."""
        await _visible(call, ticket_id)
        return await call.write(service.staff_reply, ticket_id, _staff_author(call), body, of=_subject(ticket_id))

    @made.post("/tickets/<int:ticket_id>/close", needs="tickets:write", reach="list")
    async def close(call: Call, ticket_id: int) -> Ticket:
        """Close a ticket for good: nobody can write in it any more."""
        await _visible(call, ticket_id)
        return await call.write(service.close, ticket_id, STAFF, of=_subject(ticket_id))


def _staff_attachments(made: Routes, desk: Desk) -> None:
    @made.post(
        "/tickets/<int:ticket_id>/attachments",
        needs="tickets:write",
        reach="list",
        status=201,
        tells=Document,
        raw_body=STREAM,
        most_body_bytes=desk.settings.max_bytes,
        limit_s=UPLOAD_LIMIT_S,
        errors={**CLOSED, 413: "it is too large"},
    )
    async def attach(call: Call, ticket_id: int) -> Reply:
        """Attach a file to a ticket, as the body or in a form; its driver sees it, too."""
        await _visible(call, ticket_id)
        await call.read(service.attachable, ticket_id)
        added = await desk.take(call, _attachment(ticket_id))
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/documents/{added.id}"})

    @made.get("/tickets/<int:ticket_id>/attachments/<int:document_id>", needs="tickets:read", reach="list", produces=FILE)
    async def attachment(call: Call, ticket_id: int, document_id: int) -> Answer:
        """A file that is attached to a ticket."""
        await _visible(call, ticket_id)
        await call.read(_need_attachment, ticket_id, document_id)
        return await sent(call, await call.read(documents.need_content, document_id, False))


def _attachment(ticket_id: int) -> NewDocument:
    return NewDocument(kind="attachment", subject_kind=TICKET, subject_id=str(ticket_id))


def _need_attachment(tx: ReadTx, ticket_id: int, document_id: int) -> Document:
    found = documents.need_document(tx, document_id)
    if (found.subject_kind, found.subject_id) != (TICKET, str(ticket_id)):
        raise NotFound(f"nothing of that id is attached to ticket {ticket_id}")
    return found


def _staff_author(call: Call) -> Author:
    return Author(kind=STAFF, id=call.who.user_id, name=call.who.name)


# --- what drivers do ------------------------------------------------------------------------------------------------------------


def _driver(call: Call) -> int:
    """The driver who asks. Raises ``Problem`` 403 for somebody who is none."""
    if call.who.driver_id is None:
        raise Problem(403, "Forbidden", "this is for drivers, and your login is not one's")
    return call.who.driver_id


def _driver_author(call: Call) -> Author:
    return Author(kind=DRIVER, id=call.who.driver_id, name=call.who.name)


def _drivers(made: Routes) -> None:
    @made.get("/me/tickets", needs="me:read", reach=OWN)
    async def my_tickets(call: Call, query: MyTicketsQuery) -> Page[Ticket]:
        """One's own support tickets."""
        return await call.read(store.of_driver, _driver(call), query)

    @made.post(
        "/me/tickets",
        needs="me:write",
        reach=OWN,
        status=201,
        tells=Ticket,
        errors={409: "too many tickets are open"},
        example={"title": "Charged twice", "body": "I was charged twice yesterday.", "transaction_id": 41},
    )
    async def ask(call: Call, body: NewTicket) -> Reply:
        """Open a support ticket, about a transaction of one's own, a charger, a station or anything else."""
        added = await call.write(service.open_ticket, _driver(call), body, _driver_author(call), makes="ticket")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/me/tickets/{added.id}"})

    @made.get("/me/tickets/<int:ticket_id>", needs="me:read", reach=OWN)
    async def my_ticket(call: Call, ticket_id: int) -> TicketDetail:
        """One's own ticket, with its messages and what is attached to it."""
        return await call.read(service.detail, ticket_id, _driver(call))

    @made.post(
        "/me/tickets/<int:ticket_id>/messages", needs="me:write", reach=OWN, errors=CLOSED, example={"body": "It works again."}
    )
    async def my_reply(call: Call, ticket_id: int, body: DriversReply) -> Ticket:
        """Write in one's own ticket; one that was resolved opens again."""
        return await call.write(
            service.drivers_reply, ticket_id, _driver(call), _driver_author(call), body.body, of=_subject(ticket_id)
        )

    @made.post("/me/tickets/<int:ticket_id>/close", needs="me:write", reach=OWN)
    async def my_close(call: Call, ticket_id: int) -> Ticket:
        """Close one's own ticket for good."""
        return await call.write(service.close, ticket_id, DRIVER, _driver(call), of=_subject(ticket_id))


def _drivers_attachments(made: Routes, desk: Desk) -> None:
    @made.post(
        "/me/tickets/<int:ticket_id>/attachments",
        needs="me:write",
        reach=OWN,
        status=201,
        tells=Document,
        raw_body=STREAM,
        most_body_bytes=desk.settings.max_bytes,
        limit_s=UPLOAD_LIMIT_S,
        errors={**CLOSED, 413: "it is too large"},
    )
    async def my_attach(call: Call, ticket_id: int) -> Reply:
        """Attach a file, such as a photograph, to one's own ticket; as the body or in a form."""
        driver_id = _driver(call)
        await call.read(service.attachable, ticket_id, driver_id)
        added = await desk.take(call, _attachment(ticket_id), driver_id=driver_id)
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/me/tickets/{ticket_id}/attachments/{added.id}"})

    @made.get("/me/tickets/<int:ticket_id>/attachments/<int:document_id>", needs="me:read", reach=OWN, produces=FILE)
    async def my_attachment(call: Call, ticket_id: int, document_id: int) -> Answer:
        """A file that is attached to one's own ticket."""
        await call.read(service.need_ticket, ticket_id, _driver(call))
        await call.read(_need_attachment, ticket_id, document_id)
        return await sent(call, await call.read(documents.need_content, document_id, False))

    @made.get("/me/tickets/<int:ticket_id>/attachments/<int:document_id>/link", needs="me:read", reach=OWN)
    async def my_attachment_link(call: Call, ticket_id: int, document_id: int) -> Shown:
        """Links that show what is attached without a login until they expire."""
        await call.read(service.need_ticket, ticket_id, _driver(call))
        return desk.shown(call, await call.read(_need_attachment, ticket_id, document_id))
