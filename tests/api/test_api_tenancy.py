"""One tenant's things are not there for another: every route that names one, by its real id."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from csms.api.openapi import examples
from csms.api.routes import Route
from csms.api_pages import described
from csms.config import Config, DatabaseConfig
from csms.config.limits import LimitsConfig
from csms.core.access import SYSTEM_ADMIN, TENANT_OWNER
from csms.core.ids import TenantId
from csms.testing.everything import bodies, one_of_everything
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, config_for

OPERATIONS: list[tuple[Route, str]] = list(described(Config()).operations())
EXAMPLES = bodies()
NO_LIMIT: dict[str, Any] = dict.fromkeys(("address_per_min", "caller_per_min", "tenant_per_min", "auth_per_min"), 0)
C1 = "/api/v1/chargers/C1"

ALSO_FOR_OTHERS = {"users.show", "me", "plugins", "alert_rules", "message_templates", "message_channels"}


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config, limits=LimitsConfig(**NO_LIMIT))


async def other_tenant(server: TestServer) -> TenantId:
    answer = await server.request("POST", "/api/v1/tenants", EXAMPLES["/api/v1/tenants"])
    assert answer.status_code == 201, answer.text
    return TenantId(answer.json()["id"])


async def test_what_is_anothers_is_not_there(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    ids = await one_of_everything(server, charger, an_hour_ago)
    other = await other_tenant(server)
    tried = 0
    for role in (TENANT_OWNER, SYSTEM_ADMIN):
        headers = await server.login_as(role, tenant=other)
        async with httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=30) as client:
            for route, path in OPERATIONS:
                names = [name for name, _ in route.path]
                if not names or not set(names) <= set(ids) or route.name.partition(".")[0] in ALSO_FOR_OTHERS:
                    continue
                if names == ["user_id"] or path.startswith("/api/v1/me/"):
                    continue  # its own test, below
                body = EXAMPLES.get(path, {}) if route.method in ("POST", "PUT", "PATCH") else None
                answer = await client.request(route.method, path.format(**ids), json=body)
                if role == TENANT_OWNER and answer.status_code == 403:
                    continue
                if answer.status_code == 422:
                    continue  # refused before anybody looked
                assert answer.status_code == 404, (role, route.method, path, answer.text)
                tried += 1
    assert tried > 120, "there is something to try"
    still = await server.request("GET", C1)
    assert still.status_code == 200, "and nothing was done to it"


async def test_no_change_passes_over_what_somebody_else_did(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    ids = await one_of_everything(server, charger, an_hour_ago) | {
        "kind": "charger_offline",
        "tenant_id": 1,
        "template": "charging_ended",
    }
    headers = {"Authorization": f"Bearer {server.operator_key}", "If-Match": '"as it was"'}
    tried = 0
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=30) as client:
        for route, path in OPERATIONS:
            of_people = route.needs.startswith("me:") or route.name == "tickets.change"  # by the example's id of a user
            if route.method not in ("PUT", "PATCH", "DELETE") or of_people or not {name for name, _ in route.path} <= set(ids):
                continue
            body = examples(route)[0] if route.method != "DELETE" else None
            answer = await client.request(route.method, path.format(**ids), json=body)
            assert answer.status_code == 412, (route.method, path, answer.text)
            tried += 1
    assert tried > 45, "there is something to try"


async def test_lists_of_another_tenant_are_empty(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    await one_of_everything(server, charger, an_hour_ago)
    other = await other_tenant(server)
    headers = await server.login_as(TENANT_OWNER, tenant=other)
    looked = 0
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=30) as client:
        for route, path in OPERATIONS:
            if route.method != "GET" or route.path or route.produces != "application/json":
                continue
            answer = await client.request("GET", path)
            if answer.status_code != 200 or "items" not in answer.json():
                continue
            items = answer.json()["items"]
            text = answer.text
            for word in ("C1", "Depot", "Asha", EXAMPLES["/api/v1/tokens"]["value"]):
                assert f'"{word}"' not in text, (path, word)
            looked += 1
            if route.name in ("chargers.list", "stations.list", "drivers.list", "tokens.list", "transactions.list"):
                assert items == [], path
    assert looked > 25
