"""Recurring payments of subscriptions: set up, changed, and what their gateway tells of them."""

from __future__ import annotations

from csms.hooks import MandateChanged, MandateWanted, NotFound, ReadTx, Refused, Statement

from . import facts
from .events import PlanFailed
from .model import ACTIVE, ENDED, MANDATE, PAST_DUE, PENDING, REFERENCE, TRIAL, WALLET, SubscriptionRow
from .work import Work

STOPPED = ("cancelled", "completed", "failed")
UNSAFE = (*STOPPED, "halted", "paused")
EVERY = {
    "daily": ("daily", 1),
    "weekly": ("weekly", 1),
    "monthly": ("monthly", 1),
    "quarterly": ("monthly", 3),
    "yearly": ("yearly", 1),
}
MOST_ERRORS = 10
FIRST_RETRY_MS, LONGEST_RETRY_MS = 60_000, 3_600_000


def is_alive(row: SubscriptionRow) -> bool:
    """Whether the gateway may still charge it by itself; before the first charge also while the driver has not agreed."""
    if row.pay_by != MANDATE:
        return False
    if row.state == PENDING:
        return row.mandate_state not in UNSAFE
    return row.mandate_state in ("authenticated", "active", "pending")


async def step(work: Work) -> bool:
    """Have the gateway do what is wanted of a recurring payment. False where it is to be tried again later."""
    row = work.row
    if row.mandate_wanted == "start":
        return await work.write(mandate_wanted="") if row.state == ENDED else await _start(work)
    error, state = "", row.mandate_state
    change = "cancel" if row.mandate_wanted == "replace" else row.mandate_wanted
    if row.mandate_ref:
        try:
            state = (await work.context.payments.change_mandate(row.mandate_ref, change, tenant=work.tenant)).state
        except (Refused, NotFound) as problem:
            error = str(problem)[:500]
    if row.mandate_wanted == "replace":
        return await work.write(
            mandate_wanted="start", mandate_ref="", mandate_state="", mandate_url="", mandates=row.mandates + 1, error=error
        )
    pay_by = WALLET if change == "cancel" else row.pay_by
    return await work.write(mandate_wanted="", mandate_state=state, pay_by=pay_by, error=error)


async def _start(work: Work) -> bool:
    row, known = work.row, work.known
    if row.due_at is not None and row.due_at > work.now:
        return False

    def customer_state(tx: ReadTx) -> str:
        return facts.customer_state(tx, row.driver_id)

    fee = known.terms.fee(row.currency, await work.context.store.read(customer_state, tenant=work.tenant))
    period, every = EVERY[known.terms.period]
    wanted = MandateWanted(
        reference=f"sub-{row.id}-{row.mandates}",
        amount_minor=fee.amount_minor,
        currency=row.currency,
        period=period,
        every=every,
        starts_at=_first_charge(work),
        description=known.plan_name,
        notes={"subscription": str(row.id)},
    )
    try:
        made = await work.context.payments.start_mandate(
            row.driver_id, wanted, reference_kind=REFERENCE, reference_id=str(row.id), tenant=work.tenant
        )
    except Refused as problem:
        errors, error = row.errors + 1, str(problem)[:500]
        if errors >= MOST_ERRORS:
            return await work.write(mandate_wanted="", mandate_state="failed", pay_by=WALLET, error=error)
        due_at = work.now + min(FIRST_RETRY_MS * 2 ** (errors - 1), LONGEST_RETRY_MS)
        await work.write(errors=errors, error=error, due_at=due_at)
        return False
    return await work.write(
        mandate_wanted="",
        mandate_ref=made.mandate_id,
        mandate_state=made.state,
        mandate_url=made.pay_url,
        mandate_minor=fee.amount_minor,
    )


def _first_charge(work: Work) -> int | None:
    """When the gateway is to charge it first; None is as soon as the driver agreed."""
    current, coming = work.known.current, work.known.coming
    if current is not None:
        return current.ends_at if current.ends_at > work.now else None
    if coming is not None and coming.kind == TRIAL:
        return coming.ends_at
    return work.row.starts_at if work.row.starts_at > work.now else None


async def told(work: Work, event: MandateChanged) -> None:
    """Keep what the gateway tells of it. Where it stopped, the driver is told, and pays from the wallet or as they are asked to."""
    row = work.row
    if row.mandate_ref not in ("", event.mandate_ref) or row.state == ENDED or row.mandate_wanted in ("replace", "cancel"):
        return
    changes: list[Statement | PlanFailed] = []
    stopped = event.state in STOPPED
    ours = row.mandate_wanted == "pause" or row.state not in (ACTIVE, PAST_DUE, PENDING)
    if event.state in UNSAFE and row.mandate_state not in UNSAFE and not ours:
        current = work.known.current
        ends_at = None if current is None else current.ends_at
        why = f"the recurring payment is {event.state}"
        changes.append(
            PlanFailed(
                **work.about(ends_at=ends_at), amount_minor=row.mandate_minor, currency=row.currency, until_at=ends_at, why=why
            )
        )
    await work.write(
        *changes,
        mandate_ref=event.mandate_ref,
        mandate_state=event.state,
        pay_by=WALLET if stopped else row.pay_by,
    )


def renewed_by(work: Work) -> bool:
    """Whether money that a recurring payment brought is for the period after the one that holds: it came in the latter half of it.

    What comes before that paid the one that holds, and was heard of late.
    """
    row, current = work.row, work.known.current
    if row.state != ACTIVE or not row.renews or current is None or work.known.coming is not None:
        return False
    return work.now >= current.ends_at - (current.ends_at - current.starts_at) // 2
