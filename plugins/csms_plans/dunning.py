"""What is done while a period is not paid: the driver is asked and reminded, for a while; then it is suspended, and in the end over."""

from __future__ import annotations

from typing import Any

import attrs

from csms.hooks import Notice, Refused, Statement, written

from . import writes
from .events import PlanFailed
from .mandates import is_alive
from .model import END, NEVER_PAID, PAST_DUE, PENDING, REFERENCE, SUSPEND, SUSPENDED, UNPAID, PeriodRow
from .periods import DAY_MS
from .work import HOUR_MS, Work

LONGEST_WAIT_MS = 3 * DAY_MS
LEAST_ASKED_MINOR = 100
"""Gateways take no smaller payments; what is too much stays in the wallet."""
OVER = ("failed", "cancelled", "expired")


async def failed(work: Work, coming: PeriodRow) -> bool:
    """The funds do not reach for a period."""
    row = work.row
    if row.state == PENDING:
        over_at = max(row.created_at, row.starts_at) + work.settings.pending_h * HOUR_MS
        if work.now >= over_at:
            return await work.write(_tried(coming), doing=END, credits=False, reason=NEVER_PAID)
        return await (_rest if is_alive(row) else _ask_and_rest)(work, coming, over_at)
    if row.state == SUSPENDED:
        over_at = (row.grace_until_at or coming.starts_at) + work.settings.suspended_days * DAY_MS
        if work.now >= over_at:
            return await work.write(_tried(coming), doing=END, credits=False, reason=UNPAID)
        return await _ask_and_rest(work, coming, over_at)
    if coming.starts_at > work.now:  # it was only to be taken beforehand
        return await _rest(work, coming, coming.starts_at)
    if row.state != PAST_DUE:
        return await _begin(work, coming)
    grace_until_at = row.grace_until_at or work.now
    if work.now >= grace_until_at:
        return await work.write(_tried(coming), doing=SUSPEND)
    if row.retry_at is None or work.now >= row.retry_at:
        return await _again(work, coming, grace_until_at)
    return await _ask_and_rest(work, coming, min(row.retry_at, grace_until_at))  # just begun, or what somebody paid is not enough


async def _begin(work: Work, coming: PeriodRow) -> bool:
    """The first failure: from now on it is past due. The charge of a recurring payment is waited for a little."""
    row, current = work.row, work.known.current
    assert current is not None
    wait_until_at = coming.starts_at + work.settings.mandate_wait_h * HOUR_MS
    if is_alive(row) and work.now < wait_until_at:
        return await _rest(work, coming, wait_until_at)
    grace_until_at = coming.starts_at + work.grace_ms(current, work.known.terms)
    event = PlanFailed(
        **work.about(ends_at=current.ends_at),
        amount_minor=coming.to_pay_minor,
        currency=row.currency,
        until_at=grace_until_at,
        why=await why(work, coming),
    )
    return await work.write(
        _tried(coming),
        event,
        state=PAST_DUE,
        past_due_at=work.now,
        grace_until_at=grace_until_at,
        tries=1,
        retry_at=work.now + _wait(work, 1),
    )


async def _again(work: Work, coming: PeriodRow, grace_until_at: int) -> bool:
    """A further failure: the driver is reminded."""
    tries = work.row.tries + 1
    coming, error = await ask(work, coming)
    await remind(work, coming, f"reminder:{tries}")
    retry_at = work.now + _wait(work, tries)
    await work.write(_tried(coming), tries=tries, retry_at=retry_at, due_at=min(retry_at, grace_until_at), error=error)
    return False


async def why(work: Work, coming: PeriodRow) -> str:
    """Why it could not be paid, for people."""
    funds = await work.context.ledger.funds(work.row.driver_id, tenant=work.tenant)
    currency = work.row.currency
    return (
        f"{written(max(0, funds.available_minor), currency)} is available, and {written(coming.to_pay_minor, currency)} is needed"
    )


def _wait(work: Work, tries: int) -> int:
    first = work.settings.retry_h * HOUR_MS
    return min(first << min(tries - 1, 20), max(first, LONGEST_WAIT_MS))


def _tried(coming: PeriodRow) -> Statement:
    return writes.update_period(coming, collecting=False)


async def _rest(work: Work, coming: PeriodRow, due_at: int, error: str = "") -> bool:
    await work.write(_tried(coming), due_at=due_at, error=error)
    return False


async def _ask_and_rest(work: Work, coming: PeriodRow, due_at: int) -> bool:
    asked, error = await ask(work, coming)
    if asked.pay_url and asked.payment_id != coming.payment_id:
        await remind(work, asked, f"asked:{asked.asks}")
    return await _rest(work, asked, due_at, error)


async def ask(work: Work, coming: PeriodRow) -> tuple[PeriodRow, str]:
    """Ask for a payment of what is missing, unless one is asked for: the period as it is then, and why nobody can be asked."""
    if coming.payment_id is not None:
        return coming, ""
    if not coming.asked_minor:
        funds = await work.context.ledger.funds(work.row.driver_id, tenant=work.tenant)
        missing = max(coming.to_pay_minor - max(0, funds.available_minor), LEAST_ASKED_MINOR)
        coming = await _changed(work, coming, asks=coming.asks + 1, asked_minor=missing)
    try:
        made = await work.context.payments.ask(
            work.row.driver_id,
            amount_minor=coming.asked_minor,
            way="link",
            key=f"{coming.name}:{coming.asks}",
            description=f"{work.known.coming_name}, period {coming.number}",
            reference_kind=REFERENCE,
            reference_id=str(work.row.id),
            tenant=work.tenant,
        )
    except Refused as problem:
        return await _changed(work, coming, asked_minor=0), str(problem)[:500]
    if made.state in OVER:
        return await _changed(work, coming, asked_minor=0), f"the payment that was asked for is {made.state}"
    return await _changed(work, coming, payment_id=made.id, pay_url=made.pay_url), ""


async def _changed(work: Work, coming: PeriodRow, **changes: Any) -> PeriodRow:
    await work.context.store.write(writes.update_period(coming, **changes), tenant=work.tenant)
    return attrs.evolve(coming, **changes)


async def remind(work: Work, coming: PeriodRow, key: str) -> None:
    """Tell the driver what is to be paid, and where."""
    row = work.row
    fields = {"amount_minor": str(coming.asked_minor or coming.to_pay_minor), "currency": row.currency}
    template = "payment_link" if coming.pay_url else "plan_failed"
    actions = (("pay", coming.pay_url),) if coming.pay_url else ()
    if coming.pay_url:
        fields["what"] = work.known.coming_name
    else:
        fields |= {"plan": work.known.coming_name, "why": await why(work, coming)}
        if row.grace_until_at is not None:
            fields["until_at"] = str(row.grace_until_at)
    notice = Notice(key=f"{coming.name}:{key}", template=template, fields=fields, driver_id=row.driver_id, actions=actions)
    await work.context.messenger.tell(notice, tenant=work.tenant)
