"""Bills of charges of which more became known are looked at again, some at a time: read, ask about those that went otherwise, write."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby

import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, Row
from csms.domain.billing.model import bill_key
from csms.domain.billing.service import looking
from csms.domain.billing.service.failing import LONGEST_RETRY_MS
from csms.domain.billing.service.looking import Look
from csms.domain.billing.service.preparing import Due
from csms.domain.billing.store import looks as store

from .rounds import guarded, offered, problem_of

BATCH, TOGETHER = 64, 8

log = structlog.get_logger("csms.billing")


async def look_again(ports: Ports) -> int:
    """Look at every bill again of whose charge more became known, of all tenants; how many there were. Job."""
    done = 0
    seen: set[tuple[int, int]] = set()
    while True:
        rows = await ports.database.read(store.due, ports.clock.now(), BATCH, tenant=DEFAULT_TENANT)
        fresh = [row for row in rows if (row["transaction_id"], row["times"]) not in seen]
        if not fresh:
            return done
        seen |= {(row["transaction_id"], row["times"]) for row in fresh}
        fresh.sort(key=lambda row: row["tenant"])
        for tenant, mine in groupby(fresh, key=lambda row: TenantId(row["tenant"])):
            await _look_at(ports, list(mine), tenant)
        done += len(fresh)
        if len(rows) < BATCH:
            return done


async def _look_at(ports: Ports, rows: Sequence[Row], tenant: TenantId) -> None:
    found = await _read(ports, rows, tenant)
    finished = [each for each in found if each.due is None]
    if finished:
        keys = [bill_key(each.transaction_id) for each in finished]
        await ports.database.write(looking.done, finished, tenant=tenant, keys=keys)
    places = trio.CapacityLimiter(TOGETHER)

    async def ask(times: int, due: Due) -> None:
        async with places:
            await guarded(partial(_ask, ports, due, times, tenant), due)

    async with trio.open_nursery() as nursery:
        for each in found:
            if each.due is not None:
                nursery.start_soon(ask, each.times, each.due)


async def _read(ports: Ports, rows: Sequence[Row], tenant: TenantId) -> list[Look]:
    """What became of these charges. One that cannot be read is put off by itself, and keeps no other waiting."""
    try:
        return await ports.database.read(looking.look, rows, tenant=tenant)
    except StoreUnavailable:
        raise
    except Exception as error:
        if len(rows) > 1:
            return [each for row in rows for each in await _read(ports, [row], tenant)]
        log.error("billing.unreadable", transaction=rows[0]["transaction_id"], exc_info=error)
        later = ports.clock.now() + LONGEST_RETRY_MS
        return [Look(transaction_id=rows[0]["transaction_id"], times=rows[0]["times"], look_at=later)]


async def _ask(ports: Ports, due: Due, times: int, tenant: TenantId) -> None:
    """Ask what one charge costs now, and write what follows; what goes wrong is written down with when it is tried again."""
    try:
        offer = await offered(ports, due, tenant)
        await ports.database.write(looking.decide, offer, times, tenant=tenant, keys=offer.keys(tenant))
    except StoreUnavailable:
        raise
    except Exception as error:  # whatever it is, it is not tried again at once, and keeps no other bill waiting
        verb = partial(looking.undecided, error=problem_of(due, error))
        await ports.database.write(verb, due, times, tenant=tenant, keys=(bill_key(due.transaction_id),))
