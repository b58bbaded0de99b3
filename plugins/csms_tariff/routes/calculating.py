"""What a charge would cost, and which tariff applies and why, over HTTP."""

from __future__ import annotations

from csms.api.calls import Call
from csms.api.routes import LIST, PUBLIC, Routes
from csms.hooks import Charge, Invalid, NotFound, PluginContext, ReadTx, TenantId
from csms_tariff import shown, store, supposing, wording
from csms_tariff.bodies import Calculation, CandidateShown, ExplainQuery, Explanation, Offer, Supposed
from csms_tariff.desk import asked, desk_of
from csms_tariff.model import Assignment, Customer, Site
from csms_tariff.precedence import Asked, candidates, chosen
from csms_tariff.terms import Surroundings, Terms, Version

DRAFT = 0
"""The id of a tariff that is not kept."""
EXAMPLE = {"charger_id": "CP-0001", "evse": 1, "energy_wh": 20_000, "power_w": 11_000, "started_at": "2030-01-07T20:00:00Z"}


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    async def needs_place(call: Call, charger_id: str, station_id: int | None) -> None:
        if charger_id:
            await call.needs_charger(charger_id)
        else:
            call.needs_station(station_id)

    @made.post(
        "/tariffs/calculate",
        needs="tariffs:read",
        reach=LIST,
        audit=False,
        example=EXAMPLE,
        errors={409: "the tariff cannot price it: it has another currency, or no version in force then"},
    )
    async def calculate(call: Call, body: Supposed) -> Calculation:
        """Price a charge that never was: what it costs, line by line, and why.

        Nothing is kept, and no promo code is used up. With `draft` rules can be tried before they are made a version.
        """
        await needs_place(call, body.charger_id, body.station_id)
        desk = desk_of(context)
        book = await desk.book(context, call.tenant)

        def read(tx: ReadTx) -> tuple[Site, Customer, str]:
            driver = Customer() if body.driver_id is None else store.customer(tx, body.driver_id)
            return supposing.site_of(tx, body), driver, store.currency(tx)

        site, customer, currency = await call.read(read)
        charge = supposing.charge_of(body, site, customer, currency, context.clock.now())
        assignment: Assignment | None = None
        if body.draft is not None:
            shown.need_calendar(book, body.draft)
            terms = Terms(
                id=DRAFT,
                name="Draft",
                currency=currency,
                tax_inclusive=body.draft_tax_inclusive,
                versions=(Version(number=1, valid_from_at=charge.started_at, rules=body.draft),),
            )
        elif body.tariff_id is not None:
            terms = shown.kept(book, body.tariff_id).terms
        else:
            found = chosen(book, asked(charge))
            if found is None:
                raise NotFound("no tariff applies there and then; GET /tariffs/explain says why, or name a tariff_id")
            terms, assignment = found
        price = await desk.priced(context, charge, book, terms, call.tenant, assignment=assignment)
        version = terms.at(charge.started_at)
        return Calculation(
            tariff_id=None if terms.id == DRAFT else terms.id,
            tariff=terms.name,
            version=version.number if version is not None else 0,
            started_at=charge.started_at,
            ended_at=charge.ended_at,
            energy_wh=charge.energy_wh,
            price=price,
        )

    @made.get("/tariffs/explain", needs="tariffs:read", reach=LIST)
    async def explain(call: Call, query: ExplainQuery) -> Explanation:
        """Which tariff applies at a charger, for a driver, at an instant: every candidate in the order of precedence, and why.

        Connector before EVSE before charger before station before tenant; on each level an assignment for a group of the driver before
        one for everybody; of several the one that began last.
        """
        await call.needs_charger(query.charger_id)
        if query.connector and not query.evse:
            raise Invalid("a connector is one of an EVSE: say which", field="evse")
        book = await desk_of(context).book(context, call.tenant)

        def read(tx: ReadTx) -> tuple[Site, Customer]:
            driver = Customer() if query.driver_id is None else store.customer(tx, query.driver_id)
            return store.site(tx, query.charger_id, query.evse, query.connector), driver

        site, customer = await call.read(read)
        at = context.clock.now() if query.at is None else query.at
        where = Asked(
            station_id=site.station_id,
            charger_id=site.charger_id,
            evse=site.evse,
            connector=site.connector,
            groups=customer.groups,
            at=at,
        )
        found = candidates(book, where)
        winner = next((each.assignment for each in found if each.verdict == "applies"), None)
        terms = None if winner is None else book.tariffs[winner.tariff_id].terms
        version = None if terms is None else terms.at(at)
        words = (
            wording.rules(version.rules, terms.currency, tax_inclusive=terms.tax_inclusive)
            if terms is not None and version is not None
            else ()
        )
        return Explanation(
            tariff_id=None if terms is None else terms.id,
            tariff=None if terms is None else terms.name,
            version=None if version is None else version.number,
            words=words,
            candidates=tuple(CandidateShown(assignment=each.assignment, verdict=each.verdict, why=each.why) for each in found),
            at=at,
            time_zone=site.time_zone,
        )

    @made.get("/tariffs/at/<code>", needs=PUBLIC, limited_by="auth")
    async def show_offer(call: Call, code: str) -> Offer:
        """What charging costs at the connector whose QR code this is, for anybody who scans it."""
        found = await context.store.read(store.behind_code, code, tenant=call.tenant)
        if found is None:
            raise NotFound("there is no connector with this code")
        tenant, charger_id, evse, connector = found
        site = await context.store.read(store.site, charger_id, evse, connector, tenant=TenantId(tenant))
        return await offer(context, TenantId(tenant), site, Customer())


async def offer(context: PluginContext, tenant: TenantId, site: Site, customer: Customer) -> Offer:
    """What charging costs at a place now."""
    book = await desk_of(context).book(context, tenant)
    now = context.clock.now()
    currency = await context.store.read(store.currency, tenant=tenant)
    body = Supposed(energy_wh=1, power_w=site.max_power_w or supposing.USUAL_POWER_W)
    charge = supposing.charge_of(body, site, customer, currency, now)
    found = chosen(book, asked(charge))
    if found is None:
        return _no_offer(charge, now)
    terms, _ = found
    version = terms.at(now)
    assert version is not None
    quotes = await context.store.read(store.quotes, version.rules.sources, now, charge.ended_at, tenant=tenant)
    after = next((each.valid_from_at for each in terms.versions if each.valid_from_at > now), None)
    return Offer(
        charger_id=site.charger_id,
        evse=site.evse,
        connector=site.connector,
        tariff=terms.name,
        currency=terms.currency,
        tax_inclusive=terms.tax_inclusive,
        words=wording.rules(version.rules, terms.currency, tax_inclusive=terms.tax_inclusive),
        per_kwh=supposing.per_kwh(charge, terms, Surroundings(holidays=book.holidays, quotes=quotes)),
        at=now,
        next_change_at=after,
    )


def _no_offer(charge: Charge, now: int) -> Offer:
    return Offer(
        charger_id=charge.charger_id,
        evse=charge.evse,
        connector=charge.connector,
        tariff=None,
        currency=charge.currency,
        tax_inclusive=False,
        words=("There is no tariff here yet.",),
        per_kwh=None,
        at=now,
        next_change_at=None,
    )
