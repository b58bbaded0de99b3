"""Bulky files in a folder of this machine, and the signed links to them: what is behind the port ``Files``.

A file is written to ``incoming`` and, complete and on disk, moved to ``kept``, where nothing changes it any more. Its name is random; only a
row of the store knows what it is, so what has no row is nobody's (``names`` is for whoever sweeps).
"""

from __future__ import annotations

import base64
import errno
import hashlib
import hmac
import os
import re
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import unquote

import attrs
import trio

from csms.core.files import KeptFile, Link
from csms.core.ids import TenantId
from csms.core.ports import Blocking, Random

T = TypeVar("T")

KIND = "transfer"
"""The kind of thread that disk work runs in, so that it takes none from others."""
DISK_LIMIT_S = 60.0
"""Longest wait for the disk where a wait cannot be cancelled."""
CHECK_ROOM_BYTES = 16 * 1024 * 1024
"""The free space of the disk is looked at again after so much was written."""

PURPOSES = {"fetch": 1, "send": 2}
_NAME = re.compile(r"[A-Za-z0-9_-]{16,64}")
_SIGNED = struct.Struct(">BIIQ")
_MAC_BYTES = 16
_TOKEN_CHARS = (_SIGNED.size + _MAC_BYTES) * 4 // 3
_PATH = re.compile(rf"/f/([A-Za-z0-9_-]{{{_TOKEN_CHARS}}})(.*)", re.DOTALL)
_AWKWARD = re.compile(r"[^A-Za-z0-9._~-]+")


def safe_name(text: str) -> str:
    """A file name of unreserved characters only (RFC 3986 §2.3), its extension kept: chargers make files and URLs of it."""
    return _AWKWARD.sub("_", text.replace("\\", "/").rpartition("/")[2]).strip("._")[-80:]


class LinkSigner:
    """Links that say what they are for and until when, and prove that we made them; the proof is the whole credential."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"csms file link\x00" + key).digest()

    def token(self, link: Link) -> str:
        """44 unreserved characters."""
        said = _SIGNED.pack(PURPOSES[link.purpose], link.expires_at // 1000, link.tenant, link.number)
        return base64.urlsafe_b64encode(said + self._proof(said)).decode()

    def read(self, path: str) -> tuple[Link, str] | None:
        """The link in a path, behind whatever prefix a proxy left there, and what follows it; None where the proof is wrong."""
        found = _PATH.search(path)
        if found is None:
            return None
        raw = base64.urlsafe_b64decode(found[1])
        said, shown = raw[: _SIGNED.size], raw[_SIGNED.size :]
        if not hmac.compare_digest(self._proof(said), shown):
            return None
        code, expires_s, tenant, number = _SIGNED.unpack(said)
        purpose = next((purpose for purpose, its in PURPOSES.items() if its == code), "")
        return Link(purpose=purpose, tenant=TenantId(tenant), number=number, expires_at=expires_s * 1000), unquote(found[2])

    def _proof(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")[:_MAC_BYTES]


@attrs.define(slots=True, eq=False)
class Incoming:
    """A file that is being received; see ``core.files.IncomingFile``. Its methods may be called from any thread."""

    folder: Path
    name: str
    reserve_bytes: int
    _run: Callable[..., Any]
    _descriptor: int = -1
    _size: int = 0
    _checked_at: int = 0
    _kept: bool = False
    _digest: Any = attrs.field(factory=hashlib.sha256)
    _lock: Lock = attrs.field(factory=Lock)
    """Of a cancelled wait the thread goes on; nothing may be closed under its hands."""

    @property
    def _part(self) -> Path:
        return self.folder / "incoming" / f"{self.name}.part"

    async def write(self, data: bytes) -> None:
        """Append."""
        await self._run(self._append, data)

    async def keep(self) -> KeptFile:
        """Make it durable and give it its name."""
        kept: KeptFile = await self._run(self._finish)
        return kept

    def open(self, expected_bytes: int | None) -> None:
        """Make the file. Raises ``OSError``."""
        self._part.parent.mkdir(parents=True, exist_ok=True)
        self._need_room(expected_bytes or 0)
        self._descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def discard(self) -> None:
        """Close it, and unless it was kept, forget it."""
        with self._lock:
            self._close()
            if not self._kept:
                self._part.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        with self._lock:
            if self._size - self._checked_at >= CHECK_ROOM_BYTES:
                self._need_room(len(data))
                self._checked_at = self._size
            self._digest.update(data)
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self._size += len(data)

    def _finish(self) -> KeptFile:
        with self._lock:
            os.fsync(self._descriptor)
            self._close()
            place = place_of(self.folder, self.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(self._part, place)
            self._kept = True
            for folder in (place.parent, place.parent.parent):
                _sync(folder)
            return KeptFile(name=self.name, size_bytes=self._size, sha256=self._digest.hexdigest())

    def _need_room(self, size: int) -> None:
        disk = os.statvfs(self._part.parent)
        if disk.f_bavail * disk.f_frsize < size + self.reserve_bytes:
            raise OSError(errno.ENOSPC, "what is left of the disk is for the server itself", str(self._part.parent))

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LocalFiles:
    """``core.files.Files`` in a folder. ``url`` is what comes before the signed part of a link, known once the file server listens."""

    def __init__(
        self, folder: Path, key: bytes, *, blocking: Blocking, random: Random, reserve_bytes: int = 0, url: str = ""
    ) -> None:
        self.folder = folder
        self.url = url
        self._signer = LinkSigner(key)
        self._blocking = blocking
        self._random = random
        self._reserve_bytes = reserve_bytes

    def link(self, link: Link, file_name: str = "") -> str:
        """The URL to give to a charger."""
        return f"{self.url}/f/{self._signer.token(link)}/{safe_name(file_name)}"

    def read_link(self, path: str) -> tuple[Link, str] | None:
        """What the path of a URL was made for, and what follows it."""
        return self._signer.read(path)

    @asynccontextmanager
    async def receive(self, expected_bytes: int | None = None) -> AsyncIterator[Incoming]:
        """Receive a file."""
        incoming = Incoming(self.folder, self._random.token(16), self._reserve_bytes, self._run)
        try:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + DISK_LIMIT_S):
                await self._run(incoming.open, expected_bytes)
            yield incoming
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + DISK_LIMIT_S):
                await self._run(incoming.discard)

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """A piece of a file."""
        return await self._run(_piece, place_of(self.folder, name), offset, length)

    async def remove(self, *names: str) -> None:
        """Forget files."""
        await self._run(_forget, [place_of(self.folder, name) for name in names])

    async def names(self, *, before: int) -> Sequence[str]:
        """Every file that was kept before an instant; what never arrived whole before it is cleared away by the way."""
        return await self._run(_old, self.folder, before)

    async def _run(self, function: Callable[..., T], *arguments: Any) -> T:
        return await self._blocking.run(KIND, function, *arguments)


def place_of(folder: Path, name: str) -> Path:
    """Where a kept file is. Raises ``FileNotFoundError`` for what is no name of ours."""
    if not _NAME.fullmatch(name):
        raise FileNotFoundError(errno.ENOENT, "no such file", name)
    return folder / "kept" / name[-2:] / name


def _piece(place: Path, offset: int, length: int) -> bytes:
    with place.open("rb", buffering=0) as file:
        pieces, rest = [], length
        while rest and (piece := os.pread(file.fileno(), rest, offset + length - rest)):
            pieces.append(piece)
            rest -= len(piece)
        return b"".join(pieces)


def _forget(places: Sequence[Path]) -> None:
    for place in places:
        place.unlink(missing_ok=True)


def _old(folder: Path, before: int) -> Sequence[str]:
    found = []
    for kind in ("incoming", "kept"):
        for file in (folder / kind).rglob("*"):
            with suppress(FileNotFoundError):
                facts = file.stat()
                if not file.is_file() or facts.st_mtime_ns // 1_000_000 >= before:
                    continue
                if kind == "kept":
                    found.append(file.name)
                else:
                    file.unlink()
    return found


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
