"""The events that tell of invoices and credit notes."""

from __future__ import annotations

import attrs

from csms.core.events import Event, event

from .words import invoices_key


@attrs.frozen(slots=True, kw_only=True)
class AboutInvoice(Event):
    """What every event about an invoice says. ``due_minor`` is what is still to be paid; a guest has no ``driver_id``.

    ``transaction_id`` is the charge that it is for, None where it is for several or for none; ``original_id`` the invoice that a credit note
    or a supplementary invoice is about."""

    invoice_id: int
    kind: str
    number: str
    driver_id: int | None
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    due_minor: int
    status: str
    issued_at: int
    transaction_id: int | None
    original_id: int | None

    @property
    def key(self) -> str:
        """What happens to a driver's invoices is told in order; a guest's by charge."""
        return invoices_key(self.driver_id, self.transaction_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class InvoiceIssued(AboutInvoice):
    """An invoice has its number. With ``sends_pdf`` its driver is told with the document, which takes a moment to print; so is a guest who
    gave an e-mail address."""

    type = "invoice_issued"

    sends_pdf: bool


@event
@attrs.frozen(slots=True, kw_only=True)
class InvoicePaid(AboutInvoice):
    """Nothing of an invoice is to be paid any more, of which something was."""

    type = "invoice_paid"


@event
@attrs.frozen(slots=True, kw_only=True)
class CreditNoteIssued(AboutInvoice):
    """A credit note has its number: ``total_minor`` of the invoice ``original_id`` was given back, for the ``reason``."""

    type = "credit_note_issued"

    original_number: str
    reason: str
