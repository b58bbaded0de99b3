"""Periodic work of the tickets slice."""

from __future__ import annotations

from functools import partial

from csms.core.ids import TenantId
from csms.core.ports import Ports
from csms.domain.tenants import flows as tenants
from csms.domain.tenants import store as tenants_store

from . import service
from .model import CLOSE_DAYS

DAY_MS = 86_400_000


async def close_resolved(ports: Ports) -> int:
    """Close tickets of every tenant that were resolved long ago; how many. Job."""

    async def work(tenant: TenantId) -> int:
        own = await ports.database.read(tenants_store.settings, tenant=tenant)
        days = CLOSE_DAYS if own.tickets_close_days is None else own.tickets_close_days
        done = 0
        while count := await ports.database.write(partial(service.close_resolved, older_than_ms=days * DAY_MS), tenant=tenant):
            done += count
        return done

    return await tenants.for_each(ports, work)
