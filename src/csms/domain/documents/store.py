"""SQL of the documents slice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page

from .model import Content, Document, DocumentsQuery, DocumentToReview, ReviewsQuery

_COLUMNS = (
    "d.id, d.kind, d.subject_kind, d.subject_id, d.name, d.content_type, d.size_bytes, d.sha256, d.width, d.height,"
    " CASE WHEN d.thumbnail <> '' THEN 1 ELSE 0 END AS has_thumbnail, d.state, d.reason, d.reviewed_by, d.reviewed_at,"
    " d.expires_at, d.expired_at, d.uploaded_by, d.created_at"
)

LISTING = Listing(
    columns=_COLUMNS,
    source="documents d WHERE d.tenant = :tenant",
    filters={
        "kind": "d.kind = :kind",
        "subject_kind": "d.subject_kind = :subject_kind",
        "subject_id": "d.subject_id = :subject_id",
        "state": "d.state = :state",
        "expired": "CASE WHEN d.expired_at IS NULL THEN 0 ELSE 1 END = :expired",
        "expires_before_at": "d.expires_at < :expires_before_at",
        "subject_kinds": "d.subject_kind IN ({subject_kinds})",
    },
    search="lower(d.name) LIKE :search ESCAPE '!' OR lower(d.uploaded_by) LIKE :search ESCAPE '!'",
    sorts={"created_at": "d.id", "name": "lower(d.name)", "expires_at": "d.expires_at", "size": "d.size_bytes"},
    unique="d.id",
)

TO_REVIEW = Listing(
    columns=_COLUMNS + ", d.tenant, t.name AS tenant_name",
    source="documents d JOIN tenants t ON t.id = d.tenant WHERE d.state = 'submitted'",
    filters={"kind": "d.kind = :kind", "slug": "t.slug = :slug"},
    search="lower(t.name) LIKE :search ESCAPE '!' OR lower(d.name) LIKE :search ESCAPE '!'",
    sorts={"created_at": "d.created_at", "name": "lower(d.name)", "expires_at": "d.expires_at", "tenant": "lower(t.name)"},
    unique="d.id",
)


def _document(row: Row) -> Document:
    return Document(**{**row, "has_thumbnail": bool(row["has_thumbnail"])})


def documents(tx: ReadTx, query: DocumentsQuery, subject_kinds: frozenset[str]) -> Page[Document]:
    """Documents about things of these kinds, page by page."""
    return page(tx, LISTING, query, _document, subject_kinds=sorted(subject_kinds))


def to_review(tx: ReadTx, query: ReviewsQuery) -> Page[DocumentToReview]:
    """Documents of all tenants that wait for a review."""

    def build(row: Row) -> DocumentToReview:
        values = dict(row)
        return DocumentToReview(tenant_id=values.pop("tenant"), tenant=values.pop("tenant_name"), document=_document(values))

    return page(tx.system("documents of all tenants are reviewed by one"), TO_REVIEW, query, build, slug=query.tenant)


def document(tx: ReadTx, document_id: int) -> Document | None:
    """One document."""
    row = tx.one(f"SELECT {_COLUMNS} FROM documents d WHERE d.tenant = :tenant AND d.id = :id", id=document_id)  # noqa: S608 (our text)
    return None if row is None else _document(row)


def content(tx: ReadTx, document_id: int, *, thumbnail: bool) -> Content | None:
    """Where a document's content is, or its thumbnail's (WebP)."""
    row = tx.one(
        "SELECT file, thumbnail, thumbnail_bytes, name, content_type, size_bytes, sha256 FROM documents"
        " WHERE tenant = :tenant AND id = :id",
        id=document_id,
    )
    if row is None or (thumbnail and not row["thumbnail"]):
        return None
    if thumbnail:
        # its file is never written again, so that its name tells it from any other as well as a hash would
        return Content(
            file=row["thumbnail"],
            name=f"{row['name'].rpartition('.')[0] or row['name']}.webp",
            content_type="image/webp",
            size_bytes=row["thumbnail_bytes"],
            sha256=row["thumbnail"],
        )
    return Content(**{name: row[name] for name in ("file", "name", "content_type", "size_bytes", "sha256")})


def of_subject(tx: ReadTx, subject_kind: str, subject_id: str) -> Sequence[Document]:
    """Every document about one thing, the oldest first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM documents d WHERE d.tenant = :tenant"  # noqa: S608 (our text)
        " AND d.subject_kind = :subject_kind AND d.subject_id = :subject_id ORDER BY d.id",
        subject_kind=subject_kind,
        subject_id=subject_id,
    )
    return [_document(row) for row in rows]


def count_of(tx: ReadTx, subject_kind: str, subject_id: str) -> int:
    """How many documents there are about one thing."""
    return int(
        tx.value(
            "SELECT count(*) FROM documents WHERE tenant = :tenant AND subject_kind = :subject_kind AND subject_id = :subject_id",
            subject_kind=subject_kind,
            subject_id=subject_id,
        )
    )


def bytes_of(tx: ReadTx) -> int:
    """The bytes of all documents of the tenant."""
    return int(tx.value("SELECT sum(size_bytes) FROM documents WHERE tenant = :tenant") or 0)


def insert(tx: Tx, **values: Any) -> int:
    """The id of a new document; ``values`` are its columns."""
    names = tuple(values)
    found: int = tx.value(
        f"INSERT INTO documents (tenant, created_at, {', '.join(names)})"  # noqa: S608 (the service's own names)
        f" VALUES (:tenant, :created_at, {', '.join(f':{name}' for name in names)}) RETURNING id",
        created_at=tx.now,
        **values,
    )
    return found


def update(tx: Tx, document_id: int, **values: Any) -> None:
    """Change columns of a document."""
    assigned = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(f"UPDATE documents SET {assigned} WHERE tenant = :tenant AND id = :id", id=document_id, **values)  # noqa: S608 (own names)


def delete(tx: Tx, document_ids: Sequence[int]) -> Sequence[str]:
    """Delete documents; the files that are nobody's now."""
    names: list[str] = []
    for document_id in document_ids:
        row = tx.one("DELETE FROM documents WHERE tenant = :tenant AND id = :id RETURNING file, thumbnail", id=document_id)
        if row is not None:
            names += [each for each in (row["file"], row["thumbnail"]) if each]
    return names


def of_driver(tx: ReadTx, driver_id: int) -> Sequence[Document]:
    """Every document about a driver, or uploaded by one."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM documents d WHERE d.tenant = :tenant AND d.subject_kind = 'driver' AND d.subject_id = :subject_id"  # noqa: S608
        f" UNION SELECT {_COLUMNS} FROM documents d WHERE d.tenant = :tenant AND d.driver_id = :driver_id ORDER BY 1",
        subject_id=str(driver_id),
        driver_id=driver_id,
    )
    return [_document(row) for row in rows]


# --- expiry, and files that are nobody's ----------------------------------------------------------------------------------------


def ending(tx: ReadTx, *, before: int, limit: int) -> Sequence[Document]:
    """Documents that expire before an instant and were not told of yet, the first to expire first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM documents d WHERE d.tenant = :tenant AND d.expires_at IS NOT NULL AND d.expired_at IS NULL"  # noqa: S608
        " AND d.expires_at < :before AND (d.warned_at IS NULL OR d.expires_at <= :now) ORDER BY d.expires_at LIMIT :limit",
        before=before,
        now=tx.now,
        limit=limit,
    )
    return [_document(row) for row in rows]


def known_files(tx: ReadTx, names: Sequence[str]) -> frozenset[str]:
    """Of these files those that are some document's, whosever."""
    listed = ", ".join(f":name_{number}" for number in range(len(names)))
    values = {f"name_{number}": name for number, name in enumerate(names)}
    sql = (
        f"SELECT file AS name FROM documents WHERE file IN ({listed})"  # noqa: S608 (parameters)
        f" UNION ALL SELECT thumbnail AS name FROM documents WHERE thumbnail <> '' AND thumbnail IN ({listed})"
    )
    return frozenset(row["name"] for row in tx.system("files are all tenants'").all(sql, **values))
