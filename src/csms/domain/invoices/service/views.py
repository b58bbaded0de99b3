"""Invoices as people look at them."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.errors import NotFound
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.invoices.model import (
    Content,
    InvoiceDetail,
    InvoiceItem,
    InvoicesQuery,
    MyInvoicesQuery,
    Waiting,
    WaitingQuery,
)
from csms.domain.invoices.store import invoices as store
from csms.domain.listing import Listing, stretch

from .paying import need_invoice

WAITING = Listing(
    columns="w.bill_id AS id, w.bill_id, w.transaction_id, w.driver_id, w.ended_at, b.currency, b.total_minor",
    source="invoice_waiting w JOIN bills b ON b.id = w.bill_id WHERE w.tenant = :tenant AND b.tenant = :tenant",
    filters={"driver_id": "w.driver_id = :driver_id"},
    unique="w.bill_id",
)


def need(tx: ReadTx, invoice_id: int, driver_id: int | None = None) -> InvoiceItem:
    """An invoice, of this driver where one is given. Raises ``NotFound``."""
    found = need_invoice(tx, invoice_id)
    if driver_id not in (None, found.driver_id):
        raise NotFound(f"there is no invoice {invoice_id}")
    return found


def detail(tx: ReadTx, invoice_id: int, driver_id: int | None = None) -> InvoiceDetail:
    """An invoice with everything that it says. Raises ``NotFound``."""
    found = need(tx, invoice_id, driver_id)
    ids = store.bill_ids(tx, invoice_id)
    facts: dict[str, Any] = {field.name: getattr(found, field.name) for field in attrs.fields(InvoiceItem)}
    return InvoiceDetail(
        **facts,
        content=need_content(tx, invoice_id),
        bill_ids=ids,
        related=store.about(tx, invoice_id),
        pay_url=store.pay_url(tx, ids) if found.due_minor else "",
    )


def need_content(tx: ReadTx, invoice_id: int) -> Content:
    """Everything that an invoice says. Raises ``NotFound``."""
    said = store.content(tx, invoice_id)
    if said is None:
        raise NotFound(f"there is no invoice {invoice_id}")
    return said


def mine(tx: ReadTx, driver_id: int, query: MyInvoicesQuery) -> Stretch[InvoiceItem]:
    """A driver's invoices, the newest first. Raises ``Invalid`` for the cursor."""
    wanted = {field.name: getattr(query, field.name) for field in attrs.fields(MyInvoicesQuery)}
    return store.invoices(tx, InvoicesQuery(driver_id=driver_id, **wanted))


def waiting(tx: ReadTx, query: WaitingQuery) -> Stretch[Waiting]:
    """Settled bills that are on no invoice yet, the newest first. Raises ``Invalid`` for the cursor."""
    return stretch(tx, WAITING, query, lambda row: Waiting(**{name: value for name, value in row.items() if name != "id"}))
