"""Documents in the store, on both engines; and what a file is by its content."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.files import KeptFile
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Database
from csms.domain.documents import service, store
from csms.domain.documents.model import DocumentChange, DocumentSettings, DocumentsQuery, NewDocument, ReviewsQuery
from csms.domain.documents.service import Received
from csms.domain.documents.sniffing import Sniffer
from csms.domain.tenants import service as tenants

SETTINGS = DocumentSettings(most_per_subject=3, tenant_bytes=1000)
EVERY = frozenset({"tenant", "station"})
DAY_MS = 86_400_000


async def keep(database: Database, number: int, tenant: TenantId = DEFAULT_TENANT, **new: Any) -> int:
    """Add a document; its id."""
    content = KeptFile(name=f"file-{tenant}-{number}", size_bytes=100, sha256="0" * 64)
    wanted = NewDocument(**{"kind": "tax", "subject_kind": "tenant", "subject_id": "1", "name": f"{number}.pdf", **new})
    verb = partial(service.add, by="Ada")
    received = Received(content=content, content_type="application/pdf", picture=None)
    return (await database.write(verb, SETTINGS, wanted, received, tenant=tenant)).id


async def test_documents_are_found_reviewed_and_deleted(database: Database, clock: Any) -> None:
    add = partial(tenants.add, slug="north", name="North", currency="EUR", time_zone="UTC")
    north = await database.write(add, tenant=DEFAULT_TENANT)
    first, second = await keep(database, 1), await keep(database, 2, kind="logo", expires_at=clock.now() + DAY_MS)
    other = await keep(database, 3, tenant=north, subject_id="2")

    async def found(**query: Any) -> list[int]:
        page = await database.read(store.documents, DocumentsQuery(**query), EVERY, tenant=DEFAULT_TENANT)
        assert page.total == len(page.items)
        return [each.id for each in page.items]

    assert await found() == [second, first]
    assert await found(sort="name", state="submitted") == [first]
    assert await found(expires_before_at=clock.now() + 2 * DAY_MS, expired=False, search="2.PDF") == [second]
    nothing = await database.read(store.documents, DocumentsQuery(), frozenset({"station"}), tenant=DEFAULT_TENANT)
    assert nothing.total == 0, "about what one may not see"
    waiting = await database.read(store.to_review, ReviewsQuery(), tenant=DEFAULT_TENANT)
    assert [(each.tenant, each.document.id) for each in waiting.items] == [("Default", first), ("North", other)]
    with pytest.raises(NotFound):
        await database.write(service.approve, other, "Ada", tenant=DEFAULT_TENANT)
    with pytest.raises(Refused, match="no review"):
        await database.write(service.approve, second, "Ada", tenant=DEFAULT_TENANT)
    assert (await database.write(service.reject, first, "Ada", "blurred", tenant=DEFAULT_TENANT)).state == "rejected"
    assert await database.read(store.known_files, ["file-1-1", "file-2-3", "nobody's"], tenant=DEFAULT_TENANT) == {
        "file-1-1",
        "file-2-3",
    }
    assert await database.write(service.remove, first, tenant=DEFAULT_TENANT) == ["file-1-1"]
    assert await found() == [second]


async def test_there_is_a_limit_to_documents(database: Database) -> None:
    for number in range(3):
        await keep(database, number)
    with pytest.raises(Refused, match="3 documents"):
        await keep(database, 4)
    for number in range(5, 12):
        await keep(database, number, kind="image", subject_kind="station", subject_id=str(number))
    with pytest.raises(Refused, match="1000 bytes"):
        await keep(database, 12, kind="image", subject_kind="station", subject_id="12")
    with pytest.raises(Invalid):
        await keep(database, 13, kind="manual", subject_kind="station", subject_id="1")


async def test_expiry_is_told_once_and_again_after_it_changed(database: Database, clock: Any) -> None:
    number = await keep(database, 1, expires_at=clock.now() + 10 * DAY_MS)

    async def told() -> list[str]:
        await database.write(service.mark_ending, 30, tenant=DEFAULT_TENANT)
        sql = "SELECT type FROM events WHERE tenant = :tenant ORDER BY sequence"
        return [row["type"] for row in await database.read(lambda tx: tx.all(sql), tenant=DEFAULT_TENANT)]

    assert await told() == ["document_expiring"]
    assert await told() == ["document_expiring"]
    clock.advance(10 * DAY_MS)
    assert await told() == ["document_expiring", "document_expired"]
    assert await told() == ["document_expiring", "document_expired"]
    with pytest.raises(Refused, match="expired"):
        await database.write(service.approve, number, "Ada", tenant=DEFAULT_TENANT)
    change = DocumentChange(expires_at=clock.now() + 5 * DAY_MS)
    assert (await database.write(service.change, number, change, tenant=DEFAULT_TENANT)).expired_at is None
    assert (await told())[-1] == "document_expiring"
    change = DocumentChange(clear=("expires_at",))
    assert (await database.write(service.change, number, change, tenant=DEFAULT_TENANT)).expires_at is None


def sniffed(*pieces: bytes, name: str = "") -> str:
    sniffer = Sniffer()
    for piece in pieces:
        sniffer.look(piece)
    return sniffer.kind(name)


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", ""),
        (b"%PDF-1.7 rest", "application/pdf"),
        (b"PK\x03\x04", ""),
        (b"GIF89a", "text/plain"),
        ("naïve €".encode(), "text/plain"),
        (b"   <html>", ""),
        (b"\xef\xbb\xbf<svg/>", ""),
        (b"<?xml version='1.0'?>", ""),
        (b"a\x1bb", ""),
        (b"\xc3", ""),
        (b"", ""),
    ],
)
def test_a_file_is_what_is_in_it_however_it_comes(content: bytes, known: str) -> None:
    assert sniffed(content) == known
    assert sniffed(*(content[at : at + 1] for at in range(len(content)))) == known, "byte by byte"


def test_only_a_name_tells_csv_from_text() -> None:
    assert sniffed(b"a,b\n", name="x.CSV") == "text/csv"
    assert sniffed(b"a,b\n", name="x.png") == "text/plain"
    assert sniffed(b"\x89PNG\r\n\x1a\n", name="x.csv") == "image/png"
