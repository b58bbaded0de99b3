"""What this slice does from time to time, for every tenant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from csms.core.errors import Refused, StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports
from csms.domain.tenants import store as tenants_store
from csms.domain.upkeep.model.settings import FileSettings

from . import firmware, uploads


async def campaigns(settings: FileSettings, ports: Ports) -> int:
    """One step of every firmware campaign; how many updates were asked for."""
    return await _everywhere(partial(firmware.run_campaigns, settings), ports)


async def overdue(ports: Ports) -> int:
    """Chase firmware updates that are overdue; how many."""
    return await _everywhere(firmware.chase_overdue, ports)


async def tidy(settings: FileSettings, ports: Ports) -> int:
    """Forget old diagnostics and logs, and files that nobody's row knows; how many."""
    done = await _everywhere(partial(uploads.forget_old, settings), ports)
    try:
        return done + await uploads.sweep(ports, DEFAULT_TENANT)
    except Refused:
        return done  # this server keeps no files


async def _everywhere(flow: Callable[[Ports, TenantId], Awaitable[int]], ports: Ports) -> int:
    """Run a flow for every tenant. Raises an ``ExceptionGroup`` of what failed, or ``StoreUnavailable``."""
    done, failures = 0, []
    for tenant in await ports.database.read(tenants_store.everybody, tenant=DEFAULT_TENANT):
        try:
            done += await flow(ports, tenant.id)
        except StoreUnavailable:
            raise
        except Exception as error:
            error.add_note(f"for tenant {tenant.id} ({tenant.slug})")
            failures.append(error)
    if failures:
        raise ExceptionGroup("upkeep failed for some tenants", failures)
    return done
