"""The file server on a real socket: what it gives, what it takes, what it refuses, and what a bad client cannot do."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import structlog
import trio

from csms.api import serving as serving_module
from csms.api.files import FileServer, Offer, Store, hypercorn_config, wire
from csms.api.files.server import PER_LINK
from csms.api.serving import serve
from csms.config import FilesConfig
from csms.core.errors import StoreUnavailable
from csms.core.files import KeptFile, Link
from csms.core.ids import TenantId
from csms.files import LocalFiles
from csms.outside import SystemEntropy, Threads
from csms.testing.stores import START_AT, SettableClock

CONTENT = bytes(range(256)) * 4000
SMALL = FilesConfig(port=0, max_upload_bytes=1_000_000, idle_timeout_s=1, transfer_limit_s=5, max_transfers=2, bytes_per_s=0)


@attrs.define
class Counter:
    """Who knows what links are for, in tests."""

    file: str = ""
    gone: bool = False
    failure: Exception | None = None
    stored: list[tuple[KeptFile, str]] = attrs.field(factory=list)
    told: list[str] = attrs.field(factory=list)

    async def offer(self, link: Link) -> Offer | None:
        if self.gone or link.purpose != "fetch":
            return None
        return Offer(
            file=self.file,
            file_name="fw.bin",
            size_bytes=len(CONTENT),
            sha256=hashlib.sha256(CONTENT).hexdigest(),
            began=partial(self.tell, "began"),
            ended=partial(self.tell, "ended"),
        )

    async def tell(self, what: str) -> None:
        self.told.append(what)

    async def expected(self, link: Link) -> Store | None:
        return None if self.gone else self.store

    async def store(self, kept: KeptFile, file_name: str, address: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.stored.append((kept, file_name))


@attrs.define
class Served:
    """A running file server and its insides."""

    files: LocalFiles
    counter: Counter
    clock: SettableClock
    server: FileServer
    url: str = ""
    client: httpx.AsyncClient = attrs.field(factory=httpx.AsyncClient)

    def link(self, purpose: str = "fetch", **changes: Any) -> str:
        link = Link(purpose=purpose, tenant=TenantId(1), number=7, expires_at=START_AT + 60_000)
        return self.files.link(attrs.evolve(link, **changes), "fw.bin" if purpose == "fetch" else "")

    def on_disk(self) -> int:
        return sum(1 for file in self.files.folder.rglob("*") if file.is_file())


@asynccontextmanager
async def serving(folder: Path, config: FilesConfig = SMALL) -> AsyncIterator[Served]:
    files = LocalFiles(folder, b"key", blocking=Threads(), random=SystemEntropy())
    counter, clock, stop = Counter(), SettableClock(), trio.Event()
    async with files.receive() as incoming:
        await incoming.write(CONTENT)
        counter.file = (await incoming.keep()).name
    server = FileServer(config, files, counter, clock)
    async with trio.open_nursery() as nursery:
        urls = await nursery.start(
            partial(serve, server, hypercorn_config(config), host="127.0.0.1", port=0, grace_s=2, stopping=stop.wait)
        )
        files.url = urls[0]
        served = Served(files, counter, clock, server, urls[0])
        async with served.client:
            yield served
        stop.set()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(tmp_path) as running:
        yield running


@asynccontextmanager
async def raw(served: Served) -> AsyncIterator[trio.SocketStream]:
    host, _, port = served.url.removeprefix("http://").partition(":")
    stream = await trio.open_tcp_stream(host, int(port))
    async with stream:
        yield stream


async def said(stream: trio.SocketStream) -> bytes:
    """All that comes until the server closes."""
    heard = b""
    with trio.fail_after(10):
        async for piece in stream:
            heard += piece
    return heard


async def eventually(condition: Callable[[], bool]) -> None:
    with trio.fail_after(10):
        while not condition():
            await trio.sleep(0.01)


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


# --- fetching -------------------------------------------------------------------------------------------------------------------


async def test_the_whole_file_with_what_there_is_to_know_of_it(served: Served) -> None:
    response = await served.client.get(served.link())
    assert (response.status_code, response.content) == (200, CONTENT)
    assert response.headers["accept-ranges"] == "bytes"
    assert response.headers["etag"] == f'"{hashlib.sha256(CONTENT).hexdigest()}"'
    await eventually(lambda: served.counter.told == ["began", "ended"])
    head = await served.client.head(served.link())
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(CONTENT)))
    assert served.counter.told == ["began", "ended"], "nothing was fetched by asking how large it is"
    again = await served.client.get(served.link(), headers={"If-None-Match": f'"x", {response.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "first", "after"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000000-", 1_000_000, 1_024_000),
        ("bytes=-5", 1_023_995, 1_024_000),
        ("bytes=0-99999999999", 0, 1_024_000),
        ("Bytes = 5 - 6", 5, 7),
    ],
)
async def test_a_part_of_it(served: Served, asked: str, first: int, after: int) -> None:
    response = await served.client.get(served.link(), headers={"Range": asked})
    assert response.status_code == 206
    assert response.content == CONTENT[first:after]
    assert response.headers["content-range"] == f"bytes {first}-{after - 1}/{len(CONTENT)}"


@pytest.mark.parametrize("asked", ["bytes=5-2", "bytes=-", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b", "bytes=0-1\x00"])
async def test_what_is_no_range_is_the_whole(served: Served, asked: str) -> None:
    headers = {"Range": asked} if asked.isprintable() else {}
    assert (await served.client.get(served.link(), headers=headers)).status_code == 200


@pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=-0"])
async def test_a_part_behind_the_end(served: Served, asked: str) -> None:
    response = await served.client.get(served.link(), headers={"Range": asked})
    assert response.status_code == 416
    assert response.headers["content-range"] == f"bytes */{len(CONTENT)}"


async def test_a_part_of_another_version_is_the_whole(served: Served) -> None:
    response = await served.client.get(served.link(), headers={"Range": "bytes=5-", "If-Range": '"another"'})
    assert (response.status_code, len(response.content)) == (200, len(CONTENT))


async def test_a_client_that_goes_with_the_last_byte_has_fetched_it(tmp_path: Path) -> None:
    async with serving(tmp_path, attrs.evolve(SMALL, bytes_per_s=2 * len(CONTENT))) as served, raw(served) as stream:
        await stream.send_all(f"GET {path_of(served.link())} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        heard = b""
        while not heard.endswith(CONTENT[-1000:]) or len(heard) < len(CONTENT):
            heard += await stream.receive_some(100_000)
        await stream.aclose()
        await eventually(lambda: served.counter.told == ["began", "ended"])
        assert (served.server.tally.fetched, served.server.tally.broken) == (1, 0)


async def test_somebody_who_hangs_up_costs_nothing_more(served: Served) -> None:
    async with raw(served) as stream:
        await stream.send_all(f"GET {path_of(served.link())} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert await stream.receive_some(1000)
    await eventually(lambda: served.server.tally.open == 0)
    assert (await served.client.get(served.link())).status_code == 200


# --- who may --------------------------------------------------------------------------------------------------------------------


async def test_only_our_links_while_they_are_good(served: Served) -> None:
    client, link = served.client, served.link()
    forged = link.replace("/f/", "/f/A" if link.split("/")[4][0] != "A" else "/f/B", 1)
    for url in (forged, served.url + "/", served.url + "/f/", f"{served.url}/health", f"{link[:-20]}"):
        response = await client.get(url)
        assert response.status_code == 404, url
        assert response.text == "Not Found\n", "no more than that"
    served.clock.advance(60_000)
    expired = await client.get(link)
    assert (expired.status_code, expired.text) == (403, "Forbidden\n")


@pytest.mark.parametrize(
    ("purpose", "method", "allowed"),
    [("fetch", "PUT", "GET, HEAD"), ("fetch", "POST", "GET, HEAD"), ("send", "GET", "PUT, POST"), ("send", "DELETE", "PUT, POST")],
)
async def test_a_link_is_good_for_one_thing(served: Served, purpose: str, method: str, allowed: str) -> None:
    response = await served.client.request(method, served.link(purpose))
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


async def test_what_is_gone_is_gone(served: Served) -> None:
    served.counter.gone = True
    assert (await served.client.get(served.link())).status_code == 404
    assert (await served.client.put(served.link("send"), content=b"x")).status_code == 404
    served.counter.gone = False
    await served.files.remove(served.counter.file)
    assert (await served.client.get(served.link())).status_code == 503


# --- sending --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_a_body_is_stored_before_it_is_acknowledged(served: Served, method: str) -> None:
    response = await served.client.request(method, served.link("send") + "a%20b.log", content=b"hello")
    assert response.status_code == 201
    ((kept, name),) = served.counter.stored
    assert (name, kept.size_bytes, kept.sha256) == ("a b.log", 5, hashlib.sha256(b"hello").hexdigest())
    assert await served.files.read(kept.name, 0, 10) == b"hello"


async def test_a_body_of_which_nobody_knows_the_length(served: Served) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"x" * 100_000

    headers = {"Content-Disposition": 'attachment; filename="../named.log"'}
    response = await served.client.put(served.link("send"), content=pieces(), headers=headers)
    assert response.status_code == 201
    assert [(kept.size_bytes, name) for kept, name in served.counter.stored] == [(900_000, "named.log")]


async def test_an_empty_file_is_a_file(served: Served) -> None:
    assert (await served.client.put(served.link("send"), content=b"")).status_code == 201
    assert served.counter.stored[0][0].size_bytes == 0


async def test_a_form_as_browsers_send_it(served: Served) -> None:
    files = {"upload": ("C:\\logs\\d.zip", CONTENT[:300_000])}
    response = await served.client.post(served.link("send"), files=files, data={"serial": "4711"})
    assert response.status_code == 201
    ((kept, name),) = served.counter.stored
    assert (name, await served.files.read(kept.name, 0, 10**6)) == ("d.zip", CONTENT[:300_000])


FORM = b'--b\r\nContent-Disposition: form-data; name="x"; filename="x"\r\n\r\n'


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        ("multipart/form-data; boundary=b", FORM + b"cut off"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nno headers\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n--b--\r\n'),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"H: " + b"x" * 900_000),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: \xff\xff\r\n\r\n\r\n--b--"),
        ("multipart/form-data; boundary=b", b"\xff" * 1000),
    ],
)
async def test_what_is_no_form_is_refused(served: Served, kind: str, body: bytes) -> None:
    response = await served.client.post(served.link("send"), content=body, headers={"Content-Type": kind})
    assert response.status_code == 400
    assert (served.counter.stored, served.on_disk()) == ([], 1)


async def test_more_than_is_taken_is_refused_at_once_where_it_is_said(served: Served) -> None:
    async with raw(served) as stream:
        path = path_of(served.link("send"))
        await stream.send_all(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000001\r\n\r\n".encode() + b"x" * 1000)
        with trio.fail_after(3):
            assert b" 413 " in await stream.receive_some(1000)


async def test_more_than_is_taken_is_refused_while_it_comes(served: Served) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100_000

    response = await served.client.put(served.link("send"), content=pieces())
    assert (response.status_code, response.headers["connection"]) == (413, "close")
    files = {"upload": ("d.zip", b"x" * 1_050_000)}
    assert (await served.client.post(served.link("send"), files=files)).status_code == 413
    assert (served.counter.stored, served.on_disk()) == ([], 1)


async def test_a_part_of_a_file_is_not_taken_for_the_whole(served: Served) -> None:
    response = await served.client.put(served.link("send"), content=b"x", headers={"Content-Range": "bytes 5-5/6"})
    assert response.status_code == 400


async def test_a_charger_that_falls_silent_or_goes_leaves_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LINGER_S", 0.1)
    head = f"PUT {path_of(served.link('send'))} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
    async with raw(served) as stream:
        await stream.send_all(head + b"x" * 10)
        assert b" 408 " in await said(stream)
    async with raw(served) as stream:
        await stream.send_all(head + b"x" * 10)
    await eventually(lambda: served.server.tally.broken == 2 and served.server.tally.open == 0)
    assert (served.counter.stored, served.on_disk()) == ([], 1)


async def test_one_that_takes_for_ever_is_ended(tmp_path: Path) -> None:
    async with serving(tmp_path, attrs.evolve(SMALL, transfer_limit_s=1)) as served, raw(served) as stream:
        head = f"PUT {path_of(served.link('send'))} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        await stream.send_all(head.encode())
        answers = b""
        with trio.fail_after(10):
            async with trio.open_nursery() as nursery:

                async def drip() -> None:
                    while True:
                        await stream.send_all(b"x")
                        await trio.sleep(0.1)

                nursery.start_soon(drip)
                answers = await stream.receive_some(1000)
                nursery.cancel_scope.cancel()
        assert b" 408 " in answers


async def test_without_a_store_or_a_disk_nothing_is_acknowledged(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    served.counter.failure = StoreUnavailable("the database is away")
    response = await served.client.put(served.link("send"), content=b"x")
    assert (response.status_code, response.headers["retry-after"]) == (503, "30")
    assert served.on_disk() == 1, "and its file is not left"
    monkeypatch.setattr(served.files, "_reserve_bytes", 2**62)
    full = await served.client.put(served.link("send"), content=b"x")
    assert (full.status_code, errno.errorcode[errno.ENOSPC] in full.text) == (507, False)


# --- all at once ----------------------------------------------------------------------------------------------------------------


async def test_too_many_at_a_time_are_told_to_come_again(served: Served) -> None:
    async with raw(served) as one, raw(served) as two:
        head = f"PUT {path_of(served.link('send'))} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
        for stream in (one, two):
            await stream.send_all(head)
        await eventually(lambda: served.server.tally.open == 2)
        response = await served.client.get(served.link())
        assert (response.status_code, response.headers["retry-after"]) == (503, "30")


async def test_one_link_does_not_take_every_place(tmp_path: Path) -> None:
    async with serving(tmp_path, attrs.evolve(SMALL, max_transfers=50, idle_timeout_s=30)) as served, AsyncExitStack() as stack:
        head = f"PUT {path_of(served.link('send'))} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n".encode()
        greedy = [await stack.enter_async_context(raw(served)) for _ in range(PER_LINK)]
        for stream in greedy:
            await stream.send_all(head)
        await eventually(lambda: served.server.tally.open == PER_LINK)
        assert (await served.client.put(served.link("send"), content=b"x")).status_code == 503
        assert (await served.client.put(served.link("send", number=8), content=b"x")).status_code == 201
        await greedy.pop().aclose()
        await eventually(lambda: served.server.tally.open < PER_LINK)
        assert (await served.client.put(served.link("send"), content=b"x")).status_code == 201


async def test_who_says_nothing_keeps_nobody_out(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "MOST_CONNECTIONS", 3)
    head = f"PUT {path_of(served.link('send'))} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n".encode()
    async with raw(served) as busy, raw(served) as silent, raw(served) as dripping:
        await busy.send_all(head)
        await eventually(lambda: served.server.tally.open == 1)
        await dripping.send_all(b"GET / HTTP/1.1\r\nX-Slow: ")
        for _ in range(3):
            async with raw(served) as other:
                await other.send_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                assert b" 404 " in await said(other)
        assert await said(silent) == b""
        await busy.send_all(b"whole")
        assert b" 201 " in await busy.receive_some(1000)


async def test_when_all_are_busy_a_further_one_is_closed_at_once(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "MOST_CONNECTIONS", 1)
    head = f"PUT {path_of(served.link('send'))} HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n".encode()
    async with raw(served) as busy:
        await busy.send_all(head)
        await eventually(lambda: served.server.tally.open == 1)
        async with raw(served) as other:
            assert await said(other) == b""
        await busy.send_all(b"whole")
        assert b" 201 " in await busy.receive_some(1000)


async def test_broken_connections_are_seldom_logged() -> None:
    clients = serving_module.Clients()
    with structlog.testing.capture_logs() as logged:
        for _ in range(100):
            clients.broke(ValueError("x"))
    assert [line["count"] for line in logged] == [1]


async def test_nobody_without_a_link_takes_a_place(served: Served) -> None:
    async with raw(served) as one, raw(served) as two, raw(served) as three:
        for stream in (one, two, three):
            await stream.send_all(b"PUT /f/forged/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
            assert b" 404 " in await stream.receive_some(1000)
        assert (await served.client.get(served.link())).status_code == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: eA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /f/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PUT /f/x HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"PUT /f/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
async def test_garbage_harms_nobody_else(served: Served, garbage: bytes) -> None:
    async with raw(served) as stream:
        await stream.send_all(garbage)
        with trio.move_on_after(0.3):
            await stream.receive_some(1000)
    assert (await served.client.get(served.link())).status_code == 200


async def test_many_bytes_leave_room_for_others(tmp_path: Path) -> None:
    config = attrs.evolve(SMALL, bytes_per_s=4 * len(CONTENT), transfer_limit_s=30)
    async with serving(tmp_path, config) as served:
        started = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(served.client.get, served.link())
        assert trio.current_time() - started > 0.3, "two files at four a second"


async def test_refusals_are_counted_and_seldom_logged(served: Served) -> None:
    for _ in range(20):
        await served.client.get(served.url + "/f/x")
    assert served.server.tally.refused == {"404": 20}
