"""Prices from outside, over HTTP: what a grid or demand source tells, and what was told."""

from __future__ import annotations

from decimal import Decimal

from csms.api.calls import Call, Subject
from csms.api.lists import Page, Stretch
from csms.api.routes import Routes
from csms.hooks import Invalid, PluginContext
from csms_tariff import checks, store
from csms_tariff.bodies import NewPrices, PricesQuery, SourcesQuery, TakenPrices
from csms_tariff.model import Book, Source, SourcePrice
from csms_tariff.telling import Told, tell

from .listing import book_of, page

EXAMPLE = {"prices": [{"from_at": "2030-01-01T00:00:00Z", "to_at": "2030-01-01T01:00:00Z", "price": "5.20"}]}


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    @made.get("/tariffs/sources", needs="tariffs:read")
    async def list_sources(call: Call, query: SourcesQuery) -> Page[Source]:
        """Sources that told prices, or that a tariff takes prices from."""
        book, told = await book_of(call, context), await call.read(store.told_sources)
        users = _users(book)
        rows = {row["source"]: row for row in told}
        found = [
            Source(
                name=name,
                prices=rows[name]["prices"] if name in rows else 0,
                last_from_at=rows[name]["from_at"] if name in rows else None,
                last_to_at=rows[name]["to_at"] if name in rows else None,
                last_price=Decimal(rows[name]["price"]) if name in rows else None,
                tariffs=tuple(sorted(users.get(name, ()))),
            )
            for name in sorted({*rows, *users})
        ]
        wanted = [each for each in found if query.used in (None, bool(each.tariffs))]
        return page(wanted, query, search=lambda each: each.name, sort=query.sort)

    @made.get("/tariffs/sources/<name>/prices", needs="tariffs:read")
    async def list_prices(call: Call, name: str, query: PricesQuery) -> Stretch[SourcePrice]:
        """What a source told, the latest first."""
        return await call.read(store.prices, name, query)

    @made.put("/tariffs/sources/<name>/prices", needs="tariffs:write", compared=False, example=EXAMPLE)
    async def tell_prices(call: Call, name: str, body: NewPrices) -> TakenPrices:
        """Tell prices per kWh, for components whose `source` has this name.

        The price in force when energy flows counts; without one the component's own `rate` does, and the bill says so. Without `to_at`
        a price holds until the next one in `prices`, the last of them for a day. A price that has begun is not changed any more.
        """
        if not checks.is_source(name):
            raise Invalid("a source's name has small letters, digits, and _ . - between them, 50 at most", field="name")
        told = [Told(each.from_at, each.to_at, each.price) for each in body.prices]
        taken = await tell(context, call.tenant, name, told, by=call.who.name)
        await call.note(Subject("price_source", name), {"prices": len(told), "taken": taken})
        return TakenPrices(source=name, taken=taken, kept=len(told) - taken)


def _users(book: Book) -> dict[str, set[str]]:
    """The tariffs that take prices from each source."""
    users: dict[str, set[str]] = {}
    for each in book.tariffs.values():
        if each.archived_at is None:
            for version in each.terms.versions:
                for source in version.rules.sources:
                    users.setdefault(source, set()).add(each.terms.name)
    return users
