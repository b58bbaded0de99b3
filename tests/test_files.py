"""Files in a folder: durable under a name of their own or not there at all, and links that nobody else can make."""

from __future__ import annotations

import errno
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from csms.core.files import KeptFile, Link
from csms.core.ids import TenantId
from csms.files import LocalFiles, safe_name
from csms.outside import SystemEntropy, Threads

LINK = Link(purpose="fetch", tenant=TenantId(3), number=2**40, expires_at=1_767_225_600_000)


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path, b"key", blocking=Threads(), random=SystemEntropy(), url="https://files.example.org:8443/up")


async def keep(files: LocalFiles, *pieces: bytes) -> KeptFile:
    async with files.receive() as incoming:
        for piece in pieces:
            await incoming.write(piece)
        return await incoming.keep()


def on_disk(folder: Path) -> list[str]:
    return [file.name for file in folder.rglob("*") if file.is_file()]


async def test_what_was_kept_can_be_read_piece_by_piece(files: LocalFiles, tmp_path: Path) -> None:
    kept = await keep(files, b"hello ", b"", b"world")
    assert (kept.size_bytes, kept.sha256[:8]) == (11, "b94d27b9")
    assert on_disk(tmp_path) == [kept.name]
    assert await files.read(kept.name, 0, 5) == b"hello"
    assert await files.read(kept.name, 6, 100) == b"world"
    assert await files.read(kept.name, 11, 1) == b""
    await files.remove(kept.name, kept.name)
    with pytest.raises(FileNotFoundError):
        await files.read(kept.name, 0, 1)


async def test_what_was_not_kept_is_gone(files: LocalFiles, tmp_path: Path) -> None:
    async with files.receive() as incoming:
        await incoming.write(b"half")
    with suppress(LookupError):
        async with files.receive() as incoming:
            await incoming.write(b"half")
            raise LookupError
    with trio.move_on_after(0.01):
        async with files.receive() as incoming:
            while True:
                await incoming.write(b"x" * 100_000)
    assert on_disk(tmp_path) == []


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 15, "a/" + "b" * 20, "ä" * 20])
async def test_only_names_of_ours_are_looked_for(files: LocalFiles, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        await files.read(name, 0, 1)


async def test_the_rest_of_the_disk_is_left_alone(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    free = disk.f_bavail * disk.f_frsize
    greedy = LocalFiles(tmp_path, b"", blocking=Threads(), random=SystemEntropy(), reserve_bytes=2 * free)
    with pytest.raises(OSError) as refused:
        await keep(greedy, b"x")
    assert refused.value.errno == errno.ENOSPC
    modest = LocalFiles(tmp_path, b"", blocking=Threads(), random=SystemEntropy(), reserve_bytes=free // 2)
    with pytest.raises(OSError):
        async with modest.receive(expected_bytes=free):
            pass
    assert on_disk(tmp_path) == []


async def test_what_is_old_can_be_found_and_halves_of_it_are_cleared_away(files: LocalFiles, tmp_path: Path) -> None:
    kept = await keep(files, b"x")
    left = tmp_path / "incoming" / f"{'a' * 22}.part"
    left.write_bytes(b"a crash came")
    os.utime(left, (1, 1))
    now = int(time.time() * 1000)
    assert await files.names(before=now - 3_600_000) == []
    assert on_disk(tmp_path) == [kept.name]
    assert await files.names(before=now + 3_600_000) == [kept.name]


def test_a_link_says_what_it_is_for_in_few_and_harmless_characters(files: LocalFiles) -> None:
    url = files.link(LINK, "AC22 v1.4 (final).tar.gz")
    assert url.startswith("https://files.example.org:8443/up/f/")
    assert url.endswith("/AC22_v1.4_final_.tar.gz")
    assert len(url) < 128
    path = url.removeprefix("https://files.example.org:8443")
    assert path.replace("/", "").isascii()
    assert files.read_link(path) == (LINK, "/AC22_v1.4_final_.tar.gz")
    assert files.read_link(path.removeprefix("/up")) == (LINK, "/AC22_v1.4_final_.tar.gz"), "a proxy took its prefix away"


@pytest.mark.parametrize("behind", ["", "/", "/log.zip", "//log%20a.zip", "log.zip", "/a/b/log.zip"])
def test_chargers_put_their_own_name_behind_a_link(files: LocalFiles, behind: str) -> None:
    path = files.link(LINK).removeprefix("https://files.example.org:8443/up").rstrip("/")
    read = files.read_link(path + behind)
    assert read is not None
    assert read[0] == LINK


def test_what_we_did_not_sign_is_no_link(files: LocalFiles) -> None:
    path = files.link(LINK).removeprefix("https://files.example.org:8443/up")
    token = path.split("/")[2]
    for position in range(len(token)):
        other = "A" if token[position] != "A" else "B"
        assert files.read_link(f"/f/{token[:position]}{other}{token[position + 1 :]}/") is None, position
    for wrong in ("", "/", "/f/", f"/f/{token[:-1]}/", f"/g/{token}/", "/f/" + "=" * 44, "/f/" + "\udcff" * 44):
        assert files.read_link(wrong) is None
    other_key = LocalFiles(files.folder, b"another", blocking=Threads(), random=SystemEntropy())
    assert other_key.read_link(path) is None


@pytest.mark.parametrize(
    ("name", "safe"),
    [("a b.zip", "a_b.zip"), ("../../x", "x"), ("C:\\logs\\x.log", "x.log"), ("ü", ""), ("x" * 99 + ".bin", "x" * 76 + ".bin")],
)
def test_file_names_are_made_harmless(name: str, safe: str) -> None:
    assert safe_name(name) == safe
