"""Calendars of holidays over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.lists import Page
from csms.api.routes import Reply, Routes
from csms.hooks import Conflict, Event, Invalid, PluginContext, ReadTx, Statement
from csms_tariff import shown, store, writes
from csms_tariff.bodies import CalendarQuery, Holidays, NewCalendar
from csms_tariff.metering import zone_of
from csms_tariff.model import Book, Calendar, Holiday
from csms_tariff.windows import local_day

from .listing import book_of, page

PATH = "/tariffs/calendars/<int:calendar_id>"
DAYS = [{"day": "2030-08-15", "name": "Independence Day"}, {"day": "2030-10-02", "name": "Gandhi Jayanti"}]


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    def subject(calendar_id: int) -> Subject:
        def view(tx: ReadTx) -> Calendar:
            return shown.calendar(store.book(tx), calendar_id)

        return Subject("tariff_calendar", str(calendar_id), view)

    @made.get("/tariffs/calendars", needs="tariffs:read")
    async def list_calendars(call: Call, query: CalendarQuery) -> Page[Calendar]:
        """Calendars that versions refer to by their names."""
        book = await book_of(call, context)
        return page(book.calendars.values(), query, search=lambda each: each.name, sort=query.sort)

    @made.post(
        "/tariffs/calendars",
        needs="tariffs:write",
        status=201,
        tells=Calendar,
        example={"name": "Karnataka", "holidays": DAYS},
        errors={409: "the name is taken"},
    )
    async def add_calendar(call: Call, body: NewCalendar) -> Reply:
        """Add a calendar."""
        _check_once(body.holidays)

        def changes(number: int) -> list[Statement | Event]:
            return [writes.insert_calendar(number, body.name), *writes.holidays(number, "", body.holidays)]

        why = f"there is a calendar {body.name!r} already"
        calendar_id = await writes.add(context, call.tenant, "plugin_tariff_calendars", changes, why=why)
        added = shown.calendar(await book_of(call, context), calendar_id)
        await call.note(subject(calendar_id), {"after": added})
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/tariffs/calendars/{calendar_id}"})

    @made.get(PATH, needs="tariffs:read")
    async def show_calendar(call: Call, calendar_id: int) -> Calendar:
        """One calendar."""
        return shown.calendar(await book_of(call, context), calendar_id)

    @made.put(
        PATH,
        needs="tariffs:write",
        example={"holidays": DAYS},
        errors={409: "holidays until today would become others, by which charges were priced"},
    )
    async def set_holidays(call: Call, calendar_id: int, body: Holidays) -> Calendar:
        """Say which days are holidays from tomorrow on (by the tenant's clock). Those until today must be as they were."""
        before = shown.calendar(await book_of(call, context), calendar_id)
        _check_once(body.holidays)
        here = await call.read(store.station, None)
        today = local_day(zone_of(here.time_zone), context.clock.now()).isoformat()
        gone = {each.day for each in before.holidays if each.day <= today} ^ {
            each.day for each in body.holidays if each.day <= today
        }
        if gone:
            raise Conflict(f"holidays until today stay as they are: {', '.join(sorted(gone))}")
        async with call.noting(subject(calendar_id), {"before": before, "after": body}):
            changes = writes.holidays(calendar_id, today, body.holidays)
            await writes.write(context, call.tenant, *changes, why="it changed meanwhile; try again")
        return shown.calendar(await book_of(call, context), calendar_id)

    @made.delete(PATH, needs="tariffs:write", errors={409: "a version of a tariff refers to it"})
    async def remove_calendar(call: Call, calendar_id: int) -> None:
        """Remove a calendar that no version refers to."""
        book = await book_of(call, context)
        before = shown.calendar(book, calendar_id)
        if users := sorted(_users(book, before.name)):
            raise Conflict(f"tariffs refer to it: {', '.join(users)}")
        async with call.noting(subject(calendar_id), {"before": before}):
            await writes.write(context, call.tenant, *writes.delete_calendar(calendar_id), why="it changed meanwhile; try again")


def _users(book: Book, name: str) -> set[str]:
    """The tariffs a version of which refers to a calendar."""
    return {
        each.terms.name for each in book.tariffs.values() if any(version.rules.calendar == name for version in each.terms.versions)
    }


def _check_once(holidays: tuple[Holiday, ...]) -> None:
    days = [each.day for each in holidays]
    if len(set(days)) < len(days):
        twice = sorted({each for each in days if days.count(each) > 1})
        raise Invalid(f"{', '.join(twice)} is there twice", field="holidays")
