"""What people wish of subscriptions: each checked, written down whole, and brought on at once."""

from __future__ import annotations

from typing import NoReturn
from zoneinfo import ZoneInfo

from csms.hooks import Conflict, Event, Fee, Invalid, PluginContext, ReadTx, Refused, Statement, TenantId, written

from . import facts, store, writes
from .bodies import Cancel, Change, MySubscription, Pause
from .desk import advance
from .events import PlanCancelled
from .model import (
    ACTIVE,
    AS_WISHED,
    CHANGE,
    DUE,
    EMPTYING,
    END,
    ENDED,
    MANDATE,
    NEVER_PAID,
    PAUSE,
    PAUSED,
    PENDING,
    REGULAR,
    RESUME,
    SUSPENDED,
    TRIAL,
    Known,
    PeriodRow,
    Plan,
)
from .periods import DAY_MS, following
from .steps import first_end
from .work import Work, credit_of

SLACK_MS = 60_000
FURTHEST_MS = 366 * DAY_MS
BUSY = "something is being done with it; try again in a moment"


async def subscribe(context: PluginContext, tenant: TenantId, driver_id: int, wanted: MySubscription) -> Known:
    """Take a plan for a driver. Where the wallet does not reach, a payment is asked for and it waits for that.

    Raises ``NotFound``, ``Refused`` (it is not for this driver; nobody can be asked for the payment), ``Conflict`` (they have it), ``Invalid``.
    """

    def read(tx: ReadTx) -> tuple[Plan, facts.Customer, str, str, tuple[bool, bool]]:
        plan = store.need_plan(tx, wanted.plan_id)
        currency, time_zone = facts.money_and_time(tx)
        return plan, facts.customer(tx, driver_id), currency, time_zone, store.held(tx, driver_id, plan.id)

    plan, customer, currency, time_zone, (has, had) = await context.store.read(read, tenant=tenant)
    why = f"driver {driver_id} has the plan {plan.name!r} already"
    if has:
        raise Conflict(why)
    _check_offered(plan, customer, currency)
    now = context.clock.now()
    starts_at = now if wanted.starts_at is None else wanted.starts_at
    if not now - SLACK_MS <= starts_at <= now + FURTHEST_MS:
        raise Invalid("it begins now or within a year", field="starts_at")
    terms = plan.terms
    trial = terms.trial_days > 0 and not had
    fee = terms.fee(currency, customer.state)
    if wanted.pay_by == MANDATE and not fee.amount_minor:
        raise Invalid("it costs nothing, so there is nothing to pay", field="pay_by")
    ends_at = first_end(terms.period, starts_at, time_zone, terms.trial_days if trial else 0)

    def changes(number: int) -> list[Statement | Event]:
        subscription = writes.insert_subscription(
            number,
            driver_id=driver_id,
            plan_id=plan.id,
            version=plan.version,
            pay_by=wanted.pay_by,
            renews=int(wanted.renews),
            time_zone=time_zone,
            currency=currency,
            starts_at=starts_at,
            anchor_at=starts_at,
            mandates=int(wanted.pay_by == MANDATE),
            mandate_wanted="start" if wanted.pay_by == MANDATE else "",
            due_at=now,
        )
        period = PeriodRow(
            subscription_id=number,
            number=1,
            plan_id=plan.id,
            version=plan.version,
            kind=TRIAL if trial else REGULAR,
            state=DUE,
            starts_at=starts_at,
            ends_at=ends_at,
            anchor_at=ends_at if trial else starts_at,
            fee=fee if not trial else Fee(amount_minor=0, net_minor=0),
        )
        return [subscription, writes.insert_period(period)]

    number = await writes.add(context, tenant, "plugin_plans_subscriptions", changes, why=why)
    known = await advance(context, tenant, number)
    if known.row.state == PENDING and known.row.error and known.coming is not None and not known.coming.asked_minor:
        await _never_mind(context, tenant, known)
    return known


async def _never_mind(context: PluginContext, tenant: TenantId, known: Known) -> NoReturn:
    """It cannot be paid now and nobody can be asked for it: nothing was begun."""

    async def ended(work: Work) -> None:
        await work.write(doing=END, credits=False, reason=NEVER_PAID)

    await advance(context, tenant, known.row.id, ended)
    raise Refused(f"it cannot be paid: {known.row.error}")


def _check_offered(plan: Plan, customer: facts.Customer, currency: str) -> None:
    if plan.archived_at is not None:
        raise Refused(f"the plan {plan.name!r} is not offered any more")
    if plan.currency != currency:
        raise Refused(f"the plan {plan.name!r} is in {plan.currency}, wallets are in {currency}")
    if not plan.terms.is_for(customer.membership, customer.groups):
        raise Refused(f"the plan {plan.name!r} is not for {customer.name}")


async def pause(context: PluginContext, tenant: TenantId, subscription_id: int, wanted: Pause, *, by_driver: bool) -> Known:
    """Let a subscription rest. Raises ``NotFound``, ``Conflict`` where it is not active, ``Refused``, ``Invalid``."""
    now = context.clock.now()
    longest_at = now + context.settings.longest_pause_days * DAY_MS
    resume_at = longest_at if wanted.resume_at is None else wanted.resume_at
    if not now < resume_at <= longest_at:
        raise Invalid(f"it goes on within {context.settings.longest_pause_days} days", field="resume_at")

    async def begin(work: Work) -> None:
        _need(work, ACTIVE)
        if by_driver and not work.known.terms.may_pause:
            raise Refused(f"the plan {work.known.plan_name!r} cannot be paused")
        await work.write(doing=PAUSE, resume_at=resume_at, pauses=work.row.pauses + 1)

    return await advance(context, tenant, subscription_id, begin)


async def resume(context: PluginContext, tenant: TenantId, subscription_id: int) -> Known:
    """Let it go on after a pause; one that was cancelled at the end of its period is renewed after all; a suspended one is tried again.

    Raises ``NotFound``, ``Conflict``.
    """

    async def begin(work: Work) -> None:
        row = work.row
        if row.doing or row.state not in (PAUSED, SUSPENDED, ACTIVE) or (row.state == ACTIVE and row.renews):
            raise Conflict(BUSY if row.doing else f"subscription {row.id} is {row.state}")
        if row.state == PAUSED:
            await work.write(doing=RESUME, resume_at=work.now)
        elif row.state == SUSPENDED:
            await work.write()
        else:
            await work.write(renews=True, cancelled_at=None, cancelled_by="", told_period=0)

    return await advance(context, tenant, subscription_id, begin)


async def cancel(
    context: PluginContext, tenant: TenantId, subscription_id: int, wanted: Cancel, *, by: str, credit: bool | None
) -> Known:
    """End it now or at the end of its period. What is not paid ends now. Raises ``NotFound``, ``Conflict``."""

    async def begin(work: Work) -> None:
        row, current = work.row, work.known.current
        if row.state == ENDED or row.doing == END:
            raise Conflict(f"subscription {row.id} has ended")
        said = {"cancelled_at": work.now, "cancelled_by": by}
        if wanted.when == "period_end" and row.state in (ACTIVE, PAUSED) and current is not None:
            if not row.renews:
                raise Conflict(f"subscription {row.id} is cancelled already")
            event = PlanCancelled(**work.about(ends_at=current.ends_at), by=by)
            await work.write(event, renews=False, mandate_wanted="cancel" if row.mandate_ref else "", next_plan_id=None, **said)
            return
        credits = (work.known.terms.credit if credit is None else credit) and row.state in (ACTIVE, PAUSED)
        event = PlanCancelled(**work.about(ends_at=work.now), by=by)
        await work.write(event, doing=END, credits=credits, renews=False, reason=AS_WISHED, **said)

    return await advance(context, tenant, subscription_id, begin)


async def change(context: PluginContext, tenant: TenantId, subscription_id: int, wanted: Change) -> Known:
    """Another plan, at the renewal or now. Raises ``NotFound``, ``Conflict``, ``Refused`` where it is not for them or not paid."""

    async def begin(work: Work) -> None:
        row = work.row

        def read(tx: ReadTx) -> tuple[Plan, facts.Customer, bool]:
            plan = store.need_plan(tx, wanted.plan_id)
            return plan, facts.customer(tx, row.driver_id), store.held(tx, row.driver_id, plan.id, but=row.id)[0]

        plan, customer, has = await context.store.read(read, tenant=tenant)
        _need(work, ACTIVE)
        if plan.id == row.plan_id:
            if wanted.when == "renewal" and row.next_plan_id is not None:
                await work.write(next_plan_id=None)
                return
            raise Conflict(f"it is of the plan {plan.name!r} already")
        _check_offered(plan, customer, row.currency)
        if has:
            raise Conflict(f"driver {row.driver_id} has the plan {plan.name!r} already")
        if work.known.coming is not None:
            raise Conflict("its next period is being paid already")
        if wanted.when == "renewal":
            await work.write(next_plan_id=plan.id, renews=True, cancelled_at=None, cancelled_by="")
        else:
            await _change_now(work, plan, customer)

    return await advance(context, tenant, subscription_id, begin)


async def _change_now(work: Work, plan: Plan, customer: facts.Customer) -> None:
    row, current = work.row, work.known.current
    assert current is not None
    fee = plan.terms.fee(row.currency, customer.state)
    left = {each.account_id: each.balance for each in await work.context.ledger.allowances(row.driver_id, tenant=work.tenant)}
    there = (left.get(current.energy_account or 0, 0), left.get(current.transactions_account or 0, 0))
    credit = credit_of(current, work.known.terms, there, work.now)
    missing = fee.amount_minor - (0 if credit is None else credit.amount_minor)
    funds = await work.context.ledger.funds(row.driver_id, tenant=work.tenant)
    if missing > max(0, funds.available_minor):
        free = written(max(0, funds.available_minor), row.currency)
        raise Refused(
            f"{free} is available, and {written(missing, row.currency)} is needed; top up first, or change at the renewal"
        )
    _, ends_at = following(plan.terms.period, work.now, work.now, work.now, ZoneInfo(row.time_zone))
    period = PeriodRow(
        subscription_id=row.id,
        number=row.period + 1,
        plan_id=plan.id,
        version=plan.version,
        kind=CHANGE,
        state=EMPTYING,
        starts_at=work.now,
        ends_at=ends_at,
        anchor_at=work.now,
        fee=fee,
    )
    await work.write(writes.insert_period(period), renews=True, next_plan_id=None, cancelled_at=None, cancelled_by="")


def _need(work: Work, state: str) -> None:
    row = work.row
    if row.doing:
        raise Conflict(BUSY)
    if row.state != state:
        raise Conflict(f"subscription {row.id} is {row.state.replace('_', ' ')}, not {state}")
