"""Ends, suspends, pauses and resumes subscriptions: what is left is taken back by key first, then it is written what became of it."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from csms.hooks import Fee, NotFound

from . import writes
from .events import PlanEnded, PlanPaused, PlanResumed, PlanSuspended
from .model import ACTIVE, CLOSED, DUE, EMPTYING, ENDED, OPEN, PAID, PAUSED, SUSPENDED, VOID, PeriodRow
from .periods import following
from .work import Work, credit_of


async def void(work: Work, coming: PeriodRow) -> bool:
    """A period that was to follow does not: what was taken for it is given back."""
    if coming.state == DUE and coming.collecting:  # nobody knows whether the fee was taken: the ledger does, by its key
        taken = await work.collect(coming, work.known.coming_name)
        return await work.write(writes.update_period(coming, state=PAID if taken else DUE, collecting=False))
    if coming.state in (EMPTYING, DUE):
        return await work.write(writes.update_period(coming, state=VOID))
    await work.give_back(coming, coming.fee)
    changes = [writes.update_period(coming, state=VOID, credit=coming.fee)]
    current = work.known.current
    if coming.less is not None and current is not None:  # that was given back with it
        changes.append(writes.update_period(current, credit=None))
    return await work.write(*changes)


async def end(work: Work) -> bool:
    """Bring it to its end, whatever it was at."""
    row, current, coming = work.row, work.known.current, work.known.coming
    if coming is not None:
        return await void(work, coming)
    if current is not None and current.state == OPEN:
        left = await work.empty(current, "close")
        at = work.now
        if row.state == PAUSED and row.paused_at is not None:
            left, at = (current.left_wh, current.left_transactions), row.paused_at
        credit = credit_of(current, work.known.terms, left, at) if row.credits else None
        return await work.write(
            writes.update_period(current, state=CLOSED, left_wh=left[0], left_transactions=left[1], credit=credit)
        )
    given = 0
    if current is not None and current.credit is not None:
        given = current.credit.amount_minor
        await _give(work, current, current.credit)
    wanted = "cancel" if row.mandate_ref and row.mandate_state not in ("cancelled", "completed", "failed") else ""
    event = PlanEnded(**work.about(ends_at=work.now), why=row.reason, credited_minor=given, currency=row.currency)
    return await work.write(
        event, state=ENDED, doing="", ended_at=work.now, mandate_wanted=wanted, due_at=work.now if wanted else None
    )


async def _give(work: Work, period: PeriodRow, fee: Fee) -> None:
    try:
        await work.give_back(period, fee)
    except NotFound as error:  # the driver was forgotten meanwhile, and the wallet with them
        work.context.log.warning("nobody to give it back to", subscription=work.row.id, reason=str(error))


async def suspend(work: Work) -> bool:
    """It was not paid in time: what is left cannot be used any more."""
    row, current, coming = work.row, work.known.current, work.known.coming
    left = await work.empty(current, "close")
    due_minor = 0 if coming is None else coming.to_pay_minor
    changes = [PlanSuspended(**work.about(ends_at=work.now), amount_minor=due_minor, currency=row.currency)]
    closed = []
    if current is not None and current.state == OPEN:
        closed.append(writes.update_period(current, state=CLOSED, left_wh=left[0], left_transactions=left[1]))
    return await work.write(*changes, *closed, state=SUSPENDED, doing="")


async def pause(work: Work) -> bool:
    """Take back what is left and keep in mind how much that is."""
    row, current = work.row, work.known.current
    assert current is not None
    left = await work.empty(current, f"pause{row.pauses}")
    event = PlanPaused(**work.about(ends_at=None), until_at=row.resume_at, why="as you asked")
    return await work.write(
        writes.update_period(current, left_wh=left[0], left_transactions=left[1]),
        event,
        state=PAUSED,
        doing="",
        paused_at=work.now,
        mandate_wanted="pause" if row.mandate_ref else "",
    )


async def resume(work: Work) -> bool:
    """Grant what was left, for as long as there was left of the period."""
    row, current, coming = work.row, work.known.current, work.known.coming
    assert current is not None
    assert row.paused_at is not None
    assert row.resume_at is not None
    rested_ms = max(0, row.resume_at - row.paused_at)
    ends_at = current.ends_at + rested_ms
    accounts = await work.grant(
        current,
        wh=current.left_wh,
        transactions=current.left_transactions,
        key=f"resume{row.pauses}",
        plan=work.known.plan_name,
        until_at=ends_at + work.grace_ms(current, work.known.terms),
    )
    changes = [writes.update_period(current, starts_at=current.starts_at + rested_ms, ends_at=ends_at, **accounts)]
    if coming is not None and work.known.coming_terms is not None:
        until_at = following(work.known.coming_terms.period, ends_at, ends_at, ends_at, ZoneInfo(row.time_zone))[1]
        changes.append(writes.update_period(coming, starts_at=ends_at, ends_at=until_at, anchor_at=ends_at))
    return await work.write(
        *changes,
        PlanResumed(**work.about(ends_at=ends_at)),
        state=ACTIVE,
        doing="",
        paused_at=None,
        resume_at=None,
        anchor_at=ends_at,
        mandate_wanted="resume" if row.mandate_ref else "",
    )


def is_free_to_void(work: Work) -> bool:
    """Whether a period that was to follow is not wanted any more: it is not to be renewed, and what holds goes on to its end."""
    current, coming = work.known.current, work.known.coming
    holds = current is not None and current.state == OPEN
    return not work.row.renews and work.row.state == ACTIVE and holds and coming is not None and coming.state in (DUE, PAID)
