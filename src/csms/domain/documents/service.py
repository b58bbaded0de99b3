"""Verbs on documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from csms.core.documents import Picture
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.files import KeptFile
from csms.core.ports import ReadTx, Tx
from csms.core.units import iso

from . import store
from .kinds import KINDS, is_reviewed
from .model import (
    APPROVED,
    KEPT,
    REJECTED,
    SUBMITTED,
    Content,
    Document,
    DocumentChange,
    DocumentExpired,
    DocumentExpiring,
    DocumentReviewed,
    DocumentSettings,
    NewDocument,
    document_key,
    documents_key,
)

DAY_MS = 86_400_000
SLICE = 100

Where = Callable[[ReadTx, str, str], int | None]
"""``where(tx, subject_kind, subject_id)``: at which station something is, None for none. Raises ``NotFound`` for what there is not."""


@attrs.frozen(slots=True, kw_only=True)
class Received:
    """A document whose content is kept: the content type it turned out to have, and what it shows if it is an image."""

    content: KeptFile
    content_type: str
    picture: Picture | None


def check_new(tx: ReadTx, settings: DocumentSettings, new: NewDocument, size_bytes: int) -> None:
    """Whether such a document may be kept. Raises ``Invalid`` or ``Refused``."""
    kind = KINDS[new.kind]
    if new.subject_kind not in kind.subjects:
        raise Invalid(f"a document of kind {new.kind} is about a {' or a '.join(kind.subjects)}", field="subject_kind")
    if new.expires_at is not None and new.expires_at <= tx.now:
        raise Invalid(f"it expired at {iso(new.expires_at)}", field="expires_at")
    if store.count_of(tx, new.subject_kind, new.subject_id) >= settings.most_per_subject:
        raise Refused(f"there are {settings.most_per_subject} documents about it already, the most that are kept")
    if store.bytes_of(tx) + size_bytes > settings.tenant_bytes:
        raise Refused(f"the tenant's documents would be more than {settings.tenant_bytes} bytes")


def add(
    tx: Tx, settings: DocumentSettings, new: NewDocument, received: Received, *, by: str, driver_id: int | None = None
) -> Document:
    """Make a fact of a document whose content is kept. Raises ``Invalid`` or ``Refused``; then its content is nobody's."""
    tx.claim(documents_key(tx.tenant))
    check_new(tx, settings, new, received.content.size_bytes)
    picture = received.picture
    added = store.insert(
        tx,
        kind=new.kind,
        subject_kind=new.subject_kind,
        subject_id=new.subject_id,
        name=new.name or new.kind,
        content_type=received.content_type,
        size_bytes=received.content.size_bytes,
        sha256=received.content.sha256,
        file=received.content.name,
        thumbnail="" if picture is None else picture.thumbnail.name,
        thumbnail_bytes=0 if picture is None else picture.thumbnail.size_bytes,
        width=None if picture is None else picture.width,
        height=None if picture is None else picture.height,
        state=SUBMITTED if is_reviewed(new.kind, new.subject_kind) else KEPT,
        expires_at=new.expires_at,
        uploaded_by=by,
        driver_id=driver_id,
    )
    return need_document(tx, added)


def need_document(tx: ReadTx, document_id: int) -> Document:
    """A document of the tenant. Raises ``NotFound``."""
    found = store.document(tx, document_id)
    if found is None:
        raise NotFound(f"there is no document {document_id}")
    return found


def need_content(tx: ReadTx, document_id: int, thumbnail: bool) -> Content:
    """Where a document's content is. Raises ``NotFound``."""
    found = store.content(tx, document_id, thumbnail=thumbnail)
    if found is None:
        raise NotFound(f"document {document_id} has no thumbnail" if thumbnail else f"there is no document {document_id}")
    return found


def change(tx: Tx, document_id: int, wanted: DocumentChange) -> Document:
    """Change a document's name or expiry. Raises ``NotFound`` or ``Invalid``.

    With another expiry it is told of again, and reviewed again where it is reviewed: until when it holds is part of what was approved.
    """
    tx.claim(documents_key(tx.tenant))
    known = need_document(tx, document_id)
    if wanted.clear and wanted.expires_at is not None:
        raise Invalid("expires_at is given a value and cleared", field="clear")
    expires_at = None if wanted.clear else known.expires_at if wanted.expires_at is None else wanted.expires_at
    if expires_at != known.expires_at:
        store.update(tx, document_id, expires_at=expires_at, warned_at=None, expired_at=None)
        if known.state != KEPT:
            store.update(tx, document_id, state=SUBMITTED, reason="", reviewed_by="", reviewed_at=None)
    if wanted.name is not None:
        store.update(tx, document_id, name=wanted.name)
    return need_document(tx, document_id)


def remove(tx: Tx, document_id: int) -> Sequence[str]:
    """Delete a document; the files that are nobody's now. Raises ``NotFound``."""
    tx.claim(documents_key(tx.tenant))
    need_document(tx, document_id)
    return store.delete(tx, [document_id])


def remove_all(tx: Tx, subject_kind: str, subject_id: str) -> Sequence[str]:
    """Delete every document about something that goes; the files that are nobody's now."""
    tx.claim(documents_key(tx.tenant))
    return store.delete(tx, [each.id for each in store.of_subject(tx, subject_kind, subject_id)])


def remove_of_driver(tx: Tx, driver_id: int) -> Sequence[str]:
    """Delete every document about a driver or uploaded by one; the files that are nobody's now."""
    tx.claim(documents_key(tx.tenant))
    return store.delete(tx, [each.id for each in store.of_driver(tx, driver_id)])


# --- review ---------------------------------------------------------------------------------------------------------------------


def approve(tx: Tx, document_id: int, by: str) -> Document:
    """Approve a document. Raises ``NotFound``, or ``Refused`` for one that is not reviewed or has expired."""
    return _review(tx, document_id, APPROVED, by, "")


def reject(tx: Tx, document_id: int, by: str, reason: str) -> Document:
    """Reject a document. Raises ``NotFound``, or ``Refused`` for one that is not reviewed."""
    return _review(tx, document_id, REJECTED, by, reason.strip())


def _review(tx: Tx, document_id: int, state: str, by: str, reason: str) -> Document:
    tx.claim(documents_key(tx.tenant))
    known = need_document(tx, document_id)
    if known.state == KEPT:
        raise Refused(f"a document of kind {known.kind} about a {known.subject_kind} needs no review")
    if state == APPROVED and known.expires_at is not None and known.expires_at <= tx.now:
        raise Refused(f"it expired at {iso(known.expires_at)}")
    if (known.state, known.reason) != (state, reason):
        store.update(tx, document_id, state=state, reason=reason, reviewed_by=by, reviewed_at=tx.now)
        tx.emit(DocumentReviewed(**_about(known), state=state, reason=reason))
    return need_document(tx, document_id)


# --- expiry ---------------------------------------------------------------------------------------------------------------------


def mark_ending(tx: Tx, expiring_days: int) -> int:
    """Tell of documents that expire soon or did; how many."""
    found = store.ending(tx, before=tx.now + expiring_days * DAY_MS + 1, limit=SLICE)
    tx.claim(*sorted([documents_key(tx.tenant), *(document_key(each.id) for each in found)]))
    for each in found:
        assert each.expires_at is not None
        if each.expires_at <= tx.now:
            store.update(tx, each.id, expired_at=tx.now)
            tx.emit(DocumentExpired(**_about(each), expires_at=each.expires_at))
        else:
            store.update(tx, each.id, warned_at=tx.now)
            tx.emit(DocumentExpiring(**_about(each), expires_at=each.expires_at))
    return len(found)


def _about(known: Document) -> dict[str, Any]:
    return {
        "document_id": known.id,
        "kind": known.kind,
        "subject_kind": known.subject_kind,
        "subject_id": known.subject_id,
        "name": known.name,
    }
