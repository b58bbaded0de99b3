"""Printing invoices, sending them, and issuing what is due: what no single write can do."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from functools import partial

import structlog

from csms.core.errors import NotFound
from csms.core.ids import TenantId
from csms.core.messages import Notice
from csms.core.ports import Ports, ReadTx
from csms.domain.documents import flows as documents
from csms.domain.documents import service as documents_service
from csms.domain.documents import store as documents_store
from csms.domain.documents.kinds import DRIVER, TRANSACTION
from csms.domain.documents.model import Content as Stored
from csms.domain.documents.model import Document, DocumentSettings, NewDocument
from csms.domain.documents.service import Received
from csms.domain.tenants import flows as tenants
from csms.pages import printed

from . import paper, statement_paper
from .model import Content, InvoiceItem, Sent
from .service import collect, refresh_stale, views
from .service.statements import statement
from .store import invoices as store

LARGEST_LOGO = 2 * 1024 * 1024
PIECE = 256 * 1024
TEMPLATE = "invoice_issued"
ISSUER = "csms"

log = structlog.get_logger("csms.invoices")


# --- printed --------------------------------------------------------------------------------------------------------------------


async def as_pdf(ports: Ports, invoice_id: int, tenant: TenantId, *, driver_id: int | None = None) -> tuple[bytes, str]:
    """An invoice as PDF, and what its file is called. Raises ``NotFound``, ``NotPrinted`` or ``StoreUnavailable``."""

    def query(tx: ReadTx) -> tuple[InvoiceItem, Content, str, Stored | None]:
        known = views.need(tx, invoice_id, driver_id)
        said = views.need_content(tx, invoice_id)
        pay_url = store.pay_url(tx, store.bill_ids(tx, invoice_id)) if known.due_minor else ""
        return known, said, pay_url, _logo(tx, said.logo_document_id)

    known, said, pay_url, stored = await ports.database.read(query, tenant=tenant)
    logo = None if stored is None else await _read(ports, stored)
    return await printed(paper.document(known, said, logo=logo, pay_url=pay_url)), paper.file_name(known.number)


def _logo(tx: ReadTx, document_id: int | None) -> Stored | None:
    """The logo that the tenant had when it was issued; None where it was removed since, or is too large to be one."""
    if document_id is None:
        return None
    try:
        found = documents_service.need_content(tx, document_id, False)
    except NotFound:
        return None
    return found if found.size_bytes <= LARGEST_LOGO else None


async def _read(ports: Ports, stored: Stored) -> bytes | None:
    """The logo's content; None where it cannot be read: an invoice is legible without."""
    pieces = b""
    try:
        while len(pieces) < stored.size_bytes:
            piece = await ports.documents.read(stored.file, len(pieces), min(PIECE, stored.size_bytes - len(pieces)))
            if not piece:
                return None
            pieces += piece
    except OSError as error:
        log.warning("invoices.no_logo", document=stored.name, problem=str(error))
        return None
    return pieces


async def statement_as_pdf(ports: Ports, driver_id: int, month: str, tenant: TenantId) -> bytes:
    """A driver's month as PDF. Raises ``NotFound``, ``Invalid`` or ``NotPrinted``."""
    said = await ports.database.read(statement, driver_id, month, tenant=tenant)
    return await printed(statement_paper.document(said))


# --- sent -----------------------------------------------------------------------------------------------------------------------


async def send(ports: Ports, settings: DocumentSettings, invoice_id: int, tenant: TenantId, *, key: str) -> Sent:
    """Send an invoice to its driver, or the guest who paid for the charge, with its document where their channel can; one ``key`` is sent
    once.

    Raises ``NotFound``, also where it has neither, ``NotPrinted`` or ``StoreUnavailable``.
    """
    known = await ports.database.read(views.need, invoice_id, tenant=tenant)
    payment_id = await ports.database.read(store.guest_of, invoice_id, tenant=tenant) if known.driver_id is None else None
    if known.driver_id is None and payment_id is None:
        raise NotFound(f"{known.number} has no driver to whom it could be sent")
    made = await _stored(ports, settings, known, tenant)
    notice = Notice(
        key=key,
        template=TEMPLATE,
        fields={
            "number": known.number,
            "amount_minor": str(known.total_minor),
            "currency": known.currency,
            "issued_at": str(known.issued_at),
        },
        driver_id=known.driver_id,
        payment_id=payment_id,
        document_ids=(made.id,),
    )
    return Sent(invoice_id=invoice_id, notice_id=await ports.messenger.tell(notice, tenant=tenant))


async def _stored(ports: Ports, settings: DocumentSettings, known: InvoiceItem, tenant: TenantId) -> Document:
    """The document of an invoice; one that says the same is not stored again."""
    data, name = await as_pdf(ports, known.id, tenant)
    said = await ports.database.read(views.need_content, known.id, tenant=tenant)
    about = (TRANSACTION, str(said.charged[0].transaction_id)) if said.charged else (DRIVER, str(known.driver_id))
    there = await ports.database.read(documents_store.of_subject, *about, tenant=tenant)
    digest = hashlib.sha256(data).hexdigest()
    found = next((each for each in there if (each.name, each.sha256) == (name, digest)), None)
    if found is not None:
        return found
    new = NewDocument(kind="other", subject_kind=about[0], subject_id=about[1], name=name)

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    async def keep(received: Received) -> Document:
        verb = partial(documents_service.add, by=ISSUER, driver_id=known.driver_id)
        return await ports.database.write(verb, settings, new, received, tenant=tenant)

    return await documents.upload(ports, new, pieces(), lambda: name, keep, expected_bytes=len(data))


# --- jobs -----------------------------------------------------------------------------------------------------------------------


async def issue_due(ports: Ports) -> int:
    """Issue invoices for bills that wait, as each tenant wants it; how many bills are on one now. Job."""

    async def work(tenant: TenantId) -> int:
        done = 0
        while count := await ports.database.write(collect, tenant=tenant):
            done += count
        return done

    return await tenants.for_each(ports, work)


async def refresh_open(ports: Ports) -> int:
    """Bring invoices up to date that were paid in part; how many. Job."""

    async def work(tenant: TenantId) -> int:
        done = 0
        while count := await ports.database.write(refresh_stale, tenant=tenant):
            done += count
        return done

    return await tenants.for_each(ports, work)
