"""Drivers' subscriptions over HTTP, for staff."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.lists import Stretch
from csms.api.routes import Reply, Routes
from csms.hooks import PluginContext, ReadTx
from csms_plans import shown, wishes
from csms_plans.bodies import CancelBySupport, Change, NewSubscription, Pause, SubscriptionQuery
from csms_plans.model import Subscription, SubscriptionDetail

PATH = "/subscriptions/<int:subscription_id>"
LIMIT_S = 60.0
NOT_NOW = "it is in another state"
NOT_PAID = "the driver has the plan, may not take it, or it cannot be paid"


def subject(subscription_id: int, driver_id: int | None = None) -> Subject:
    """A subscription in the audit log."""

    def view(tx: ReadTx) -> Subscription:
        return shown.subscription(tx, subscription_id, driver_id)

    return Subject("subscription", str(subscription_id), view)


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    async def answer(call: Call, subscription_id: int) -> Subscription:
        return await call.read(shown.subscription, subscription_id)

    @made.get("/subscriptions", needs="plans:read")
    async def list_(call: Call, query: SubscriptionQuery) -> Stretch[Subscription]:
        """Subscriptions, the newest first. `search` finds drivers and plans by name."""
        return await call.read(shown.subscriptions, query)

    @made.post(
        "/subscriptions",
        needs="plans:write",
        status=201,
        tells=Subscription,
        example={"driver_id": 1, "plan_id": 1},
        moves=True,
        limit_s=LIMIT_S,
        errors={409: NOT_PAID},
    )
    async def subscribe(call: Call, body: NewSubscription) -> Reply:
        """Have a driver take a plan, now or later.

        Its price is taken from the driver's wallet. Where that does not reach it is `pending`, and the driver is asked for what is
        missing at `pay_url`; with `pay_by` `mandate` they agree to a recurring payment at `mandate_url`.
        """
        known = await wishes.subscribe(context, call.tenant, body.driver_id, body)
        made_now = await answer(call, known.row.id)
        await call.note(subject(known.row.id), {"after": made_now})
        return Reply(body=made_now, status=201, headers={"Location": f"/api/v1/subscriptions/{known.row.id}"})

    @made.get(PATH, needs="plans:read")
    async def show(call: Call, subscription_id: int) -> SubscriptionDetail:
        """One subscription with its terms, what is left of it, and its latest periods."""
        return await call.read(shown.detail, subscription_id)

    @made.post(f"{PATH}/pause", needs="plans:write", example={}, limit_s=LIMIT_S, errors={409: NOT_NOW})
    async def pause(call: Call, subscription_id: int, body: Pause) -> Subscription:
        """Let it rest: what is left of its period is kept, and cannot be used meanwhile."""
        async with call.noting(subject(subscription_id), {"resume_at": body.resume_at}):
            await wishes.pause(context, call.tenant, subscription_id, body, by_driver=False)
        return await answer(call, subscription_id)

    @made.post(f"{PATH}/resume", needs="plans:write", moves=True, limit_s=LIMIT_S, errors={409: NOT_NOW})
    async def resume(call: Call, subscription_id: int) -> Subscription:
        """Let it go on: after a pause, after all where it was cancelled at its end, or tried again where it is suspended."""
        async with call.noting(subject(subscription_id)):
            await wishes.resume(context, call.tenant, subscription_id)
        return await answer(call, subscription_id)

    @made.post(
        f"{PATH}/cancel", needs="plans:write", example={"when": "period_end"}, moves=True, limit_s=LIMIT_S, errors={409: NOT_NOW}
    )
    async def cancel(call: Call, subscription_id: int, body: CancelBySupport) -> Subscription:
        """End it at the end of its period, or now with what is left given back. What is not paid ends now."""
        async with call.noting(subject(subscription_id), {"when": body.when, "credit": body.credit}):
            await wishes.cancel(context, call.tenant, subscription_id, body, by=call.who.name, credit=body.credit)
        return await answer(call, subscription_id)

    @made.post(
        f"{PATH}/change",
        needs="plans:write",
        example={"plan_id": 2, "when": "renewal"},
        moves=True,
        limit_s=LIMIT_S,
        errors={409: f"{NOT_NOW}, or {NOT_PAID}"},
    )
    async def change(call: Call, subscription_id: int, body: Change) -> Subscription:
        """Another plan: at the renewal, or now, where what is left of the present period is reckoned against its price."""
        async with call.noting(subject(subscription_id), {"plan_id": body.plan_id, "when": body.when}):
            await wishes.change(context, call.tenant, subscription_id, body)
        return await answer(call, subscription_id)
