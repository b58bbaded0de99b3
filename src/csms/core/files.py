"""Bulky files apart from the store, and the signed links by which chargers fetch and send them: the port ``Files`` and its nouns."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, Protocol

from .errors import Refused
from .ids import TenantId
from .nouns import noun


@noun(kw_only=True)
class KeptFile:
    """A file that is kept: the name it is found under again, how large it is, and the SHA-256 of what is in it (hexadecimal)."""

    name: str
    size_bytes: int
    sha256: str


@noun(kw_only=True)
class Link:
    """What a signed link is for: ``purpose`` is ``fetch`` or ``send``, ``number`` says of whose row of that purpose."""

    purpose: str
    tenant: TenantId
    number: int
    expires_at: int


class IncomingFile(Protocol):
    """A file that is being received."""

    async def write(self, data: bytes) -> None:
        """Append. Raises ``OSError`` when it cannot be stored, ``ENOSPC`` also where the rest of the disk is not to be touched."""
        ...

    async def keep(self) -> KeptFile:
        """It is complete: on return it is on disk under its name, whatever happens."""
        ...


class Files(Protocol):
    """Bulky files apart from the store, and the signed links by which chargers fetch and send them."""

    def link(self, link: Link, file_name: str = "") -> str:
        """The URL to give to a charger. Raises ``Refused`` where no file server runs."""
        ...

    def read_link(self, path: str) -> tuple[Link, str] | None:
        """What the path of a URL was made for and whatever name follows it; None for one that we did not sign. Judge its expiry."""
        ...

    def receive(self, expected_bytes: int | None = None) -> AbstractAsyncContextManager[IncomingFile]:
        """Receive a file; one that was not kept when the block ends is gone. Raises ``OSError``, as ``IncomingFile.write`` does."""
        ...

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """A piece of a file, shorter at its end. Raises ``OSError``."""
        ...

    async def remove(self, *names: str) -> None:
        """Forget files; those that are not there are none the less gone."""
        ...

    async def names(self, *, before: int) -> Sequence[str]:
        """Every file that was kept before an instant."""
        ...


class NoFiles:
    """``Files`` of a server that has none."""

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise Refused("this server keeps no files: its file server is off ([files] enabled)")

    link = receive = read = remove = names = _refuse

    def read_link(self, path: str) -> None:
        """No path is ours."""
