"""A driver's own plans over HTTP."""

from __future__ import annotations

from csms.api.calls import Call
from csms.api.lists import Page, Stretch, cut
from csms.api.routes import OWN, Reply, Routes
from csms.hooks import NotFound, PluginContext, ReadTx
from csms_plans import shown, wishes
from csms_plans.bodies import Cancel, Change, MySubscription, MySubscriptionQuery, OffersQuery, Pause, SubscriptionQuery
from csms_plans.model import OfferedPlan, Subscription, SubscriptionDetail

from .subscriptions import LIMIT_S, NOT_NOW, subject

PATH = "/me/subscriptions/<int:subscription_id>"
NOT_PAID = "one has the plan, may not take it, or it cannot be paid"


def add(made: Routes, context: PluginContext) -> None:
    """Declare the routes."""

    def own_driver(call: Call) -> int:
        if call.who.driver_id is None:
            raise NotFound(f"{call.who.name} is no driver of this tenant")
        return call.who.driver_id

    async def own(call: Call, subscription_id: int) -> Subscription:
        return await call.read(shown.subscription, subscription_id, own_driver(call))

    @made.get("/me/plans", needs="me:read", reach=OWN)
    async def list_plans(call: Call, query: OffersQuery) -> Page[OfferedPlan]:
        """The plans that one may take, and what they would cost."""
        driver_id = own_driver(call)

        def offers(tx: ReadTx) -> list[OfferedPlan]:
            wanted = (query.search or "").strip().casefold()
            found = [
                each for each in shown.offers(tx, driver_id) if wanted in each.name.casefold() and query.held in (None, each.held)
            ]
            found.sort(key=lambda each: (each.name.casefold() if query.sort.endswith("name") else "", each.id))
            return found[::-1] if query.sort.startswith("-") else found

        return cut(await call.read(offers), query)

    @made.get("/me/subscriptions", needs="me:read", reach=OWN)
    async def list_(call: Call, query: MySubscriptionQuery) -> Stretch[Subscription]:
        """One's own subscriptions, the newest first."""
        wanted = SubscriptionQuery(limit=query.limit, after=query.after, sort=query.sort, search=query.search, live=query.live)
        return await call.read(shown.subscriptions, wanted, own_driver(call))

    @made.post(
        "/me/subscriptions",
        needs="me:write",
        reach=OWN,
        status=201,
        tells=Subscription,
        example={"plan_id": 1},
        moves=True,
        limit_s=LIMIT_S,
        errors={409: NOT_PAID},
    )
    async def subscribe(call: Call, body: MySubscription) -> Reply:
        """Take a plan, now or later.

        Its price is taken from one's wallet. Where that does not reach, the answer is `pending`: pay what is missing at `pay_url`, or
        with `pay_by` `mandate` agree to a recurring payment at `mandate_url`.
        """
        driver_id = own_driver(call)
        known = await wishes.subscribe(context, call.tenant, driver_id, body)
        made_now = await own(call, known.row.id)
        await call.note(subject(known.row.id), {"after": made_now})
        return Reply(body=made_now, status=201, headers={"Location": f"/api/v1/me/subscriptions/{known.row.id}"})

    @made.get(PATH, needs="me:read", reach=OWN)
    async def show(call: Call, subscription_id: int) -> SubscriptionDetail:
        """One of one's own subscriptions, with its terms, what is left of it, and its latest periods."""
        return await call.read(shown.detail, subscription_id, own_driver(call))

    @made.post(f"{PATH}/pause", needs="me:write", reach=OWN, example={}, limit_s=LIMIT_S, errors={409: NOT_NOW})
    async def pause(call: Call, subscription_id: int, body: Pause) -> Subscription:
        """Let it rest: what is left of its period is kept, and cannot be used meanwhile."""
        await own(call, subscription_id)
        async with call.noting(subject(subscription_id), {"resume_at": body.resume_at}):
            await wishes.pause(context, call.tenant, subscription_id, body, by_driver=True)
        return await own(call, subscription_id)

    @made.post(f"{PATH}/resume", needs="me:write", reach=OWN, moves=True, limit_s=LIMIT_S, errors={409: NOT_NOW})
    async def resume(call: Call, subscription_id: int) -> Subscription:
        """Let it go on: after a pause, after all where it was cancelled at its end, or tried again where it is suspended."""
        await own(call, subscription_id)
        async with call.noting(subject(subscription_id)):
            await wishes.resume(context, call.tenant, subscription_id)
        return await own(call, subscription_id)

    @made.post(
        f"{PATH}/cancel",
        needs="me:write",
        reach=OWN,
        example={"when": "period_end"},
        moves=True,
        limit_s=LIMIT_S,
        errors={409: NOT_NOW},
    )
    async def cancel(call: Call, subscription_id: int, body: Cancel) -> Subscription:
        """End it at the end of its period, or now with what is left given back where the plan says so."""
        await own(call, subscription_id)
        async with call.noting(subject(subscription_id), {"when": body.when}):
            await wishes.cancel(context, call.tenant, subscription_id, body, by="driver", credit=None)
        return await own(call, subscription_id)

    @made.post(
        f"{PATH}/change",
        needs="me:write",
        reach=OWN,
        example={"plan_id": 2, "when": "renewal"},
        moves=True,
        limit_s=LIMIT_S,
        errors={409: f"{NOT_NOW}, or {NOT_PAID}"},
    )
    async def change(call: Call, subscription_id: int, body: Change) -> Subscription:
        """Another plan: at the renewal, or now, where what is left of the present period is reckoned against its price."""
        await own(call, subscription_id)
        async with call.noting(subject(subscription_id), {"plan_id": body.plan_id, "when": body.when}):
            await wishes.change(context, call.tenant, subscription_id, body)
        return await own(call, subscription_id)
