"""Promo codes over HTTP."""

from __future__ import annotations

import attrs

from csms.api.calls import Call, Subject
from csms.api.lists import Page, Stretch
from csms.api.routes import Reply, Routes
from csms.hooks import Conflict, Event, Invalid, PluginContext, ReadTx, Statement
from csms_tariff import shown, store, writes
from csms_tariff.bodies import NewPromoCode, PromoChange, PromoQuery, UsesQuery
from csms_tariff.model import PromoCode, PromoUse

from .listing import book_of, page

PATH = "/tariffs/promo-codes/<int:promo_code_id>"
EXAMPLE = {"code": "WELCOME", "name": "First charge", "percent": "10", "max_uses_per_driver": 1}


def _read(tx: ReadTx, promo_code_id: int) -> PromoCode:
    return attrs.evolve(shown.promo_code(store.book(tx), promo_code_id), uses=store.uses(tx).get(promo_code_id, 0))


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    def subject(promo_code_id: int) -> Subject:
        def view(tx: ReadTx) -> PromoCode:
            return _read(tx, promo_code_id)

        return Subject("promo_code", str(promo_code_id), view)

    @made.get("/tariffs/promo-codes", needs="tariffs:read")
    async def list_promo_codes(call: Call, query: PromoQuery) -> Page[PromoCode]:
        """Promo codes of the tenant, and how often each was used."""
        book, used = await book_of(call, context), await call.read(store.uses)
        open_ = None if query.state is None else query.state == "open"
        found = [
            attrs.evolve(each, uses=used.get(each.id, 0))
            for each in book.promo_codes.values()
            if open_ in (None, each.closed_at is None)
        ]
        return page(found, query, search=lambda each: f"{each.code}\n{each.name}", sort=query.sort)

    @made.post(
        "/tariffs/promo-codes",
        needs="tariffs:write",
        status=201,
        tells=PromoCode,
        example=EXAMPLE,
        errors={409: "there is or was this code"},
    )
    async def add_promo_code(call: Call, body: NewPromoCode) -> Reply:
        """Add a promo code. A charge has it by being started with it, or because its driver entered it (`POST /me/promo-codes`)."""
        book, now = await book_of(call, context), context.clock.now()
        if body.tariff_id is not None and body.tariff_id not in book.tariffs:
            raise Invalid(f"there is no tariff {body.tariff_id}", field="tariff_id")
        begins_at = now if body.valid_from_at is None else body.valid_from_at
        if body.valid_until_at is not None and body.valid_until_at <= begins_at:
            raise Invalid("it ends before it begins", field="valid_until_at")

        def changes(number: int) -> list[Statement | Event]:
            return [
                writes.insert_promo_code(
                    number,
                    code=body.code.upper(),
                    name=body.name,
                    percent="" if body.percent is None else f"{body.percent:f}",
                    amount="" if body.amount is None else f"{body.amount:f}",
                    off=body.on,
                    below_minimum=int(body.below_minimum),
                    tariff_id=body.tariff_id,
                    valid_from_at=begins_at,
                    valid_until_at=body.valid_until_at,
                    max_uses=body.max_uses,
                    max_uses_per_driver=body.max_uses_per_driver,
                )
            ]

        why = f"there is or was a promo code {body.code.upper()}"
        number = await writes.add(context, call.tenant, "plugin_tariff_promo_codes", changes, why=why)
        added = await call.read(_read, number)
        await call.note(subject(number), {"after": added})
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/tariffs/promo-codes/{number}"})

    @made.get(PATH, needs="tariffs:read")
    async def show_promo_code(call: Call, promo_code_id: int) -> PromoCode:
        """One promo code."""
        return await call.read(_read, promo_code_id)

    @made.patch(PATH, needs="tariffs:write", example={"max_uses": 100}, errors={409: "it is closed"})
    async def change_promo_code(call: Call, promo_code_id: int, body: PromoChange) -> PromoCode:
        """Change a code's name, end or limits. What it takes off stays as it was announced."""
        before = await call.read(_read, promo_code_id)
        after = {
            name: None if name in body.clear else getattr(before, name) if getattr(body, name) is None else getattr(body, name)
            for name in ("valid_until_at", "max_uses", "max_uses_per_driver")
        }
        if after["valid_until_at"] is not None and after["valid_until_at"] <= before.valid_from_at:
            raise Invalid("it ends before it begins", field="valid_until_at")
        after["name"] = before.name if body.name is None else body.name
        async with call.noting(subject(promo_code_id), after):
            await writes.write(context, call.tenant, writes.update_promo_code(promo_code_id, **after), why="it is closed")
        return await call.read(_read, promo_code_id)

    @made.delete(PATH, needs="tariffs:write", errors={409: "it is closed already"})
    async def close_promo_code(call: Call, promo_code_id: int) -> None:
        """Close a code: no charge that starts from now on may use it. Its uses stay."""
        before = await call.read(_read, promo_code_id)
        if before.closed_at is not None:
            raise Conflict("it is closed already")
        async with call.noting(subject(promo_code_id), {"code": before.code}):
            await writes.write(context, call.tenant, writes.close_promo_code(promo_code_id), why="it is closed already")

    @made.get(f"{PATH}/uses", needs="tariffs:read")
    async def list_uses(call: Call, promo_code_id: int, query: UsesQuery) -> Stretch[PromoUse]:
        """The charges whose final price a code lowered, the newest first."""

        def read(tx: ReadTx) -> Stretch[PromoUse]:
            shown.promo_code(store.book(tx), promo_code_id)
            return store.promo_uses(tx, promo_code_id, query)

        return await call.read(read)
