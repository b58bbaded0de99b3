"""The watch over running charges: each is priced now and then, held for at its start, and stopped when it comes to a limit."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import structlog
import trio

from csms.core.commands import Outcome, StopCharging
from csms.core.errors import CsmsError, NotFound, StoreUnavailable, Undecided
from csms.core.ids import TenantId
from csms.core.outcomes import told
from csms.core.ports import Ports, ReadTx
from csms.core.pricing import SO_FAR, SUPPOSED, Charge, MeterPoint, Price
from csms.domain.billing.limits import IDLE_MS, USUAL_MS, look_again_ms, pace, reached
from csms.domain.billing.model import BillingSettings, bill_key
from csms.domain.billing.service import funds, watching
from csms.domain.billing.service.watching import Seen, Watched
from csms.domain.billing.store import settings as settings_store
from csms.domain.billing.store import watching as store
from csms.domain.tenants import flows as tenants
from csms.domain.transactions.pricing import priced
from csms.domain.transactions.service.consumption import charge_of

BATCH = 128
AT_ONCE = 16
HOUR_MS = 3_600_000

Stop = Callable[[Ports, TenantId, str, Any], Awaitable[tuple[Outcome, dict[str, Any]]]]
"""The flow of ``StopCharging``."""

log = structlog.get_logger("csms.billing")


async def watch(stop: Stop, ports: Ports) -> int:
    """Look at every running charge that is due, of all tenants; how many. Job."""

    async def of_tenant(tenant: TenantId) -> int:
        done = 0
        seen: set[int] = set()
        while True:
            found = await ports.database.read(watching.due, BATCH, tenant=tenant)
            fresh = [each for each in found if each.id not in seen]
            if not fresh:
                return done
            seen |= {each.id for each in fresh}
            await _look_at_all(ports, fresh, tenant, stop)
            done += len(fresh)

    return await tenants.for_each(ports, of_tenant)


async def _look_at_all(ports: Ports, found: list[Watched], tenant: TenantId, stop: Stop) -> None:
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(watched: Watched) -> None:
        async with limiter:
            try:
                await look_at(ports, watched, tenant, stop)
            except StoreUnavailable as error:
                log.warning("billing.store_unavailable", transaction=watched.id, reason=str(error))
            except Exception as error:
                log.exception("billing.watch_failed", transaction=watched.id)
                await _put_off(ports, watched, f"{type(error).__name__}: {error}", tenant)

    async with trio.open_nursery() as nursery:
        for each in found:
            nursery.start_soon(one, each)


async def _put_off(ports: Ports, watched: Watched, error: str, tenant: TenantId) -> None:
    """Look at it again in a while, after all others that are due."""
    seen = Seen(error=error, again_ms=USUAL_MS)
    try:
        await ports.database.write(watching.note, watched, seen, tenant=tenant, keys=watched.keys(tenant))
    except StoreUnavailable as problem:
        log.warning("billing.store_unavailable", transaction=watched.id, reason=str(problem))


async def look_at(ports: Ports, watched: Watched, tenant: TenantId, stop: Stop) -> None:
    """Look at one running charge: what it costs, whether it comes to a limit, and then have it stopped."""
    if watched.hold_missing:
        await _hold(ports, watched.charge, watched.settings, tenant)
    seen = await _see(ports, watched, tenant)
    wanted = await ports.database.write(watching.note, watched, seen, tenant=tenant, keys=watched.keys(tenant))
    if wanted:
        await _stop(ports, watched, tenant, stop)


async def _see(ports: Ports, watched: Watched, tenant: TenantId) -> Seen:
    price: Price | None = None
    error = ""
    try:
        price = (await priced(ports, watched.charge, tenant)).price
    except Undecided as problem:
        error = str(problem)
    now = ports.clock.now()
    cost = None if price is None or price.currency != watched.charge.currency else price.total_minor
    by_now = pace(watched.charge, cost, now)
    limit = reached(by_now, watched.limits)
    quiet = price is None and not error and not watched.limits
    so_far = None if limit is None else by_now.so_far(limit)
    return Seen(
        cost_minor=cost,
        currency="" if price is None else price.currency,
        priced_until_at=None if price is None else (price.priced_until_at or watched.charge.ended_at),
        again_ms=IDLE_MS if quiet else look_again_ms(by_now, watched.limits),
        reached=limit,
        so_far=0 if so_far is None else int(so_far),
        error=error,
    )


async def _stop(ports: Ports, watched: Watched, tenant: TenantId, stop: Stop) -> None:
    """Ask the charger; whatever it says, the transaction is looked at again until it is over."""
    row = watched.row
    try:
        outcome, _ = await stop(ports, tenant, row["charger_id"], StopCharging(watched.id, row["reference"]))
    except StoreUnavailable:
        raise
    except CsmsError as error:
        log.info("billing.stop_refused", transaction=watched.id, charger=row["charger_id"], reason=str(error))
        return
    log.info("billing.stop_asked", transaction=watched.id, charger=row["charger_id"], outcome=told(outcome))


# --- holds ----------------------------------------------------------------------------------------------------------------------


async def begin(ports: Ports, transaction_id: int, tenant: TenantId) -> None:
    """Hold what the tenant wants held at a start; the watch does it where this was lost."""

    def query(tx: ReadTx) -> tuple[Charge, BillingSettings] | None:
        settings = settings_store.settings(tx)
        row = store.one(tx, transaction_id) if settings.enabled and settings.holds else None
        if row is None or row["hold_minor"] is not None:
            return None
        return charge_of(tx, transaction_id, purpose=SO_FAR), settings

    try:
        found = await ports.database.read(query, tenant=tenant)
    except NotFound:
        return
    if found is not None:
        await _hold(ports, found[0], found[1], tenant)


async def _hold(ports: Ports, charge: Charge, settings: BillingSettings, tenant: TenantId) -> None:
    if charge.transaction_id is None:
        return
    amount = settings.hold_minor
    if settings.hold_energy_wh and charge.driver_id is not None:
        amount = max(amount, await _estimate(ports, charge, settings.hold_energy_wh, tenant))
    keys = [bill_key(charge.transaction_id)]
    await ports.database.write(funds.begin, charge.transaction_id, amount, tenant=tenant, keys=keys)


async def _estimate(ports: Ports, charge: Charge, energy_wh: int, tenant: TenantId) -> int:
    """What so much energy would cost there, drawn in an hour from the start of the charge; 0 where nobody says."""
    end = charge.started_at + HOUR_MS
    supposed = attrs.evolve(
        charge,
        purpose=SUPPOSED,
        ended_at=end,
        energy_wh=energy_wh,
        points=(MeterPoint(charge.started_at, 0), MeterPoint(end, energy_wh)),
        idle=(),
    )
    try:
        price = (await priced(ports, supposed, tenant)).price
    except Undecided:
        return 0
    return price.total_minor if price is not None and price.currency == charge.currency else 0
