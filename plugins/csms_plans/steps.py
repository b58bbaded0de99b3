"""Brings a subscription on, a step at a time. Every step is written before the next, and has a key where it moves something, so that
whatever dies in between, the same steps lead to the same end.

    (emptying) > due > paid > ready > open        the fee is collected, the period before emptied, the new one granted
"""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from csms.hooks import Refused

from . import dunning, ending, facts, mandates, writes
from .events import PlanChanged, PlanExpiring, PlanRenewed, PlanSubscribed
from .model import (
    ACTIVE,
    AS_WISHED,
    CHANGE,
    CLOSED,
    DUE,
    EMPTYING,
    END,
    ENDED,
    MANDATE,
    NOT_RENEWED,
    OPEN,
    PAID,
    PAUSE,
    PAUSED,
    PENDING,
    READY,
    REGULAR,
    RESUME,
    SUSPEND,
    SUSPENDED,
    TRIAL,
    PeriodRow,
)
from .periods import DAY_MS, days_after, following
from .work import Work, carries, credit_of, next_sold


async def step(work: Work) -> bool:
    """Do what is next; False where nothing is to be done now."""
    row = work.row
    if row.state == ENDED:
        return await mandates.step(work) if row.mandate_wanted else await work.rest(None)
    coming = work.known.coming
    if coming is not None and coming.state == READY and row.doing != "":  # it may be granted: first it is to hold
        return await open_(work, coming)
    if row.doing == END:
        return await ending.end(work)
    if row.mandate_wanted and await mandates.step(work):
        return True
    if row.doing:
        return await {PAUSE: ending.pause, RESUME: ending.resume, SUSPEND: ending.suspend}[row.doing](work)
    if row.state == PAUSED:
        if row.resume_at is not None and row.resume_at <= work.now:
            return await work.write(doing=RESUME, resume_at=work.now)
        return await work.rest(row.resume_at)
    if coming is not None:
        if ending.is_free_to_void(work):
            return await ending.void(work, coming)
        return await {EMPTYING: empty_before, DUE: collect, PAID: make_ready, READY: open_}[coming.state](work, coming)
    return await go_on(work)


async def go_on(work: Work) -> bool:
    """A period holds and none follows yet: renew it or end it when it is over."""
    row, current = work.row, work.known.current
    assert current is not None
    if current.ends_at <= work.now:
        if not row.renews:
            return await work.write(doing=END, credits=False, reason=AS_WISHED if row.cancelled_at is not None else NOT_RENEWED)
        return await renew(work)
    if row.renews or row.told_period == row.period:
        return await work.rest(current.ends_at)
    tell_at = current.ends_at - min(work.settings.expiring_days * DAY_MS, (current.ends_at - current.starts_at) // 2)
    if work.now < tell_at:
        return await work.rest(tell_at)
    return await work.write(PlanExpiring(**work.about(ends_at=current.ends_at)), told_period=row.period)


async def renew(work: Work, **row: Any) -> bool:
    """Have the next period follow, with the terms that are sold by now."""
    known, current = work.row, work.known.current
    assert current is not None
    plan_id, version, _, terms, fee = await work.context.store.read(next_sold, work.known, tenant=work.tenant)
    anchor_at = known.anchor_at if terms.period == work.known.terms.period else current.ends_at
    starts_at, ends_at = following(terms.period, anchor_at, current.ends_at, work.now, ZoneInfo(known.time_zone))
    period = PeriodRow(
        subscription_id=known.id,
        number=known.period + 1,
        plan_id=plan_id,
        version=version,
        kind=REGULAR,
        state=DUE,
        starts_at=starts_at,
        ends_at=ends_at,
        anchor_at=anchor_at,
        fee=fee,
    )
    return await work.write(writes.insert_period(period), **row)


# --- the period that comes ------------------------------------------------------------------------------------------------------


async def empty_before(work: Work, coming: PeriodRow) -> bool:
    """It replaces a period that holds: that is emptied first, so that what is given back of it is what was not used."""
    current = work.known.current
    assert current is not None
    left = await work.empty(current, "close")
    credit = credit_of(current, work.known.terms, left, coming.starts_at)
    closed = writes.update_period(current, state=CLOSED, left_wh=left[0], left_transactions=left[1], credit=credit)
    return await work.write(closed, writes.update_period(coming, state=DUE, less=credit))


async def collect(work: Work, coming: PeriodRow) -> bool:
    """Take its fee, or see to it that it will be paid."""
    row = work.row
    if not row.period and coming.starts_at > work.now:
        return await work.rest(coming.starts_at)
    if row.due_at is None or row.due_at > work.now:
        return False
    if not coming.collecting:
        currency, _ = await work.context.store.read(facts.money_and_time, tenant=work.tenant)
        if currency != row.currency:
            raise Refused(f"it was sold in {row.currency}, wallets are in {currency} now: end it, and let the driver take another")
        return await work.write(writes.update_period(coming, collecting=True))
    if not await work.collect(coming, work.known.coming_name):
        return await dunning.failed(work, coming)
    paid = writes.update_period(coming, state=PAID, collecting=False, paid_at=work.now, payment_id=None, pay_url="", asked_minor=0)
    return await work.write(paid)


async def make_ready(work: Work, coming: PeriodRow) -> bool:
    """Empty the period before, and note what goes over into this one: then it can begin."""
    row, current, terms = work.row, work.known.current, work.known.coming_terms
    assert terms is not None
    holds = current is not None and current.state == OPEN
    if holds and coming.starts_at > work.now:
        return await work.rest(coming.starts_at)
    left = await work.empty(current, "close")
    carried = work.known.terms.carried(*left) if carries(work.known) else (0, 0)
    waited = row.state == SUSPENDED or (row.state == PENDING and (coming.asks > 0 or row.pay_by == MANDATE))
    starts_at, ends_at, anchor_at = coming.starts_at, coming.ends_at, coming.anchor_at
    if waited or ends_at <= work.now:
        starts_at = anchor_at = work.now
        ends_at = first_end(terms.period, starts_at, row.time_zone, terms.trial_days if coming.kind == TRIAL else 0)
    changes = [
        writes.update_period(
            coming,
            state=READY,
            starts_at=starts_at,
            ends_at=ends_at,
            anchor_at=ends_at if coming.kind == TRIAL else anchor_at,
            carried_wh=carried[0],
            carried_transactions=carried[1],
        )
    ]
    if holds and current is not None:
        changes.append(writes.update_period(current, state=CLOSED, left_wh=left[0], left_transactions=left[1]))
    return await work.write(*changes)


def first_end(period: str, starts_at: int, time_zone: str, trial_days: int) -> int:
    """When a first period ends that begins then."""
    zone = ZoneInfo(time_zone)
    if trial_days:
        return days_after(starts_at, trial_days, zone)
    return following(period, starts_at, starts_at, starts_at, zone)[1]


async def open_(work: Work, coming: PeriodRow) -> bool:
    """Grant what it includes, and let it hold."""
    row, terms = work.row, work.known.coming_terms
    assert terms is not None
    accounts = await work.grant(
        coming,
        wh=terms.granted_wh + coming.carried_wh,
        transactions=terms.granted_transactions + coming.carried_transactions,
        key="grant",
        plan=work.known.coming_name,
        until_at=coming.ends_at + work.grace_ms(coming, terms),
    )
    replaces = row.pay_by == MANDATE and coming.kind != TRIAL and row.mandate_ref and coming.fee.amount_minor != row.mandate_minor
    return await work.write(
        writes.update_period(coming, state=OPEN, **accounts),
        _begun(work, coming),
        state=ACTIVE,
        period=coming.number,
        plan_id=coming.plan_id,
        version=coming.version,
        anchor_at=coming.anchor_at,
        next_plan_id=None if row.next_plan_id == coming.plan_id else row.next_plan_id,
        past_due_at=None,
        grace_until_at=None,
        tries=0,
        retry_at=None,
        mandate_wanted="replace" if replaces else row.mandate_wanted,
    )


def _begun(work: Work, coming: PeriodRow) -> PlanSubscribed | PlanRenewed | PlanChanged:
    row = work.row
    about = work.about(ends_at=coming.ends_at, plan_id=coming.plan_id, plan_name=work.known.coming_name)
    money: dict[str, Any] = {"amount_minor": coming.fee.amount_minor, "currency": row.currency}
    if not row.period:
        return PlanSubscribed(**about, **money, trial=coming.kind == TRIAL)
    if coming.kind == CHANGE:
        credited = 0 if coming.less is None else coming.less.amount_minor
        return PlanChanged(**about, **money, previous_plan_id=row.plan_id, credited_minor=credited)
    carried: dict[str, Any] = {"carried_wh": coming.carried_wh, "carried_transactions": coming.carried_transactions}
    return PlanRenewed(**about, **money, **carried, period=coming.number)
