"""The hooks of the tariff plugin."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from csms.api.routes import Routes
from csms.hooks import (
    DEFAULT_TENANT,
    Charge,
    Delivered,
    Event,
    Job,
    PersonalData,
    PluginContext,
    Price,
    TenantId,
    hookimpl,
)

from . import commands, personal, store, writes
from .desk import desk_of
from .model import Settings, TariffChanged
from .routes import routes
from .telling import Told, problem_of, tell
from .terms import Unpriceable

FORGET_EVERY_S = 21_600
DAY_MS = 86_400_000


@hookimpl
def register_settings() -> type[Settings]:
    """``[plugins.settings.tariff]``."""
    return Settings


@hookimpl
def register_migrations() -> Path:
    """Tables ``plugin_tariff_...``."""
    return Path(__file__).parent / "migrations"


@hookimpl
def register_events() -> Iterable[type[Event]]:
    """``tariff_changed``."""
    return (TariffChanged,)


@hookimpl
def register_commands() -> Iterable[click.Command]:
    """``csms tariff ...``."""
    return commands.COMMANDS


@hookimpl
def register_routes(context: PluginContext) -> Iterable[Routes]:
    """``/api/v1/tariffs`` and ``/api/v1/me/tariffs``."""
    return routes(context)


@hookimpl
def register_jobs(context: PluginContext) -> Iterable[Job]:
    """Old prices of sources are forgotten."""

    async def forget() -> None:
        before_at = context.clock.now() - context.settings.keep_prices_days * DAY_MS
        for tenant in await context.store.read(store.tenants_with_old_prices, before_at, tenant=DEFAULT_TENANT):
            await context.store.write(writes.delete_prices(before_at), tenant=TenantId(tenant))

    return (Job(name="old prices", every_s=FORGET_EVERY_S, run=forget),)


@hookimpl
async def price_charge(charge: Charge, tenant: TenantId, context: PluginContext) -> Price | None:
    """What a charge costs by the tariff that applies; None where none does, or where it cannot price this charge."""
    try:
        return await desk_of(context).price(context, charge, tenant)
    except Unpriceable as error:  # the charge's fault, or the operator's: not one for which this hook should rest
        context.log.warning("charge cannot be priced", transaction=charge.transaction_id, tenant=tenant, why=str(error))
        return None


@hookimpl
def register_personal_data() -> PersonalData:
    """The codes that drivers entered, and used."""
    return PersonalData(holdings=personal.holdings, erasure=personal.ERASURE)


@hookimpl(optionalhook=True)
async def energy_price_told(event: Any, delivery: Delivered, context: PluginContext) -> None:
    """A price from another plugin: its own event of this type, with ``source``, ``from_at``, ``to_at`` (or None) and ``price`` per kWh.

    What does not read as that raises ``ValueError``, and stands among the dead letters in the end.
    """
    if problem := problem_of(event):
        raise ValueError(f"energy_price_told: {problem}")
    told = Told(event.from_at, event.to_at, Decimal(str(event.price)))
    await tell(context, TenantId(delivery.tenant), event.source, [told], by="energy_price_told")
