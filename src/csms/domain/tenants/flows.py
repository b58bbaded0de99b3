"""The same work for every tenant, one after another; and what closing one ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import msgspec

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports
from csms.domain.tenants import store

from . import service
from .model import Bank, ShownBank


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


async def turn_away(ports: Ports, tenant: int) -> int:
    """End the connections of a tenant that was closed; how many."""
    return sum(
        [
            await ports.chargers.drop(info.charger_id, "the tenant was closed")
            for info in list(ports.chargers.connections())
            if info.tenant == tenant
        ]
    )


def sealed_bank(ports: Ports, bank: Bank) -> tuple[str, str]:
    """Bank details encrypted, and as they may be shown; for ``service.set_bank``. Raises ``NoKey``."""
    shown = ShownBank(
        holder=bank.holder,
        account_number=service.masked(bank.account_number),
        bank_name=bank.bank_name,
        routing_code=service.masked(bank.routing_code) if bank.routing_code else "",
    )
    sealed = ports.vault.seal(msgspec.json.encode(attrs.asdict(bank)).decode())
    return sealed, msgspec.json.encode(attrs.asdict(shown)).decode()


async def bank_details(ports: Ports, tenant: TenantId) -> Bank | None:
    """A tenant's bank details in the clear, for whoever pays them out. Raises ``NoKey``."""
    sealed = await ports.database.read(store.bank_sealed, tenant=tenant)
    return Bank(**msgspec.json.decode(ports.vault.open(sealed))) if sealed else None
