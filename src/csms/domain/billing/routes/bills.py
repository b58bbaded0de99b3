"""Bills for staff: what charges cost, how that was settled, and what is to be done about those that could not be."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import LIST, Reply, Routes
from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Tx
from csms.domain.billing.flows import paying, rounds
from csms.domain.billing.model import (
    BillDetail,
    BillFilter,
    BillItem,
    BillsQuery,
    BillSummary,
    PayBill,
    TransactionBills,
    WouldCost,
    WriteOff,
)
from csms.domain.billing.service import failing, views
from csms.domain.billing.store import lists
from csms.domain.payments.model import Payment
from csms.domain.payments.routes.asking import GATEWAY_LIMIT_S, WAITS, not_refused
from csms.domain.transactions.service import views as transactions_views


def routes() -> Routes:
    """Routes of bills."""
    made = Routes("bills", "What charges cost and how that was settled: one bill for each, and one for every correction.")

    @made.get("/bills", needs="bills:read", reach=LIST)
    async def list_(call: Call, query: BillsQuery) -> Stretch[BillItem]:
        """Bills, the newest first."""
        stations = call.stations
        return await call.read(lambda tx: lists.bills(tx, query, stations))

    @made.get("/bills/summary", needs="bills:read", reach=LIST)
    async def summary(call: Call, query: BillFilter) -> BillSummary:
        """What the bills of a filter come to: of the last 31 days unless it says otherwise, and of 400 days at most."""
        stations = call.stations
        return await call.read(lambda tx: views.summary(tx, query, stations))

    @made.get("/bills/<int:bill_id>", needs="bills:read", reach=LIST)
    async def show(call: Call, bill_id: int) -> BillDetail:
        """One bill: its lines and taxes, who shares in it, how it was settled, how often that was tried, and its corrections."""
        return await call.read(views.detail, bill_id, call.stations)

    @made.post(
        "/bills/<int:bill_id>/retry", needs="bills:write", reach=LIST, moves=True, errors={409: "it is settled, or costs nothing"}
    )
    async def retry(call: Call, bill_id: int) -> BillDetail:
        """Have a bill priced and settled again, now: one that failed, that nobody had a price for, or that was written off unsettled."""
        stations = call.stations

        def verb(tx: Tx) -> int:
            views.detail(tx, bill_id, stations)
            return failing.retry(tx, bill_id).transaction_id

        transaction_id = await call.write(verb, of=Subject("bill", str(bill_id)))
        await rounds.settle_now(call.ports, transaction_id, call.tenant)
        return await call.read(views.detail, bill_id, stations)

    @made.post(
        "/bills/<int:bill_id>/write-off",
        needs="bills:write",
        reach=LIST,
        moves=True,
        errors={409: "nothing of it is open"},
        example={"reason": "the charger's meter was at fault"},
    )
    async def write_off(call: Call, bill_id: int, body: WriteOff) -> BillDetail:
        """Give up what is still open of a bill, or a bill that could not be settled. What was paid is not given back."""
        stations, by = call.stations, call.who.name

        def verb(tx: Tx) -> BillDetail:
            views.detail(tx, bill_id, stations)
            failing.write_off(tx, bill_id, reason=body.reason, by=by)
            return views.detail(tx, bill_id)

        def view(tx: ReadTx) -> BillDetail:
            return views.detail(tx, bill_id, stations)

        return await call.write(verb, of=Subject("bill", str(bill_id), view), detail={"reason": body.reason})

    @made.post(
        "/bills/<int:bill_id>/payment",
        needs="payments:write",
        reach=LIST,
        status=201,
        tells=Payment,
        moves=True,
        errors=WAITS,
        limit_s=GATEWAY_LIMIT_S,
        example={"way": "link"},
    )
    async def pay(call: Call, bill_id: int, body: PayBill) -> Reply:
        """Ask the driver for what is open of a bill, by a link or a QR code. Asked twice, it is the same payment."""
        await call.read(views.detail, bill_id, call.stations)
        known = not_refused(
            await paying.ask_for(
                call.ports, bill_id, call.tenant, way=body.way, method_id=body.method_id, return_url=body.return_url
            )
        )
        await call.note(
            Subject("bill", str(bill_id)), {"payment_id": known.id, "amount_minor": known.amount_minor, "way": known.way}
        )
        return Reply(body=known, status=201, headers={"Location": f"/api/v1/payments/{known.id}"})

    @made.get("/transactions/<int:transaction_id>/bill", needs="bills:read", reach=LIST)
    async def of_transaction(call: Call, transaction_id: int) -> TransactionBills:
        """What was billed for a transaction, with every correction of it."""
        return await call.read(views.of_transaction, transaction_id, call.stations)

    @made.post(
        "/transactions/<int:transaction_id>/price",
        needs="bills:read",
        reach=LIST,
        audit=False,
        errors={503: "a plugin that prices failed"},
    )
    async def price(call: Call, transaction_id: int) -> WouldCost:
        """What a transaction would cost if it were billed now, with every line and why. Nothing is stored."""
        await call.read(transactions_views.need_item, transaction_id, call.stations)
        return await rounds.would_cost(call.ports, transaction_id, call.tenant)

    return made
