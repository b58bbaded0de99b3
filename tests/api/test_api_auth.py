"""The operator key: what needs it, and what a wrong one gets."""

from __future__ import annotations

import hmac

import httpx
import pytest

from csms.api import auth
from csms.testing.server import TestServer


async def get(server: TestServer, path: str, authorization: str | None) -> httpx.Response:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers) as client:
        return await client.get(path)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer wrong", "Basic {key}", "{key}", "Bearer {key}x", "Bearer x{key}", "Bearer {key} {key}"],
)
async def test_without_the_key_nothing_is_told(server: TestServer, authorization: str | None) -> None:
    shown = None if authorization is None else authorization.format(key=server.operator_key)
    for path in ("/api/v1/connections", "/api/v1/live", "/api/v1/chargers/CP1/commands"):
        response = await get(server, path, shown)
        assert response.status_code == 401
        assert response.json() == {
            "type": "about:blank",
            "title": "Unauthorized",
            "status": 401,
            "detail": "log in, and send the access token or an API key as 'Authorization: Bearer ...'",
            "request_id": response.headers["X-Request-Id"],
        }
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="csms"'


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_with_the_key_all_is_open(server: TestServer, scheme: str) -> None:
    response = await get(server, "/api/v1/connections", f"{scheme} {server.operator_key}")
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_probes_and_the_scraper_need_no_key(server: TestServer, path: str) -> None:
    assert (await get(server, path, None)).status_code == 200


async def test_every_comparison_takes_the_constant_time_path(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[int, int]] = []

    class Watched:
        @staticmethod
        def compare_digest(one: bytes, other: bytes) -> bool:
            compared.append((len(one), len(other)))
            return hmac.compare_digest(one, other)

    monkeypatch.setattr(auth, "hmac", Watched)
    for shown in ("Bearer x", f"Bearer {server.operator_key[:-1]}", f"Bearer {server.operator_key}"):
        await get(server, "/api/v1/connections", shown)
    assert compared == [(32, 32)] * 3, "digests of equal length, whatever was shown"


async def test_a_query_holds_no_key(server: TestServer) -> None:
    response = await get(server, f"/api/v1/connections?key={server.operator_key}&access_token={server.operator_key}", None)
    assert response.status_code == 401
