"""Plans and subscriptions as the API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.api.lists import Stretch
from csms.hooks import NotFound, ReadTx

from . import facts, store
from .bodies import SubscriptionQuery
from .model import (
    DUE,
    EMPTYING,
    TRIAL,
    OfferedPlan,
    PeriodRow,
    ShownPeriod,
    Subscription,
    SubscriptionDetail,
    SubscriptionRow,
)

PERIODS = 24
"""How many of the latest periods are shown."""


def _subscription(row: SubscriptionRow, plan_name: str, current: PeriodRow | None, coming: PeriodRow | None) -> Subscription:
    waits = coming is not None and coming.state in (EMPTYING, DUE)
    priced = current or coming
    said: dict[str, Any] = {
        name: getattr(row, name)
        for name in [
            "id",
            "driver_id",
            "plan_id",
            "version",
            "state",
            "pay_by",
            "renews",
            "next_plan_id",
            "currency",
            "starts_at",
            "period",
            "grace_until_at",
            "paused_at",
            "resume_at",
            "cancelled_at",
            "ended_at",
            "reason",
            "mandate_state",
            "mandate_url",
            "error",
            "created_at",
            "changed_at",
        ]
    }
    return Subscription(
        **said,
        plan_name=plan_name,
        trial=priced is not None and priced.kind == TRIAL,
        amount_minor=0 if priced is None else priced.fee.amount_minor,
        period_starts_at=None if current is None else current.starts_at,
        period_ends_at=None if current is None else current.ends_at,
        due_minor=max(0, coming.to_pay_minor) if waits and coming is not None else 0,
        pay_url=coming.pay_url if waits and coming is not None else "",
    )


def subscription(tx: ReadTx, subscription_id: int, driver_id: int | None = None) -> Subscription:
    """One subscription, of a driver where one is given. Raises ``NotFound``."""
    found = store.some(tx, [subscription_id])
    if not found or driver_id not in (None, found[0][0].driver_id):
        raise NotFound(f"there is no subscription {subscription_id}")
    return _subscription(*found[0])


def subscriptions(tx: ReadTx, query: SubscriptionQuery, driver_id: int | None = None) -> Stretch[Subscription]:
    """A stretch of subscriptions, the newest first. Three statements."""
    ids = store.subscriptions(tx, query, driver_id)
    return Stretch(items=[_subscription(*each) for each in store.some(tx, list(ids.items))], limit=ids.limit, next=ids.next)


def detail(tx: ReadTx, subscription_id: int, driver_id: int | None = None) -> SubscriptionDetail:
    """A subscription with its terms, what is left of it, and its latest periods. Raises ``NotFound``."""
    shown = subscription(tx, subscription_id, driver_id)
    known = store.known(tx, subscription_id)
    current = known.current
    left = _left(tx, () if current is None else (current.energy_account, current.transactions_account))
    if shown.state == "paused" and current is not None:
        left = {"WH": current.left_wh, "TX": current.left_transactions}
    return SubscriptionDetail(
        subscription=shown,
        terms=known.terms,
        left_wh=left.get("WH", 0),
        left_transactions=left.get("TX", 0),
        periods=[_period(each) for each in store.periods(tx, subscription_id, PERIODS)],
    )


def _left(tx: ReadTx, accounts: Sequence[int | None]) -> dict[str, int]:
    ids = [each for each in accounts if each is not None]
    if not ids:
        return {}
    rows = tx.all(
        "SELECT unit, balance FROM ledger_accounts WHERE tenant = :tenant AND id IN (:first, :second)", first=ids[0], second=ids[-1]
    )
    return {row["unit"]: row["balance"] for row in rows}


def _period(each: PeriodRow) -> ShownPeriod:
    return ShownPeriod(
        number=each.number,
        plan_id=each.plan_id,
        version=each.version,
        kind=each.kind,
        state=each.state,
        starts_at=each.starts_at,
        ends_at=each.ends_at,
        amount_minor=each.fee.amount_minor,
        less_minor=0 if each.less is None else each.less.amount_minor,
        credited_minor=0 if each.credit is None else each.credit.amount_minor,
        carried_wh=each.carried_wh,
        carried_transactions=each.carried_transactions,
        paid_at=each.paid_at,
    )


def offers(tx: ReadTx, driver_id: int) -> list[OfferedPlan]:
    """The plans that a driver may take. Raises ``NotFound``."""
    customer = facts.customer(tx, driver_id)
    currency, _ = facts.money_and_time(tx)
    had = store.plans_of(tx, driver_id)
    return [
        OfferedPlan(
            id=each.id,
            name=each.name,
            description=each.description,
            currency=each.currency,
            terms=each.terms,
            price=each.terms.fee(each.currency, customer.state),
            trial_days=0 if each.id in had else each.terms.trial_days,
            held=had.get(each.id, False),
        )
        for each in store.active_plans(tx)
        if each.currency == currency and each.terms.is_for(customer.membership, customer.groups)
    ]
