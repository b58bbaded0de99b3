"""Tickets in the store, on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Database
from csms.domain.drivers import service as drivers
from csms.domain.tickets import service, store
from csms.domain.tickets.model import Author, MyTicketsQuery, NewTicket, StaffReply, Ticket, TicketChange, TicketsQuery

DAY_MS = 86_400_000
STAFF = Author(kind="staff", id=1, name="Sam")


async def ask(database: Database, driver_id: int, title: str, **more: Any) -> Ticket:
    author = Author(kind="driver", id=driver_id, name="Asha")
    verb = partial(service.open_ticket, **more)
    return await database.write(verb, driver_id, NewTicket(title=title, body="?"), author, tenant=DEFAULT_TENANT)


async def test_tickets_are_found_by_how_they_stand(database: Database, clock: Any) -> None:
    asha = (await database.write(drivers.add_driver, "Asha", tenant=DEFAULT_TENANT)).id
    ravi = (await database.write(drivers.add_driver, "Ravi", tenant=DEFAULT_TENANT)).id
    first, second, third = [
        await ask(database, driver_id, title, priority=priority)
        for driver_id, title, priority in ((asha, "Cable", "low"), (asha, "Bill", "urgent"), (ravi, "App 100%", "normal"))
    ]
    clock.advance(1000)
    await database.write(service.staff_reply, first.id, STAFF, StaffReply(body="Hm."), tenant=DEFAULT_TENANT)
    await database.write(service.change, second.id, TicketChange(assignee_id=5), "Sam", tenant=DEFAULT_TENANT)

    async def found(stations: frozenset[int] | None = None, **query: Any) -> list[int]:
        page = await database.read(store.tickets, TicketsQuery(**query), stations, tenant=DEFAULT_TENANT)
        assert page.total == len(page.items)
        return [each.id for each in page.items]

    assert await found(sort="-priority") == [second.id, third.id, first.id]
    assert await found(state="pending") == [first.id]
    assert await found(assigned=True) == [second.id]
    assert await found(assignee_id=5, closed=False) == [second.id]
    assert await found(search="ravi") == [third.id]
    assert await found(search="100%") == [third.id]
    assert await found(frozenset({3})) == []
    assert await found(driver_id=asha, sort="created_at") == [first.id, second.id]
    mine = await database.read(store.of_driver, ravi, MyTicketsQuery(), tenant=DEFAULT_TENANT)
    assert [each.id for each in mine.items] == [third.id]
    with pytest.raises(NotFound):
        await database.read(service.detail, first.id, tenant=TenantId(2))
    with pytest.raises(NotFound):
        await database.read(service.detail, first.id, ravi, tenant=DEFAULT_TENANT)


async def test_what_was_written_is_erased_and_the_ticket_closed(database: Database) -> None:
    asha = (await database.write(drivers.add_driver, "Asha", tenant=DEFAULT_TENANT)).id
    ticket = await ask(database, asha, "I am Asha")
    await database.write(service.staff_reply, ticket.id, STAFF, StaffReply(body="Dear Asha"), tenant=DEFAULT_TENANT)
    assert await database.write(service.erase, asha, "erased-driver-1", tenant=DEFAULT_TENANT) == 2
    detail = await database.read(service.detail, ticket.id, tenant=DEFAULT_TENANT)
    assert (detail.ticket.state, detail.ticket.title) == ("closed", "erased-driver-1")
    assert [(each.author, each.body) for each in detail.messages] == [("erased-driver-1", ""), ("Sam", "")]
    with pytest.raises(Refused, match="closed"):
        await database.write(service.staff_reply, ticket.id, STAFF, StaffReply(body="Hm."), tenant=DEFAULT_TENANT)


async def test_resolved_tickets_close_after_a_while(database: Database, clock: Any) -> None:
    asha = (await database.write(drivers.add_driver, "Asha", tenant=DEFAULT_TENANT)).id
    ticket = await ask(database, asha, "Bill")
    await database.write(service.change, ticket.id, TicketChange(state="resolved"), "", tenant=DEFAULT_TENANT)
    clock.advance(3 * DAY_MS)
    assert await database.write(service.close_resolved, 4 * DAY_MS, tenant=DEFAULT_TENANT) == 0
    assert await database.write(service.close_resolved, 2 * DAY_MS, tenant=DEFAULT_TENANT) == 1
    assert await database.write(service.close_resolved, 2 * DAY_MS, tenant=DEFAULT_TENANT) == 0
