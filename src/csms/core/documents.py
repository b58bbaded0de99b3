"""Documents and images that people upload, apart from the store, and the signed links that show them: the port ``Documents``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, Protocol

from .errors import Refused
from .files import IncomingFile, KeptFile
from .ids import TenantId
from .nouns import noun


@noun(kw_only=True)
class DocumentLink:
    """What a signed link shows, and until when: a document itself, or its thumbnail."""

    tenant: TenantId
    document_id: int
    thumbnail: bool
    expires_at: int


@noun(kw_only=True)
class Picture:
    """What an image turned out to be; ``thumbnail`` is kept as a file of its own."""

    width: int
    height: int
    thumbnail: KeptFile


class Documents(Protocol):
    """Where documents are kept: a folder, or a bucket that speaks S3."""

    def link(self, link: DocumentLink) -> str:
        """The token of a signed link: whoever has it sees the document until it expires."""
        ...

    def read_link(self, token: str) -> DocumentLink | None:
        """What a token was made for; None for one that we did not sign. Judge its expiry."""
        ...

    def receive(self, expected_bytes: int | None = None) -> AbstractAsyncContextManager[IncomingFile]:
        """Receive a document; one that was not kept when the block ends is gone. Raises ``OSError``."""
        ...

    async def picture(self, image: KeptFile) -> Picture:
        """Look at a kept image, and make and keep its thumbnail. Raises ``Invalid`` for what is no image or too large a one."""
        ...

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """A piece of a document, shorter at its end. Raises ``OSError``."""
        ...

    async def remove(self, *names: str) -> None:
        """Forget documents; those that are not there are none the less gone. Raises ``OSError``."""
        ...

    async def names(self, *, before: int) -> Sequence[str]:
        """Every document that was kept before an instant. Raises ``OSError``."""
        ...


class NoDocuments:
    """``Documents`` of a process that keeps none."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise Refused("this process keeps no documents")

    link = receive = picture = read = remove = names = _refuse

    def read_link(self, token: str) -> None:
        """No token is ours."""
