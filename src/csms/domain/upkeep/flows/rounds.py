"""What this slice does from time to time, for every tenant."""

from __future__ import annotations

from functools import partial

from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports
from csms.domain.tenants import flows as tenants
from csms.domain.upkeep.model.settings import FileSettings

from . import firmware, uploads


async def campaigns(settings: FileSettings, ports: Ports) -> int:
    """One step of every firmware campaign; how many updates were asked for."""
    return await tenants.for_each(ports, partial(firmware.run_campaigns, settings, ports))


async def overdue(ports: Ports) -> int:
    """Chase firmware updates that are overdue; how many."""
    return await tenants.for_each(ports, partial(firmware.chase_overdue, ports))


async def tidy(settings: FileSettings, ports: Ports) -> int:
    """Forget old diagnostics and logs, and files that nobody's row knows; how many."""
    done = await tenants.for_each(ports, partial(uploads.forget_old, settings, ports))
    try:
        return done + await uploads.sweep(ports, DEFAULT_TENANT)
    except Refused:
        return done  # this server keeps no files
