"""Everyday requests: what is taken without h11 is what h11 makes of it, and what is answered is what h11 reads."""

from __future__ import annotations

from typing import Any

import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from csms.api import everyday

WORDS = st.sampled_from(
    [
        b"GET ",
        b"POST ",
        b"PRI ",
        b"/",
        b"/a?b=%20c",
        b"*",
        b"http://x/",
        b" HTTP/1.1\r\n",
        b" HTTP/1.0\r\n",
        b"Host: x\r\n",
        b"host:x\r\n",
        b"Content-Length: 3\r\n",
        b"Content-Length: +3\r\n",
        b"Content-Length: 3, 3\r\n",
        b"Content-Length : 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Connection: close\r\n",
        b"Upgrade: websocket\r\n",
        b"Expect: 100-continue\r\n",
        b"X: \t y \t\r\n",
        b"X:\r\n",
        b"X: a\x00b\r\n",
        b"X: a\nb\r\n",
        b"X: \xe4\r\n",
        b" folded\r\n",
        b": none\r\n",
        b"\r\n",
        b"\n",
        b"\r",
        b"abc",
        b"3\r\nabc\r\n0\r\n\r\n",
    ]
)
USUAL = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"


@given(st.lists(WORDS, max_size=9).map(b"".join) | st.binary(max_size=40).map(lambda tail: USUAL[:-7] + tail))
@example(USUAL)
@example(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
def test_what_is_taken_is_what_h11_makes_of_it(data: bytes) -> None:
    asked = everyday.read(data)
    if asked is None:
        return
    peer = h11.Connection(h11.SERVER)
    peer.receive_data(data)
    request = peer.next_event()
    assert isinstance(request, h11.Request)
    assert (asked.method.encode(), asked.target, asked.headers) == (request.method, request.target, list(request.headers))
    body = b""
    while isinstance(event := peer.next_event(), h11.Data):
        body += bytes(event.data)
    assert (asked.body, type(event), peer.trailing_data) == (body, h11.EndOfMessage, (b"", False))


@pytest.mark.parametrize(
    "more",
    [
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 3\r\n",
        b"Host: y\r\n",
        b"Connection: close\r\n",
        b"Upgrade: h2c\r\n",
        b"Expect: 100-continue\r\n",
        b" folded\r\n",
        b"X : y\r\n",
        b"X: \x01\r\n",
        b"X: \xe4\r\n",
        b"X: y\n",
        b"X: " + bytes([ord("y")]) * everyday.MOST_HEAD_BYTES + b"\r\n",
    ],
)
def test_what_is_unusual_is_left_to_h11(more: bytes) -> None:
    head, _, body = USUAL.partition(b"\r\n\r\n")
    assert everyday.read(USUAL) is not None
    assert everyday.read(head + b"\r\n" + more + b"\r\n" + body) is None


@pytest.mark.parametrize(
    "data", [USUAL[:-1], USUAL + b"x", USUAL[:20], b"\r\n" + USUAL, USUAL.replace(b"1.1", b"1.0"), USUAL.replace(b"/a", b"*")]
)
def test_what_is_less_or_more_than_one_request_is_left_to_h11(data: bytes) -> None:
    assert everyday.read(data) is None


async def written(method: str, *messages: dict[str, Any], last: bool = False) -> tuple[bytes, everyday.Answering]:
    out = bytearray()

    async def write(data: bytes) -> None:
        out.extend(data)

    answering = everyday.Answering(method, write, last=last)
    for message in messages:
        await answering.send(message)
    await answering.finish()
    return bytes(out), answering


def heard(method: str, data: bytes) -> tuple[int, dict[bytes, bytes], bytes, bool]:
    """What h11 makes of an answer: status, headers, body, and whether the connection goes on."""
    peer = h11.Connection(h11.CLIENT)
    peer.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    peer.send(h11.EndOfMessage())
    peer.receive_data(data)
    response = peer.next_event()
    assert isinstance(response, h11.Response)
    body = b""
    while isinstance(event := peer.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    return response.status_code, dict(response.headers), body, peer.their_state is h11.DONE


def start(status: int, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(text: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": text, "more_body": more}


async def test_an_answer_is_what_h11_reads() -> None:
    data, answering = await written("GET", start(200, (b"content-length", b"3"), (b"x", b"y")), body(b"ab", more=True), body(b"c"))
    status, headers, text, goes_on = heard("GET", data)
    assert (status, headers[b"x"], text, goes_on, answering.closes) == (200, b"y", b"abc", True, False)
    assert {b"date", b"server"} <= headers.keys()


async def test_an_answer_of_no_known_length_is_chunked() -> None:
    data, _ = await written("GET", start(200), body(b"ab", more=True), body(b"", more=True), body(b"c" * 20))
    assert heard("GET", data)[2:] == (b"ab" + b"c" * 20, True)


async def test_a_head_and_what_has_no_body_have_none() -> None:
    data, _ = await written("HEAD", start(200, (b"content-length", b"3")), body(b"abc"))
    assert data.endswith(b"\r\n\r\n")
    assert heard("HEAD", data)[1][b"content-length"] == b"3"
    data, _ = await written("GET", start(304), body(b""))
    assert heard("GET", data)[2:] == (b"", True)
    assert b"transfer-encoding" not in data


async def test_the_last_answer_says_so() -> None:
    data, answering = await written("GET", start(200, (b"content-length", b"0")), body(b""), last=True)
    assert heard("GET", data)[1][b"connection"] == b"close"
    assert answering.closes


async def test_an_application_that_says_nothing_has_failed() -> None:
    data, answering = await written("GET")
    assert (heard("GET", data)[0], answering.closes) == (500, True)


async def test_half_an_answer_ends_the_connection() -> None:
    _, answering = await written("GET", start(200, (b"content-length", b"3")), body(b"ab", more=True))
    assert answering.closes


@pytest.mark.parametrize("length", [b"2", b"4"])
async def test_a_body_of_another_length_than_it_says_ends_the_connection(length: bytes) -> None:
    answering = everyday.Answering("GET", written_nowhere, last=False)
    await answering.send(start(200, (b"content-length", length)))
    with pytest.raises(ValueError, match="not as long"):
        await answering.send(body(b"abc"))
    await answering.finish()
    assert answering.closes


async def written_nowhere(data: bytes) -> None:
    pass


@pytest.mark.parametrize("value", [b"a\r\nset-cookie: b", b"a\nb", b"a\rb", b"a\0b"])
async def test_a_header_cannot_become_two(value: bytes) -> None:
    answering = everyday.Answering("GET", written_nowhere, last=False)
    with pytest.raises(ValueError, match="more than a line"):
        await answering.send(start(200, (b"location", value)))
