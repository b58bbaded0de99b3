"""Bills that are due are priced and settled, a batch at a time: read, ask, write. Nothing is ever asked inside a write."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from itertools import groupby

import attrs
import structlog
import trio

from csms.core.errors import CsmsError, StoreUnavailable, Undecided
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx, Row
from csms.core.pricing import SO_FAR, AllowanceUse, Coverage, Covered, Price
from csms.domain.billing.model import Used, WouldCost, bill_key
from csms.domain.billing.service import failing, making, preparing, settling
from csms.domain.billing.service.preparing import Due
from csms.domain.billing.service.settling import STALE, Offer
from csms.domain.billing.store import due as due_store
from csms.domain.billing.store.bills import check_readable
from csms.domain.tenants import flows as tenants
from csms.domain.transactions.pricing import priced
from csms.domain.transactions.service.consumption import charge_of

BATCH = 64
TOGETHER, GROUPS = 16, 2
"""Bills that are asked about at the same time, and written at the same time; while some are written others are asked about."""
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
            await _settle_all(ports, await _prepared(ports, list(mine), tenant), tenant)
        done += len(fresh)
        if len(rows) < BATCH:
            return done


async def _prepared(ports: Ports, rows: Sequence[Row], tenant: TenantId) -> list[Due]:
    """Due bills with their charges. One that cannot be read is put off by itself, and keeps no other waiting."""
    try:
        return await ports.database.read(preparing.prepare, rows, tenant=tenant)
    except StoreUnavailable:
        raise
    except Exception as error:
        log.error("billing.unreadable", bills=[row["id"] for row in rows], exc_info=error)
        if len(rows) > 1:
            return [due for row in rows for due in await _prepared(ports, [row], tenant)]
        verb = partial(
            due_store.put_off, due_at=ports.clock.now() + failing.LONGEST_RETRY_MS, error=f"it cannot be read: {error}"[:500]
        )
        await ports.database.write(verb, rows[0]["id"], tenant=tenant, keys=(bill_key(rows[0]["transaction_id"]),))
        return []


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
    """Settle bills a few together: what they cost is asked at the same time, and what was said is written at the same time, so that it is
    committed together. No more than that few, for chargers wait as long as a batch takes."""
    places = trio.CapacityLimiter(GROUPS)

    async def together(some: Sequence[Due]) -> None:
        async with places:
            offers: dict[int, Offer] = {}
            async with trio.open_nursery() as nursery:
                for each in some:
                    nursery.start_soon(guarded, partial(_ask, ports, each, tenant, offers), each)
            async with trio.open_nursery() as nursery:
                for each in some:
                    if each.bill_id in offers:
                        nursery.start_soon(guarded, partial(_write, ports, each, offers[each.bill_id], tenant), each)

    async with trio.open_nursery() as nursery:
        for first in range(0, len(ready), TOGETHER):
            nursery.start_soon(together, ready[first : first + TOGETHER])


async def guarded(work: Callable[[], Awaitable[None]], due: Due) -> None:
    """Do something for one bill; what goes wrong keeps no other waiting."""
    try:
        await work()
    except StoreUnavailable as error:
        log.warning("billing.store_unavailable", bill=due.bill_id, reason=str(error))
    except Exception:
        log.exception("billing.failed", bill=due.bill_id, transaction=due.transaction_id)


async def _ask(ports: Ports, due: Due, tenant: TenantId, offers: dict[int, Offer]) -> None:
    """Ask about one bill; what goes wrong is written down with when it is tried again."""
    try:
        offers[due.bill_id] = await offered(ports, due, tenant)
    except StoreUnavailable:
        raise
    except Exception as error:  # whatever it is, it is not tried again at once, and keeps no other bill waiting
        await _failed(ports, due, error, tenant)


async def _write(ports: Ports, due: Due, offer: Offer, tenant: TenantId) -> None:
    """Settle one bill by what was said of it; what goes wrong is written down with when it is tried again."""
    try:
        found = await ports.database.write(settling.settle, offer, tenant=tenant, keys=offer.keys(tenant))
    except StoreUnavailable:
        raise
    except Exception as error:  # whatever it is, it is not tried again at once, and keeps no other bill waiting
        await _failed(ports, due, error, tenant)
        return
    if found == STALE:
        await _put_off(ports, due, "what it was to be settled by changed meanwhile", tenant, stale=True)


async def _failed(ports: Ports, due: Due, error: Exception, tenant: TenantId) -> None:
    await _put_off(ports, due, problem_of(due, error), tenant, stale=False)


def problem_of(due: Due, error: Exception) -> str:
    """What went wrong with a bill, in words; it is in the log then."""
    problem = f"{type(error).__name__}: {error}"
    if not isinstance(error, (CsmsError, ValueError)):
        log.error("billing.failed", bill=due.bill_id, transaction=due.transaction_id, exc_info=error)
    elif not isinstance(error, Undecided):  # that was logged by who asked
        log.warning("billing.not_settled", bill=due.bill_id, transaction=due.transaction_id, problem=problem)
    return problem


async def _put_off(ports: Ports, due: Due, problem: str, tenant: TenantId, *, stale: bool) -> None:
    verb = partial(failing.failed, stale=stale)
    await ports.database.write(verb, due.bill_id, due.transaction_id, problem, tenant=tenant, keys=(bill_key(due.transaction_id),))


async def offered(ports: Ports, due: Due, tenant: TenantId) -> Offer:
    """What plugins say of a bill. Raises ``Undecided`` where one fails, ``CannotSettle`` for a price in other money than the tenant's."""
    price: Price | None = None
    covered: Covered | None = None
    uses: tuple[AllowanceUse, ...] = ()
    if not due.is_free:
        if due.stays:
            covered, uses = due.covered or Covered(), due.uses
            charge = attrs.evolve(due.charge, covered=covered)
            price = await ports.decisions.ask("price_charge", charge=charge, tenant=tenant)
        elif due.covered is None:
            said = await priced(ports, due.charge, tenant)
            price, uses, covered = said.price, said.uses, said.charge.covered
        else:
            covered, uses = await _covered_again(ports, due, due.covered, tenant)
            charge = attrs.evolve(due.charge, covered=covered)
            price = await ports.decisions.ask("price_charge", charge=charge, tenant=tenant)
    if price is not None and price.currency != due.charge.currency:
        raise settling.CannotSettle(CURRENCY.format(priced=price.currency, own=due.charge.currency))
    covered = None if covered == Covered() else covered
    check_readable(price, covered)
    return Offer(
        bill_id=due.bill_id,
        transaction_id=due.transaction_id,
        driver_id=due.driver_id,
        payment_id=due.payment_id,
        basis=due.basis,
        course=due.course,
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
    last = turn = 0
    while True:
        last = await ports.database.write(failing.wake_unpriced, last, turn, tenant=tenant)
        turn += 1
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
