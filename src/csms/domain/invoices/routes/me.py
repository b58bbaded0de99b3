"""Invoices as their drivers see them."""

from __future__ import annotations

from csms.api.calls import Call
from csms.api.routes import OWN, Raw, Routes
from csms.core.paging import Stretch
from csms.domain.drivers.routes.me import own_driver
from csms.domain.invoices.model import InvoiceDetail, InvoiceItem, MyInvoicesQuery, Recipient
from csms.domain.invoices.model.settlements import MonthStatement
from csms.domain.invoices.service import settings, statement, views

from .invoices import PDF, PRINT_LIMIT_S, pdf
from .recipients import EXAMPLE, need_month, statement_pdf, subject


def routes() -> Routes:
    """Routes under ``/me``."""
    made = Routes("my_invoices", "One's own invoices and statements. Who is no driver gets 404.", tag="Me (driver)")

    @made.get("/me/invoices", needs="me:read", reach=OWN)
    async def list_(call: Call, query: MyInvoicesQuery) -> Stretch[InvoiceItem]:
        """One's own invoices, credit notes and receipts, the newest first."""
        return await call.read(views.mine, own_driver(call), query)

    @made.get("/me/invoices/<int:invoice_id>", needs="me:read", reach=OWN)
    async def show(call: Call, invoice_id: int) -> InvoiceDetail:
        """One of one's own invoices, with everything that it says."""
        return await call.read(views.detail, invoice_id, own_driver(call))

    @made.get("/me/invoices/<int:invoice_id>.pdf", needs="me:read", reach=OWN, produces=PDF, limit_s=PRINT_LIMIT_S)
    async def as_pdf(call: Call, invoice_id: int) -> Raw:
        """One of one's own invoices as PDF."""
        return await pdf(call, invoice_id, own_driver(call))

    @made.get("/me/statements/<month>", needs="me:read", reach=OWN)
    async def month(call: Call, month: str) -> MonthStatement:
        """One's own month: charges, payments, what moved the wallet, and invoices."""
        return await call.read(statement, own_driver(call), need_month(month))

    @made.get("/me/statements/<month>.pdf", needs="me:read", reach=OWN, produces=PDF, limit_s=PRINT_LIMIT_S)
    async def month_pdf(call: Call, month: str) -> Raw:
        """One's own month as PDF."""
        return await statement_pdf(call, own_driver(call), month)

    @made.get("/me/invoice-recipient", needs="me:read", reach=OWN)
    async def recipient(call: Call) -> Recipient:
        """In whose name one's invoices are."""
        return await call.read(settings.recipient, own_driver(call))

    @made.put("/me/invoice-recipient", needs="me:write", reach=OWN, example=EXAMPLE)
    async def name_(call: Call, body: Recipient) -> Recipient:
        """Say in whose name one's invoices are from now on; with a tax number they are for a business."""
        driver_id = own_driver(call)
        return await call.write(settings.name_recipient, driver_id, body, of=subject(driver_id))

    return made
