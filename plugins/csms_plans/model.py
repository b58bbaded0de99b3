"""Nouns of the plans plugin, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs

from csms.hooks import Fee

from . import checks
from .terms import Terms

PENDING, ACTIVE, PAST_DUE, PAUSED, SUSPENDED, ENDED = "pending", "active", "past_due", "paused", "suspended", "ended"
STATES = (PENDING, ACTIVE, PAST_DUE, PAUSED, SUSPENDED, ENDED)
State = Literal["pending", "active", "past_due", "paused", "suspended", "ended"]
"""``pending``: its first period is not paid, or lies ahead. ``past_due``: the next is not, and the last goes on for a while.
``suspended``: that while is over."""
PAUSE, RESUME, SUSPEND, END = "pause", "resume", "suspend", "end"
WALLET, MANDATE = "wallet", "mandate"
PayBy = Literal["wallet", "mandate"]

EMPTYING, DUE, PAID, READY, OPEN, CLOSED, VOID = "emptying", "due", "paid", "ready", "open", "closed", "void"
COMING = (EMPTYING, DUE, PAID, READY)
"""States of a period that is to follow."""
TRIAL, REGULAR, CHANGE = "trial", "regular", "change"

UNPAID, NEVER_PAID, AS_WISHED, NOT_RENEWED, ERASED = (
    "it was not paid",
    "its first period was not paid",
    "as wished",
    "it was not to be renewed",
    "the driver was erased",
)
REFERENCE = "subscription"
"""``reference_kind`` of what the ledger and payments do for a subscription."""


@attrs.frozen(slots=True, kw_only=True)
class Settings:
    """``[plugins.settings.plans]``."""

    grace_days: int = attrs.field(default=7, validator=checks.between(0, 90))
    """How long a subscription goes on while its price is not paid, and never for longer than a period of it lasts."""
    retry_h: int = attrs.field(default=24, validator=checks.between(1, 720))
    """When it is tried again and the driver reminded for the first time; every further wait is twice as long, up to three days."""
    suspended_days: int = attrs.field(default=30, validator=checks.between(0, 366))
    """How long a suspended subscription can still be paid."""
    pending_h: int = attrs.field(default=168, validator=checks.between(1, 720))
    """How long a new one can wait for its first payment."""
    mandate_wait_h: int = attrs.field(default=48, validator=checks.between(0, 240))
    """How long the charge of a recurring payment is waited for before the driver is asked."""
    expiring_days: int = attrs.field(default=3, validator=checks.between(0, 30))
    """How long before its end a driver is told of it."""
    longest_pause_days: int = attrs.field(default=90, validator=checks.between(1, 366))
    """After so long a paused subscription goes on by itself."""


@attrs.frozen(slots=True, kw_only=True)
class Plan:
    """A plan, with the version that is sold now. `price` is what a period costs with tax, for a customer of whom no state is known."""

    id: int
    name: str
    description: str
    currency: str
    state: Literal["active", "archived"]
    version: int
    terms: Terms
    price: Fee
    subscriptions: int
    """That are not ended."""
    created_at: int
    changed_at: int
    archived_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Version:
    """A version of a plan: terms with which subscriptions were sold."""

    plan_id: int
    number: int
    terms: Terms
    note: str
    created_by: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class OfferedPlan:
    """A plan as a driver is offered it. `price` is what a period costs this driver; `held` says that they have it."""

    id: int
    name: str
    description: str
    currency: str
    terms: Terms
    price: Fee
    trial_days: int
    """How long it would cost nothing at first: 0 for who had it before."""
    held: bool


@attrs.frozen(slots=True, kw_only=True)
class PeriodRow:
    """A period as it is stored."""

    subscription_id: int
    number: int
    plan_id: int
    version: int
    kind: str
    state: str
    starts_at: int
    ends_at: int
    anchor_at: int
    fee: Fee
    less: Fee | None = None
    collecting: bool = False
    carried_wh: int = 0
    carried_transactions: int = 0
    energy_account: int | None = None
    transactions_account: int | None = None
    left_wh: int = 0
    left_transactions: int = 0
    credit: Fee | None = None
    asks: int = 0
    asked_minor: int = 0
    payment_id: int | None = None
    pay_url: str = ""
    paid_at: int | None = None

    @property
    def name(self) -> str:
        """Of its allowances and its fee."""
        return f"subscription:{self.subscription_id}:{self.number}"

    @property
    def to_pay_minor(self) -> int:
        """What is to be paid for it."""
        return self.fee.amount_minor - (0 if self.less is None else self.less.amount_minor)


@attrs.frozen(slots=True, kw_only=True)
class SubscriptionRow:
    """A subscription as it is stored."""

    id: int
    tenant: int
    driver_id: int
    plan_id: int
    version: int
    state: str
    doing: str
    pay_by: str
    renews: bool
    time_zone: str
    currency: str
    starts_at: int
    anchor_at: int
    period: int
    next_plan_id: int | None
    past_due_at: int | None
    grace_until_at: int | None
    tries: int
    retry_at: int | None
    paused_at: int | None
    resume_at: int | None
    pauses: int
    cancelled_at: int | None
    cancelled_by: str
    credits: bool
    ended_at: int | None
    reason: str
    told_period: int
    mandates: int
    mandate_ref: str
    mandate_state: str
    mandate_url: str
    mandate_wanted: str
    mandate_minor: int
    last_payment_id: int
    due_at: int | None
    errors: int
    error: str
    revision: int
    created_at: int
    changed_at: int


@attrs.frozen(slots=True, kw_only=True)
class Known:
    """A subscription with all that its next step goes by: its plan, the period that holds and the one that comes."""

    row: SubscriptionRow
    plan_name: str
    terms: Terms
    """Those of the period that holds, or of the first."""
    current: PeriodRow | None
    coming: PeriodRow | None
    coming_terms: Terms | None
    coming_name: str


@attrs.frozen(slots=True, kw_only=True)
class ShownPeriod:
    """A period. `paid_minor` is what was taken for it, `credited_minor` what was given back of that."""

    number: int
    plan_id: int
    version: int
    kind: str
    state: str
    starts_at: int
    ends_at: int
    amount_minor: int
    less_minor: int
    """What of the period before was given back with it."""
    credited_minor: int
    carried_wh: int
    carried_transactions: int
    paid_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Subscription:
    """A subscription. `due_minor` is what is to be paid before it goes on, at `pay_url` where a payment is asked for."""

    id: int
    driver_id: int
    plan_id: int
    plan_name: str
    version: int
    state: State
    trial: bool
    pay_by: PayBy
    renews: bool
    next_plan_id: int | None
    """The plan that follows at the renewal, where that is another."""
    currency: str
    amount_minor: int
    """What the period that holds cost, or the first costs."""
    starts_at: int
    period: int
    period_starts_at: int | None
    period_ends_at: int | None
    due_minor: int
    pay_url: str
    grace_until_at: int | None
    paused_at: int | None
    resume_at: int | None
    cancelled_at: int | None
    ended_at: int | None
    reason: str
    mandate_state: str
    mandate_url: str
    """Where the driver agrees to the recurring payment."""
    error: str
    created_at: int
    changed_at: int


@attrs.frozen(slots=True, kw_only=True)
class SubscriptionDetail:
    """A subscription with its terms and its latest periods, the newest first."""

    subscription: Subscription
    terms: Terms
    left_wh: int
    left_transactions: int
    """What is left of the period that holds."""
    periods: Sequence[ShownPeriod]
