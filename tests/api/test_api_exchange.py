"""Exchanges of declared routes on one connection, as a client on the wire sees them."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import quart
import trio
from trio.testing import wait_all_tasks_blocked

from csms.api import switchboard
from csms.api.calls import Call
from csms.api.exchange import Headers
from csms.api.routes import PUBLIC, Reply, Routes, Streamed, route_of
from csms.api.turns import Turns
from csms.hooks import hookimpl
from csms.testing.server import TestServer, running_server

READY = "GET /ready HTTP/1.1\nHost: x\n\n"


class Patient:
    """A plugin whose route waits until it is let go, and tells how it ended."""

    entered, left, go = trio.Event(), trio.Event(), trio.Event()

    @hookimpl
    def register_routes(self) -> list[Routes]:
        made = Routes("patient", "Waiting.")
        kind = type(self)

        @made.get("/wait", needs=PUBLIC)
        async def wait(call: Call) -> dict[str, str]:
            """Wait."""
            kind.entered.set()
            try:
                await kind.go.wait()
            finally:
                kind.left.set()
            return {"told": "waited"}

        @made.get("/broken", needs=PUBLIC)
        async def broken(call: Call) -> Reply:
            """Try to answer with a header of two lines."""
            return Reply(body={}, headers={"X-Odd": "a\r\nX-Evil: b"})

        @made.get("/pieces", needs=PUBLIC, produces="text/plain")
        async def pieces(call: Call) -> Streamed:
            """Answer in pieces."""

            async def each() -> Any:
                try:
                    yield b"one "
                    yield b"two"
                finally:
                    kind.left.set()

            return Streamed(pieces=each(), content_type="text/plain")

        return [made]


@pytest.fixture
def patient() -> type[Patient]:
    Patient.entered, Patient.left, Patient.go = trio.Event(), trio.Event(), trio.Event()
    return Patient


async def test_what_is_asked_together_is_answered_in_turn(server: TestServer, raw: Any) -> None:
    await raw.send(READY + "GET /nowhere HTTP/1.1\nHost: x\nConnection: close\n\n")
    heard = await raw.end()
    assert heard.startswith(b"HTTP/1.1 200")
    assert heard.count(b"HTTP/1.1 ") == 2
    assert heard.index(b"HTTP/1.1 404") > heard.index(b'"components"')


async def test_what_is_asked_before_its_turn_waits_for_it(server_config: Any, patient: type[Patient]) -> None:
    async with running_server(server_config, plugins={"patient": patient}) as server:
        stream = await trio.open_tcp_stream("127.0.0.1", int(server.api_url.rsplit(":", 1)[1]))
        async with stream:
            await stream.send_all(b"GET /plugins/patient/wait HTTP/1.1\r\nHost: x\r\n\r\n")
            await patient.entered.wait()
            await stream.send_all(b"GET /ready HTTP/1.1\r\nHost: x\r\n\r\n")
            await wait_all_tasks_blocked()
            patient.go.set()
            heard = b""
            while b'"components"' not in heard:
                heard += await stream.receive_some()
            assert heard.index(b'{"told":"waited"}') < heard.index(b'"components"')


async def test_who_leaves_is_not_served_any_more(server_config: Any, patient: type[Patient]) -> None:
    async with running_server(server_config, plugins={"patient": patient}) as server:
        async with await trio.open_tcp_stream("127.0.0.1", int(server.api_url.rsplit(":", 1)[1])) as stream:
            await stream.send_all(b"GET /plugins/patient/wait HTTP/1.1\r\nHost: x\r\n\r\n")
            await patient.entered.wait()
        with trio.fail_after(5):
            await patient.left.wait()


async def test_what_a_header_cannot_hold_is_no_second_header(server_config: Any, patient: type[Patient]) -> None:
    async with running_server(server_config, plugins={"patient": patient}) as server:
        answer = await server.request("GET", "/plugins/patient/broken")
        assert answer.status_code == 500
        assert "X-Evil" not in answer.headers
        whole = await server.request("GET", "/plugins/patient/pieces")
        assert (whole.status_code, whole.text) == (200, "one two")
        assert patient.left.is_set()
        patient.left = trio.Event()
        head = await server.request("HEAD", "/plugins/patient/pieces")
        assert (head.status_code, head.content, patient.left.is_set()) == (200, b"", False)


async def test_who_reads_waits_for_a_turn_and_not_for_ever(
    server_config: Any, patient: type[Patient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(switchboard, "Turns", partial(Turns, limit_s=0.05))
    monkeypatch.setattr(switchboard, "AT_WORK", 1)
    async with running_server(server_config, plugins={"patient": patient}) as server, trio.open_nursery() as nursery:
        nursery.start_soon(server.request, "GET", "/plugins/patient/wait")
        await patient.entered.wait()
        busy = await server.request("GET", "/api/v1/stations")
        assert (busy.status_code, "Retry-After" in busy.headers) == (503, True)
        made = await server.request("POST", "/api/v1/stations", json={"name": "North"})
        assert made.status_code == 201, "who changes something does not wait for who reads"
        patient.go.set()
        await patient.left.wait()
        assert (await server.request("GET", "/api/v1/stations")).status_code == 200


async def test_a_body_may_come_in_parts(server: TestServer, raw: Any) -> None:
    key = server.operator_key
    text = b'{"name": "North"}'
    head = (
        f"POST /api/v1/stations HTTP/1.1\nHost: x\nAuthorization: Bearer {key}\nConnection: close\nContent-Length: {len(text)}\n\n"
    )
    await raw.send(head)
    await wait_all_tasks_blocked()
    await raw.send(text[:5])
    await wait_all_tasks_blocked()
    await raw.send(text[5:])
    assert (await raw.end()).startswith(b"HTTP/1.1 201")


async def test_what_there_is_for_other_methods(server: TestServer) -> None:
    answer = await server.request("PUT", "/api/v1/stations")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert answer.json()["detail"] == "here are only GET, HEAD, OPTIONS, POST"
    told = await server.request("OPTIONS", "/api/v1/stations", authorized=False)
    assert (told.status_code, told.headers["Allow"], told.content) == (204, "GET, HEAD, OPTIONS, POST", b"")
    got, head = [await server.request(method, "/api/v1/stations") for method in ("GET", "HEAD")]
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(got.content)))


def test_a_route_that_answers_with_a_response_of_quarts_is_refused() -> None:
    async def handler(call: Call) -> quart.Response:
        """Something."""
        raise NotImplementedError

    with pytest.raises(TypeError, match="Raw or Streamed"):
        route_of(Routes("x", ""), "GET", "/x", PUBLIC, handler)


def test_headers_are_found_in_any_case() -> None:
    headers = Headers([(b"x-a", b"1"), (b"x-b", b"2"), (b"x-a", b"3")])
    assert (headers.get("X-A"), headers.get("x-c", "none"), headers.getlist("X-a")) == ("1", "none", ["1", "3"])
    assert "X-B" in headers
    assert "X-C" not in headers
