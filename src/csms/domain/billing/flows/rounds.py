"""Bills that are due are priced and settled, a batch at a time: read, ask, write. Nothing is ever asked inside a write."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import attrs
import structlog
import trio

from csms.core.errors import CsmsError, StoreUnavailable, Undecided
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx
from csms.core.pricing import SO_FAR, AllowanceUse, Coverage, Covered, Price
from csms.domain.billing.model import Used, WouldCost, bill_key
from csms.domain.billing.service import failing, making, preparing, settling
from csms.domain.billing.service.preparing import Due
from csms.domain.billing.service.settling import STALE, Offer
from csms.domain.billing.store import due as due_store
from csms.domain.tenants import flows as tenants
from csms.domain.transactions.pricing import priced
from csms.domain.transactions.service.consumption import charge_of

BATCH = 128
AT_ONCE = 32
"""Bills that are asked about and written at the same time."""
CURRENCY = "a plugin priced it in {priced}, where the tenant's money is {own}"

log = structlog.get_logger("csms.billing")


async def settle_due(ports: Ports) -> int:
    """Price and settle every bill that is due, of all tenants; how many were taken up. Job."""
    done = 0
    seen: set[int] = set()
    while True:
        rows = await ports.database.read(due_store.due, ports.clock.now(), BATCH, tenant=DEFAULT_TENANT)
        fresh = [row for row in rows if row["id"] not in seen]
        if not fresh:
            return done
        seen |= {row["id"] for row in fresh}
        fresh.sort(key=lambda row: row["tenant"])
        for tenant, mine in groupby(fresh, key=lambda row: TenantId(row["tenant"])):
            ready = await ports.database.read(preparing.prepare, list(mine), tenant=tenant)
            await _settle_all(ports, ready, tenant)
        done += len(fresh)
        if len(rows) < BATCH:
            return done


async def settle_now(ports: Ports, transaction_id: int, tenant: TenantId) -> None:
    """Price and settle what is due of one transaction, without waiting for the job's turn."""

    def mine(tx: ReadTx) -> list[Due]:
        rows = tx.all(
            "SELECT id, transaction_id FROM bills WHERE tenant = :tenant AND transaction_id = :id AND due_at <= :now",
            id=transaction_id,
        )
        return preparing.prepare(tx, rows)

    await _settle_all(ports, await ports.database.read(mine, tenant=tenant), tenant)


async def _settle_all(ports: Ports, ready: Sequence[Due], tenant: TenantId) -> None:
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(due: Due) -> None:
        async with limiter:
            try:
                await settle_one(ports, due, tenant)
            except StoreUnavailable as error:
                log.warning("billing.store_unavailable", bill=due.bill_id, reason=str(error))
            except Exception:
                log.exception("billing.failed", bill=due.bill_id, transaction=due.transaction_id)

    async with trio.open_nursery() as nursery:
        for each in ready:
            nursery.start_soon(one, each)


async def settle_one(ports: Ports, due: Due, tenant: TenantId) -> None:
    """Ask about one bill and settle it; what goes wrong is written down with when it is tried again."""
    stale = False
    try:
        offer = await offered(ports, due, tenant)
        found = await ports.database.write(settling.settle, offer, tenant=tenant, keys=offer.keys(tenant))
        if found != STALE:
            return
        stale, problem = True, "what it was to be settled by changed meanwhile"
    except StoreUnavailable:
        raise
    except (CsmsError, ValueError) as error:
        problem = f"{type(error).__name__}: {error}"
        if not isinstance(error, Undecided):  # that was logged by who asked
            log.warning("billing.not_settled", bill=due.bill_id, transaction=due.transaction_id, problem=problem)
    verb = partial(failing.failed, stale=stale)
    await ports.database.write(verb, due.bill_id, due.transaction_id, problem, tenant=tenant, keys=(bill_key(due.transaction_id),))


async def offered(ports: Ports, due: Due, tenant: TenantId) -> Offer:
    """What plugins say of a bill. Raises ``Undecided`` where one fails, ``CannotSettle`` for a price in other money than the tenant's."""
    price: Price | None = None
    covered: Covered | None = None
    uses: tuple[AllowanceUse, ...] = ()
    if not due.is_free:
        if due.covered is None:
            said = await priced(ports, due.charge, tenant)
            price, uses = said.price, said.uses
            covered = said.charge.covered if uses else None
        else:
            covered, uses = await _covered_again(ports, due, due.covered, tenant)
            charge = attrs.evolve(due.charge, covered=covered)
            price = await ports.decisions.ask("price_charge", charge=charge, tenant=tenant)
    if price is not None and price.currency != due.charge.currency:
        raise settling.CannotSettle(CURRENCY.format(priced=price.currency, own=due.charge.currency))
    return Offer(
        bill_id=due.bill_id,
        transaction_id=due.transaction_id,
        driver_id=due.driver_id,
        payment_id=due.payment_id,
        basis=due.basis,
        price=price,
        covered=covered,
        uses=uses,
    )


async def _covered_again(ports: Ports, due: Due, covered: Covered, tenant: TenantId) -> tuple[Covered, tuple[AllowanceUse, ...]]:
    """What allowances pay of a charge that was billed before: what they paid then stays theirs, and only the rest is asked about."""
    more: Coverage | None = None
    rest = preparing.beyond(due.charge, covered.energy_wh)
    if not covered.whole and rest.energy_wh:
        more = await ports.decisions.ask("cover_charge", charge=rest, tenant=tenant)
    added, added_uses = (None, ()) if more is None else (more.covered, more.uses)
    return preparing.together(due.charge, covered, due.uses, added, added_uses)


async def make_missing(ports: Ports) -> int:
    """Make bills for transactions that ended and have none. Job."""

    async def work(tenant: TenantId) -> int:
        done = 0
        while count := await ports.database.write(making.make_missing, tenant=tenant):
            done += count
        return done

    return await tenants.for_each(ports, work)


async def wake_unpriced(ports: Ports, tenant: TenantId) -> None:
    """Prices changed: ask again about everything that nobody had a price for."""
    last = 0
    while True:
        last = await ports.database.write(failing.wake_unpriced, last, tenant=tenant)
        if not last:
            return


async def would_cost(ports: Ports, transaction_id: int, tenant: TenantId) -> WouldCost:
    """What a transaction would cost if it were billed now; nothing is written. Raises ``NotFound`` or ``Undecided``."""
    charge = await ports.database.read(partial(charge_of, purpose=SO_FAR), transaction_id, tenant=tenant)
    said = await priced(ports, charge, tenant)
    return WouldCost(
        transaction_id=transaction_id,
        energy_wh=charge.energy_wh,
        currency=charge.currency,
        price=said.price,
        used=[Used(account_id=each.account_id, unit=each.unit, amount=each.amount) for each in said.uses],
    )
