"""What the tax office wants to know."""

from __future__ import annotations

from csms.api.calls import Call
from csms.api.routes import Raw, Routes
from csms.api.tables import TABLES, download
from csms.domain.invoices.model.settlements import ReportQuery, TaxSummary
from csms.domain.invoices.service import summary


def routes() -> Routes:
    """Routes of reports."""
    made = Routes("reports", "Summaries for the tax office.", tag="Invoices")

    @made.get("/reports/gst", needs="settlements:read", also=TABLES, tells=TaxSummary)
    async def gst(call: Call, query: ReportQuery) -> TaxSummary | Raw:
        """A month of documents as GSTR-1 asks for it: to businesses one by one, consumers by place and rate, HSN/SAC, and the numbers given.

        As csv or xlsx all rows are in one table, each with its `section`.
        """
        found = await call.read(summary, query.month)
        if query.format == "json":
            return found
        return await download([*found.b2b, *found.b2c, *found.codes, *found.documents], query.format, f"gst-{query.month}")

    return made
