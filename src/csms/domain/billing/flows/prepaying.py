"""Charges that are paid for before they start: wanted, paid, started, and taken further by a job wherever they stopped half-way."""

from __future__ import annotations

import hashlib
from functools import partial

import attrs
import structlog
import trio

from csms.core.commands import StartCharging
from csms.core.errors import CsmsError, Invalid, NotFound, Refused, StoreUnavailable, Undecided
from csms.core.ids import DEFAULT_TENANT, Place, TenantId
from csms.core.ledger import PREPAYMENT, AccountRef
from csms.core.outcomes import obeyed, told
from csms.core.ports import Ports, ReadTx
from csms.core.reports import Token
from csms.domain.billing.flows import estimating
from csms.domain.billing.model.prepaying import (
    GuestPrepaidBody,
    NewPrepaid,
    Prepaid,
    PrepaidBody,
    PriceQuery,
    StartPrice,
    WouldBe,
)
from csms.domain.billing.service import prepaying as service
from csms.domain.billing.store import prepaying as store
from csms.domain.billing.store import settings as settings_store
from csms.domain.payments import flows as payments
from csms.domain.payments import service as payments_service
from csms.domain.payments.model import PREPAID, Customer, NewPayment, Payment
from csms.domain.payments.store import payments as payments_store
from csms.domain.stations.model import StartPlace
from csms.domain.stations.qr import target
from csms.domain.stations.service.starting import start_place
from csms.domain.stations.store import behind_code
from csms.domain.transactions.flows import StartFlow
from csms.domain.transactions.model import Wishes
from csms.domain.wallets import service as wallets

EACH_ROUND, AT_ONCE, ROUND_LIMIT_S = 100, 8, 120.0
PAY_WITHIN_MS = 900_000
"""So long somebody who stands at a charger may take to pay."""
EXAMPLES_WH = (1_000, 5_000, 10_000, 20_000)
WAYS = ("link", "qr", "order")
NO_PRICE = "nobody says what charging costs there"
RESTRICTED = "charging there is only for those who were given access"
NOT_BILLED = "charges are not billed here"

log = structlog.get_logger("csms.billing")


@attrs.frozen(slots=True)
class Scanned:
    """A connector whose code was scanned: whose it is, what its start page shows, and what a price there is made of."""

    tenant: TenantId
    place: StartPlace
    site: estimating.Site
    billed: bool
    least_minor: int
    most_minor: int


async def scanned(ports: Ports, code: str, *, tenant: TenantId | None, driver_id: int | None, promo_code: str) -> Scanned:
    """What is behind a code. ``tenant`` is the one of a driver who asks. Raises ``NotFound``."""
    row = await ports.database.read(behind_code, code, tenant=DEFAULT_TENANT)
    if row is None or tenant not in (None, row["tenant"]):
        raise NotFound("there is no connector with this code")
    whose, place = TenantId(row["tenant"]), start_place(row)

    def query(tx: ReadTx) -> Scanned:
        site = estimating.site_of(tx, place.charger_id, place.evse, place.connector, driver_id, promo_code)
        if site is None:
            raise NotFound("there is no connector with this code")
        limits = payments_service.settings(tx)
        return Scanned(whose, place, site, settings_store.settings(tx).enabled, limits.least_top_up_minor, limits.most_top_up_minor)

    return await ports.database.read(query, tenant=whose)


async def price(ports: Ports, code: str, query: PriceQuery) -> StartPrice:
    """What charging costs at the connector with a code, and what can be paid before. Raises ``NotFound``, ``Undecided``."""
    found = await scanned(ports, code, tenant=None, driver_id=None, promo_code=query.promo_code.strip())
    ways = await _ways(ports, found.tenant)
    examples, tariff = [], ""
    for energy_wh in EXAMPLES_WH:
        made = await estimating.price_of(ports, found.site.charge, energy_wh, found.tenant)
        if made is not None:
            examples.append(WouldBe(energy_wh=energy_wh, total_minor=made.total_minor))
            tariff = made.tariff
    reason = "" if examples else NO_PRICE
    if found.site.restricted:
        reason = RESTRICTED
    if not ways:
        reason = "nothing can be paid here"
    if not found.billed:
        reason = NOT_BILLED
    enough: int | None = None
    if query.amount_minor is not None and query.amount_minor > 0 and not reason:
        enough = await estimating.enough_for(ports, found.site.charge, query.amount_minor, found.tenant)
    return StartPrice(
        code=found.place.code,
        currency=found.place.currency,
        tariff=tariff,
        prepayable=not reason,
        reason=reason,
        least_minor=found.least_minor,
        most_minor=found.most_minor,
        ways=ways,
        examples=examples,
        amount_minor=query.amount_minor,
        energy_wh=enough,
    )


async def _ways(ports: Ports, tenant: TenantId) -> tuple[str, ...]:
    try:
        account = await ports.database.read(payments_service.open_account, None, tenant=tenant)
    except (NotFound, Refused):
        return ()
    provider = ports.providers.get(account.provider)
    return () if provider is None else tuple(way for way in WAYS if way in provider.ways)


# --- wanted ---------------------------------------------------------------------------------------------------------------------


async def want(
    ports: Ports,
    code: str,
    body: PrepaidBody,
    key: str,
    *,
    start_url: str,
    tenant: TenantId | None = None,
    driver_id: int | None = None,
    token_id: int | None = None,
    method_id: int | None = None,
) -> tuple[TenantId, Prepaid, str]:
    """Want a charge at the connector with a code, and ask the gateway for its payment: whose tenant's it is, and the word by which its
    payer follows it.

    Raises ``NotFound`` for the code, ``Invalid`` for the amount, ``Refused`` where nothing can start or be paid there, ``Undecided``.
    """
    promo_code = body.promo_code.strip()
    found = await scanned(ports, code, tenant=tenant, driver_id=driver_id, promo_code=promo_code)
    customer: Customer | None = None
    if isinstance(body, GuestPrepaidBody):
        customer = Customer(email=body.email, phone=body.phone, language=body.language)
    if customer is not None and not customer.is_reached:
        raise Invalid("phone or email: the receipt must go somewhere", field="phone")
    energy_wh = await _worth(ports, found, body.amount_minor, is_guest=driver_id is None)
    ways = await _ways(ports, found.tenant)
    if body.way not in ways and method_id is None:
        raise Refused(f"nothing can be paid here by {body.way}" + (f"; only by {', '.join(ways)}" if ways else ""))
    secret = ports.random.token(24)
    place = found.place
    new = NewPrepaid(
        code=place.code,
        charger_id=place.charger_id,
        evse=place.evse,
        connector=place.connector,
        driver_id=driver_id,
        token_id=token_id,
        fresh_token=f"PRE{ports.random.token(15)}"[:20].upper(),
        promo_code=promo_code,
        energy_wh=energy_wh,
        secret_hash=hashed(secret),
    )
    payment = NewPayment(
        purpose=PREPAID,
        way=body.way if method_id is None else "order",
        amount_minor=body.amount_minor,
        currency=place.currency,
        key=key,
        description=f"charging at {place.station_name or place.charger_name or place.charger_id}"[:300],
        driver_id=driver_id,
        expires_at=ports.clock.now() + PAY_WITHIN_MS,
        return_url=target(start_url, place.code),
        customer=customer,
        method_id=method_id,
    )
    known = await ports.database.write(service.want, new, payment, tenant=found.tenant)
    made = await payments.offer(ports, known.payment_id, found.tenant)
    if made.state == "failed":
        raise Refused(f"the payment gateway refused it: {made.error}")
    return found.tenant, known, secret


async def _worth(ports: Ports, found: Scanned, amount_minor: int, *, is_guest: bool) -> int:
    """How much energy the amount does for. Raises ``Invalid``, ``Refused``, ``Undecided``."""
    if not found.billed:
        raise Refused(NOT_BILLED)
    if not found.place.startable:
        raise Refused(f"nothing can be started there: {found.place.reason}")
    if found.site.restricted and is_guest:
        raise Refused(RESTRICTED)
    if not found.least_minor <= amount_minor <= found.most_minor:
        raise Invalid(f"amount_minor: {found.least_minor} to {found.most_minor} can be paid before", field="amount_minor")
    energy_wh = await estimating.enough_for(ports, found.site.charge, amount_minor, found.tenant)
    if energy_wh is None:
        raise Refused(NO_PRICE)
    if not energy_wh:
        raise Invalid("amount_minor: it does not do for a charge there", field="amount_minor")
    return energy_wh


def hashed(secret: str) -> str:
    """A word by which a payer follows a charge, as it is stored: long and random, so that a plain digest will do."""
    return hashlib.blake2b(secret.encode(), digest_size=24).hexdigest()


# --- taken further --------------------------------------------------------------------------------------------------------------


async def least_of(ports: Ports, payment_id: int, tenant: TenantId) -> int:
    """The least that the gateway of a payment gives back at a time."""

    def query(tx: ReadTx) -> tuple[Payment, str] | None:
        known = payments_store.payment(tx, payment_id)
        return None if known is None else (known, payments_service.need_gateway(tx, known.gateway_id).provider)

    found = await ports.database.read(query, tenant=tenant)
    provider = None if found is None else ports.providers.get(found[1])
    return 1 if found is None or provider is None else provider.least_refunds.get(found[0].currency, 1)


async def look(start: StartFlow, ports: Ports, prepaid_id: int, tenant: TenantId) -> None:
    """Take a prepaid charge as far as it goes now. However often, and by however many at a time: each step is taken once.

    Raises ``NotFound``.
    """
    known = await ports.database.read(service.need, prepaid_id, tenant=tenant)
    least = await least_of(ports, known.payment_id, tenant)
    connected = ports.chargers.connection(known.charger_id) is not None
    verb = partial(service.turn, connected=connected)
    todo = await ports.database.write(verb, prepaid_id, least, tenant=tenant, keys=known.keys(tenant))
    if todo.refund_id is not None:
        await payments.send(ports, todo.refund_id, tenant)
    if todo.start:
        await _start(start, ports, todo.prepaid, tenant)


async def _start(start: StartFlow, ports: Ports, known: Prepaid, tenant: TenantId) -> None:
    """Ask the charger to start, with what was paid as the limit. The transaction that waits for it is known by its payment."""
    paid, energy_wh = await _limits(ports, known, tenant)
    wishes = Wishes(amount_minor=paid, energy_wh=energy_wh, promo_code=known.promo_code, payment_id=known.payment_id)
    command = StartCharging(Token(known.token, known.token_kind), Place(known.evse, 1))
    try:
        outcome, _ = await start(ports, tenant, known.charger_id, command, wishes=wishes)
        again, note = obeyed(outcome) is False, told(outcome)
    except (Refused, NotFound, Invalid) as error:
        again, note = True, str(error)
    if again:
        log.info("billing.prepaid_not_started", prepaid=known.id, charger=known.charger_id, reason=note)
    verb = partial(service.asked, again=again)
    await ports.database.write(verb, known.id, energy_wh, note if again else "", tenant=tenant, keys=known.keys(tenant))


async def _limits(ports: Ports, known: Prepaid, tenant: TenantId) -> tuple[int, int]:
    """What was paid, and how much energy that does for as prices are now; as it was reckoned before where nobody says."""

    def query(tx: ReadTx) -> tuple[int, estimating.Site | None]:
        payment = payments_service.need_payment(tx, known.payment_id)
        paid = wallets.balance(tx, AccountRef(kind=PREPAYMENT, unit=payment.currency, name=str(known.payment_id)))
        return paid, estimating.site_of(tx, known.charger_id, known.evse, known.connector, known.driver_id, known.promo_code)

    paid, site = await ports.database.read(query, tenant=tenant)
    try:
        energy_wh = None if site is None else await estimating.enough_for(ports, site.charge, paid, tenant)
    except Undecided:
        energy_wh = None
    return max(1, paid), energy_wh or known.energy_wh


async def look_after(start: StartFlow, ports: Ports) -> int:
    """Take every prepaid charge further that is due; how many. Job."""
    rows = await ports.database.read(store.due, EACH_ROUND, tenant=DEFAULT_TENANT)
    places = trio.CapacityLimiter(AT_ONCE)

    async def one(prepaid_id: int, tenant: TenantId) -> None:
        async with places:
            try:
                await look(start, ports, prepaid_id, tenant)
            except StoreUnavailable as error:
                log.warning("billing.store_unavailable", prepaid=prepaid_id, reason=str(error))
            except CsmsError as error:
                log.warning("billing.prepaid_not_looked_after", prepaid=prepaid_id, reason=str(error))
            except Exception:
                log.exception("billing.prepaid_failed", prepaid=prepaid_id)

    with trio.move_on_after(ROUND_LIMIT_S):
        async with trio.open_nursery() as nursery:
            for row in rows:
                nursery.start_soon(one, row["id"], TenantId(row["tenant"]))
    return len(rows)


async def give_back_rest(ports: Ports, payment_id: int, bill_id: int, tenant: TenantId) -> None:
    """Give back what is left of the payment that a charge was started by; what was wanted once is not wanted again.

    Where the gateway is away a job of the payments slice goes on with it.
    """
    least = await least_of(ports, payment_id, tenant)
    try:
        refund_id = await ports.database.write(service.give_rest, payment_id, bill_id, least, tenant=tenant)
    except Refused as error:
        log.warning("billing.rest_not_refunded", payment=payment_id, bill=bill_id, reason=str(error))
        return
    if refund_id is not None:
        await payments.send(ports, refund_id, tenant)
