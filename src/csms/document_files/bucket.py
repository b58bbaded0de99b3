"""Documents in a bucket that speaks S3. A document is received in the folder, whole, and then put into the bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import trio

from csms.config import DocumentsConfig
from csms.core.documents import DocumentLink, Picture
from csms.core.files import IncomingFile, KeptFile
from csms.core.ports import Blocking
from csms.files import place_of

from .folder import FolderDocuments

T = TypeVar("T")

KIND = "bucket"
"""The kind of thread that talks to the bucket."""
LIMIT_S = 60.0
"""Longest wait for the bucket, where the wait cannot be cancelled."""
REQUEST_LIMIT = "20s"
TRIES_LIMIT_S = 40


def open_bucket(config: DocumentsConfig, *, tries_s: int = TRIES_LIMIT_S) -> Any:
    """The bucket of a configuration; nobody is asked yet. What fails is tried again for ``tries_s``."""
    from obstore.store import from_url  # takes a while to import, and few need it

    more: dict[str, Any] = {}
    if config.endpoint:
        more["endpoint"] = config.endpoint
    if config.access_key_id:
        more |= {"access_key_id": config.access_key_id, "secret_access_key": config.secret_access_key}
    return from_url(
        config.bucket,
        region=config.region,
        client_options={"timeout": REQUEST_LIMIT, "connect_timeout": "5s", "allow_http": config.endpoint.startswith("http:")},
        retry_config={"max_retries": 3 if tries_s else 0, "retry_timeout": timedelta(seconds=tries_s)},
        **more,
    )


class BucketDocuments:
    """``core.documents.Documents`` in a bucket; ``folder`` is where documents stay while they are on their way."""

    def __init__(self, folder: FolderDocuments, bucket: Any, blocking: Blocking) -> None:
        self._folder = folder
        self._bucket = bucket
        self._blocking = blocking

    def link(self, link: DocumentLink) -> str:
        """The token of a signed link: of ours, so that it ends when its document is deleted."""
        return self._folder.link(link)

    def read_link(self, token: str) -> DocumentLink | None:
        """What a token was made for."""
        return self._folder.read_link(token)

    @asynccontextmanager
    async def receive(self, expected_bytes: int | None = None) -> AsyncIterator[_Incoming]:
        """Receive a document; a failure of the bucket is an ``OSError`` of ``keep``."""
        async with self._folder.receive(expected_bytes) as incoming:
            yield _Incoming(incoming, self._put)

    async def _put(self, kept: KeptFile) -> None:
        local = place_of(self._folder.files.folder, kept.name)
        try:
            await self._run(_put, self._bucket, kept.name, local)
        finally:
            await self._folder.remove(kept.name)

    async def picture(self, image: KeptFile) -> Picture:
        """Look at a kept image, and make and keep its thumbnail."""
        return await self._folder.picture_in(self, image)

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """A piece of a document."""
        return await self._run(_get, self._bucket, name, offset, length) if length else b""

    async def remove(self, *names: str) -> None:
        """Forget documents."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + LIMIT_S):
            if names:
                await self._run(_delete, self._bucket, list(names))

    async def names(self, *, before: int) -> Sequence[str]:
        """Every document that was kept before an instant; what never got on from the folder is cleared away by the way."""
        await self._folder.remove(*await self._folder.names(before=before))
        return await self._run(_old, self._bucket, before)

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self._blocking.run(KIND, partial(_told, function, *arguments))


class _Incoming:
    """A document on its way: to the folder, and when it is whole to the bucket."""

    def __init__(self, incoming: IncomingFile, put: Callable[[KeptFile], Any]) -> None:
        self._incoming = incoming
        self._put = put

    async def write(self, data: bytes) -> None:
        """Append."""
        await self._incoming.write(data)

    async def keep(self) -> KeptFile:
        """It is complete: on return it is in the bucket."""
        kept = await self._incoming.keep()
        await self._put(kept)
        return kept


def _told(function: Callable[..., T], *arguments: Any) -> T:
    """Call; what the bucket has against it is an ``OSError``."""
    from obstore.exceptions import BaseError

    try:
        return function(*arguments)
    except BaseError as error:
        raise OSError(f"the bucket of documents: {str(error).partition(chr(10))[0][:200]}") from error


def _put(bucket: Any, name: str, file: Path) -> None:
    import obstore

    obstore.put(bucket, name, file)


def _get(bucket: Any, name: str, offset: int, length: int) -> bytes:
    import obstore

    return bytes(obstore.get_range(bucket, name, start=offset, length=length))


def _delete(bucket: Any, names: list[str]) -> None:
    import obstore

    with suppress(FileNotFoundError):
        obstore.delete(bucket, names)


def _old(bucket: Any, before: int) -> list[str]:
    import obstore

    return [each["path"] for some in obstore.list(bucket) for each in some if each["last_modified"].timestamp() * 1000 < before]
