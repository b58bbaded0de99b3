"""What goes wrong over HTTP has one shape (RFC 9457), and every answer carries its request's id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import httpx
import pytest
import structlog
from quart import Blueprint
from structlog.testing import capture_logs

from csms.config import Config
from csms.core.errors import Conflict, CsmsError, Invalid, NotFound, Refused, StoreUnavailable
from csms.hooks import hookimpl
from csms.testing.server import TestServer

RAISED: dict[str, Exception] = {
    "notfound": NotFound("there is no such thing"),
    "conflict": Conflict("taken"),
    "refused": Refused("not now"),
    "invalid": Invalid("must be green", field="colour"),
    "away": StoreUnavailable("the disk is full"),
    "other": CsmsError("a secret of the inside"),
    "bug": RuntimeError("a secret of the inside"),
}


class Faulty:
    """A plugin whose routes raise."""

    @hookimpl
    def register_routes(self) -> list[Blueprint]:
        routes = Blueprint("faulty", __name__)

        @routes.get("/raise/<name>")
        async def fail(name: str) -> Any:
            raise RAISED[name]

        return [routes]


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    return {"faulty": Faulty}


@pytest.fixture
def server_config(server_config: Config) -> Config:
    return attrs.evolve(server_config, api=attrs.evolve(server_config.api, max_body_bytes=2000))


async def ask(server: TestServer, method: str, path: str, content: bytes = b"", *, request_id: str = "") -> httpx.Response:
    headers = {"Authorization": f"Bearer {server.operator_key}"} | ({"X-Request-Id": request_id} if request_id else {})
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers) as client:
        return await client.request(method, path, content=content)


def is_problem(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["X-Request-Id"]
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    body: dict[str, Any] = response.json()
    assert body["status"] == status
    assert body["type"] == "about:blank"
    assert body["title"]
    return body


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/nothing", 404),
        ("GET", "/", 404),
        ("PUT", "/api/v1/chargers/CP1/commands/Reset", 405),
        ("DELETE", "/health", 405),
        ("BREW", "/api/v1/connections", 405),
        ("GET", "/api/v1/%00", 404),
    ],
)
async def test_unknown_routes_and_methods(server: TestServer, method: str, path: str, status: int) -> None:
    is_problem(await ask(server, method, path), status)


@pytest.mark.parametrize(
    ("name", "status", "detail"),
    [
        ("notfound", 404, "there is no such thing"),
        ("conflict", 409, "taken"),
        ("refused", 409, "not now"),
        ("invalid", 422, "must be green"),
        ("away", 503, "the disk is full"),
    ],
)
async def test_errors_of_the_domain_say_what_was_wrong(server: TestServer, name: str, status: int, detail: str) -> None:
    body = is_problem(await ask(server, "GET", f"/plugins/faulty/raise/{name}"), status)
    assert body["detail"] == detail
    if name == "invalid":
        assert body["errors"] == [{"field": "colour", "message": "must be green"}]


@pytest.mark.parametrize("name", ["other", "bug"])
async def test_an_unforeseen_error_keeps_its_insides_to_itself_and_the_log(server: TestServer, name: str) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        response = await ask(server, "GET", f"/plugins/faulty/raise/{name}", request_id="from-the-caller")
    body = is_problem(response, 500)
    assert "secret" not in response.text
    assert body["title"] == "Internal Server Error"
    (line,) = [line for line in logs if line["event"] == "request failed"]
    assert line["exc_info"] is RAISED[name]
    assert line["request_id"] == response.headers["X-Request-Id"] == "from-the-caller"


async def test_the_log_tells_of_changes_and_refusals_by_their_id(server: TestServer) -> None:
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        await ask(server, "POST", "/api/v1/stations", b'{"name": "Depot"}', request_id="made")
        await ask(server, "POST", "/api/v1/stations", b"{}", request_id="refused")
        await ask(server, "GET", "/api/v1/stations/99", request_id="missed")
        await ask(server, "GET", "/api/v1/stations", request_id="read")
    told = [(line["request_id"], line["operation"], line["status"]) for line in logs if line["event"] == "api.answered"]
    assert told == [("made", "stations.add", 201), ("refused", "stations.add", 422), ("missed", "stations.show", 404)]


async def test_a_body_that_is_no_json(server: TestServer) -> None:
    body = is_problem(await ask(server, "POST", "/api/v1/chargers/CP1/commands/Reset", b"{nonsense"), 400)
    assert "not JSON" in body["detail"]


async def test_a_body_of_another_shape(server: TestServer) -> None:
    for content in (b"[]", b'"text"', b"null", b"7"):
        is_problem(await ask(server, "POST", "/api/v1/chargers/CP1/commands/Reset", content), 422)


async def test_unknown_and_wrong_fields_are_named(server: TestServer) -> None:
    content = b'{"place": {"evse": "two", "konnector": 1}}'
    body = is_problem(await ask(server, "POST", "/api/v1/chargers/CP1/commands/UnlockConnector", content), 422)
    errors = {error["field"]: error["message"] for error in body["errors"]}
    assert "expected int, got 'two'" in errors["place.evse"]
    assert any("konnector" in field for field in errors)


async def test_a_body_that_is_too_large(server: TestServer) -> None:
    is_problem(await ask(server, "POST", "/api/v1/chargers/CP1/commands/SendData", b"x" * 2001), 413)
    assert (await ask(server, "GET", "/health")).status_code == 200


async def test_the_callers_request_id_comes_back_or_one_is_made(server: TestServer) -> None:
    assert (await ask(server, "GET", "/health", request_id="abc-123")).headers["X-Request-Id"] == "abc-123"
    made = {(await ask(server, "GET", "/health")).headers["X-Request-Id"] for _ in range(3)}
    assert len(made) == 3
    long = (await ask(server, "GET", "/health", request_id="x" * 500)).headers["X-Request-Id"]
    assert len(long) <= 64
