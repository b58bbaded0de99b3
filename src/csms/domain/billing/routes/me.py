"""Bills as their drivers see them."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import OWN, Reply, Routes
from csms.core.paging import Stretch
from csms.domain.billing.flows import paying
from csms.domain.billing.model import MyBill, MyBillDetail, MyBillsQuery, PayBill, Spending
from csms.domain.billing.service import views
from csms.domain.payments.model import OwnPayment
from csms.domain.payments.routes.asking import GATEWAY_LIMIT_S, WAITS, not_refused
from csms.domain.payments.routes.me import own


def routes() -> Routes:
    """Routes under ``/me``."""
    made = Routes("my_bills", "What one's own charges cost.", tag="Me (driver)")

    @made.get("/me/bills", needs="me:read", reach=OWN)
    async def list_(call: Call, query: MyBillsQuery) -> Stretch[MyBill]:
        """One's own bills, the newest first."""
        return await call.read(views.my_bills, _own(call), query)

    @made.get("/me/bills/<int:bill_id>", needs="me:read", reach=OWN)
    async def show(call: Call, bill_id: int) -> MyBillDetail:
        """One of one's own bills, with its lines and taxes."""
        return await call.read(views.my_bill, bill_id, _own(call))

    @made.post(
        "/me/bills/<int:bill_id>/pay",
        needs="me:write",
        reach=OWN,
        status=201,
        tells=OwnPayment,
        moves=True,
        errors=WAITS,
        limit_s=GATEWAY_LIMIT_S,
        example={"way": "order"},
    )
    async def pay(call: Call, bill_id: int, body: PayBill) -> Reply:
        """Pay what is open of one of one's own bills: where the payment says, or with a saved method. Asked twice, it is the same payment."""
        await call.read(views.my_bill, bill_id, _own(call))
        known = not_refused(
            await paying.ask_for(
                call.ports, bill_id, call.tenant, way=body.way, method_id=body.method_id, return_url=body.return_url
            )
        )
        await call.note(
            Subject("bill", str(bill_id)), {"payment_id": known.id, "amount_minor": known.amount_minor, "way": known.way}
        )
        return Reply(body=own(known), status=201, headers={"Location": f"/api/v1/me/payments/{known.id}"})

    @made.get("/me/spending", needs="me:read", reach=OWN)
    async def spending(call: Call) -> Spending:
        """What one's own charges cost, by month, and what is owed."""
        return await call.read(views.spending, _own(call))

    return made


def _own(call: Call) -> int:
    """The driver who asks. Raises ``Problem`` 404 for who is none."""
    if call.who.driver_id is None:
        raise Problem(404, "Not Found", f"{call.who.name} is no driver of this tenant")
    return call.who.driver_id
