"""Refunds over HTTP."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.paging import Stretch
from csms.domain.payments import flows, service
from csms.domain.payments.model import Refund, RefundBody, RefundsQuery
from csms.domain.payments.store import refunds as store

from .asking import GATEWAY_LIMIT_S, key_of

LEFT = {409: "so much is not left of it, or not in the wallet any more"}


def routes() -> Routes:
    """Routes of refunds."""
    made = Routes("refunds", "Money that goes back to who paid it.")

    @made.post(
        "/payments/<int:payment_id>/refunds",
        needs="payments:write",
        status=201,
        tells=Refund,
        example={"reason": "charger out of order", "amount_minor": 10000},
        errors=LEFT,
        moves=True,
        limit_s=GATEWAY_LIMIT_S,
    )
    async def refund(call: Call, payment_id: int, body: RefundBody) -> Reply:
        """Give back a payment or a part of it.

        It is taken from where it was credited: a prepayment, else the driver's wallet. `state` is `refunded`, or `asked` while the gateway
        works on it or does not answer: that is looked after. Where it fails in the end the money is put back, and an alert tells.
        """
        by = call.who.name[:200]
        known = await flows.refund(call.ports, payment_id, body.amount_minor, body.reason, key_of(call), call.tenant, by=by)
        await call.note(Subject("payment", str(payment_id)), {"refund_id": known.id, "amount_minor": known.amount_minor})
        return Reply(body=known, status=201, headers={"Location": f"/api/v1/refunds/{known.id}"})

    @made.get("/refunds", needs="payments:read")
    async def list_(call: Call, query: RefundsQuery) -> Stretch[Refund]:
        """Refunds, the newest first."""
        return await call.read(store.refunds, query)

    @made.get("/refunds/<int:refund_id>", needs="payments:read")
    async def show(call: Call, refund_id: int) -> Refund:
        """One refund."""
        return await call.read(service.need_refund, refund_id)

    @made.post(
        "/refunds/<int:refund_id>/retry",
        needs="payments:write",
        errors={409: "it did not fail, or its money is gone by now"},
        moves=True,
        limit_s=GATEWAY_LIMIT_S,
    )
    async def retry(call: Call, refund_id: int) -> Refund:
        """Begin a refund anew that failed."""
        known = await flows.again(call.ports, refund_id, call.tenant)
        await call.note(Subject("refund", str(refund_id)), {"state": known.state})
        return known

    return made
