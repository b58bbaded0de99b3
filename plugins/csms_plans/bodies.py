"""What requests say, each with what is allowed."""

from __future__ import annotations

from typing import Literal

import attrs
from attrs import validators as v

from csms.api.lists import Following, Paged, filter_by, one_of, sorts

from . import checks
from .model import STATES, PayBy
from .terms import Terms

_ID = v.optional(checks.identity())


@attrs.frozen(slots=True, kw_only=True)
class PlanQuery(Paged):
    """Which plans."""

    sort: str = sorts("name", "created_at", "changed_at", default="name")
    state: str | None = one_of("active", "archived", help="active or archived; both where not given")


@attrs.frozen(slots=True, kw_only=True)
class VersionsQuery(Paged):
    """Which versions; `search` is for their notes."""

    sort: str = sorts("number", default="-number")


@attrs.frozen(slots=True, kw_only=True)
class OffersQuery(Paged):
    """Which of the plans that one may take."""

    sort: str = sorts("name", "id", default="name")
    held: bool | None = filter_by("true: those that one has; false: others")


@attrs.frozen(slots=True, kw_only=True)
class NewPlan:
    """A plan with its first version. `currency` is the tenant's, for good."""

    name: str = attrs.field(validator=checks.text(100, least=1))
    terms: Terms
    description: str = attrs.field(default="", validator=checks.text(1000))
    note: str = attrs.field(default="", validator=checks.text(500))


@attrs.frozen(slots=True, kw_only=True)
class PlanChange:
    """What is to be other about a plan; its terms change by a new version only."""

    name: str | None = attrs.field(default=None, validator=v.optional(checks.text(100, least=1)))
    description: str | None = attrs.field(default=None, validator=v.optional(checks.text(1000)))


@attrs.frozen(slots=True, kw_only=True)
class NewVersion:
    """Terms with which the plan is sold from now on; subscriptions that there are get them at their renewal."""

    terms: Terms
    note: str = attrs.field(default="", validator=checks.text(500))


@attrs.frozen(slots=True, kw_only=True)
class SubscriptionQuery(Following):
    """Which subscriptions."""

    driver_id: int | None = filter_by("those of one driver")
    plan_id: int | None = filter_by("those of one plan")
    state: str | None = one_of(*STATES, help="exactly this state")
    live: bool | None = filter_by("true: those that are not ended; false: those that are")


@attrs.frozen(slots=True, kw_only=True)
class MySubscriptionQuery(Following):
    """Which of one's own subscriptions."""

    live: bool | None = filter_by("true: those that are not ended; false: those that are")


@attrs.frozen(slots=True, kw_only=True)
class MySubscription:
    """A plan to be taken, now or at `starts_at`. `pay_by` `mandate` sets up a recurring payment, which the driver agrees to."""

    plan_id: int = attrs.field(validator=checks.identity())
    starts_at: int | None = None
    pay_by: PayBy = "wallet"
    renews: bool = True


@attrs.frozen(slots=True, kw_only=True)
class NewSubscription(MySubscription):
    """A plan to be given to a driver. It is paid by the driver, as if they had taken it."""

    driver_id: int = attrs.field(validator=checks.identity())


@attrs.frozen(slots=True, kw_only=True)
class Pause:
    """A pause, until `resume_at` or somebody ends it."""

    resume_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Cancel:
    """`period_end`: it is not renewed. `now`: it ends at once, and what is left is given back where the plan says so."""

    when: Literal["period_end", "now"] = "period_end"


@attrs.frozen(slots=True, kw_only=True)
class CancelBySupport(Cancel):
    """The same; `credit` says whether what is left is given back, whatever the plan says."""

    credit: bool | None = None


@attrs.frozen(slots=True, kw_only=True)
class Change:
    """Another plan: at the `renewal`, or `now`, with what is left of the present period given back."""

    plan_id: int = attrs.field(validator=checks.identity())
    when: Literal["renewal", "now"] = "renewal"
