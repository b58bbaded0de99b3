"""Documents in a folder of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

import trio

from csms.core.documents import DocumentLink, Picture
from csms.core.files import IncomingFile, KeptFile
from csms.core.ports import Blocking
from csms.files import LocalFiles

from .links import LinkSigner
from .pictures import look

FORGET_LIMIT_S = 30.0


class FolderDocuments:
    """``core.documents.Documents`` on the machine's own disk."""

    def __init__(self, files: LocalFiles, signer: LinkSigner, blocking: Blocking, *, most_pixels: int) -> None:
        self.files = files
        self._signer = signer
        self._blocking = blocking
        self._most_pixels = most_pixels

    def link(self, link: DocumentLink) -> str:
        """The token of a signed link."""
        return self._signer.token(link)

    def read_link(self, token: str) -> DocumentLink | None:
        """What a token was made for."""
        return self._signer.read(token)

    def receive(self, expected_bytes: int | None = None) -> AbstractAsyncContextManager[IncomingFile]:
        """Receive a document."""
        return self.files.receive(expected_bytes)

    async def picture(self, image: KeptFile) -> Picture:
        """Look at a kept image, and make and keep its thumbnail."""
        return await self.picture_in(self, image)

    async def picture_in(self, place: Place, image: KeptFile) -> Picture:
        """The same for an image, and its thumbnail, in another place."""
        content = await place.read(image.name, 0, image.size_bytes)
        seen = await self._blocking.run("picture", look, content, self._most_pixels)
        async with place.receive(len(seen.thumbnail)) as incoming:
            await incoming.write(seen.thumbnail)
            kept = await incoming.keep()
        return Picture(width=seen.width, height=seen.height, thumbnail=kept)

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """A piece of a document."""
        return await self.files.read(name, offset, length)

    async def remove(self, *names: str) -> None:
        """Forget documents."""
        with trio.CancelScope(shield=True, deadline=trio.current_time() + FORGET_LIMIT_S):
            await self.files.remove(*names)

    async def names(self, *, before: int) -> Sequence[str]:
        """Every document that was kept before an instant."""
        return await self.files.names(before=before)


class Place(Protocol):
    """What a picture is read from and its thumbnail is put into."""

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """A piece of a file."""
        ...

    def receive(self, expected_bytes: int | None = None) -> AbstractAsyncContextManager[Any]:
        """Receive a file."""
        ...
