"""Events that tell of invoices, made of them."""

from __future__ import annotations

from typing import Any

import attrs

from csms.domain.invoices.model import AboutInvoice, CreditNoteIssued, InvoiceIssued, InvoiceItem, InvoicePaid

_SAID = tuple(field.name for field in attrs.fields(AboutInvoice) if field.name != "invoice_id")


def _about(made: InvoiceItem) -> dict[str, Any]:
    return {"invoice_id": made.id} | {name: getattr(made, name) for name in _SAID}


def issued(made: InvoiceItem, *, sends_pdf: bool) -> InvoiceIssued:
    """It has its number."""
    return InvoiceIssued(**_about(made), sends_pdf=sends_pdf)


def paid(known: InvoiceItem) -> InvoicePaid:
    """Nothing is to be paid any more."""
    return InvoicePaid(**_about(known))


def credited(made: InvoiceItem, *, original_number: str, reason: str) -> CreditNoteIssued:
    """Something was given back."""
    return CreditNoteIssued(**_about(made), original_number=original_number, reason=reason)
