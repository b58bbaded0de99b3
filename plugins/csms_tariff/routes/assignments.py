"""Where tariffs apply, over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.lists import Page
from csms.api.routes import Reply, Routes
from csms.hooks import Conflict, Event, Invalid, PluginContext, ReadTx, Statement
from csms_tariff import shown, store, writes
from csms_tariff.bodies import AssignmentQuery, NewAssignment
from csms_tariff.model import ASSIGNED, UNASSIGNED, Assignment, TariffChanged

from .listing import book_of, page

PATH = "/tariffs/assignments/<int:assignment_id>"
EXAMPLE = {"tariff_id": 1, "level": "tenant"}


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    def subject(assignment_id: int) -> Subject:
        def view(tx: ReadTx) -> Assignment:
            return shown.assignment(store.book(tx), assignment_id)

        return Subject("tariff_assignment", str(assignment_id), view)

    @made.get("/tariffs/assignments", needs="tariffs:read")
    async def list_assignments(call: Call, query: AssignmentQuery) -> Page[Assignment]:
        """Where tariffs apply, have applied and will."""
        book, now = await book_of(call, context), context.clock.now()
        found = [each for each in book.assignments if _is_meant(each, query, now)]
        return page(found, query, search=lambda each: f"{each.tariff}\n{each}")

    @made.post(
        "/tariffs/assignments",
        needs="tariffs:write",
        status=201,
        tells=Assignment,
        example=EXAMPLE,
        errors={409: "there is such an assignment from that instant on, or the tariff is archived"},
    )
    async def assign(call: Call, body: NewAssignment) -> Reply:
        """Let a tariff apply somewhere, to everybody or to a driver group.

        Which one applies is decided when a charge starts: connector before EVSE before charger before station before tenant; on each
        level one for a group of the driver before one for everybody; of several the one that began last. `GET /tariffs/explain` shows it.
        """
        book, now = await book_of(call, context), context.clock.now()
        known = shown.kept(book, body.tariff_id)
        if known.archived_at is not None:
            raise Conflict("the tariff is archived")
        begins_at = now if body.valid_from_at is None else body.valid_from_at
        if begins_at < now - writes.SLACK_MS:
            raise Invalid("it cannot begin in the past: what was charged since then was priced already", field="valid_from_at")
        if body.valid_until_at is not None and body.valid_until_at <= begins_at:
            raise Invalid("it ends before it begins", field="valid_until_at")
        if body.station_id is not None:
            await call.read(store.station, body.station_id)
        if body.charger_id:
            await call.read(store.site, body.charger_id)
        tenants_currency = await call.read(store.currency)
        if known.terms.currency != tenants_currency:
            raise Invalid(f"it is in {known.terms.currency}, charges are in {tenants_currency}", field="tariff_id")

        def changes(number: int) -> list[Statement | Event]:
            return [
                writes.insert_assignment(
                    number,
                    tariff_id=body.tariff_id,
                    level=body.level,
                    station_id=body.station_id or 0,
                    charger_id=body.charger_id,
                    evse=body.evse,
                    connector=body.connector,
                    driver_group=body.driver_group,
                    valid_from_at=begins_at,
                    valid_until_at=body.valid_until_at,
                ),
                TariffChanged(tariff_id=body.tariff_id, name=known.terms.name, what=ASSIGNED, from_at=begins_at),
            ]

        why = "there is an assignment for this place and group from that instant on"
        assignment_id = await writes.add(context, call.tenant, "plugin_tariff_assignments", changes, why=why)
        added = shown.assignment(await book_of(call, context), assignment_id)
        await call.note(subject(assignment_id), {"after": added})
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/tariffs/assignments/{assignment_id}"})

    @made.get(PATH, needs="tariffs:read")
    async def show_assignment(call: Call, assignment_id: int) -> Assignment:
        """One assignment."""
        return shown.assignment(await book_of(call, context), assignment_id)

    @made.delete(PATH, needs="tariffs:write", errors={409: "it has ended already"})
    async def end_assignment(call: Call, assignment_id: int) -> None:
        """End an assignment now; one that has not begun is taken back. Charges that run keep their tariff."""
        known = shown.assignment(await book_of(call, context), assignment_id)
        now = context.clock.now()
        if known.valid_until_at is not None and known.valid_until_at <= now:
            raise Conflict("it has ended already")
        async with call.noting(subject(assignment_id), {"before": known}):
            await writes.write(
                context,
                call.tenant,
                writes.end_assignment(assignment_id, begun=known.valid_from_at < now),
                TariffChanged(tariff_id=known.tariff_id, name=known.tariff, what=UNASSIGNED, from_at=max(now, known.valid_from_at)),
                why="it changed meanwhile; try again",
            )


def _is_meant(each: Assignment, query: AssignmentQuery, now: int) -> bool:
    ended = each.valid_until_at is not None and each.valid_until_at <= now
    return (
        query.tariff_id in (None, each.tariff_id)
        and query.level in (None, each.level)
        and query.station_id in (None, each.station_id)
        and query.charger_id in (None, each.charger_id)
        and query.driver_group in (None, each.driver_group)
        and query.current in (None, not ended)
    )
