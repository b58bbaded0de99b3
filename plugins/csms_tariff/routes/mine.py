"""What drivers see of tariffs, and the promo codes that they enter, over HTTP."""

from __future__ import annotations

from decimal import Decimal

from csms.api.calls import Call, Subject
from csms.api.lists import Page
from csms.api.routes import OWN, Reply, Routes
from csms.hooks import Invalid, NotFound, PluginContext, ReadTx
from csms_tariff import promos, store, writes
from csms_tariff.bodies import HeldCode, MineQuery, MyPromoCode, Offer, PriceQuery
from csms_tariff.desk import desk_of
from csms_tariff.model import Book, Customer, PromoCode, Site
from csms_tariff.wording import money, number

from .calculating import offer
from .listing import page


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    def own_driver(call: Call) -> int:
        if call.who.driver_id is None:
            raise NotFound(f"{call.who.name} is no driver of this tenant")
        return call.who.driver_id

    @made.get("/me/tariffs", needs="me:read", reach=OWN)
    async def show_price(call: Call, query: PriceQuery) -> Offer:
        """What charging costs at a charger now, as a price list. For a driver it is by the driver's groups."""

        def read(tx: ReadTx) -> tuple[Site, Customer]:
            driver = Customer() if call.who.driver_id is None else store.customer(tx, call.who.driver_id)
            return store.site(tx, query.charger_id, query.evse, query.connector), driver

        site, customer = await call.read(read)
        return await offer(context, call.tenant, site, customer)

    @made.get("/me/promo-codes", needs="me:read", reach=OWN)
    async def list_codes(call: Call, query: MineQuery) -> Page[HeldCode]:
        """The promo codes that one entered, the latest first: the first that can be used is taken for one's next charge."""
        driver_id = own_driver(call)
        book = await desk_of(context).book(context, call.tenant)
        found = await call.read(_held, book, driver_id, context.clock.now())
        if query.sort == "entered_at":
            found.reverse()
        return page(
            [each for each in found if query.usable in (None, each.usable)],
            query,
            search=lambda each: f"{each.code}\n{each.name}",
            sort=query.sort if query.sort.endswith("code") else "",
        )

    @made.post(
        "/me/promo-codes", needs="me:write", reach=OWN, status=201, tells=HeldCode, limited_by="auth", example={"code": "WELCOME"}
    )
    async def enter_code(call: Call, body: MyPromoCode) -> Reply:
        """Enter a promo code, to be used with one's charges as long as it is good."""
        driver_id = own_driver(call)
        book, now = await desk_of(context).book(context, call.tenant), context.clock.now()
        code = book.code(body.code)
        why = promos.refusal(code, now, None)
        if code is None or why:
            raise Invalid(f"this code cannot be used: {why}", field="code")
        shown = await call.read(_judged, code, driver_id, now)
        if not shown.usable:
            raise Invalid(f"this code cannot be used: {shown.why_not}", field="code")
        await context.store.write(writes.hold(driver_id, code.id), tenant=call.tenant)
        await call.note(Subject("driver", str(driver_id)), {"promo_code": code.code})
        return Reply(body=shown, status=201, headers={"Location": f"/api/v1/me/promo-codes/{code.code}"})

    @made.delete("/me/promo-codes/<code>", needs="me:write", reach=OWN, compared=False)
    async def drop_code(call: Call, code: str) -> None:
        """Take a promo code back: it is not used with one's charges any more."""
        driver_id = own_driver(call)
        found = (await desk_of(context).book(context, call.tenant)).code(code)
        gone = 0 if found is None else (await context.store.write(writes.let_go(driver_id, found.id), tenant=call.tenant))[0]
        if not gone:
            raise NotFound(f"you have not entered the code {code!r}")
        await call.note(Subject("driver", str(driver_id)), {"promo_code": code})


def _held(tx: ReadTx, book: Book, driver_id: int, now: int) -> list[HeldCode]:
    codes = [book.promo_codes[each] for each in store.held(tx, driver_id) if each in book.promo_codes]
    return [_judged(tx, each, driver_id, now) for each in codes]


def _judged(tx: ReadTx, code: PromoCode, driver_id: int, now: int) -> HeldCode:
    used, by_driver, _ = store.use_counts(tx, code.id, driver_id, None)
    why = promos.refusal(code, now, None) or promos.used_up(code, used, by_driver, driver_id)
    off = f"{number(code.percent)} %" if code.percent is not None else money(code.amount or Decimal(0), store.currency(tx))
    return HeldCode(
        code=code.code,
        name=code.name,
        words=f"{off} off {'energy' if code.on == 'energy' else 'everything'}",
        usable=not why,
        why_not=why,
        valid_until_at=code.valid_until_at,
    )
