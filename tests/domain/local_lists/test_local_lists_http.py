"""Local lists over HTTP: kept in step or left alone, synchronised now, and looked into."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer

API = "/api/v1"
Asked = Callable[..., Awaitable[tuple[Any, list[Any]]]]
Strangers = Callable[[], Awaitable[list[Mapping[str, str]]]]


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def test_a_local_list(server: TestServer, charger: ConnectCharger, asked: Asked, strangers: Strangers) -> None:
    for token in ("CARD", "OTHER"):
        await server.add_token(token)
    box = await charger("C1")

    async def get(path: str, headers: Mapping[str, str] | None = None) -> Any:
        answer = await server.request("GET", f"{API}/{path}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    before = await server.request("GET", f"{API}/chargers/C1/local-list")
    assert (before.json()["state"], before.json()["entries"], before.json()["should_be"]) == ("unknown", 0, 2)
    told, heard = await asked(
        box,
        "chargers/C1/local-list/synchronise",
        {},
        ("GetConfiguration", {"configurationKey": []}),
        ("GetLocalListVersion", {"listVersion": 0}),
        ("SendLocalList", {"status": "Accepted"}),
    )
    assert (told["state"], told["version"], "sending" in told) == ("in_step", 1, False)
    assert len(heard[2]["localAuthorizationList"]) == 2
    after = await get("chargers/C1/local-list")
    assert (after["entries"], after["should_be"], after["heard_version"]) == (2, 2, 1)
    entries = await get("chargers/C1/local-list/entries?search=ard&status=Accepted")
    assert [each["token"] for each in entries["items"]] == ["CARD"]
    assert [each["token"] for each in (await get("chargers/C1/local-list/entries?sort=-token&limit=1"))["items"]] == ["OTHER"]

    stale = await server.request(
        "PATCH", f"{API}/chargers/C1/local-list", {"mode": "off"}, headers={"If-Match": before.headers["ETag"]}
    )
    assert stale.status_code == 412
    off = await server.request("PATCH", f"{API}/chargers/C1/local-list", {"mode": "off"})
    assert off.json()["mode"] == "off"
    assert (await server.request("PATCH", f"{API}/chargers/C1/local-list", {"mode": "on"})).status_code == 422
    listed = await get("local-lists?mode=off&state=in_step&sort=-synchronised_at")
    assert [each["charger_id"] for each in listed["items"]] == ["C1"]
    assert (await get("local-lists?mode=auto"))["total"] == 0
    for path in ("local-list", "local-list/entries"):
        assert (await server.request("GET", f"{API}/chargers/C9/{path}")).status_code == 404
    for headers in await strangers():
        for path in ("local-list", "local-list/entries"):
            assert (await server.request("GET", f"{API}/chargers/C1/{path}", headers=headers)).status_code == 404
        assert (await get("local-lists", headers))["total"] == 0
