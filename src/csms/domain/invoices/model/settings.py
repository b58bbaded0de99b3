"""What a tenant wants of its invoices, and in whose name a driver wants theirs."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import validators

from .words import CREDIT_NOTE, GSTIN, INVOICE, RECEIPT

PREFIX = r"[A-Z0-9-]{1,4}"
UPI = r"|[A-Za-z0-9._-]{2,64}@[A-Za-z0-9.-]{2,64}"
TAX_CODE = r"|[0-9]{4,8}"
LONGEST = 2000


@attrs.frozen(slots=True, kw_only=True)
class InvoiceSettings:
    """What a tenant wants of its invoices.

    A number is the prefix of its kind, the financial year and the next one of the series: ``INV/26-27/0001``. The year begins in the month
    ``year_starts``. ``tax_code`` (HSN or SAC) is for prices that say none. With ``upi_id`` what is open can be paid by scanning a code.
    With ``send_pdf`` an invoice goes to its driver as a document by itself; else they are told of it without. A guest who gave an e-mail
    address gets it as a document anyway.
    """

    prefix: str = "INV"
    credit_note_prefix: str = "CN"
    receipt_prefix: str = "RV"
    year_starts: int = 4
    due_days: int = 0
    tax_code: str = ""
    upi_id: str = ""
    footer: str = ""
    terms: str = ""
    send_pdf: bool = False
    changed_at: int | None = None

    def prefix_of(self, kind: str) -> str:
        """What numbers of a kind begin with."""
        return {INVOICE: self.prefix, CREDIT_NOTE: self.credit_note_prefix, RECEIPT: self.receipt_prefix}[kind]


USUAL = InvoiceSettings()
SETTINGS = tuple(field.name for field in attrs.fields(InvoiceSettings) if field.name != "changed_at")


def _form(form: str, help: str) -> Any:
    return attrs.field(default=None, validator=validators.optional(validators.matches_re(form)), metadata={"help": help})


def _number(least: int, most: int, help: str) -> Any:
    return attrs.field(
        default=None, validator=validators.optional([validators.ge(least), validators.le(most)]), metadata={"help": help}
    )


def _text(most: int, help: str) -> Any:
    return attrs.field(default=None, validator=validators.optional(validators.max_len(most)), metadata={"help": help})


@attrs.frozen(slots=True, kw_only=True)
class InvoiceSettingsChange:
    """Settings that shall be otherwise; what is not given stays, and an empty text clears. Numbers that were given stay as they are."""

    prefix: str | None = _form(PREFIX, "what numbers of invoices begin with: 1 to 4 capitals, digits or dashes")
    credit_note_prefix: str | None = _form(PREFIX, "the same for credit notes; no two kinds share one")
    receipt_prefix: str | None = _form(PREFIX, "the same for receipts")
    year_starts: int | None = _number(1, 12, "the month in which a financial year begins; April is 4")
    due_days: int | None = _number(0, 365, "in how many days what is open is to be paid")
    tax_code: str | None = _form(TAX_CODE, "HSN or SAC, 4 to 8 digits")
    upi_id: str | None = _form(UPI, "where UPI payments go, such as name@bank")
    footer: str | None = _text(200, "at the foot of each page")
    terms: str | None = _text(LONGEST, "small print")
    send_pdf: bool | None = None


@attrs.frozen(slots=True, kw_only=True)
class Recipient:
    """In whose name a driver wants invoices. With a ``tax_id`` (a GSTIN, say) they are for a business."""

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(200)])
    tax_id: str = attrs.field(
        default="", validator=validators.matches_re(rf"|{GSTIN}|[A-Z0-9-]{{4,20}}"), metadata={"help": "GSTIN or VAT number"}
    )
    address: str = attrs.field(default="", validator=validators.max_len(500))
    state: str = attrs.field(default="", validator=validators.max_len(100), metadata={"help": "its name, KA or 29"})
