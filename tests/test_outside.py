"""The real clock, randomness, threads and HTTP: what the ports promise, kept by what is behind them."""

from __future__ import annotations

import gzip
import string
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

import attrs
import pytest
import trio

from csms import outside
from csms.core.ports import HttpAnswer
from csms.outside import OTHER_THREADS, THREADS, HttpClient, SystemClock, SystemEntropy, Threads

PATIENCE_S = 10.0


def test_the_clock_tells_milliseconds_of_now() -> None:
    before = time.time()
    now = SystemClock().now()
    assert before - 0.001 <= now / 1000 <= time.time()


# --- randomness -----------------------------------------------------------------------------------------------------------------


def test_tokens_are_long_safe_in_a_url_and_never_the_same() -> None:
    tokens = {SystemEntropy().token(32) for _ in range(200)}
    assert len(tokens) == 200
    assert all(len(token) >= 32 * 8 / 6 for token in tokens)
    assert set("".join(tokens)) <= set(string.ascii_letters + string.digits + "-_")


def test_message_ids_fit_into_ocpp_and_are_fresh() -> None:
    entropy = SystemEntropy()
    ids = {entropy.message_id() for _ in range(200)}
    assert len(ids) == 200
    assert all(0 < len(message_id) <= 36 for message_id in ids), "OCPP-J 1.6 §4.1.4"


def test_jitter_stays_between_its_bounds() -> None:
    drawn = [SystemEntropy().uniform(-1.5, 2.5) for _ in range(500)]
    assert all(-1.5 <= each <= 2.5 for each in drawn)
    assert min(drawn) < 0 < 1 < max(drawn)


# --- threads --------------------------------------------------------------------------------------------------------------------


@attrs.define
class Gate:
    """Blocking work that waits, and counts how much of it runs at a time."""

    opened: threading.Event = attrs.field(factory=threading.Event)
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    inside: int = 0
    most: int = 0
    passed: int = 0

    def work(self) -> None:
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.opened.wait(PATIENCE_S)
        with self.lock:
            self.inside -= 1
            self.passed += 1

    async def holds(self, count: int) -> None:
        """Wait until so many are inside."""
        with trio.fail_after(PATIENCE_S):
            while self.inside < count:
                await trio.sleep(0.001)


async def test_blocking_work_leaves_the_loop_alone() -> None:
    names = await Threads().run("file", lambda *given: (threading.current_thread().name, given), 1, "a")
    assert names[0] != threading.current_thread().name
    assert names[1] == (1, "a")


async def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await Threads().run("file", lambda: 1 // 0)


@pytest.mark.parametrize(("kind", "limit"), [*THREADS.items(), ("something else", OTHER_THREADS)])
async def test_a_kind_has_so_many_threads_and_no_more(kind: str, limit: int) -> None:
    threads, gate = Threads(), Gate()
    async with trio.open_nursery() as nursery:
        for _ in range(limit + 3):
            nursery.start_soon(threads.run, kind, gate.work)
        await gate.holds(limit)
        await trio.testing.wait_all_tasks_blocked()
        gate.opened.set()
    assert (gate.most, gate.passed) == (limit, limit + 3)


@pytest.mark.parametrize("other", ["file", "a new kind"])
async def test_a_kind_that_is_stuck_stops_no_other(other: str) -> None:
    threads, gate = Threads(), Gate()
    async with trio.open_nursery() as nursery:
        for _ in range(THREADS["hash"] + 1):
            nursery.start_soon(threads.run, "hash", gate.work)
        await gate.holds(THREADS["hash"])
        with trio.fail_after(PATIENCE_S):
            assert await threads.run(other, lambda: "done") == "done"
        gate.opened.set()


async def test_nobody_has_to_wait_for_work_that_hangs_but_its_thread_stays_counted() -> None:
    threads, gate = Threads(), Gate()
    limit = THREADS["hash"]
    async with trio.open_nursery() as nursery:
        for _ in range(limit):
            nursery.start_soon(threads.run, "hash", gate.work)
        await gate.holds(limit)
        with trio.fail_after(PATIENCE_S):
            nursery.cancel_scope.cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(threads.run, "hash", gate.work)
        await trio.testing.wait_all_tasks_blocked()
        assert gate.inside == limit, "the abandoned threads still hold their places"
        gate.opened.set()
    with trio.fail_after(PATIENCE_S):
        while gate.passed < limit + 1:
            await trio.sleep(0.001)
    assert gate.most == limit


# --- HTTP -----------------------------------------------------------------------------------------------------------------------

Behaviour = Callable[[trio.SocketStream, bytes], Awaitable[None]]


@attrs.define
class Loopback:
    """An HTTP server on the loopback interface that behaves as a test says, and keeps what it was sent."""

    nursery: trio.Nursery
    requests: list[bytes] = attrs.field(factory=list)

    async def start(self, behave: Behaviour) -> str:
        """Serve; the URL."""
        listeners: list[trio.SocketListener] = await self.nursery.start(
            partial(trio.serve_tcp, partial(self._serve, behave), 0, host="127.0.0.1")
        )
        return f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"

    async def _serve(self, behave: Behaviour, stream: trio.SocketStream) -> None:
        async with stream:
            heard = b""
            while not whole(heard):
                if not (chunk := await stream.receive_some()):
                    return
                heard += chunk
            self.requests.append(heard)
            try:
                await behave(stream, heard)
            except trio.BrokenResourceError:
                return


def whole(heard: bytes) -> bool:
    head, found, body = heard.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return bool(found) and len(body) >= length


def saying(text: bytes) -> Behaviour:
    async def behave(stream: trio.SocketStream, heard: bytes) -> None:
        await stream.send_all(text)

    return behave


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.fixture
async def loopback() -> AsyncIterator[Loopback]:
    async with trio.open_nursery() as nursery:
        yield Loopback(nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


async def ask(http: HttpClient, url: str, *, method: str = "GET", body: bytes = b"", timeout_s: float = PATIENCE_S) -> HttpAnswer:
    with trio.fail_after(2 * PATIENCE_S):
        return await http.request(method, url, headers={"X-Test": "yes"}, body=body, timeout_s=timeout_s)


async def test_a_request_and_its_answer(http: HttpClient, loopback: Loopback) -> None:
    url = await loopback.start(saying(answer(b'{"ok":true}', "201 Created", "X-Id: 7")))
    got = await ask(http, f"{url}/hook?a=b", method="POST", body=b"some bytes")
    assert (got.status, got.body, got.headers["x-id"]) == (201, b'{"ok":true}', "7")
    (heard,) = loopback.requests
    assert heard.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert b"x-test: yes" in heard.lower()
    assert heard.endswith(b"\r\n\r\nsome bytes")


@pytest.mark.parametrize("status", ["404 Not Found", "500 Internal Server Error", "302 Found"])
async def test_any_status_is_an_answer_and_no_redirect_is_followed(http: HttpClient, loopback: Loopback, status: str) -> None:
    url = await loopback.start(saying(answer(b"", status, "Location: /elsewhere")))
    assert (await ask(http, url)).status == int(status[:3])
    assert len(loopback.requests) == 1


async def test_a_compressed_answer_is_unpacked(http: HttpClient, loopback: Loopback) -> None:
    url = await loopback.start(saying(answer(gzip.compress(b"hello" * 100), "200 OK", "Content-Encoding: gzip")))
    assert (await ask(http, url)).body == b"hello" * 100


async def test_nobody_listens(http: HttpClient) -> None:
    with trio.socket.socket() as probe:
        await probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(OSError, match=f"POST http://127.0.0.1:{port}"):
        await ask(http, f"http://127.0.0.1:{port}/hook", method="POST")


async def test_an_answer_that_does_not_come(http: HttpClient, loopback: Loopback) -> None:
    async def behave(stream: trio.SocketStream, heard: bytes) -> None:
        await trio.sleep_forever()

    url = await loopback.start(behave)
    started = trio.current_time()
    with pytest.raises(OSError):
        await ask(http, url, timeout_s=0.2)
    assert trio.current_time() - started < PATIENCE_S


async def test_an_answer_that_drips_is_limited_as_a_whole(http: HttpClient, loopback: Loopback) -> None:
    async def behave(stream: trio.SocketStream, heard: bytes) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:  # every byte is in time, the answer never
            await stream.send_all(b".")
            await trio.sleep(0.02)

    url = await loopback.start(behave)
    with pytest.raises(OSError, match=r"GET http://127\.0\.0\.1:\d+: no answer within 0\.3 s"):
        await ask(http, url, timeout_s=0.3)


async def test_an_answer_that_is_cut_off(http: HttpClient, loopback: Loopback) -> None:
    url = await loopback.start(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegin"))
    with pytest.raises(OSError):
        await ask(http, url)


@pytest.mark.parametrize(
    "said",
    [b"SSH-2.0-OpenSSH_9\r\n", b"", answer(b"no gzip at all", "200 OK", "Content-Encoding: gzip")],
    ids=["ssh", "none", "gzip"],
)
async def test_what_is_no_http_is_no_answer(http: HttpClient, loopback: Loopback, said: bytes) -> None:
    url = await loopback.start(saying(said))
    with pytest.raises(OSError):
        await ask(http, url)


@pytest.mark.parametrize("url", ["", "nonsense", "ftp://127.0.0.1/", "http://", "http://[::1", "http://127.0.0.1:99999/"])
async def test_what_is_no_url_is_no_answer(http: HttpClient, url: str) -> None:
    with pytest.raises(OSError):
        await ask(http, url)


@pytest.mark.parametrize("declared", [True, False], ids=["with a length", "until closed"])
async def test_an_answer_that_is_too_large(
    http: HttpClient, loopback: Loopback, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    monkeypatch.setattr(outside, "MAX_ANSWER_BYTES", 100_000)
    sent = 0

    async def behave(stream: trio.SocketStream, heard: bytes) -> None:
        nonlocal sent
        await stream.send_all(b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 1000000000\r\n\r\n" if declared else b"\r\n"))
        while True:
            await stream.send_all(bytes(65_536))
            sent += 65_536

    url = await loopback.start(behave)
    with pytest.raises(OSError, match="larger than 100000 bytes"):
        await ask(http, url)
    assert sent < 100_000_000, "it was not read to the end"


async def test_an_answer_that_is_just_small_enough(http: HttpClient, loopback: Loopback, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "MAX_ANSWER_BYTES", 100_000)
    url = await loopback.start(saying(answer(bytes(100_000))))
    assert len((await ask(http, url)).body) == 100_000


async def test_a_small_packet_that_unpacks_to_too_much(
    http: HttpClient, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside, "MAX_ANSWER_BYTES", 100_000)
    url = await loopback.start(saying(answer(gzip.compress(bytes(10_000_000)), "200 OK", "Content-Encoding: gzip")))
    with pytest.raises(OSError, match="larger than"):
        await ask(http, url)


async def test_a_cancelled_request_ends_at_once_and_the_client_goes_on(http: HttpClient, loopback: Loopback) -> None:
    async def behave(stream: trio.SocketStream, heard: bytes) -> None:
        if heard.startswith(b"GET /slow"):
            await trio.sleep_forever()
        await stream.send_all(answer(b"ok"))

    url = await loopback.start(behave)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, http, f"{url}/slow")
        with trio.fail_after(PATIENCE_S):
            while not loopback.requests:
                await trio.sleep(0.001)
        nursery.cancel_scope.cancel()
    assert (await ask(http, f"{url}/quick")).body == b"ok"


async def test_cookies_of_one_answer_are_not_shown_with_the_next_request(http: HttpClient, loopback: Loopback) -> None:
    url = await loopback.start(saying(answer(b"", "200 OK", "Set-Cookie: account=1; Path=/", "Connection: close")))
    await ask(http, url)
    await ask(http, url)
    assert len(loopback.requests) == 2
    assert b"account=1" not in loopback.requests[1]
