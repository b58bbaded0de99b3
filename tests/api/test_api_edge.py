"""What every answer has at the edge: safe headers, other origins, encodings, addresses behind proxies, and room."""

from __future__ import annotations

import gzip
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from pathlib import Path

import attrs
import brotli
import httpx
import pytest
import trio

from csms.api.calls import Call, etag_of, matches
from csms.api.edge import Asked
from csms.api.encodings import accepted, etag_in
from csms.api.routes import PUBLIC, Raw, Routes, Streamed
from csms.config import Config, DatabaseConfig
from csms.config.limits import LimitsConfig
from csms.core.paging import Paged
from csms.hooks import hookimpl
from csms.testing.server import TestServer, config_for

ORIGIN = "https://console.example.org"
CORS = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}


@attrs.frozen(slots=True, kw_only=True)
class Note:
    """A note."""

    text: str


class Probing:
    """A plugin whose routes show what a server does around them."""

    arrived: trio.MemorySendChannel[str]

    @hookimpl
    def register_routes(self) -> list[Routes]:
        made = Routes("probing", "To be asked.")

        @made.get("/where", needs=PUBLIC)
        async def where(call: Call) -> Note:
            """The caller's address."""
            return Note(text=call.remote_address)

        @made.get("/long", needs=PUBLIC)
        async def long(call: Call) -> Note:
            """A long answer."""
            return Note(text="again and " * 500)

        @made.get("/table", needs=PUBLIC, produces="text/csv")
        async def table(call: Call) -> Streamed:
            """A table, row by row, some of them long."""

            async def rows() -> AsyncGenerator[bytes, None]:
                for number in range(100):
                    yield b"%d,%s\n" % (number, b"long" * (10_000 if number == 50 else 1))

            return Streamed(pieces=rows(), content_type="text/csv")

        @made.get("/picture", needs=PUBLIC, produces="image/png")
        async def picture(call: Call) -> Raw:
            """What gets no smaller."""
            return Raw(body=b"x" * 5000, content_type="image/png")

        @made.get("/old", needs=PUBLIC, deprecated="2026-01-01", sunset="2027-01-31")
        async def old(call: Call) -> Note:
            """What will go."""
            return Note(text="")

        @made.get("/wait", needs=PUBLIC)
        async def wait(call: Call) -> Note:
            """Takes until it is cut off."""
            await Probing.arrived.send("here")
            await trio.sleep_forever()
            return Note(text="")

        @made.get("/list", needs=PUBLIC)
        async def list_(call: Call, query: Paged) -> Note:
            """Takes a query."""
            return Note(text=str(query.page))

        @made.post("/notes", needs="tickets:write")
        async def write(call: Call, body: Note) -> Note:
            """Takes a body."""
            return body

        @made.delete("/notes", needs="tickets:write")
        async def clear(call: Call) -> None:
            """Takes it away."""

        return [made]


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    return {"probing": Probing}


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    config = config_for(tmp_path, database=store_config, limits=LimitsConfig(max_requests=2))
    api = attrs.evolve(
        config.api, trusted_proxies=("127.0.0.0/8",), cors_origins=(ORIGIN,), cors_credentials=True, max_body_bytes=2000
    )
    return attrs.evolve(config, api=api)


Ask = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture
def ask(server: TestServer) -> Ask:
    async def ask(
        method: str, path: str, *, prefix: str = "/plugins/probing", content: bytes | None = None, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("Authorization", f"Bearer {server.operator_key}")
        async with httpx.AsyncClient(base_url=server.api_url, timeout=10) as client:
            client.headers.pop("Accept-Encoding")
            return await client.request(method, f"{prefix}{path}", headers=named, content=content)

    return ask


async def test_answers_are_safe_to_show(ask: Ask) -> None:
    for path, prefix in (("/where", "/plugins/probing"), ("/nothing", "/plugins/probing"), ("/health", "")):
        headers = (await ask("GET", path, prefix=prefix)).headers
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in headers
    behind_tls = await ask("GET", "/where", X_Forwarded_Proto="https")
    assert "max-age=" in behind_tls.headers["Strict-Transport-Security"]


async def test_the_address_is_the_one_that_a_trusted_proxy_tells(ask: Ask) -> None:
    assert (await ask("GET", "/where")).json() == {"text": "127.0.0.1"}
    assert (await ask("GET", "/where", X_Forwarded_For="198.51.100.7, 203.0.113.9")).json() == {"text": "203.0.113.9"}


async def test_pages_of_known_origins_may_use_it(ask: Ask) -> None:
    before = await ask("OPTIONS", "/notes", **{name.replace("-", "_"): value for name, value in CORS.items()})
    assert (before.status_code, before.content) == (204, b"")
    assert before.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in before.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in before.headers["Access-Control-Allow-Headers"]
    for path, status in (("/where", 200), ("/nothing", 404)):
        answer = await ask("GET", path, Origin=ORIGIN)
        assert answer.status_code == status
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert "X-Request-Id" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]


async def test_pages_of_other_origins_may_not(ask: Ask) -> None:
    before = await ask("OPTIONS", "/notes", Origin="https://evil.example", Access_Control_Request_Method="POST")
    answer = await ask("GET", "/where", Origin="https://evil.example")
    for each in (before, answer):
        assert "Access-Control-Allow-Origin" not in each.headers
        assert "Origin" in each.headers["Vary"], "no cache may give it to another"


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        ("", ""),
        ("gzip", "gzip"),
        ("gzip, deflate, br", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("br;q=0, gzip;q=0", ""),
        ("*", "br"),
        ("*;q=0", ""),
        ("identity", ""),
        ("identity;q=0.5, gzip;q=0.9", "gzip"),
        ("gzip;q=0.2, identity", ""),
        ("BR", "br"),
        ("gzip;q=nonsense", ""),
        ("zstd", ""),
    ],
)
def test_the_best_encoding_of_those_that_a_client_takes(header: str, encoding: str) -> None:
    assert accepted(header) == encoding


def test_an_etag_is_known_in_every_encoding_and_as_a_weak_one() -> None:
    etag = etag_of(b"text")
    forms = [etag, etag_in(etag, "br"), etag_in(etag, "gzip")]
    assert len(set(forms)) == 3
    for each in forms:
        assert matches(each, etag)
        assert matches(f'"other", W/{each}', etag)
    assert not matches(etag_of(b"other"), etag)


async def test_long_answers_are_packed_for_who_takes_it(ask: Ask) -> None:
    plain = await ask("GET", "/long")
    assert "Content-Encoding" not in plain.headers
    assert "Accept-Encoding" in plain.headers["Vary"]
    for encoding, unpack in (("gzip", gzip.decompress), ("br", brotli.decompress)):
        async with httpx.AsyncClient() as client, client.stream("GET", plain.url, headers={"Accept-Encoding": encoding}) as packed:
            body = b"".join([piece async for piece in packed.aiter_raw()])
        assert packed.headers["Content-Encoding"] == encoding
        assert int(packed.headers["Content-Length"]) == len(body) < 500
        assert unpack(body) == plain.content
        again = await ask("GET", "/long", If_None_Match=packed.headers["ETag"], Accept_Encoding=encoding)
        assert (again.status_code, again.content) == (304, b"")
    for path in ("/where", "/picture"):
        assert "Content-Encoding" not in (await ask("GET", path, Accept_Encoding="br")).headers


@pytest.mark.parametrize(("encoding", "unpack"), [("gzip", gzip.decompress), ("br", brotli.decompress)])
async def test_what_is_sent_piece_by_piece_is_packed_so(ask: Ask, encoding: str, unpack: Callable[[bytes], bytes]) -> None:
    plain = await ask("GET", "/table")
    assert (plain.content[:7], plain.content.count(b"\n"), "Content-Encoding" in plain.headers) == (b"0,long\n", 100, False)
    async with httpx.AsyncClient() as client, client.stream("GET", plain.url, headers={"Accept-Encoding": encoding}) as packed:
        body = b"".join([piece async for piece in packed.aiter_raw()])
    assert (packed.headers["Content-Encoding"], "Accept-Encoding" in packed.headers["Vary"]) == (encoding, True)
    assert len(body) < 2_000
    assert unpack(body) == plain.content
    live = await ask("HEAD", "/live", prefix="/api/v1", Accept_Encoding=encoding)
    assert "Content-Encoding" not in live.headers, "what happens is told at once"


async def test_a_head_is_what_a_get_would_have_said(ask: Ask) -> None:
    head, got = await ask("HEAD", "/long"), await ask("GET", "/long")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("Content-Length", "Content-Type", "ETag"):
        assert head.headers[name] == got.headers[name]
    stream = await ask("HEAD", "/live", prefix="/api/v1")
    assert (stream.status_code, stream.headers["Content-Type"]) == (200, "text/event-stream")


async def test_what_there_is_under_a_path(ask: Ask) -> None:
    options = await ask("OPTIONS", "/notes")
    assert (options.status_code, options.headers["Allow"]) == (204, "DELETE, OPTIONS, POST")
    assert "Content-Type" not in options.headers
    wrong = await ask("PUT", "/notes")
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "DELETE, OPTIONS, POST")
    assert wrong.headers["Content-Type"] == "application/problem+json"
    assert "DELETE, OPTIONS, POST" in wrong.json()["detail"]


async def test_nothing_is_answered_with_nothing(ask: Ask) -> None:
    gone = await ask("DELETE", "/notes")
    assert (gone.status_code, gone.content) == (204, b"")
    assert not {"Content-Type", "Content-Length"} & {name.title() for name in gone.headers}


async def test_bodies_of_another_type_are_refused_and_large_ones_are_told_their_limit(ask: Ask) -> None:
    for kind, status in {
        "application/json": 200,
        "application/json; charset=utf-8": 200,
        "application/merge-patch+json": 200,
        "application/x-www-form-urlencoded": 415,
        "text/plain": 415,
    }.items():
        answer = await ask("POST", "/notes", content=b'{"text": "x"}', Content_Type=kind)
        assert answer.status_code == status, kind
        assert status == 200 or "application/json" in answer.json()["detail"]
    large = await ask("POST", "/notes", content=b"x" * 2001, Content_Type="application/json")
    assert (large.status_code, large.headers["Content-Type"]) == (413, "application/problem+json")
    assert "2000 bytes" in large.json()["detail"]


async def test_every_problem_carries_the_id_of_its_request(ask: Ask) -> None:
    for answer in (
        await ask("GET", "/nothing", X_Request_Id="mine"),
        await ask("GET", "/list?page=0", X_Request_Id="mine"),
        await ask("POST", "/notes", content=b"{", X_Request_Id="mine"),
        await ask("GET", "/audit", prefix="/api/v1", Authorization="Bearer wrong", X_Request_Id="mine"),
    ):
        assert answer.status_code >= 400
        assert answer.json()["request_id"] == answer.headers["X-Request-Id"] == "mine"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    odd = await ask("GET", "/nothing", X_Request_Id="a\tb")
    assert odd.headers["X-Request-Id"] != "a\tb"


async def test_what_will_go_says_so(ask: Ask) -> None:
    old = await ask("GET", "/old")
    assert old.headers["Deprecation"] == "@1767225600"
    assert old.headers["Sunset"] == "Sun, 31 Jan 2027 00:00:00 GMT"
    assert "Sunset" not in (await ask("GET", "/where")).headers


async def test_beyond_so_many_requests_at_a_time_there_is_no_room(ask: Ask) -> None:
    Probing.arrived, here = trio.open_memory_channel(10)
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(ask, "GET", "/wait")
            with trio.fail_after(10):
                await here.receive()
        refused = await ask("GET", "/where")
        assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json()["request_id"]
        assert (await ask("GET", "/health", prefix="")).status_code == 200, "who watches the server comes in"
        metrics = (await ask("GET", "/metrics", prefix="")).text
        assert "csms_api_requests_under_way 3.0" in metrics, "with the one that asks"
        assert 'csms_api_refused_total{why="busy"} 1.0' in metrics
        nursery.cancel_scope.cancel()
    with trio.fail_after(10):
        while (await ask("GET", "/where")).status_code == 503:  # until the server has seen that they left
            await trio.lowlevel.checkpoint()


async def test_live_feeds_take_no_room(server: TestServer, ask: Ask) -> None:
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    async with (
        httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=10) as client,
        client.stream("GET", "/api/v1/live") as one,
        client.stream("GET", "/api/v1/live") as two,
    ):
        assert (one.status_code, two.status_code) == (200, 200)
        assert "Content-Encoding" not in one.headers, "nothing is held back to be packed"
        assert (await ask("GET", "/where")).status_code == 200


def test_credentials_for_every_origin_are_refused() -> None:
    from csms.config.checks import contradictions

    config = Config()
    every = attrs.evolve(config, api=attrs.evolve(config.api, cors_origins=("*",), cors_credentials=True))
    assert any("cors_credentials" in found.words for found in contradictions(every))


async def test_the_end_of_a_body_is_not_waited_for_when_another_took_it(autojump_clock: trio.abc.Clock) -> None:
    """Quart may begin to receive while the answer already waits for the rest to come."""
    callers = iter([trio.sleep_forever, trio.lowlevel.checkpoint])

    async def receive() -> object:
        await next(callers)()
        return {"type": "http.request", "body": b"hello", "more_body": False}

    asked, began = Asked(receive, 5), trio.current_time()

    async def another() -> None:
        await trio.testing.wait_all_tasks_blocked()
        await asked()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(another)
        assert await asked.came()
    assert trio.current_time() == began
