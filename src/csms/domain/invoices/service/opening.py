"""A series of numbers is opened for a document: under its key, and the number is taken in the very write that issues."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.ports import ReadTx, Tx
from csms.domain.documents import store as documents
from csms.domain.documents.kinds import JPEG, PNG, TENANT
from csms.domain.drivers.model import Driver
from csms.domain.drivers.store import people
from csms.domain.invoices.composing import recipient_of, supplier_of
from csms.domain.invoices.model import Content, InvoiceItem, InvoiceSettings, Party, series_key
from csms.domain.invoices.numbering import number_of, year_of
from csms.domain.invoices.store import invoices as store
from csms.domain.invoices.store import settings as settings_store
from csms.domain.invoices.wording import in_words
from csms.domain.tenants import store as tenants
from csms.domain.tenants.model import TenantProfile

DAY_MS = 86_400_000
LOGO = "logo"


@attrs.frozen(slots=True, kw_only=True)
class Series:
    """What a document of a kind needs to be issued now: who issues, how it is numbered, and what stands on every one."""

    kind: str
    settings: InvoiceSettings
    tenant: TenantProfile
    supplier: Party
    year: int
    logo_document_id: int | None

    @property
    def key(self) -> str:
        """The write key of its numbers."""
        return series_key(self.tenant.id, self.kind, self.year)


def series(tx: ReadTx, kind: str) -> Series:
    """The series of a kind at this moment. Claim its ``key`` before anything is written."""
    wanted = settings_store.settings(tx)
    tenant = tenants.profile(tx, tx.tenant)
    assert tenant is not None
    return Series(
        kind=kind,
        settings=wanted,
        tenant=tenant,
        supplier=supplier_of(tenant),
        year=year_of(tx.now, tenant.time_zone, wanted.year_starts),
        logo_document_id=_logo(tx),
    )


def _logo(tx: ReadTx) -> int | None:
    found = [
        each.id
        for each in documents.of_subject(tx, TENANT, str(tx.tenant))
        if each.kind == LOGO and each.content_type in (PNG, JPEG)
    ]
    return max(found, default=None)


def recipient(tx: ReadTx, driver_id: int | None, supplier: Party) -> Party:
    """In whose name a document for a driver is."""
    driver: Driver | None = None if driver_id is None else people.driver(tx, driver_id, archived=True)
    wanted = None if driver_id is None else settings_store.recipient(tx, driver_id)
    return recipient_of(driver, wanted, supplier)


def draft(tx: ReadTx, book: Series, party: Party, currency: str, total_minor: int, tax_minor: int, **more: Any) -> Content:
    """A document without its number: what stands on every one of its kind, and what is given."""
    due_minor = more["settled"].due_minor if "settled" in more else 0
    days = book.settings.due_days
    return Content(
        kind=book.kind,
        number="",
        issued_at=tx.now,
        time_zone=book.tenant.time_zone,
        currency=currency,
        supplier=book.supplier,
        recipient=party,
        net_minor=total_minor - tax_minor,
        tax_minor=tax_minor,
        total_minor=total_minor,
        total_words=in_words(total_minor, currency),
        due_by_at=tx.now + days * DAY_MS if due_minor and days else None,
        upi_id=book.settings.upi_id,
        footer=book.settings.footer,
        terms=book.settings.terms,
        logo_document_id=book.logo_document_id,
        **more,
    )


def issued(
    tx: Tx,
    book: Series,
    said: Content,
    *,
    driver_id: int | None,
    status: str,
    by: str,
    paid_at: int | None = None,
    payment_id: int | None = None,
    movement_id: int | None = None,
    transaction_id: int | None = None,
) -> InvoiceItem:
    """Give a document its number and store it for good. The series' key must be claimed. Raises ``Refused`` where no number fits."""
    sequence = store.next_number(tx, book.kind, book.year)
    prefix = book.settings.prefix_of(book.kind)
    said = attrs.evolve(said, number=number_of(prefix, book.year, book.settings.year_starts, sequence))
    invoice_id = store.insert(
        tx,
        said,
        year=book.year,
        sequence=sequence,
        prefix=prefix,
        driver_id=driver_id,
        payment_id=payment_id,
        movement_id=movement_id,
        transaction_id=transaction_id,
        issued_by=by,
        status=status,
        due_minor=said.settled.due_minor,
        paid_at=paid_at,
    )
    store.insert_supplies(tx, invoice_id, said.supplies)
    made = store.by_id(tx, invoice_id)
    assert made is not None
    return made
