"""In whose name drivers want invoices, and their months, for staff."""

from __future__ import annotations

import re

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Raw, Routes
from csms.core.errors import Invalid
from csms.core.ports import ReadTx
from csms.domain.drivers import service as drivers
from csms.domain.invoices import flows
from csms.domain.invoices.model import Recipient
from csms.domain.invoices.model.settlements import MONTH, MonthStatement
from csms.domain.invoices.service import settings, statement
from csms.pages import NotPrinted

from .invoices import PDF, PRINT_LIMIT_S

EXAMPLE = {"name": "Asha Logistics Pvt Ltd", "tax_id": "29ABCDE1234F1Z5", "address": "1 MG Road, Bengaluru", "state": "Karnataka"}


def need_month(text: str) -> str:
    """A month in a path. Raises ``Invalid``."""
    if re.fullmatch(MONTH, text) is None:
        raise Invalid(f"{text!r} is no month such as 2026-10", field="month")
    return text


async def statement_pdf(call: Call, driver_id: int, month: str) -> Raw:
    """A driver's month as PDF. Raises ``NotFound``, ``Invalid``, ``Problem`` 503."""
    try:
        data = await flows.statement_as_pdf(call.ports, driver_id, need_month(month), call.tenant)
    except NotPrinted as error:
        raise Problem(503, "Service Unavailable", str(error)) from error
    return Raw(body=data, content_type=PDF, filename=f"statement-{driver_id}-{month}.pdf")


def subject(driver_id: int) -> Subject:
    """In whose name a driver's invoices are, for the audit log."""

    def view(tx: ReadTx) -> Recipient:
        return settings.recipient(tx, driver_id)

    return Subject("invoice_recipient", str(driver_id), view)


def routes() -> Routes:
    """Routes under ``/drivers``."""
    made = Routes("invoice_recipients", "In whose name drivers want invoices, and what their months came to.", tag="Invoices")

    @made.get("/drivers/<int:driver_id>/invoice-recipient", needs="invoices:read")
    async def show(call: Call, driver_id: int) -> Recipient:
        """In whose name a driver's invoices are: their own, where nothing else was wanted."""
        return await call.read(settings.recipient, driver_id)

    @made.put("/drivers/<int:driver_id>/invoice-recipient", needs="drivers:write", example=EXAMPLE)
    async def name_(call: Call, driver_id: int, body: Recipient) -> Recipient:
        """Say in whose name a driver's invoices are from now on; with a tax number they are for a business."""
        return await call.write(settings.name_recipient, driver_id, body, of=subject(driver_id))

    @made.delete("/drivers/<int:driver_id>/invoice-recipient", needs="drivers:write")
    async def forget(call: Call, driver_id: int) -> None:
        """Have a driver's invoices in their own name again."""
        await call.write(settings.forget_recipient, driver_id, of=subject(driver_id))

    @made.get("/drivers/<int:driver_id>/statements/<month>", needs="invoices:read")
    async def month(call: Call, driver_id: int, month: str) -> MonthStatement:
        """A driver's month: charges, payments, what moved the wallet, and invoices."""
        need_month(month)
        await call.read(drivers.known_driver, driver_id)
        return await call.read(statement, driver_id, month)

    @made.get("/drivers/<int:driver_id>/statements/<month>.pdf", needs="invoices:read", produces=PDF, limit_s=PRINT_LIMIT_S)
    async def month_pdf(call: Call, driver_id: int, month: str) -> Raw:
        """A driver's month as PDF."""
        return await statement_pdf(call, driver_id, month)

    return made
