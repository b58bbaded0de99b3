"""Invoices for staff: lists, documents, issuing, giving back, sending."""

from __future__ import annotations

from collections.abc import Callable

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Raw, Reply, Routes
from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Tx
from csms.domain.documents.model import DocumentSettings
from csms.domain.invoices import flows
from csms.domain.invoices.model import (
    InvoiceDetail,
    InvoiceItem,
    InvoiceSettings,
    InvoiceSettingsChange,
    InvoicesQuery,
    NewCreditNote,
    NewInvoice,
    OutsidePayment,
    Sent,
    Waiting,
    WaitingQuery,
)
from csms.domain.invoices.service import credit, issue, paid_outside, settings, views
from csms.domain.invoices.store import invoices as store
from csms.domain.invoices.store import settings as settings_store
from csms.pages import NotPrinted

PDF = "application/pdf"
PRINT_LIMIT_S = 90.0


async def pdf(call: Call, invoice_id: int, driver_id: int | None = None) -> Raw:
    """An invoice as PDF. Raises ``NotFound``, ``Problem`` 503."""
    try:
        data, name = await flows.as_pdf(call.ports, invoice_id, call.tenant, driver_id=driver_id)
    except NotPrinted as error:
        raise Problem(503, "Service Unavailable", str(error)) from error
    return Raw(body=data, content_type=PDF, filename=name)


def routes(documents: DocumentSettings) -> Routes:
    """Routes of invoices."""
    made = Routes("invoices", "Invoices, credit notes and receipts: numbered without gaps, issued once, never changed.")

    @made.get("/invoices", needs="invoices:read")
    async def list_(call: Call, query: InvoicesQuery) -> Stretch[InvoiceItem]:
        """Invoices, credit notes and receipts, the newest first."""
        return await call.read(store.invoices, query)

    @made.post(
        "/invoices",
        needs="invoices:write",
        status=201,
        moves=True,
        errors={409: "one of the bills is on an invoice already"},
        example={"bill_ids": [17, 18]},
    )
    async def issue_(call: Call, body: NewInvoice) -> InvoiceDetail:
        """Issue one invoice for settled bills of a driver; corrections of them that wait come along."""

        def verb(tx: Tx) -> InvoiceDetail:
            return views.detail(tx, issue(tx, body, by=call.who.name).id)

        found = await call.write(verb, makes="invoice")
        return Reply(body=found, status=201, headers={"Location": f"/api/v1/invoices/{found.id}"})  # type: ignore[return-value]  # the same, with where it is

    @made.get("/invoices/waiting", needs="invoices:read")
    async def waiting(call: Call, query: WaitingQuery) -> Stretch[Waiting]:
        """Settled bills that are on no invoice yet: until the month is over, or until somebody issues them."""
        return await call.read(views.waiting, query)

    @made.get("/invoices/settings", needs="invoices:read")
    async def settings_(call: Call) -> InvoiceSettings:
        """What the tenant wants of its invoices. When they are issued is `invoice_mode` of the billing settings."""
        return await call.read(settings_store.settings)

    @made.patch(
        "/invoices/settings",
        needs="settings:write",
        errors={409: "numbers of another kind have that prefix"},
        example={"prefix": "GC", "year_starts": 4, "due_days": 15, "tax_code": "998714", "upi_id": "greencharge@okbank"},
    )
    async def change_settings(call: Call, body: InvoiceSettingsChange) -> InvoiceSettings:
        """Change what the tenant wants of its invoices; what is not given stays. What was issued stays as it is."""
        return await call.write(settings.change, body, of=Subject("invoice_settings", str(call.tenant), settings_store.settings))

    @made.get("/invoices/<int:invoice_id>", needs="invoices:read")
    async def show(call: Call, invoice_id: int) -> InvoiceDetail:
        """One invoice, with everything that it says."""
        return await call.read(views.detail, invoice_id)

    @made.get("/invoices/<int:invoice_id>.json", needs="invoices:read")
    async def as_json(call: Call, invoice_id: int) -> InvoiceDetail:
        """The same as without `.json`."""
        return await call.read(views.detail, invoice_id)

    @made.get("/invoices/<int:invoice_id>.pdf", needs="invoices:read", produces=PDF, limit_s=PRINT_LIMIT_S)
    async def as_pdf(call: Call, invoice_id: int) -> Raw:
        """One invoice as PDF: the same bytes as long as it is in the same state."""
        return await pdf(call, invoice_id)

    @made.post(
        "/invoices/<int:invoice_id>/credit-notes",
        needs="invoices:write",
        status=201,
        moves=True,
        errors={409: "all of it was given back already, or nobody is known to whom"},
        example={"reason": "the charger stopped by itself", "amount_minor": 5000},
    )
    async def credit_(call: Call, invoice_id: int, body: NewCreditNote) -> InvoiceDetail:
        """Give back a part of an invoice, or all that is left of it. What is still owed becomes less; the rest goes to the wallet.

        For a guest it goes to the payment, and can be refunded from there. Charges that turn out otherwise get theirs by themselves.
        """

        def verb(tx: Tx) -> InvoiceDetail:
            return views.detail(tx, credit(tx, invoice_id, body, by=call.who.name).id)

        detail = {"reason": body.reason}
        found = await call.write(verb, of=Subject("invoice", str(invoice_id), _view(invoice_id)), detail=detail)
        return Reply(body=found, status=201, headers={"Location": f"/api/v1/invoices/{found.id}"})  # type: ignore[return-value]  # the same, with where it is

    @made.post(
        "/invoices/<int:invoice_id>/paid",
        needs="invoices:write",
        moves=True,
        errors={409: "nothing of it is open"},
        example={"reason": "bank transfer, UTR 4711"},
    )
    async def paid(call: Call, invoice_id: int, body: OutsidePayment) -> InvoiceDetail:
        """Say that money came past every gateway, in cash or to the bank, for all that is open or a part of it."""

        def verb(tx: Tx) -> InvoiceDetail:
            paid_outside(tx, invoice_id, body, by=call.who.name)
            return views.detail(tx, invoice_id)

        detail = {"reason": body.reason}
        return await call.write(verb, of=Subject("invoice", str(invoice_id), _view(invoice_id)), detail=detail)

    @made.post("/invoices/<int:invoice_id>/send", needs="invoices:write", limit_s=PRINT_LIMIT_S)
    async def send(call: Call, invoice_id: int) -> Sent:
        """Send an invoice to its driver, by the channel that they prefer, or to the guest who paid for the charge; with its PDF, where that
        channel can."""
        key = f"invoice:{invoice_id}:{call.request_id}"
        try:
            sent = await flows.send(call.ports, documents, invoice_id, call.tenant, key=key)
        except NotPrinted as error:
            raise Problem(503, "Service Unavailable", str(error)) from error
        await call.note(Subject("invoice", str(invoice_id)), {"notice_id": sent.notice_id})
        return sent

    return made


def _view(invoice_id: int) -> _View:
    def view(tx: ReadTx) -> InvoiceDetail:
        return views.detail(tx, invoice_id)

    return view


_View = Callable[[ReadTx], InvoiceDetail]
