"""Files over HTTP: downloads that are hashed as they come, uploads that are made as they go, both in bounded memory."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import attrs
import httpx
import trio

CHUNK_BYTES = 65_536
SILENCE_S = 60.0
"""A server that says nothing for so long is given up."""
BOUNDARY = "simulated-charger-0f6c2a"
_SHA256 = re.compile(r"sha-256=:?([A-Za-z0-9+/=]+):?", re.IGNORECASE)


class TransferFailed(Exception):
    """It did not work. ``denied`` and ``unsupported`` say why, as far as the server did; ``final`` ones are not tried again."""

    def __init__(self, why: str, *, denied: bool = False, unsupported: bool = False, final: bool = False) -> None:
        super().__init__(why)
        self.denied = denied
        self.unsupported = unsupported
        self.final = final


@attrs.frozen(slots=True)
class Moved:
    """A file that was moved: its size and its SHA-256."""

    size: int
    digest: bytes
    headers: httpx.Headers

    def __str__(self) -> str:
        return f"{self.size} bytes, sha256 {self.digest.hex()}"


@attrs.frozen(slots=True)
class File:
    """A file to upload, made block by block whenever it is asked for."""

    name: str
    size: int
    blocks: Callable[[], Iterator[bytes]]


@attrs.frozen(slots=True, kw_only=True)
class Web:
    """How a charger reaches the web. ``transport`` is another one than the network, for tests."""

    tls: Callable[[], ssl.SSLContext]
    has_network: Callable[[], bool]
    transport: httpx.AsyncBaseTransport | None = None

    def _client(self) -> httpx.AsyncClient:
        if not self.has_network():
            raise TransferFailed("no network")
        return httpx.AsyncClient(
            verify=self.tls(), transport=self.transport, timeout=SILENCE_S, follow_redirects=True, trust_env=False
        )

    async def download(self, url: str) -> Moved:
        """Read a file to its end, keep nothing of it but its hash, and hold that against what the server says of it.

        Raises ``TransferFailed``.
        """
        _check(url)
        digest, size = hashlib.sha256(), 0
        try:
            async with self._client() as client, client.stream("GET", url, headers={"Accept-Encoding": "identity"}) as response:
                _judge(response)
                async for block in response.aiter_bytes(CHUNK_BYTES):
                    digest.update(block)
                    size += len(block)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, trio.BrokenResourceError) as wrong:
            raise TransferFailed(f"{type(wrong).__name__}: {wrong}") from None
        told = told_digest(response.headers)
        if told is not None and told != digest.digest():
            raise TransferFailed(f"the server said sha256 {told.hex()}, but {digest.hexdigest()} came")
        return Moved(size, digest.digest(), response.headers)

    async def upload(self, url: str, file: File) -> Moved:
        """PUT a file; where the server does not allow that, POST it as a form. A URL that ends in ``/`` gets the file's name.

        Raises ``TransferFailed``.
        """
        _check(url)
        url = url + file.name if url.endswith("/") else url
        body = _Body(file)
        try:
            async with self._client() as client:
                response = await client.put(url, content=body, headers=body.headers)
                if response.status_code == httpx.codes.METHOD_NOT_ALLOWED:
                    body = _Form(file)
                    response = await client.post(url, content=body, headers=body.headers)
                _judge(response)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, trio.BrokenResourceError) as wrong:
            raise TransferFailed(f"{type(wrong).__name__}: {wrong}") from None
        return Moved(file.size, body.digest(), response.headers)


class _Body:
    """A file as the body of a request, which may be sent again after a redirect; afterwards the hash of the file."""

    kind = "application/octet-stream"
    head = tail = b""

    def __init__(self, file: File) -> None:
        self._file = file
        self._hash = hashlib.sha256()

    @property
    def headers(self) -> dict[str, str]:
        """What the request says of it."""
        return {"Content-Type": self.kind, "Content-Length": str(len(self.head) + self._file.size + len(self.tail))}

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self._hash = hashlib.sha256()
        yield self.head
        for block in self._file.blocks():
            self._hash.update(block)
            await trio.lowlevel.checkpoint()
            yield block
        yield self.tail

    def digest(self) -> bytes:
        """The SHA-256 of the file."""
        return self._hash.digest()


class _Form(_Body):
    """The same as a browser sends it: multipart/form-data with one field, ``file`` (RFC 7578)."""

    kind = f"multipart/form-data; boundary={BOUNDARY}"
    tail = f"\r\n--{BOUNDARY}--\r\n".encode()

    def __init__(self, file: File) -> None:
        super().__init__(file)
        self.head = (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()


def _check(url: str) -> None:
    """Only what SupportedFileTransferProtocols names."""
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        raise TransferFailed(f"no such protocol: {scheme!r} (HTTP or HTTPS)", unsupported=True, final=True)


def _judge(response: httpx.Response) -> None:
    code = response.status_code
    if response.is_success:
        return
    raise TransferFailed(
        f"HTTP {code}",
        denied=code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN),
        unsupported=code in (httpx.codes.METHOD_NOT_ALLOWED, httpx.codes.NOT_IMPLEMENTED),
    )


def told_digest(headers: httpx.Headers) -> bytes | None:
    """The SHA-256 that a server says a file has: ``Repr-Digest``, ``Digest`` (RFC 9530, 3230) or ``X-Checksum-Sha256`` (hex)."""
    for name in ("repr-digest", "digest"):
        match = _SHA256.search(headers.get(name, ""))
        if match is not None:
            try:
                return base64.b64decode(match[1], validate=True)
            except binascii.Error:
                return None
    try:
        return bytes.fromhex(headers["x-checksum-sha256"].strip()) if "x-checksum-sha256" in headers else None
    except ValueError:
        return None


async def persistently(
    attempts: int, interval_s: float, move: Callable[[], Awaitable[Moved]], tell: Callable[[str], None]
) -> Moved:
    """Try a transfer so many times with a pause in between; raises the last attempt's ``TransferFailed``."""
    for attempt in range(1, attempts):
        try:
            return await move()
        except TransferFailed as failed:
            if failed.final:
                raise
            tell(f"attempt {attempt} of {attempts} failed: {failed}")
            await trio.sleep(interval_s)
    return await move()
