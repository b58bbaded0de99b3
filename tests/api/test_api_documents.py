"""Documents over HTTP: what is taken and what is not, how it is shown, reviewed and deleted, and who sees it."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio
from PIL import Image

from csms.domain.documents import flows
from csms.domain.documents.model import DocumentSettings
from csms.testing.server import TestServer

PDF = b"%PDF-1.7\n" + b"x" * 500_000
NORTH = {"slug": "north", "name": "North", "currency": "EUR", "time_zone": "Europe/Berlin"}


def picture(width: int = 1200, height: int = 800, form: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(made, form)
    return made.getvalue()


async def upload(server: TestServer, query: str, content: bytes, **headers: str) -> httpx.Response:
    """Upload in pieces, as a client does that reads from a disk."""

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 60_000):
            yield content[start : start + 60_000]

    shown = {"Authorization": f"Bearer {server.operator_key}", **headers}
    async with httpx.AsyncClient(base_url=server.api_url, headers=shown, timeout=20) as client:
        return await client.post(f"/api/v1/documents?{query}", content=pieces())


async def test_an_image_of_a_station_from_upload_to_deletion(server: TestServer) -> None:
    station = await new_station(server)
    about = f"kind=image&subject_kind=station&subject_id={station}"
    added = await upload(server, f"{about}&name=front.png", picture())
    assert added.status_code == 201, added.text
    document = added.json()
    assert (document["content_type"], document["width"], document["height"], document["state"]) == ("image/png", 1200, 800, "")
    place = added.headers["Location"]
    content = await server.request("GET", f"{place}/content")
    assert content.content == picture()
    assert content.headers["content-type"] == "image/png"
    assert content.headers["content-disposition"].startswith("inline")
    assert "sandbox" in content.headers["content-security-policy"]
    part = await server.request("GET", f"{place}/content", headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"PNG", f"bytes 1-3/{len(picture())}")
    same = await server.request("GET", f"{place}/content", headers={"If-None-Match": content.headers["ETag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert (await server.request("HEAD", f"{place}/content")).headers["content-length"] == str(len(picture()))
    small = await server.request("GET", f"{place}/thumbnail")
    with Image.open(io.BytesIO(small.content)) as thumbnail:
        assert (thumbnail.format, thumbnail.size) == ("WEBP", (320, 213))

    changed = await server.request("PATCH", place, {"name": "from-the-street.png"}, headers={"If-Match": '"old"'})
    assert changed.status_code == 412
    assert (await server.request("PATCH", place, {"name": "a/b.png"})).status_code == 422
    changed = await server.request("PATCH", place, {"name": "from-the-street.png"})
    assert changed.json()["name"] == "from-the-street.png"
    found = (await server.request("GET", f"/api/v1/documents?subject_kind=station&subject_id={station}&search=street")).json()
    assert (found["total"], found["items"][0]["id"]) == (1, document["id"])
    assert (await server.request("DELETE", place)).status_code == 204
    assert (await server.request("GET", place)).status_code == 404
    assert await server.ports.documents.names(before=2**60) == [], "the content is gone, too"


async def new_station(server: TestServer) -> int:
    from csms.domain.stations import service

    return (await server.do(service.add_station, f"Station {random.random()}")).id


async def test_what_a_document_is_says_its_content_alone(server: TestServer) -> None:
    station = await new_station(server)
    about = f"subject_kind=station&subject_id={station}"
    for kind, name, content, why in [
        ("image", "x.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "markup"),
        ("other", "x.txt", b"\xef\xbb\xbf \n <!doctype html><script>alert(1)</script>", "markup after a byte order mark"),
        ("other", "x.csv", b"a,b\n1,\x00", "no text"),
        ("other", "x.txt", b"\xff\xfe\x00", "no text"),
        ("other", "x.txt", b"", "nothing"),
        ("other", "x.exe", b"MZ\x90\x00", "a program"),
        ("image", "x.png", PDF, "another type than its kind has"),
        ("image", "x.png", picture()[:500], "a broken image"),
        ("image", "x.png", b"\x89PNG\r\n\x1a\n" + b"x" * 100, "no image"),
    ]:
        refused = await upload(server, f"kind={kind}&{about}&name={name}", content)
        assert refused.status_code == 422, why
    assert await server.ports.documents.names(before=2**60) == [], "nothing of them is kept"
    for name, content, known in [
        ("a.csv", "a;b\n1;2\n€".encode(), "text/csv"),
        ("a", b"hello\n", "text/plain"),
        ("a", PDF, "application/pdf"),
    ]:
        kept = await upload(server, f"kind=other&{about}&name={name}", content)
        assert kept.json()["content_type"] == known
        shown = await server.request("GET", f"{kept.headers['Location']}/content")
        assert shown.headers["content-disposition"].startswith("attachment"), "only images are shown inline"
    form = httpx.Request("POST", "http://x/", files={"file": ("Zeichnung.webp", picture(form="WEBP"))})
    sent = await upload(server, f"kind=image&{about}", form.read(), **{"Content-Type": form.headers["content-type"]})
    assert (sent.status_code, sent.json()["name"], sent.json()["content_type"]) == (201, "Zeichnung.webp", "image/webp")


async def test_bombs_go_off_elsewhere(server: TestServer) -> None:
    station = await new_station(server)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0))
    bomb += chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    refused = await upload(server, f"kind=image&subject_kind=station&subject_id={station}&name=x.png", bomb)
    assert (refused.status_code, "pixels" in refused.json()["detail"]) == (422, True)


async def test_what_is_too_large_or_about_nothing_is_refused(server: TestServer) -> None:
    large = await upload(server, "kind=other&subject_kind=tenant&name=x", b"x" * 16_000_000)
    assert large.status_code == 413
    for query, status in [
        ("kind=image&subject_kind=station&subject_id=99&name=x", 404),
        ("kind=image&subject_kind=charger&subject_id=CP1&name=x", 404),
        ("kind=evidence&subject_kind=transaction&subject_id=1&name=x", 404),
        ("kind=identity&subject_kind=driver&subject_id=x&name=x", 404),
        ("kind=attachment&subject_kind=ticket&subject_id=1&name=x", 404),
        ("kind=image&subject_kind=tenant&name=x", 422),
        ("kind=portrait&subject_kind=tenant&name=x", 422),
        ("kind=logo&subject_kind=tenant&name=../x", 422),
        ("kind=tax&subject_kind=tenant&name=x&expires_at=2020-01-01T00:00:00Z", 422),
    ]:
        assert (await upload(server, query, picture())).status_code == status, query
    assert (await upload(server, "kind=logo&subject_kind=tenant", picture(), Authorization="Bearer no")).status_code == 401
    kinds = (await server.request("GET", "/api/v1/documents/kinds")).json()
    assert {"kind": "logo", "reviewed": False}.items() <= next(each for each in kinds if each["kind"] == "logo").items()


async def test_a_tenants_document_is_reviewed_and_another_tenant_never_sees_it(server: TestServer) -> None:
    await server.request("POST", "/api/v1/tenants", NORTH)
    north = {"X-Tenant": "north"}
    added = await upload(server, "kind=tax&subject_kind=tenant&name=gst.pdf", PDF, **north)
    assert (added.status_code, added.json()["state"], added.json()["subject_id"]) == (201, "submitted", "2")
    place = added.headers["Location"]
    waiting = (await server.request("GET", "/api/v1/documents/reviews")).json()
    assert [(each["tenant"], each["document"]["id"]) for each in waiting["items"]] == [("North", added.json()["id"])]
    for narrowed, found in (("tenant=north&kind=tax&sort=-expires_at", 1), ("tenant=default", 0)):
        assert (await server.request("GET", f"/api/v1/documents/reviews?{narrowed}")).json()["total"] == found, narrowed
    for method, path in [
        ("GET", place),
        ("GET", f"{place}/content"),
        ("GET", f"{place}/link"),
        ("DELETE", place),
        ("POST", f"{place}/approve"),
    ]:
        assert (await server.request(method, path)).status_code == 404, f"{method} {path} of another tenant"
    rejected = await server.request("POST", f"{place}/reject", {"reason": "unreadable"}, headers=north)
    assert (rejected.json()["state"], rejected.json()["reason"]) == ("rejected", "unreadable")
    approved = await server.request("POST", f"{place}/approve", headers=north)
    assert (approved.json()["state"], approved.json()["reason"], approved.json()["reviewed_by"]) == ("approved", "", "operator key")
    assert (await server.request("GET", "/api/v1/documents/reviews")).json()["total"] == 0
    renamed = await server.request("PATCH", place, {"name": "tax.pdf"}, headers=north)
    assert (renamed.json()["state"], renamed.json()["reviewed_by"]) == ("approved", "operator key")
    longer = await server.request("PATCH", place, {"expires_at": "2090-01-01T00:00:00Z"}, headers=north)
    assert (longer.json()["state"], longer.json()["reviewed_by"], longer.json()["reviewed_at"]) == ("submitted", "", None)
    assert (await server.request("GET", "/api/v1/documents/reviews")).json()["total"] == 1, "nobody approved that it holds so long"
    logo = await upload(server, "kind=logo&subject_kind=tenant&name=logo.png", picture(), **north)
    assert (await server.request("POST", f"{logo.headers['Location']}/approve", headers=north)).status_code == 409
    told = await server.rows("SELECT payload FROM events WHERE type = 'document_reviewed' ORDER BY sequence")
    assert len(told) == 2


async def test_a_signed_link_shows_a_document_without_a_login_until_it_expires(server: TestServer) -> None:
    added = (await upload(server, "kind=logo&subject_kind=tenant&name=logo.png", picture())).json()
    links = (await server.request("GET", f"/api/v1/documents/{added['id']}/link")).json()
    seen = await server.request("GET", links["url"], authorized=False)
    assert (seen.status_code, seen.content) == (200, picture())
    small = await server.request("GET", links["thumbnail_url"], authorized=False)
    assert small.headers["content-type"] == "image/webp"
    token = links["url"].rpartition("/")[2]
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), "A" * len(token), "x", token + "x"):
        assert (await server.request("GET", f"/api/v1/signed-documents/{wrong}", authorized=False)).status_code == 404
    from csms.core.documents import DocumentLink
    from csms.core.ids import DEFAULT_TENANT, TenantId

    now = server.ports.clock.now()
    for tenant, expires_at in [(DEFAULT_TENANT, now - 1000), (TenantId(2), now + 60_000)]:
        link = DocumentLink(tenant=tenant, document_id=added["id"], thumbnail=False, expires_at=expires_at)
        gone = await server.request("GET", f"/api/v1/signed-documents/{server.ports.documents.link(link)}", authorized=False)
        assert gone.status_code == 404


async def test_documents_expire_and_are_told_of_once(server: TestServer) -> None:
    now = server.ports.clock.now()
    for name, days in (("soon", 20), ("later", 200)):
        from csms.core.units import iso

        added = await upload(
            server, f"kind=insurance&subject_kind=tenant&name={name}&expires_at={iso(now + days * 86_400_000)}", PDF
        )
        assert added.status_code == 201, added.text
    settings = DocumentSettings(expiring_days=30)
    assert [await flows.mark_ending(settings, server.ports) for _ in range(2)] == [1, 0]
    await server.do(lambda tx: tx.run("UPDATE documents SET expires_at = :at WHERE tenant = :tenant AND name = 'soon'", at=now - 1))
    assert [await flows.mark_ending(settings, server.ports) for _ in range(2)] == [1, 0]
    told = [row["type"] for row in await server.rows("SELECT type FROM events WHERE type LIKE 'document%' ORDER BY sequence")]
    assert told == ["document_expiring", "document_expired"]
    found = (await server.request("GET", "/api/v1/documents?expired=true")).json()
    assert [each["name"] for each in found["items"]] == ["soon"]


async def test_what_is_nobodys_is_swept_away_and_a_broken_upload_leaves_nothing(server: TestServer) -> None:
    async with server.ports.documents.receive() as incoming:
        await incoming.write(b"left by a crash")
        kept = await incoming.keep()
    assert await flows.sweep(server.ports) == 0, "it may be about to get its row"

    async def broken() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7\n" + b"x" * 200_000
        raise ConnectionError

    shown = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=shown) as client:
        with pytest.raises((ConnectionError, httpx.TransportError)):
            await client.post("/api/v1/documents?kind=other&subject_kind=tenant&name=x", content=broken())
    folder = server.ports.documents.files.folder  # type: ignore[attr-defined]
    with trio.fail_after(5):
        while any((folder / "incoming").iterdir()):
            await trio.sleep(0.01)
    assert await server.ports.documents.names(before=2**60) == [kept.name]


async def test_who_sees_and_uploads_documents(server: TestServer) -> None:
    station, elsewhere = await new_station(server), await new_station(server)
    about = f"kind=image&subject_kind=station&subject_id={station}&name=x.png"
    added = await upload(server, about, picture())
    place = added.headers["Location"]
    await upload(server, "kind=tax&subject_kind=tenant&name=x.pdf", PDF)
    for role, stations, seen, uploads, tenants in [
        ("tenant_owner", None, 200, 201, 201),
        ("tenant_operator", None, 200, 201, 403),
        ("tenant_operator", [station], 200, 201, 403),
        ("tenant_operator", [elsewhere], 404, 404, 403),
        ("support", None, 200, 403, 403),
        ("driver", None, 403, 403, 403),
    ]:
        who = await server.login_as(role, stations=stations)
        assert (await server.request("GET", place, headers=who)).status_code == seen, (role, stations)
        assert (await server.request("GET", f"{place}/content", headers=who)).status_code == seen
        listed = await server.request("GET", f"/api/v1/documents?subject_kind=station&subject_id={station}", headers=who)
        assert listed.status_code == seen, (role, stations)
        assert (await upload(server, about, picture(), **who)).status_code == uploads, (role, stations)
        assert (await upload(server, "kind=logo&subject_kind=tenant", picture(), **who)).status_code == tenants, (role, stations)
        if stations:
            assert (await server.request("GET", "/api/v1/documents", headers=who)).status_code == 403
        assert (await server.request("GET", "/api/v1/documents/reviews", headers=who)).status_code == 403
    assert (await server.request("GET", place, authorized=False)).status_code == 401


async def test_an_upload_with_an_idempotency_key_is_one_document(server: TestServer) -> None:
    key = {"Idempotency-Key": "once"}
    first, second = [await upload(server, "kind=other&subject_kind=tenant&name=x.pdf", PDF, **key) for _ in range(2)]
    assert first.json() == second.json()
    assert (await server.request("GET", "/api/v1/documents")).json()["total"] == 1


async def test_a_list_costs_as_many_statements_for_many_rows_as_for_one(server: TestServer) -> None:
    database: Any = server.ports.database

    def count() -> int:
        return sum(tally.count for name, tally in database.stats.statements().items() if "documents" in name)

    async def statements() -> int:
        before = count()
        assert (await server.request("GET", "/api/v1/documents?limit=200")).status_code == 200
        return count() - before

    await upload(server, "kind=other&subject_kind=tenant&name=x", b"text")
    await statements()
    one = await statements()
    for number in range(5):
        await upload(server, f"kind=other&subject_kind=tenant&name=x{number}", b"text")
    assert await statements() == one == 1
