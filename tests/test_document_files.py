"""Where documents are kept: a folder, a bucket, signed links, and images looked at by a process of their own."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from obstore.store import MemoryStore
from PIL import Image

from csms.config import Config, DocumentsConfig
from csms.core.documents import DocumentLink, Documents
from csms.core.errors import Invalid
from csms.core.ids import TenantId
from csms.document_files import BucketDocuments, FolderDocuments, LinkSigner, open_documents
from csms.document_files.bucket import open_bucket
from csms.document_files.pictures import look
from csms.files import LocalFiles
from csms.outside import SystemEntropy, Threads

LATER = 2**60


def picture(width: int = 40, height: int = 20, **more: object) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(made, "JPEG", **more)
    return made.getvalue()


def folder(place: Path) -> FolderDocuments:
    files = LocalFiles(place, b"", blocking=Threads(), random=SystemEntropy())
    return FolderDocuments(files, LinkSigner(b"key"), Threads(), most_pixels=1_000_000)


@pytest.fixture(params=["folder", "bucket"])
def documents(request: pytest.FixtureRequest, tmp_path: Path) -> Documents:
    kept = folder(tmp_path)
    return kept if request.param == "folder" else BucketDocuments(kept, MemoryStore(), Threads())


async def test_a_document_is_kept_read_and_forgotten(documents: Documents) -> None:
    async with documents.receive() as incoming:
        for piece in (b"hello ", b"wor", b"ld"):
            await incoming.write(piece)
        kept = await incoming.keep()
    assert kept.size_bytes == 11
    assert await documents.read(kept.name, 0, 100) == b"hello world"
    assert await documents.read(kept.name, 6, 3) == b"wor"
    assert list(await documents.names(before=LATER)) == [kept.name]
    assert list(await documents.names(before=0)) == []
    await documents.remove(kept.name, "a" * 22)
    await documents.remove(kept.name)
    assert list(await documents.names(before=LATER)) == []
    with pytest.raises(OSError, match=kept.name):
        await documents.read(kept.name, 0, 1)


async def test_what_breaks_off_is_gone(documents: Documents, tmp_path: Path) -> None:
    async def break_off() -> None:
        async with documents.receive() as incoming:
            await incoming.write(b"half")
            raise ValueError("broken off")

    with pytest.raises(ValueError, match="broken"):
        await break_off()
    assert list(await documents.names(before=LATER)) == []
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


async def test_an_image_is_looked_at_and_gets_a_thumbnail(documents: Documents) -> None:
    async with documents.receive() as incoming:
        await incoming.write(picture(800, 600))
        kept = await incoming.keep()
    seen = await documents.picture(kept)
    assert (seen.width, seen.height) == (800, 600)
    small = await documents.read(seen.thumbnail.name, 0, seen.thumbnail.size_bytes)
    with Image.open(io.BytesIO(small)) as image:
        assert (image.format, image.size) == ("WEBP", (320, 240))


async def test_a_bucket_that_is_away_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    config = DocumentsConfig(
        bucket="s3://bucket/documents", endpoint="http://127.0.0.1:9", access_key_id="a", secret_access_key="b"
    )
    documents = BucketDocuments(folder(tmp_path), open_bucket(config, tries_s=0), Threads())

    async def keep() -> None:
        async with documents.receive() as incoming:
            await incoming.write(b"hello")
            await incoming.keep()

    with pytest.raises(OSError, match="bucket of documents"):
        await keep()
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]
    for failing in (documents.read("x" * 22, 0, 1), documents.names(before=LATER), documents.remove("x" * 22)):
        with pytest.raises(OSError, match="bucket of documents"):
            await failing


class Bucket(ThreadingHTTPServer):
    """As much of S3 as is needed here: objects by path, and the list of all."""

    daemon_threads = True

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.authorizations: set[str] = set()
        super().__init__(("127.0.0.1", 0), Answers)


class Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def reply(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {
            "Content-Length": str(len(body)),
            "ETag": '"1"',
            "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT",
            **headers,
        }.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self) -> None:
        self.server.authorizations.add(self.headers.get("Authorization", "")[:40])
        self.server.objects[urlsplit(self.path).path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.reply(200)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if "list-type=2" in parts.query:
            contents = "".join(
                f"<Contents><Key>{path.removeprefix('/bucket/')}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
                f'<ETag>"1"</ETag><Size>{len(body)}</Size></Contents>'
                for path, body in self.server.objects.items()
            )
            page = f"<ListBucketResult><Name>bucket</Name><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>"
            self.reply(200, page.encode(), Content_Type="application/xml")
        elif (body := self.server.objects.get(parts.path)) is None:
            self.reply(404)
        else:
            first, last = self.headers["Range"].removeprefix("bytes=").split("-")
            piece = body[int(first) : int(last) + 1]
            self.reply(206, piece, Content_Range=f"bytes {first}-{int(first) + len(piece) - 1}/{len(body)}")

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["Content-Length"])).decode()
        keys = re.findall("<Key>(.*?)</Key>", asked)
        for key in keys:
            self.server.objects.pop(f"/bucket/{key}", None)
        deleted = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        self.reply(200, f"<DeleteResult>{deleted}</DeleteResult>".encode(), Content_Type="application/xml")


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with Bucket() as served:
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield served
        served.shutdown()
        thread.join()


async def test_a_service_that_speaks_s3(bucket: Bucket, tmp_path: Path) -> None:
    config = DocumentsConfig(
        bucket="s3://bucket/some/where",
        endpoint=f"http://127.0.0.1:{bucket.server_port}",
        access_key_id="AKIA",
        secret_access_key="secret",
        region="ap-south-1",
    )
    documents = BucketDocuments(folder(tmp_path), open_bucket(config), Threads())
    async with documents.receive() as incoming:
        await incoming.write(b"hello world")
        kept = await incoming.keep()
    assert bucket.objects == {f"/bucket/some/where/{kept.name}": b"hello world"}
    assert all(each.startswith("AWS4-HMAC-SHA256 Credential=AKIA/") for each in bucket.authorizations), "requests are signed"
    assert await documents.read(kept.name, 6, 5) == b"world"
    assert list(await documents.names(before=LATER)) == [kept.name]
    await documents.remove(kept.name)
    assert bucket.objects == {}


def test_a_thumbnail_says_nothing_about_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N"}
    exif[0x0112] = 6  # turned by a quarter
    seen = look(picture(400, 200, exif=exif.tobytes()), 1_000_000)
    with Image.open(io.BytesIO(seen.thumbnail)) as image:
        assert not image.getexif()
        assert image.size == (160, 320), "it is shown the right way up"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (lambda: picture(2000, 2000), "pixels"),
        (lambda: picture()[:200], "image"),
        (lambda: b"\xff\xd8\xff" + bytes(1000), "image"),
        (lambda: b"", "image"),
        (lambda: b"<svg/>", "image"),
    ],
)
def test_what_is_no_honest_image_is_refused(content: Callable[[], bytes], why: str) -> None:
    with pytest.raises(Invalid, match=why):
        look(content(), 1_000_000)


def test_a_link_proves_itself_and_nothing_else_does() -> None:
    signer = LinkSigner(b"key")
    link = DocumentLink(tenant=TenantId(3), document_id=2**40, thumbnail=True, expires_at=1_767_225_600_000)
    token = signer.token(link)
    assert signer.read(token) == link
    assert LinkSigner(b"other").read(token) is None
    for wrong in ("", token[:-1], token + "A", "." + token[1:], token.swapcase(), "A" * len(token)):
        assert signer.read(wrong) is None, wrong
    changed = [token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :] for at in range(len(token))]
    assert all(signer.read(each) is None for each in changed)


def test_the_configuration_says_where(tmp_path: Path) -> None:
    assert isinstance(open_documents(Config(folder=tmp_path), Threads(), SystemEntropy()), FolderDocuments)
    bucket = Config(folder=tmp_path, documents=DocumentsConfig(bucket="s3://bucket/some/where"))
    assert isinstance(open_documents(bucket, Threads(), SystemEntropy()), BucketDocuments)
