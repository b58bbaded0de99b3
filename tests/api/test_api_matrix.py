"""Every route as every role, as a stranger, as staff of some stations, and on another tenant's things."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import httpx
import pytest

from csms.api.routes import PUBLIC, TENANT, Route
from csms.api_pages import described
from csms.config import Config, DatabaseConfig
from csms.config.limits import LimitsConfig
from csms.core.access import DRIVER, PERMISSIONS, ROLES, SUPPORT, SYSTEM_ADMIN, TENANT_OPERATOR, TENANT_OWNER, permissions_of
from csms.domain.stations import service as stations
from csms.testing.server import TestServer, config_for

ROUTES: list[tuple[Route, str]] = list(described(Config()).operations())
_PARAMETER = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>")
STREAMS = ("text/event-stream",)
NOBODYS = 987_654_321
NO_LIMIT = dict.fromkeys(("address_per_min", "caller_per_min", "tenant_per_min", "auth_per_min"), 0)


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config, limits=LimitsConfig(**NO_LIMIT))


def filled(route: Route, path: str) -> str:
    """The path with ids that there are not."""
    return re.sub(r"\{(\w+)\}", lambda match: str(NOBODYS if (match[1], int) in route.path else "nobodys"), path)


class Asker:
    """Asks one server for many things over one connection."""

    def __init__(self, server: TestServer, client: httpx.AsyncClient) -> None:
        self.server, self.client = server, client

    async def ask(self, route: Route, path: str, headers: Mapping[str, str]) -> int:
        """The status of a request that would do nothing if it were let through: its body fits no route."""
        body = {"no such field": 1} if route.method in ("POST", "PUT", "PATCH") else None
        answer = await self.client.request(route.method, filled(route, path), json=body, headers=dict(headers))
        assert answer.status_code < 500, (route.name, answer.text)
        if answer.status_code >= 400:
            assert answer.headers["Content-Type"] == "application/problem+json", route.name
        return answer.status_code


def asked() -> Iterator[tuple[Route, str]]:
    """Every route but streams, which would not end."""
    return ((route, path) for route, path in ROUTES if route.produces not in STREAMS)


def test_there_is_something_to_ask() -> None:
    assert len(ROUTES) > 150
    assert {route.needs for route, _ in ROUTES} <= {PUBLIC, *PERMISSIONS}


def test_no_permission_is_without_a_route() -> None:
    of_plugins = {"plugins:call", "tariffs:read", "tariffs:write", "plans:read", "plans:write"}
    assert set(PERMISSIONS) - {route.needs for route, _ in ROUTES} - of_plugins == set()


async def test_a_stranger_is_told_nothing(server: TestServer) -> None:
    async with httpx.AsyncClient(base_url=server.api_url) as client:
        asker = Asker(server, client)
        for route, path in ROUTES:
            if route.needs != PUBLIC:
                assert await asker.ask(route, path, {}) == 401, route.name


@pytest.mark.parametrize("role", list(ROLES))
async def test_a_role_may_what_it_may(server: TestServer, role: str) -> None:
    headers = await server.login_as(role)
    granted = permissions_of(role)
    async with httpx.AsyncClient(base_url=server.api_url, timeout=30) as client:
        asker = Asker(server, client)
        for route, path in asked():
            if route.needs == PUBLIC:
                continue
            own = route.needs.startswith("me:")  # among these are those that end the login
            status = await asker.ask(route, path, await server.login_as(role) if own else headers)
            if route.needs in granted:
                assert status != 401, (role, route.name)
                assert own or status != 403, (role, route.name)
            else:
                assert status == 403, (role, route.name, status)


async def test_staff_of_some_stations_reach_nothing_by_accident(server: TestServer) -> None:
    mine = await server.do(partial(stations.add_station, name="Depot"))
    headers = await server.login_as(TENANT_OPERATOR, stations=[mine.id])
    granted = permissions_of(TENANT_OPERATOR)
    async with httpx.AsyncClient(base_url=server.api_url, timeout=30) as client:
        asker = Asker(server, client)
        for route, path in asked():
            if route.needs.startswith("me:"):
                continue
            if route.needs in granted and route.reach == TENANT:
                assert await asker.ask(route, path, headers) == 403, route.name
            elif route.needs in granted and "_id" in path and route.reach in ("station", "charger"):
                assert await asker.ask(route, path, headers) == 404, route.name


def test_the_roles_are_what_they_are_called() -> None:
    assert permissions_of(SYSTEM_ADMIN) == set(PERMISSIONS)
    assert permissions_of(TENANT_OPERATOR) < permissions_of(TENANT_OWNER)
    assert {each for each in permissions_of(SUPPORT) if each.endswith(":write")} == {"tickets:write", "me:write"}
    assert permissions_of(DRIVER) == {"me:read", "me:write"}
