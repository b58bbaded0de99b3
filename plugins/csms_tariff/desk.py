"""Prices charges: finds the tariff, what it needs, and asks the engine. Keeps what it has read until something changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from weakref import WeakKeyDictionary

import attrs
import trio

from csms.hooks import Charge, PluginContext, Price, ReadTx, Store, TenantId

from . import promos, store
from .model import Assignment, Book, PromoCode
from .precedence import Asked, chosen
from .pricing import price
from .rules import Discount
from .sources import Quotes
from .terms import Surroundings, Terms

MOST_BOOKS = 500
"""Tenants whose tariffs are kept in memory."""
DISCOUNT, FINAL = "discount", "final"


@attrs.frozen(slots=True, kw_only=True)
class Extra:
    """What a price needs that is read each time: prices from outside, and the promo code that may be used."""

    quotes: Mapping[str, Quotes]
    promo: PromoCode | None = None
    counted: bool = False
    """Whether the code was counted for this very charge before."""
    note: str = ""


@attrs.define(slots=True, eq=False)
class _Look:
    """A look at whether what is known of a tenant still holds, for everybody who asked before it began."""

    over: trio.Event = attrs.field(factory=trio.Event)
    taken: bool = False
    book: Book | None = None
    following: _Look | None = None


class Desk:
    """The tariffs of one server, by tenant."""

    def __init__(self) -> None:
        self._books: OrderedDict[int, Book] = OrderedDict()
        self._looks: dict[int, _Look] = {}

    async def book(self, context: PluginContext, tenant: TenantId) -> Book:
        """A tenant's book. One small statement tells whether what is known still holds; other servers may have changed it.

        Who asks while somebody looks waits for the next look, which serves all who came meanwhile: none is older than its question.
        """
        under_way = self._looks.get(tenant)
        mine = _Look()
        if under_way is not None:
            mine = under_way.following = under_way.following or mine
            await under_way.over.wait()
            if mine.taken:
                await mine.over.wait()
                return mine.book or await self.book(context, tenant)
        return await self._look(context, tenant, mine)

    async def _look(self, context: PluginContext, tenant: TenantId, look: _Look) -> Book:
        look.taken = True
        self._looks[tenant] = look
        try:
            look.book = await context.store.read(store.book, self._books.get(tenant), tenant=tenant)
            self._keep(tenant, look.book)
            return look.book
        finally:
            if self._looks.get(tenant) is look:
                del self._looks[tenant]
            look.over.set()

    def _keep(self, tenant: TenantId, found: Book) -> None:
        self._books[tenant] = found
        self._books.move_to_end(tenant)
        while len(self._books) > MOST_BOOKS:
            self._books.popitem(last=False)

    async def price(self, context: PluginContext, charge: Charge, tenant: TenantId) -> Price | None:
        """What a charge costs; None where no tariff is assigned. A final price counts the promo code that lowered it."""
        book = await self.book(context, tenant)
        found = chosen(book, asked(charge))
        if found is None:
            return None
        terms, assignment = found
        return await self.priced(context, charge, book, terms, tenant, assignment=assignment)

    async def priced(
        self,
        context: PluginContext,
        charge: Charge,
        book: Book,
        terms: Terms,
        tenant: TenantId,
        *,
        assignment: Assignment | None = None,
    ) -> Price:
        """What a charge costs by a tariff. Raises ``Unpriceable``."""
        extra = await self._extra(context, charge, book, terms, tenant)
        made = price(charge, terms, _around(book, extra, extra.promo, assignment))
        promo = extra.promo
        if promo is None or not _lowers(made, promo.discount) or charge.purpose != FINAL or charge.transaction_id is None:
            return made
        if extra.counted or (await context.store.write(promos.use(promo, charge), tenant=tenant))[0]:
            return made
        _, _, counted = await context.store.read(store.use_counts, promo.id, charge.driver_id, charge.transaction_id, tenant=tenant)
        if counted:  # another asked the same at the same time
            return made
        used_up = attrs.evolve(extra, note=f"Promo code {promo.code} was not used: it was used as often as it may be.")
        return price(charge, terms, _around(book, used_up, None, assignment))

    async def _extra(self, context: PluginContext, charge: Charge, book: Book, terms: Terms, tenant: TenantId) -> Extra:
        sources = frozenset[str]().union(*(each.rules.sources for each in terms.between(charge.started_at, charge.ended_at)))
        if charge.version_at is not None and (fixed := terms.at(charge.version_at)) is not None:
            sources = fixed.rules.sources
        if not sources and not charge.promo_code and not (book.promo_codes and charge.driver_id is not None):
            return Extra(quotes={})
        return await context.store.read(_read_extra, book, charge, terms, sources, tenant=tenant)


def _read_extra(tx: ReadTx, book: Book, charge: Charge, terms: Terms, sources: frozenset[str]) -> Extra:
    quotes = store.quotes(tx, sources, charge.started_at, charge.ended_at)
    if charge.promo_code:
        tried = [book.code(charge.promo_code)]
    else:
        numbers = store.held(tx, charge.driver_id) if charge.driver_id is not None and book.promo_codes else []
        tried = [book.promo_codes.get(each) for each in numbers]
    note = ""
    for code in tried:
        why = promos.refusal(code, charge.started_at, terms.id)
        if code is not None and not why:
            used, by_driver, counted = store.use_counts(tx, code.id, charge.driver_id, charge.transaction_id)
            why = "" if counted else promos.used_up(code, used, by_driver, charge.driver_id)
            if not why:
                return Extra(quotes=quotes, promo=code, counted=counted)
        if charge.promo_code:
            note = f"Promo code {charge.promo_code} was not used: {why}."
    return Extra(quotes=quotes, note=note)


def _around(book: Book, extra: Extra, promo: PromoCode | None, assignment: Assignment | None) -> Surroundings:
    because = () if assignment is None else (f"Tariff {assignment.tariff} applies: it is assigned {assignment}.",)
    details = {} if assignment is None else {"assignment_id": str(assignment.id)}
    if promo is not None:
        details["promo_code"] = promo.code
    return Surroundings(
        holidays=book.holidays,
        quotes=extra.quotes,
        offer=None if promo is None else promo.discount,
        because=because,
        notes=(extra.note,) if extra.note else (),
        details=details,
    )


def _lowers(made: Price, discount: Discount) -> bool:
    """Whether a discount is among a price's lines."""
    return any(each.kind == DISCOUNT and each.description.startswith(f"{discount.name} (") for each in made.lines)


def asked(charge: Charge) -> Asked:
    """What a charge says of where, for whom and when."""
    return Asked(
        station_id=charge.station_id,
        charger_id=charge.charger_id,
        evse=charge.evse,
        connector=charge.connector,
        groups=charge.driver_groups,
        at=charge.started_at,
    )


_DESKS: WeakKeyDictionary[Store, Desk] = WeakKeyDictionary()


def desk_of(context: PluginContext) -> Desk:
    """The desk of the server that a context is of: in a test there may be several in one process."""
    return _DESKS.setdefault(context.store, Desk())
