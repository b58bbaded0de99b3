"""Brings subscriptions on, one step after the other and one at a time: when they are due, and when something happened to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from weakref import WeakKeyDictionary, WeakValueDictionary

import trio

from csms.hooks import (
    DEFAULT_TENANT,
    Conflict,
    CsmsError,
    MandateChanged,
    NotFound,
    PaymentPaid,
    PluginContext,
    Store,
    StoreUnavailable,
    TenantId,
)

from . import mandates, store, writes
from .model import END, ENDED, ERASED, PAST_DUE, PENDING, REFERENCE, Known
from .steps import renew, step
from .work import HOUR_MS, Work

MOST_STEPS = 60
BATCH = 100
FIRST_AGAIN_MS, LONGEST_AGAIN_MS = 60_000, HOUR_MS
_LOCKS: WeakKeyDictionary[Store, WeakValueDictionary[int, trio.Lock]] = WeakKeyDictionary()


def lock_of(context: PluginContext, subscription_id: int) -> trio.Lock:
    """Within it a subscription is changed by nobody else of this server."""
    locks = _LOCKS.setdefault(context.store, WeakValueDictionary())
    found = locks.get(subscription_id)
    if found is None:
        found = locks[subscription_id] = trio.Lock()
    return found


async def work_on(context: PluginContext, tenant: TenantId, subscription_id: int) -> Work:
    """A subscription as it is now. Raises ``NotFound``."""
    known = await context.store.read(store.known, subscription_id, tenant=tenant)
    return Work(context, tenant, known, context.clock.now())


async def advance(
    context: PluginContext,
    tenant: TenantId,
    subscription_id: int,
    first: Callable[[Work], Awaitable[object]] | None = None,
) -> Known:
    """Do ``first``, then all steps that are due; the subscription as it is then. Raises ``NotFound``, and what ``first`` raises.

    What fails later is not the caller's business: it is written down, and the job tries it again.
    """
    async with lock_of(context, subscription_id):
        if first is not None:
            await first(await work_on(context, tenant, subscription_id))
        try:
            for _ in range(MOST_STEPS):
                if not await step(await work_on(context, tenant, subscription_id)):
                    break
        except (NotFound, StoreUnavailable):
            raise
        except Conflict as error:  # another server is at it, or it is told something at this moment: there is the job
            context.log.info("subscription changed meanwhile", subscription=subscription_id, reason=str(error))
        except CsmsError as error:
            await _put_off(context, tenant, subscription_id, error)
        return (await work_on(context, tenant, subscription_id)).known


async def _put_off(context: PluginContext, tenant: TenantId, subscription_id: int, error: CsmsError) -> None:
    """Note what went wrong, and when it is tried again; ever more rarely."""
    row = await context.store.read(store.subscription, subscription_id, tenant=tenant)
    errors = row.errors + 1
    wait_ms = min(FIRST_AGAIN_MS << min(errors - 1, 20), LONGEST_AGAIN_MS)
    context.log.warning("subscription cannot go on", subscription=subscription_id, reason=str(error), tries=errors)
    put_off = writes.update(row, due_at=context.clock.now() + wait_ms, errors=errors, error=str(error)[:500])
    await context.store.write(put_off, tenant=tenant)


async def look_after(context: PluginContext) -> int:
    """Bring on every subscription that is due, of all tenants; how many. Job."""
    done: set[int] = set()
    while True:
        found = await context.store.read(store.due, context.clock.now(), BATCH, tenant=DEFAULT_TENANT)
        fresh = [(tenant, each) for tenant, each in found if each not in done]
        if not fresh:
            return len(done)
        for tenant, subscription_id in fresh:
            done.add(subscription_id)
            try:
                await advance(context, TenantId(tenant), subscription_id)
            except StoreUnavailable:
                raise
            except Exception:
                context.log.exception("subscription failed", subscription=subscription_id)
                async with lock_of(context, subscription_id):
                    await _put_off(context, TenantId(tenant), subscription_id, CsmsError("an error of the server; see its log"))


async def wake(work: Work) -> None:
    """Have it looked at at once."""
    if work.row.state != ENDED:
        await work.write()


# --- what happens to subscriptions ----------------------------------------------------------------------------------------------


async def paid(context: PluginContext, event: PaymentPaid, tenant: TenantId) -> None:
    """Money came: for a subscription, or into a wallet whose owner has one that waits for it."""
    if event.reference_kind == REFERENCE and event.reference_id.isdigit():

        async def heard(work: Work) -> None:
            await context.store.write(writes.forget_payment(work.row.id, event.payment_id), tenant=tenant)
            charged = event.purpose == "mandate" and event.payment_id > work.row.last_payment_id
            if charged and mandates.renewed_by(work):
                await renew(work, last_payment_id=event.payment_id)
            elif charged and work.row.state != ENDED:
                await work.write(last_payment_id=event.payment_id)
            else:
                await wake(work)

        await advance(context, tenant, int(event.reference_id), heard)
    elif event.driver_id is not None and event.credited_to == "wallet":
        for each in await context.store.read(store.live_of, event.driver_id, (PENDING, PAST_DUE), tenant=tenant):
            await advance(context, tenant, each, wake)


async def not_paid(context: PluginContext, reference_kind: str, reference_id: str, payment_id: int, tenant: TenantId) -> None:
    """A payment that was asked for came to nothing: another one is asked for when the driver is reminded next."""
    if reference_kind == REFERENCE and reference_id.isdigit():
        await context.store.write(writes.forget_payment(int(reference_id), payment_id), tenant=tenant)


async def mandate_told(context: PluginContext, event: MandateChanged, tenant: TenantId) -> None:
    """A recurring payment is in another state."""
    if event.reference_kind == REFERENCE and event.reference_id.isdigit():

        async def heard(work: Work) -> None:
            await mandates.told(work, event)

        await advance(context, tenant, int(event.reference_id), heard)


async def erased(context: PluginContext, driver_id: int, tenant: TenantId) -> None:
    """End all that a driver has who is forgotten; nothing is given back to nobody."""

    async def ended(work: Work) -> None:
        await work.write(doing=END, credits=False, reason=ERASED, cancelled_by="")

    for each in await context.store.read(store.live_of, driver_id, tenant=tenant):
        await advance(context, tenant, each, ended)
