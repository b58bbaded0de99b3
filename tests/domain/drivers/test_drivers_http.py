"""Drivers, tokens, groups and grants over HTTP: each a whole life, and who is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest

from csms.core.ids import DEFAULT_TENANT
from csms.domain.tenants import service as tenants
from csms.testing.server import TestServer


@pytest.fixture
def engine() -> str:
    return "sqlite"


class Client:
    """Short requests: ``await client("GET /drivers")``."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def __call__(self, line: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        method, path = line.split()
        answer = await self.http.request(method, f"/api/v1{path}", json=body, headers=headers or None)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else answer.headers


@pytest.fixture
async def client(as_: Any, server: TestServer) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=30) as http:
        yield Client(http)


async def other_tenant(server: TestServer) -> dict[str, str]:
    add = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    await server.ports.database.write(add, tenant=DEFAULT_TENANT)
    return {"X-Tenant": "other"}


async def test_the_life_of_a_driver(client: Client) -> None:
    made = await client("POST /drivers", {"name": " Asha Rao ", "email": "asha@example.org", "groups": ["b", "a"]}, 201)
    assert (made["name"], made["groups"], made["status"]) == ("Asha Rao", ["a", "b"], "active")
    path = f"/drivers/{made['id']}"
    assert await client(f"GET {path}") == made
    await client("POST /drivers", {"name": "Other", "email": "ASHA@example.org"}, 409)

    changed = await client(f"PATCH {path}", {"membership": "gold", "groups": ["c"], "preferences": {"units": "km"}, "note": "VIP"})
    assert changed == {**made, "membership": "gold", "groups": ["c"], "preferences": {"units": "km"}, "note": "VIP"}
    (entry,) = (await client("GET /audit?action=drivers.change"))["items"]
    assert entry["after"] == {"membership": "gold", "groups": ["c"], "preferences": {"units": "km"}, "note": "VIP"}
    await client(f"PATCH {path}", {"name": "X"}, 412, **{"If-Match": '"old"'})
    second = (await client("POST /drivers", {"name": "Ben", "reference": "E-7"}, 201))["id"]
    await client(f"PATCH /drivers/{second}", {"email": "asha@example.org"}, 409)

    async def names(query: str) -> list[str]:
        return [each["name"] for each in (await client(f"GET /drivers?{query}"))["items"]]

    assert await names("group=c") == ["Asha Rao"]
    assert await names("membership=gold") == ["Asha Rao"]
    assert await names("search=e-7") == ["Ben"]
    assert await names("sort=-name") == ["Ben", "Asha Rao"]
    assert (await client(f"POST {path}/block"))["status"] == "blocked"
    assert await names("status=blocked") == ["Asha Rao"]
    assert (await client(f"POST {path}/unblock"))["status"] == "active"

    token = (await client("POST /tokens", {"value": "T", "driver_id": made["id"]}, 201))["id"]
    await client(f"DELETE {path}", status=409)
    await client(f"DELETE /tokens/{token}", status=204)
    await client(f"DELETE {path}", status=204)
    assert await names("") == ["Ben"]
    assert await names("status=archived") == ["Asha Rao"]
    assert (await client(f"GET {path}"))["status"] == "archived"
    await client(f"PATCH {path}", {"name": "X"}, 404)
    await client(f"PATCH /drivers/{second}", {"email": "asha@example.org"})
    await client(f"POST {path}/restore", status=409)
    await client(f"PATCH /drivers/{second}", {"email": ""})
    assert (await client(f"POST {path}/restore"))["membership"] == "gold"
    await client(f"POST {path}/restore", status=409)


async def test_what_is_wrong_with_a_driver_is_said(client: Client) -> None:
    answer = await client("POST /drivers", {"name": "", "email": "x", "user_id": 1, "preferences": {"": "y"}}, 422)
    assert {each["field"] for each in answer["errors"]} >= {"name", "preferences"}
    assert (await client("POST /drivers", {"name": "A", "email": "x"}, 422))["errors"][0]["field"] == "email"
    assert (await client("GET /drivers?status=gone&limit=0", status=422))["errors"][0]["field"] in ("status", "limit")


async def test_vehicles(client: Client) -> None:
    driver = (await client("POST /drivers", {"name": "Asha"}, 201))["id"]
    path = f"/drivers/{driver}/vehicles"
    first = await client(f"POST {path}", {"make": "Tata", "model": "Nexon", "battery_wh": 40500, "connector_types": ["CCS2"]}, 201)
    assert (first["name"], first["is_default"], first["battery_kwh"]) == ("Tata Nexon", True, "40.500")
    second = await client(f"POST {path}", {"plate": "mh 12", "is_default": True}, 201)
    assert (second["plate"], second["is_default"]) == ("MH 12", True)
    assert [each["is_default"] for each in (await client(f"GET {path}"))["items"]] == [False, True]
    await client(f"POST {path}", {}, 422)
    await client(f"POST {path}", {"plate": "MH 12"}, 409)
    changed = await client(f"PATCH {path}/{first['id']}", {"is_default": True, "clear": ["battery_wh"]})
    assert (changed["is_default"], changed["battery_wh"], changed["connector_types"]) == (True, None, ["CCS2"])
    await client(f"PATCH {path}/{first['id']}", {"plate": "MH 12"}, 409)
    await client(f"DELETE {path}/{second['id']}", status=204)
    await client(f"GET {path}/{second['id']}", status=404)
    stranger = (await client("POST /drivers", {"name": "Ben"}, 201))["id"]
    await client(f"DELETE /drivers/{stranger}/vehicles/{first['id']}", status=404)


async def test_the_life_of_a_token(client: Client) -> None:
    driver = (await client("POST /drivers", {"name": "Asha"}, 201))["id"]
    group = (await client("POST /token-groups", {"name": "Fleet", "parent": "FLT"}, 201))["id"]
    made = await client("POST /tokens", {"value": "04aB", "driver_id": driver, "token_group_id": group, "label": "blue"}, 201)
    assert (made["standing"], made["driver_name"], made["token_group_name"]) == ("usable", "Asha", "Fleet")
    path = f"/tokens/{made['id']}"
    assert await client(f"GET {path}") == made
    await client("POST /tokens", {"value": "04AB"}, 409)
    await client("POST /tokens", {"value": "X", "driver_id": 99}, 404)

    blocked = await client(f"POST {path}/block", {"reason": "stolen"})
    assert (blocked["status"], blocked["note"], blocked["standing"]) == ("blocked", "stolen", "blocked")
    assert blocked["blocked_at"] is not None
    assert (await client(f"POST {path}/unblock"))["blocked_at"] is None
    await client(f"PATCH /token-groups/{group}", {"status": "blocked"})
    assert (await client(f"GET {path}"))["standing"] == "blocked"
    assert [each["value"] for each in (await client("GET /tokens?standing=blocked"))["items"]] == ["04aB"]
    await client(f"DELETE /token-groups/{group}", status=409)
    changed = await client(f"PATCH {path}", {"clear": ["token_group_id"], "expires_at": "2020-01-01T00:00:00Z"})
    assert (changed["standing"], changed["token_group_id"], changed["driver_id"]) == ("expired", None, driver)
    await client(f"PATCH {path}", {"valid_from_at": "2021-01-01T00:00:00Z"}, 422)
    await client(f"PATCH {path}", {"clear": ["value"]}, 422)
    changed = await client(f"PATCH {path}", {"clear": ["expires_at"]})
    assert changed["standing"] == "usable"
    assert (await client(f"POST {path}/expire"))["standing"] == "expired"
    for query in ("value=04AB", f"driver_id={driver}", "search=blue", "search=asha"):
        assert [each["id"] for each in (await client(f"GET /tokens?{query}"))["items"]] == [made["id"]], query
    await client(f"DELETE /token-groups/{group}", status=204)
    await client(f"DELETE {path}", status=204)
    await client(f"GET {path}", status=404)
    await client("POST /tokens", {"value": "04ab"}, 201)


async def test_groups_and_grants(client: Client) -> None:
    group = await client("POST /token-groups", {"name": "Fleet"}, 201)
    await client("POST /token-groups", {"name": "Other"}, 201)
    await client("POST /token-groups", {"name": "Fleet", "parent": "X"}, 409)
    path = f"/token-groups/{group['id']}"
    await client(f"PATCH {path}", {"name": "Other"}, 409)
    assert (await client(f"PATCH {path}", {"name": "Cars"})) == {**group, "name": "Cars"}
    assert [each["name"] for each in (await client("GET /token-groups?search=ca"))["items"]] == ["Cars"]

    station = (await client("POST /stations", {"name": "Depot"}, 201))["id"]
    grant = await client("POST /grants", {"token_group_id": group["id"], "station_id": station}, 201)
    await client("POST /grants", {"token_group_id": group["id"], "station_id": station}, 409)
    await client("POST /grants", {"token_group_id": group["id"]}, 422)
    await client("POST /grants", {"token_id": 99, "station_id": station}, 404)
    other = await client(
        "POST /grants",
        {"token_group_id": group["id"], "station_id": (await client("POST /stations", {"name": "Yard"}, 201))["id"]},
        201,
    )
    assert (await client(f"GET /grants?station_id={station}"))["items"] == [grant]
    assert (await client("GET /grants?sort=-id"))["items"] == [other, grant]
    assert (await client("GET /grants"))["items"] == [grant, other]
    await client(f"DELETE /grants/{grant['id']}", status=204)
    await client(f"DELETE /grants/{grant['id']}", status=404)


async def test_a_batch_answers_row_by_row(client: Client) -> None:
    await client("POST /tokens", {"value": "B"}, 201)
    rows = [{"value": "A"}, {"value": "b"}, {"value": "a"}, {"value": "C", "driver_id": 9}, {"value": "D"}]
    done = await client("POST /tokens/batch", {"tokens": rows})
    assert (done["issued"], done["refused"]) == (2, 3)
    assert [bool(each["token_id"]) for each in done["rows"]] == [True, False, False, False, True]
    assert "already" in done["rows"][1]["error"]
    await client("POST /tokens/batch", {"tokens": []}, 422)

    async def imported(text: str | bytes) -> httpx.Response:
        return await client.http.post("/api/v1/tokens/import", content=text, headers={"Content-Type": "text/csv"})

    text = "\ufeffvalue;label;expires_at;max_transactions\r\nE;blue;2030-01-01T00:00:00Z;2\r\nF;;soon;\r\n;x;;\r\n\r\nG;a;b;c;d\r\n"
    done = (await imported(text)).json()
    assert [(each["row"], each["value"], each["field"], each["token_id"] is not None) for each in done["rows"]] == [
        (1, "E", "", True),
        (2, "F", "expires_at", False),
        (3, "", "value", False),
        (4, "G", "", False),
    ]
    (issued,) = (await client("GET /tokens?value=e"))["items"]
    assert (issued["label"], issued["max_transactions"]) == ("blue", 2)
    for wrong in (b"\xff\xfe", "name\nx\n", "", "value,value\nx,y\n", "value\n" + "x\n" * 1001, 'value\n"x'):
        assert (await imported(wrong)).status_code == 422, wrong


async def test_another_tenant_and_strangers_see_nothing(client: Client, server: TestServer, as_: Any) -> None:
    other = await other_tenant(server)
    driver = (await client("POST /drivers", {"name": "Asha"}, 201))["id"]
    vehicle = (await client(f"POST /drivers/{driver}/vehicles", {"name": "Car"}, 201))["id"]
    token = (await client("POST /tokens", {"value": "T"}, 201))["id"]
    group = (await client("POST /token-groups", {"name": "G"}, 201))["id"]
    for line, body in (
        (f"GET /drivers/{driver}", None),
        (f"PATCH /drivers/{driver}", {"name": "X"}),
        (f"DELETE /drivers/{driver}", None),
        (f"POST /drivers/{driver}/restore", None),
        (f"POST /drivers/{driver}/block", None),
        (f"POST /drivers/{driver}/unblock", None),
        (f"GET /drivers/{driver}/activity", None),
        (f"GET /drivers/{driver}/summary", None),
        (f"GET /drivers/{driver}/favourites", None),
        (f"GET /drivers/{driver}/vehicles", None),
        (f"POST /drivers/{driver}/vehicles", {"name": "X"}),
        (f"GET /drivers/{driver}/vehicles/{vehicle}", None),
        (f"PATCH /drivers/{driver}/vehicles/{vehicle}", {"name": "X"}),
        (f"DELETE /drivers/{driver}/vehicles/{vehicle}", None),
        (f"GET /tokens/{token}", None),
        (f"PATCH /tokens/{token}", {"label": "X"}),
        (f"DELETE /tokens/{token}", None),
        (f"POST /tokens/{token}/block", {}),
        (f"POST /tokens/{token}/unblock", None),
        (f"POST /tokens/{token}/expire", None),
        (f"GET /token-groups/{group}", None),
        (f"PATCH /token-groups/{group}", {"name": "X"}),
        (f"DELETE /token-groups/{group}", None),
    ):
        await client(line, body, 404, **other)
        await client(line, body, 401, Authorization="Bearer nobody")
        if not line.startswith("GET"):
            await client(line, body, 403, **as_("support"))
        await client(line, body, 403, **as_("driver", driver_id=driver))
    for path in ("/drivers", "/tokens", "/token-groups", "/grants"):
        assert (await client(f"GET {path}", **other))["total"] == 0
        await client(f"GET {path}", status=403, **as_("tenant_operator", stations=[1]))
