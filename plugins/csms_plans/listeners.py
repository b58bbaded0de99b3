"""The hooks of the plans plugin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from csms.api.routes import Routes
from csms.hooks import (
    Charge,
    Coverage,
    Delivered,
    DriverErased,
    Event,
    Job,
    MandateChanged,
    NotFound,
    PaymentCancelled,
    PaymentExpired,
    PaymentFailed,
    PaymentPaid,
    PersonalData,
    PluginContext,
    TenantId,
    hookimpl,
)

from . import commands, covering, desk, personal
from .events import EVENTS
from .model import Settings
from .routes import routes

LOOK_EVERY_S, LOOK_LIMIT_S = 30, 600


@hookimpl
def register_settings() -> type[Settings]:
    """``[plugins.settings.plans]``."""
    return Settings


@hookimpl
def register_migrations() -> Path:
    """Tables ``plugin_plans_...``."""
    return Path(__file__).parent / "migrations"


@hookimpl
def register_personal_data() -> PersonalData:
    """Drivers' subscriptions."""
    return PersonalData(holdings=personal.holdings, erasure=personal.ERASURE)


@hookimpl
def register_events() -> Iterable[type[Event]]:
    """``plan_subscribed`` and so on."""
    return EVENTS


@hookimpl
def register_commands() -> Iterable[click.Command]:
    """``csms plan ...``."""
    return (commands.GROUP,)


@hookimpl
def register_routes(context: PluginContext) -> Iterable[Routes]:
    """``/api/v1/plans``, ``/api/v1/subscriptions`` and what drivers have under ``/api/v1/me``."""
    return routes(context)


@hookimpl
def register_jobs(context: PluginContext) -> Iterable[Job]:
    """Subscriptions are renewed, reminded of and ended; and what a crash cut is finished."""

    async def look() -> None:
        await desk.look_after(context)

    return (Job(name="subscriptions", every_s=LOOK_EVERY_S, run=look, timeout_s=LOOK_LIMIT_S),)


@hookimpl
async def cover_charge(charge: Charge, tenant: TenantId, context: PluginContext) -> Coverage | None:
    """What the driver's plans pay of a charge."""
    return await covering.cover(context, charge, tenant)


@hookimpl
async def payment_paid(event: PaymentPaid, delivery: Delivered, context: PluginContext) -> None:
    """Money came: what waited for it goes on."""
    try:
        await desk.paid(context, event, TenantId(delivery.tenant))
    except NotFound as error:  # a reference of somebody else's
        context.log.info("a payment for no subscription of ours", payment=event.payment_id, reason=str(error))


@hookimpl
async def payment_failed(event: PaymentFailed, delivery: Delivered, context: PluginContext) -> None:
    """A payment that was asked for came to nothing."""
    await _not_paid(event, delivery, context)


@hookimpl
async def payment_expired(event: PaymentExpired, delivery: Delivered, context: PluginContext) -> None:
    """Nobody paid in time."""
    await _not_paid(event, delivery, context)


@hookimpl
async def payment_cancelled(event: PaymentCancelled, delivery: Delivered, context: PluginContext) -> None:
    """A payment that was asked for is not wanted any more."""
    await _not_paid(event, delivery, context)


async def _not_paid(event: PaymentFailed | PaymentExpired | PaymentCancelled, delivery: Delivered, context: PluginContext) -> None:
    tenant = TenantId(delivery.tenant)
    await desk.not_paid(context, event.reference_kind, event.reference_id, event.payment_id, tenant)


@hookimpl
async def mandate_changed(event: MandateChanged, delivery: Delivered, context: PluginContext) -> None:
    """A recurring payment is in another state."""
    try:
        await desk.mandate_told(context, event, TenantId(delivery.tenant))
    except NotFound as error:
        context.log.info("a mandate for no subscription of ours", mandate=event.mandate_id, reason=str(error))


@hookimpl
async def driver_erased(event: DriverErased, delivery: Delivered, context: PluginContext) -> None:
    """End what the driver has."""
    await desk.erased(context, event.driver_id, TenantId(delivery.tenant))
