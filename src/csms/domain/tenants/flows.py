"""The same work for every tenant, one after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports
from csms.domain.tenants import store


async def for_each(ports: Ports, work: Callable[[TenantId], Awaitable[int]]) -> int:
    """Do work for every tenant; how much was done, all told.

    What fails for one tenant keeps no other waiting. Raises an ``ExceptionGroup`` of what failed, or ``StoreUnavailable`` at once.
    """
    done, failures = 0, []
    for tenant in await ports.database.read(store.everybody, tenant=DEFAULT_TENANT):
        try:
            done += await work(tenant.id)
        except StoreUnavailable:
            raise
        except Exception as error:
            error.add_note(f"for tenant {tenant.id} ({tenant.slug})")
            failures.append(error)
    if failures:
        raise ExceptionGroup("it failed for some tenants", failures)
    return done
