"""The stub as a server, with paths such as ``/BUCKET/KEY``. Of a request's signature only its key is looked at."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, unescape

import trio

from simulators.faults import OF_REQUESTS, Faults
from simulators.pages import cells, heading, page, table
from simulators.web import Answer, Failed, Request, Web

from .shelf import Kept, Shelf

ACCESS_KEY = "stub-access-key"
XML = "application/xml"
AT_MOST = 1000
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_KEY = re.compile(r"<Key>(.*?)</Key>", re.DOTALL)
_PART = re.compile(r"<PartNumber>(\d+)</PartNumber>")


def error(status: int, code: str) -> Answer:
    """An error's body."""
    return Answer(status, f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode(), XML)


def _failed(status: int, code: str) -> Failed:
    return Failed(error(status, code))


class S3Stub:
    """See the package. ``folder`` is where buckets are; one comes to be with its first object."""

    def __init__(self, folder: Path, *, access_key_id: str = ACCESS_KEY) -> None:
        self.shelf = Shelf(folder)
        self.access_key_id = access_key_id
        self.faults = Faults(OF_REQUESTS)
        self.uploads: dict[str, tuple[str, str, dict[int, bytes]]] = {}
        self.web = Web(self._around)
        for method, path, handler in (
            ("GET", "/", self._home),
            ("GET", "/stub/faults", self.faults.show),
            ("POST", "/stub/faults", self.faults.ask),
            ("DELETE", "/stub/faults", self.faults.clear),
            ("GET", "/<bucket>", self._asked(self._list)),
            ("GET", "/<bucket>/", self._asked(self._list)),
            ("POST", "/<bucket>", self._asked(self._delete_many)),
            ("POST", "/<bucket>/", self._asked(self._delete_many)),
            ("GET", "/<bucket>/<key...>", self._asked(self._get)),
            ("PUT", "/<bucket>/<key...>", self._asked(self._put)),
            ("POST", "/<bucket>/<key...>", self._asked(self._upload)),
            ("DELETE", "/<bucket>/<key...>", self._asked(self._delete)),
        ):
            self.web.add(method, path, handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.web.port}"

    async def serve_tcp(
        self, port: int = 0, *, host: str = "127.0.0.1", task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; the start value is the port."""
        await self.web.serve_tcp(port, host=host, task_status=task_status)

    async def _around(self, request: Request, handle: Callable[[], Answer]) -> Answer | None:
        return await self.faults.around(
            request, handle, lambda status: error(status, "SlowDown" if status == 503 else "InternalError")
        )

    def _asked(self, act: Callable[..., Answer]) -> Callable[..., Answer]:
        def checked(request: Request, **names: str) -> Answer:
            shown = request.headers.get("authorization", "")
            if not shown.startswith(f"AWS4-HMAC-SHA256 Credential={self.access_key_id}/"):
                raise _failed(403, "InvalidAccessKeyId" if shown else "AccessDenied")
            try:
                return act(request, **names)
            except ValueError:
                raise _failed(400, "InvalidArgument") from None

        return checked

    # --- objects --------------------------------------------------------------------------------------------------------------

    def _get(self, request: Request, bucket: str, key: str) -> Answer:
        kept = self._need(bucket, key)
        headers = {"ETag": kept.etag, "Last-Modified": formatdate(kept.modified, usegmt=True), "Accept-Ranges": "bytes"}
        wanted = _RANGE.fullmatch(request.headers.get("range", ""))
        if wanted is None or wanted.groups() == ("", ""):
            return Answer(200, kept.path.read_bytes(), "application/octet-stream", headers)
        first, last = wanted.groups()
        start = int(first) if first else max(0, kept.size - int(last))
        end = min(int(last), kept.size - 1) if first and last else kept.size - 1
        if start >= kept.size or end < start:
            raise _failed(416, "InvalidRange")
        with kept.path.open("rb") as file:
            file.seek(start)
            piece = file.read(end - start + 1)
        return Answer(206, piece, "application/octet-stream", {**headers, "Content-Range": f"bytes {start}-{end}/{kept.size}"})

    def _need(self, bucket: str, key: str) -> Kept:
        kept = self.shelf.get(bucket, key)
        if kept is None:
            raise _failed(404, "NoSuchKey")
        return kept

    def _put(self, request: Request, bucket: str, key: str) -> Answer:
        if (upload_id := request.query.get("uploadId")) is not None:
            parts = self._parts(bucket, key, upload_id)
            parts[int(request.query.get("partNumber", "0"))] = request.body
            return Answer(200, b"", headers={"ETag": f'"{len(parts)}"'})
        if (source := request.headers.get("x-amz-copy-source")) is not None:
            from_bucket, _, from_key = source.lstrip("/").partition("/")
            self.shelf.put(bucket, key, self._need(from_bucket, from_key).path.read_bytes())
            return Answer(200, b"<CopyObjectResult></CopyObjectResult>", XML)
        if request.headers.get("if-none-match") == "*" and self.shelf.get(bucket, key) is not None:
            raise _failed(412, "PreconditionFailed")
        return Answer(200, b"", headers={"ETag": self.shelf.put(bucket, key, request.body).etag})

    def _delete(self, request: Request, bucket: str, key: str) -> Answer:
        if (upload_id := request.query.get("uploadId")) is not None:
            self.uploads.pop(upload_id, None)
        else:
            self.shelf.delete(bucket, key)
        return Answer(204)

    def _upload(self, request: Request, bucket: str, key: str) -> Answer:
        """Begin an upload in parts, or make an object of its parts."""
        if "uploads" in request.query:
            self.shelf.place(bucket, key)
            upload_id = f"{random.getrandbits(64):016x}"
            self.uploads[upload_id] = (bucket, key, {})
            told = f"<Bucket>{escape(bucket)}</Bucket><Key>{escape(key)}</Key><UploadId>{upload_id}</UploadId>"
            return Answer(200, f"<InitiateMultipartUploadResult>{told}</InitiateMultipartUploadResult>".encode(), XML)
        upload_id = request.query.get("uploadId", "")
        parts = self._parts(bucket, key, upload_id)
        numbers = [int(number) for number in _PART.findall(request.body.decode())]
        if any(number not in parts for number in numbers):
            raise _failed(400, "InvalidPart")
        kept = self.shelf.put(bucket, key, b"".join(parts[number] for number in numbers))
        del self.uploads[upload_id]
        told = f"<Key>{escape(key)}</Key><ETag>{escape(kept.etag)}</ETag>"
        return Answer(200, f"<CompleteMultipartUploadResult>{told}</CompleteMultipartUploadResult>".encode(), XML)

    def _parts(self, bucket: str, key: str, upload_id: str) -> dict[int, bytes]:
        found = self.uploads.get(upload_id)
        if found is None or found[:2] != (bucket, key):
            raise _failed(404, "NoSuchUpload")
        return found[2]

    # --- buckets --------------------------------------------------------------------------------------------------------------

    def _list(self, request: Request, bucket: str) -> Answer:
        """``ListObjectsV2``, with ``prefix``, ``delimiter``, ``start-after`` and pages."""
        query: Mapping[str, str] = request.query
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        after = query.get("continuation-token") or query.get("start-after", "")
        most = min(int(query.get("max-keys", AT_MOST)), AT_MOST)
        contents: list[Kept] = []
        folders: list[str] = []
        last = ""
        for kept in self.shelf.all(bucket, prefix):
            head, cut, _ = kept.key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
            folder = prefix + head + cut if cut else ""
            if kept.key <= after or (folder and (folder in folders or after.startswith(folder))):
                continue
            if len(contents) + len(folders) == most:
                return self._page(bucket, prefix, contents, folders, token=last)
            last = kept.key
            if folder:
                folders.append(folder)
            else:
                contents.append(kept)
        return self._page(bucket, prefix, contents, folders, token="")

    def _page(self, bucket: str, prefix: str, contents: list[Kept], folders: list[str], *, token: str) -> Answer:
        rows = "".join(
            f"<Contents><Key>{escape(kept.key)}</Key><LastModified>{_iso(kept.modified)}</LastModified>"
            f"<ETag>{escape(kept.etag)}</ETag><Size>{kept.size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for kept in contents
        )
        rows += "".join(f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>" for each in folders)
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
        told = f"<Name>{escape(bucket)}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{len(contents) + len(folders)}</KeyCount>"
        return Answer(
            200,
            f"<ListBucketResult>{told}{more or '<IsTruncated>false</IsTruncated>'}{rows}</ListBucketResult>".encode(),
            XML,
        )

    def _delete_many(self, request: Request, bucket: str) -> Answer:
        if "delete" not in request.query:
            raise _failed(400, "InvalidRequest")
        keys = [unescape(key) for key in _KEY.findall(request.body.decode())]
        for key in keys:
            self.shelf.delete(bucket, key)
        rows = "".join(f"<Deleted><Key>{escape(key)}</Key></Deleted>" for key in keys)
        return Answer(200, f"<DeleteResult>{rows}</DeleteResult>".encode(), XML)

    def _home(self, request: Request) -> Answer:
        pieces: list[Any] = []
        for bucket in sorted(each.name for each in self.shelf.folder.iterdir() if each.is_dir()):
            rows = [cells(kept.key, kept.size, _iso(kept.modified)) for kept in self.shelf.all(bucket, "")][-200:]
            pieces += [heading(f"Bucket {bucket}"), table(("key", "bytes", "at"), rows)]
        return Answer.html(page("S3 stub", *(pieces or ["<p>no bucket yet</p>"])))


def _iso(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S}.000Z"
