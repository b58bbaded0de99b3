"""Events of the plans plugin. Drivers are told of most of them by the messages slice."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.hooks import Event, event


@attrs.frozen(slots=True, kw_only=True)
class AboutPlan(Event):
    """What all events about a subscription say. ``ends_at`` is when its period ends, or it itself; None where nothing holds."""

    subscription_id: int
    driver_id: int
    plan_id: int
    plan_name: str
    ends_at: int | None

    @property
    def key(self) -> str:
        """What happens to a subscription is told in order."""
        return f"subscription:{self.subscription_id}"


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanSubscribed(AboutPlan):
    """A subscription began: its first period is paid, or is a trial, and what it includes can be used."""

    type: ClassVar[str] = "plan_subscribed"
    amount_minor: int
    currency: str
    trial: bool


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanRenewed(AboutPlan):
    """Another period is paid and has begun. ``carried_wh`` and ``carried_transactions`` are left of the one before."""

    type: ClassVar[str] = "plan_renewed"
    amount_minor: int
    currency: str
    period: int
    carried_wh: int
    carried_transactions: int


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanExpiring(AboutPlan):
    """A subscription that is not renewed ends soon."""

    type: ClassVar[str] = "plan_expiring"


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanFailed(AboutPlan):
    """A period could not be paid: it is tried again, and what is there holds until ``until_at``. Or the recurring payment came to an end.

    Told at the first failure and when the recurring payment stops, not at every attempt.
    """

    type: ClassVar[str] = "plan_failed"
    amount_minor: int
    currency: str
    until_at: int | None
    why: str


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanSuspended(AboutPlan):
    """A subscription was not paid in time: what was left of it cannot be used until it is."""

    type: ClassVar[str] = "plan_suspended"
    amount_minor: int
    currency: str


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanPaused(AboutPlan):
    """A subscription rests; its period goes on where it was, at ``until_at`` at the latest."""

    type: ClassVar[str] = "plan_paused"
    until_at: int | None
    why: str


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanResumed(AboutPlan):
    """A subscription goes on after a pause."""

    type: ClassVar[str] = "plan_resumed"


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanChanged(AboutPlan):
    """A subscription is of another plan now. ``credited_minor`` is what was given back of the one before, within what the new one cost."""

    type: ClassVar[str] = "plan_changed"
    previous_plan_id: int
    amount_minor: int
    credited_minor: int
    currency: str


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanCancelled(AboutPlan):
    """A subscription is not to go on: it ends at ``ends_at``, or has ended."""

    type: ClassVar[str] = "plan_cancelled"
    by: str


@event
@attrs.frozen(slots=True, kw_only=True)
class PlanEnded(AboutPlan):
    """A subscription is over. ``credited_minor`` is what was given back of its last period."""

    type: ClassVar[str] = "plan_ended"
    why: str
    credited_minor: int
    currency: str


EVENTS: tuple[type[Event], ...] = (
    PlanSubscribed,
    PlanRenewed,
    PlanExpiring,
    PlanFailed,
    PlanSuspended,
    PlanPaused,
    PlanResumed,
    PlanChanged,
    PlanCancelled,
    PlanEnded,
)
