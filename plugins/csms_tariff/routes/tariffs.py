"""Tariffs and their versions over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.lists import Page
from csms.api.routes import Reply, Routes
from csms.hooks import Conflict, Event, Invalid, PluginContext, ReadTx, Refused, Statement
from csms_tariff import shown, store, writes
from csms_tariff.bodies import NewTariff, NewVersion, TariffChange, TariffQuery, VersionsQuery
from csms_tariff.model import ADDED, ARCHIVED, CHANGED, VERSION, Book, Kept, Tariff, TariffChanged, TariffDetail, Version

from .listing import book_of, page

PATH = "/tariffs/<int:tariff_id>"
RULES = {
    "components": [
        {"kind": "energy", "name": "Energy, day", "rate": "14.50"},
        {"kind": "energy", "name": "Energy, night", "rate": "9.00", "priority": 1, "windows": [{"start": "22:00", "end": "06:00"}]},
        {"kind": "idle", "rate": "1.50", "grace_s": 600},
    ],
    "taxes": {"scheme": "gst", "percent": "18", "code": "996911"},
}
EXAMPLE = {"name": "Day and night", "rules": RULES}
BEGUN = "it is in force already, or was; add a version that replaces it"


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    def subject(tariff_id: int) -> Subject:
        def view(tx: ReadTx) -> TariffDetail:
            return shown.detail(store.book(tx), tariff_id, tx.now)

        return Subject("tariff", str(tariff_id), view)

    def version_subject(tariff_id: int, number: int) -> Subject:
        def view(tx: ReadTx) -> Version:
            return shown.numbered(store.book(tx), tariff_id, number, tx.now)

        return Subject("tariff_version", f"{tariff_id}/{number}", view)

    @made.get("/tariffs", needs="tariffs:read")
    async def list_(call: Call, query: TariffQuery) -> Page[Tariff]:
        """Tariffs of the tenant."""
        book = await book_of(call, context)
        found = [each for each in shown.tariffs(book, context.clock.now()) if query.state in (None, each.state)]
        return page(found, query, search=lambda each: f"{each.name}\n{each.description}", sort=query.sort)

    @made.post(
        "/tariffs", needs="tariffs:write", status=201, tells=TariffDetail, example=EXAMPLE, errors={409: "the name is taken"}
    )
    async def add(call: Call, body: NewTariff) -> Reply:
        """Add a tariff with its first version.

        Amounts are in whole currency units, as decimals in strings. It applies to nothing before it is assigned:
        `POST /tariffs/assignments`. The answer's `remarks` tell what may not be meant so.
        """
        book = await book_of(call, context)
        shown.need_calendar(book, body.rules)
        currency = body.currency or await call.read(store.currency)
        now = context.clock.now()
        begins_at = now if body.valid_from_at is None else body.valid_from_at

        def changes(number: int) -> list[Statement | Event]:
            return [
                writes.insert_tariff(
                    number, name=body.name, description=body.description, currency=currency, tax_inclusive=body.tax_inclusive
                ),
                writes.insert_version(
                    number, 1, valid_from_at=begins_at, rules=body.rules, note=body.note, by=call.who.name, first=True
                ),
                TariffChanged(tariff_id=number, name=body.name, what=ADDED, from_at=begins_at),
            ]

        why = f"there is a tariff {body.name!r} already"
        tariff_id = await writes.add(context, call.tenant, "plugin_tariff_tariffs", changes, why=why)
        made_now = shown.detail(await book_of(call, context), tariff_id, context.clock.now())
        await call.note(subject(tariff_id), {"after": made_now})
        return Reply(body=made_now, status=201, headers={"Location": f"/api/v1/tariffs/{tariff_id}"})

    @made.get(PATH, needs="tariffs:read")
    async def show(call: Call, tariff_id: int) -> TariffDetail:
        """One tariff, with the version in force and the next."""
        return shown.detail(await book_of(call, context), tariff_id, context.clock.now())

    @made.patch(PATH, needs="tariffs:write", example={"description": "For guests"}, errors={409: "the name is taken, or archived"})
    async def change(call: Call, tariff_id: int, body: TariffChange) -> TariffDetail:
        """Change a tariff's name or description. What it costs is changed by adding a version."""
        known = _active(await book_of(call, context), tariff_id)
        name = body.name if body.name is not None else known.terms.name
        description = body.description if body.description is not None else known.description
        async with call.noting(subject(tariff_id), {"name": name, "description": description}):
            await writes.write(
                context,
                call.tenant,
                writes.update_tariff(tariff_id, name=name, description=description),
                TariffChanged(tariff_id=tariff_id, name=name, what=CHANGED, from_at=context.clock.now()),
                why=f"there is a tariff {name!r} already",
            )
        return shown.detail(await book_of(call, context), tariff_id, context.clock.now())

    @made.post(f"{PATH}/archive", needs="tariffs:write", errors={409: "it is archived already"})
    async def archive(call: Call, tariff_id: int) -> TariffDetail:
        """Archive a tariff: it applies to no charge that starts from now on, and stays to explain those before. Its name is free again."""
        known = _active(await book_of(call, context), tariff_id)
        async with call.noting(subject(tariff_id), {"name": known.terms.name}):
            await writes.write(
                context,
                call.tenant,
                writes.archive_tariff(tariff_id),
                TariffChanged(tariff_id=tariff_id, name=known.terms.name, what=ARCHIVED, from_at=context.clock.now()),
                why="it is archived already",
            )
        return shown.detail(await book_of(call, context), tariff_id, context.clock.now())

    # --- versions ---------------------------------------------------------------------------------------------------------------

    @made.get(f"{PATH}/versions", needs="tariffs:read")
    async def list_versions(call: Call, tariff_id: int, query: VersionsQuery) -> Page[Version]:
        """All versions of a tariff, the one that comes into force last first."""
        kept, now = shown.kept(await book_of(call, context), tariff_id), context.clock.now()
        found = [shown.version(kept, each, now) for each in kept.terms.versions]
        wanted = [each for each in found if query.state in (None, each.state)]
        return page(wanted, query, search=lambda each: each.note, sort=query.sort)

    @made.post(
        f"{PATH}/versions",
        needs="tariffs:write",
        status=201,
        tells=Version,
        example={"rules": RULES, "note": "dearer grid"},
        errors={409: "another version begins at that instant, or the tariff is archived"},
    )
    async def add_version(call: Call, tariff_id: int, body: NewVersion) -> Reply:
        """Add a version: from its instant on energy and time are priced by it, also of charges that run then."""
        book = await book_of(call, context)
        known = _active(book, tariff_id)
        shown.need_calendar(book, body.rules)
        begins_at = _beginning(body, context.clock.now())
        number = max((each.number for each in known.terms.versions), default=0) + 1
        await writes.write(
            context,
            call.tenant,
            writes.insert_version(tariff_id, number, valid_from_at=begins_at, rules=body.rules, note=body.note, by=call.who.name),
            TariffChanged(tariff_id=tariff_id, name=known.terms.name, what=VERSION, from_at=begins_at),
            why="another version begins at that instant, or was added meanwhile",
        )
        added = shown.numbered(await book_of(call, context), tariff_id, number, context.clock.now())
        await call.note(version_subject(tariff_id, number), {"after": added})
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/tariffs/{tariff_id}/versions/{number}"})

    @made.get(f"{PATH}/versions/<int:number>", needs="tariffs:read")
    async def show_version(call: Call, tariff_id: int, number: int) -> Version:
        """One version."""
        return shown.numbered(await book_of(call, context), tariff_id, number, context.clock.now())

    @made.put(f"{PATH}/versions/<int:number>", needs="tariffs:write", example={"rules": RULES}, errors={409: BEGUN})
    async def replace_version(call: Call, tariff_id: int, number: int, body: NewVersion) -> Version:
        """Change a version that is not in force yet; without `valid_from_at` it begins when it was to."""
        book = await book_of(call, context)
        known = _active(book, tariff_id)
        before = _pending(book, tariff_id, number, context.clock.now())
        shown.need_calendar(book, body.rules)
        now = context.clock.now()
        begins_at = before.valid_from_at if body.valid_from_at is None else _beginning(body, now)
        async with call.noting(version_subject(tariff_id, number), {"before": before, "after": body}):
            await writes.write(
                context,
                call.tenant,
                writes.update_version(
                    tariff_id, number, valid_from_at=begins_at, rules=body.rules, note=body.note, by=call.who.name
                ),
                TariffChanged(tariff_id=tariff_id, name=known.terms.name, what=VERSION, from_at=begins_at),
                why="it came into force meanwhile, or another version begins at that instant",
            )
        return shown.numbered(await book_of(call, context), tariff_id, number, context.clock.now())

    @made.delete(f"{PATH}/versions/<int:number>", needs="tariffs:write", errors={409: BEGUN})
    async def remove_version(call: Call, tariff_id: int, number: int) -> None:
        """Take back a version that is not in force yet. A tariff keeps at least one."""
        book = await book_of(call, context)
        known = _active(book, tariff_id)
        before = _pending(book, tariff_id, number, context.clock.now())
        if len(known.terms.versions) == 1:
            raise Refused("it is the tariff's only version; archive the tariff")
        async with call.noting(version_subject(tariff_id, number), {"before": before}):
            await writes.write(
                context,
                call.tenant,
                writes.delete_version(tariff_id, number),
                TariffChanged(tariff_id=tariff_id, name=known.terms.name, what=VERSION, from_at=before.valid_from_at),
                why="it came into force meanwhile",
            )


def _active(book: Book, tariff_id: int) -> Kept:
    """A tariff that is not archived. Raises ``NotFound``, ``Conflict``."""
    found = shown.kept(book, tariff_id)
    if found.archived_at is not None:
        raise Conflict("the tariff is archived")
    return found


def _pending(book: Book, tariff_id: int, number: int, now: int) -> Version:
    """A version that is not in force yet. Raises ``NotFound``, ``Conflict``."""
    found = shown.numbered(book, tariff_id, number, now)
    if found.state != "pending":
        raise Conflict(BEGUN)
    return found


def _beginning(body: NewVersion, now: int) -> int:
    """When a version begins. Raises ``Invalid`` for the past."""
    if body.valid_from_at is None:
        return now
    if body.valid_from_at < now - writes.SLACK_MS:
        raise Invalid("a version cannot begin in the past: what was charged since then was priced already", field="valid_from_at")
    return body.valid_from_at
