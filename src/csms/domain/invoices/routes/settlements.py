"""What partners are due, and payouts to them."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import Raw, Routes
from csms.api.tables import TABLES, download
from csms.core.ports import ReadTx
from csms.domain.invoices.model.settlements import NewPayout, OfMonth, PartnerDetail, Payout, ReportQuery, Settlements
from csms.domain.invoices.service import pay_out, settlement
from csms.domain.invoices.service import settlements as of_month


def routes() -> Routes:
    """Routes of settlements."""
    made = Routes("settlements", "What partners share in, month by month: out of the ledger, to which its totals are equal.")

    @made.get("/settlements", needs="settlements:read", also=TABLES, tells=Settlements)
    async def list_(call: Call, query: ReportQuery) -> Settlements | Raw:
        """A month: for each partner revenue, electricity, taxes, share and payouts; and what it all came to in the ledger.

        As csv or xlsx: the partners.
        """
        found = await call.read(of_month, query.month)
        if query.format == "json":
            return found
        return await download(found.partners, query.format, f"settlements-{query.month}")

    @made.get("/settlements/<int:party_id>", needs="settlements:read")
    async def show(call: Call, party_id: int, query: OfMonth) -> PartnerDetail:
        """One partner's month, by station, with what was paid out for it."""
        return await call.read(settlement, party_id, query.month)

    @made.post(
        "/settlements/<int:party_id>/payouts",
        needs="settlements:write",
        status=201,
        moves=True,
        errors={409: "more than is due, or another payout has the reference"},
        example={"month": "2026-10", "reference": "UTR 4711", "amount_minor": 250000},
    )
    async def pay(call: Call, party_id: int, body: NewPayout) -> Payout:
        """Record that a partner was paid: all that is due, or a part. One reference is recorded once, however often it is sent."""

        def view(tx: ReadTx) -> PartnerDetail:
            return settlement(tx, party_id, body.month)

        return await call.write(pay_out, party_id, body, by=call.who.name, of=Subject("settlement", str(party_id), view))

    return made
