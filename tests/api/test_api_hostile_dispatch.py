"""Requests on the wire that are meant to be read in two ways, to hold others up, or to leave no trace."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import attrs
import h2.config
import h2.connection
import pytest
import trio
from h2.settings import SettingCodes
from trio.testing import wait_all_tasks_blocked

from csms.api import arriving, http2
from csms.api.calls import Call
from csms.api.paths import Paths
from csms.api.routes import PUBLIC, Reply, Routes, Streamed
from csms.api.turns import Turns
from csms.config import Config
from csms.config.limits import LimitsConfig
from csms.hooks import hookimpl
from csms.testing.server import TestServer, running_server


class Odd:
    """A plugin whose routes tell what was done of them."""

    entered, go, done = trio.Event(), trio.Event(), trio.Event()
    times = 0

    @hookimpl
    def register_routes(self) -> list[Routes]:
        made = Routes("odd", "To be attacked.")
        kind = type(self)

        @made.get("/last", needs=PUBLIC)
        async def last(call: Call) -> Reply:
            """Answer, and nothing after it."""
            kind.entered.set()
            await kind.go.wait()
            return Reply(body={}, headers={"Connection": "close"})

        @made.post("/count", needs=PUBLIC, audit=False)
        async def count(call: Call) -> dict[str, int]:
            """Count."""
            kind.times += 1
            return {"times": kind.times}

        @made.post("/moved", needs="tickets:write")
        async def moved(call: Call) -> dict[str, str]:
            """Do something outside, and tell the audit log."""
            kind.entered.set()
            await kind.go.wait()
            await call.note(detail={"moved": "it"})
            kind.done.set()
            return {}

        @made.post("/slow", needs="tickets:write", limit_s=0.02)
        async def slow(call: Call) -> dict[str, str]:
            """Take longer than one may."""
            await trio.sleep_forever()
            return {}

        @made.get("/two-lines", needs=PUBLIC)
        async def two_lines(call: Call) -> Reply:
            """Try to answer with a header of two lines."""
            return Reply(body={}, headers={"X-Odd": "a\r\nX-Evil: b"})

        @made.get("/half", needs=PUBLIC, produces="text/plain")
        async def half(call: Call) -> Streamed:
            """Fail in the middle of an answer."""

            async def pieces() -> Any:
                yield b"one"
                raise RuntimeError("on purpose")

            return Streamed(pieces=pieces(), content_type="text/plain")

        @made.get("/endless", needs=PUBLIC, produces="text/plain")
        async def endless(call: Call) -> Streamed:
            """Never end, and tell how much was made."""

            async def pieces() -> Any:
                try:
                    while True:
                        kind.times += 1
                        yield b"x" * 10_000
                        await trio.lowlevel.checkpoint()
                finally:
                    kind.done.set()

            return Streamed(pieces=pieces(), content_type="text/plain", limit_s=None)

        return [made]


@pytest.fixture
async def odd(server_config: Config) -> AsyncIterator[TestServer]:
    Odd.entered, Odd.go, Odd.done, Odd.times = trio.Event(), trio.Event(), trio.Event(), 0
    async with running_server(server_config, plugins={"odd": Odd}) as server:
        yield server


def head(line: str, *more: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *more, "", ""]).encode()


async def line_to(server: TestServer) -> trio.SocketStream:
    return await trio.open_tcp_stream("127.0.0.1", int(server.api_url.rsplit(":", 1)[1]))


async def said(server: TestServer, data: bytes) -> bytes:
    """Everything that is answered until the server closes."""
    async with await line_to(server) as stream:
        await stream.send_all(data)
        with trio.fail_after(10):
            return b"".join([part async for part in stream])


LAST = head("GET /ready", "Connection: close")


async def test_a_whole_address_is_a_target_as_good_as_its_path(server: TestServer) -> None:
    key = f"Authorization: Bearer {server.operator_key}"
    for target, status in {
        "http://x/api/v1/stations?limit=1": 200,
        "HTTPS://x:1/api/v1/stations": 200,
        "http://x/api/v1/nothing": 404,
        "http://x": 404,
        "api/v1/stations": 400,
        "ftp://x/api/v1/stations": 400,
    }.items():
        heard = await said(server, head(f"GET {target}", key, "Connection: close"))
        assert int(heard.split(b" ", 2)[1]) == status, (target, heard[:300])
        for promised in (b"x-request-id: ", b"x-content-type-options: nosniff"):
            assert promised in heard.lower(), target


async def test_a_body_with_a_length_and_in_chunks_is_refused_and_nothing_read_after_it(server: TestServer) -> None:
    both = head("POST /api/v1/stations", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n"
    heard = await said(server, both + LAST)
    assert heard.startswith(b"HTTP/1.1 400")
    assert heard.count(b"HTTP/1.1 ") == 1, "what follows may be the rest of a body"


async def test_nothing_is_begun_on_a_connection_that_was_said_to_end(odd: TestServer) -> None:
    async with await line_to(odd) as stream:
        await stream.send_all(head("GET /plugins/odd/last"))
        await Odd.entered.wait()
        await stream.send_all(head("POST /plugins/odd/count"))
        await wait_all_tasks_blocked()
        Odd.go.set()
        with trio.fail_after(10):
            try:
                heard = b"".join([part async for part in stream])
            except trio.BrokenResourceError:
                heard = b""
    await wait_all_tasks_blocked()
    assert (Odd.times, heard.count(b"HTTP/1.1 ") < 2) == (0, True), heard


async def test_what_cannot_be_told_is_told_as_any_other_error(odd: TestServer) -> None:
    heard = await said(odd, head("GET /plugins/odd/two-lines", "X-Request-Id: mine", "Connection: close"))
    assert heard.startswith(b"HTTP/1.1 500")
    assert b"X-Evil" not in heard
    for promised in (b"application/problem+json", b"x-request-id: mine", b"nosniff", b'"request_id":"mine"'):
        assert promised in heard
    counted = [line for line in (await odd.request("GET", "/metrics")).text.splitlines() if "two-lines" in line]
    assert counted
    assert all('"500"' in line for line in counted)


async def test_half_an_answer_looks_like_none(odd: TestServer) -> None:
    for more in ((), ("Connection: close",)):
        heard = await said(odd, head("GET /plugins/odd/half", *more))
        assert b"one" in heard
        assert not heard.endswith(b"0\r\n\r\n"), "without its end"


async def test_who_leaves_does_not_stop_what_was_begun_nor_its_entry(odd: TestServer) -> None:
    login = f"Authorization: Bearer {odd.operator_key}"
    for more in ((), ("Connection: keep-alive",)):  # read by ourselves, and by h11
        Odd.entered, Odd.go, Odd.done = trio.Event(), trio.Event(), trio.Event()
        async with await line_to(odd) as stream:
            await stream.send_all(head("POST /plugins/odd/moved", login, *more))
            await Odd.entered.wait()
        await wait_all_tasks_blocked()
        Odd.go.set()
        with trio.fail_after(5):
            await Odd.done.wait()
    assert len(await odd.rows("SELECT id FROM audit_log WHERE action = 'odd.moved'")) == 2


async def test_what_was_cut_off_is_in_the_audit_log(odd: TestServer) -> None:
    assert (await odd.request("POST", "/plugins/odd/slow")).status_code == 504
    (entry,) = await odd.rows("SELECT detail FROM audit_log WHERE action = 'odd.slow'")
    assert "cut_off" in entry["detail"]


async def asked_without_a_window(server: TestServer, path: str) -> trio.SocketStream:
    """A request in HTTP/2 whose client lets nothing out."""
    peer = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    peer.initiate_connection()
    peer.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
    peer.send_headers(1, [(":method", "GET"), (":path", path), (":scheme", "http"), (":authority", "x")], end_stream=True)
    stream = await line_to(server)
    await stream.send_all(peer.data_to_send())
    return stream


async def test_who_opens_no_window_has_nothing_kept_for_it(odd: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http2, "TAKE_LIMIT_S", 0.1)
    async with await asked_without_a_window(odd, "/plugins/odd/endless"):
        with trio.fail_after(5):
            await Odd.done.wait()
        assert Odd.times < 20, "it goes no further than the buffer"


async def test_who_opened_no_window_and_left_is_forgotten(odd: TestServer) -> None:
    async with await asked_without_a_window(odd, "/api/v1/openapi.json") as stream:
        heard = b""
        with trio.fail_after(20):
            while len(heard) < 200:  # the head of the answer
                heard += await stream.receive_some(65536)
    with trio.fail_after(5):
        while "csms_api_requests_under_way 1.0" not in (await odd.request("GET", "/metrics")).text:
            await trio.lowlevel.checkpoint()


async def test_bodies_that_never_come_keep_nobody_out(server_config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arriving, "PATIENCE_S", 0.0)
    few = attrs.evolve(server_config, limits=LimitsConfig(max_requests=2))
    async with running_server(few) as server:
        begun = []
        for _ in range(2):
            stream = await line_to(server)
            await stream.send_all(head("POST /api/v1/payments/notices/nobody", "Content-Length: 9") + b"{")
            begun.append(stream)
        metrics = ""
        while "csms_api_requests_under_way 3.0" not in metrics:  # the third is the one that asks
            metrics = (await server.request("GET", "/metrics")).text
        for _ in range(2):  # the second, too, until the first has gone
            assert (await server.request("POST", "/api/v1/stations", {"name": "North"})).status_code in (201, 409)
        with trio.fail_after(5):
            heard = b"".join([part async for part in begun[0]])
        assert heard.startswith(b"HTTP/1.1 400"), "the older one"
    for stream in begun:
        await trio.aclose_forcefully(stream)


def test_a_path_of_thousands_of_parts_costs_nothing() -> None:
    paths: Paths[str] = Paths()
    paths.add("GET", "/chargers/<path:charger_id>/profiles/<path:rest>/end", "it")
    paths.finish()
    assert paths.find("GET", "/chargers/" + "a/" * 20 + "profiles/b/c/end") is not None
    started = time.process_time()
    assert paths.find("GET", "/chargers" + "/profiles" * 2000 + "/x") is None
    assert time.process_time() - started < 0.05


async def test_who_waits_for_others_keeps_nobody_out(autojump_clock: Any) -> None:
    turns = Turns(2, limit_s=20, held_s=1)
    slow = [await turns.take() for _ in range(2)]
    started = trio.current_time()
    third = await turns.take()
    assert trio.current_time() - started == 1
    for place in (*slow, third):
        turns.give_back(place)
    assert await turns.take() is not await turns.take()
    with pytest.raises(trio.TooSlowError):
        await Turns(0, limit_s=2).take()
    turns, got = Turns(1, limit_s=100, held_s=1), []

    async def take() -> None:
        got.append(await turns.take())

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(take)
            with trio.move_on_after(0.5):  # nothing is lost by who gives up
                await turns.take()
    assert len(got) == 10
