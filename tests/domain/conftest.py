"""Who asks, in tests of routes: anybody, by a bearer token that says it; strangers; and an operator whose charger answers meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import httpx
import pytest
import trio

from csms import management
from csms.api import auth
from csms.api.calls import Authenticate, Shown
from csms.core.access import DRIVER, TENANT_OPERATOR, USER, Principal, permissions_of
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants
from csms.testing.charger import ScriptedCharger
from csms.testing.server import TestServer

As = Callable[..., dict[str, str]]


@pytest.fixture
def as_(monkeypatch: pytest.MonkeyPatch) -> As:
    """``as_("tenant_operator", stations=[1])`` or ``as_("driver", driver_id=7)``: the headers of such a principal's requests.

    Ask for it before the server.
    """
    known: dict[str, Principal] = {}
    real = management.logins

    async def authenticate(shown: Shown) -> Principal:
        if shown.secret not in known:
            raise auth.refused()
        return known[shown.secret]

    def logins(*arguments: Any) -> list[Authenticate]:
        return [authenticate, *real(*arguments)]

    monkeypatch.setattr(management, "logins", logins)

    def headers(
        role: str = DRIVER, *, tenant: int = DEFAULT_TENANT, stations: list[int] | None = None, driver_id: int | None = None
    ) -> dict[str, str]:
        secret = f"test-{role}-{tenant}-{stations}-{driver_id}"
        known[secret] = Principal(
            tenant=TenantId(tenant),
            kind=USER,
            name=f"{role}@example.org",
            role=role,
            permissions=permissions_of(role),
            user_id=1000 + len(known),
            driver_id=driver_id,
            stations=None if stations is None else frozenset(stations),
        )
        return {"Authorization": f"Bearer {secret}"}

    return headers


Strangers = Callable[[], Awaitable[list[Mapping[str, str]]]]


@pytest.fixture
def strangers(server: TestServer) -> Strangers:
    """Headers of an operator who may see a station without chargers only, and of an operator of another tenant."""

    async def logins() -> list[Mapping[str, str]]:
        depot = await server.do(partial(stations.add_station, name="Depot"))
        other = await server.do(partial(tenants.add, slug="other", name="Other", currency="INR", time_zone="UTC"))
        return [
            await server.login_as(TENANT_OPERATOR, stations=[depot.id]),
            await server.login_as(TENANT_OPERATOR, tenant=other),
        ]

    return logins


Asked = Callable[..., Awaitable[tuple[Any, list[Any]]]]


@pytest.fixture
def asked(server: TestServer) -> Asked:
    """``asked(box, path, body, ("Reset", {"status": "Accepted"}))``: what is told who POSTs, and what the charger heard and answered so."""

    async def ask(box: ScriptedCharger, path: str, body: Any, *answers: tuple[str, Any]) -> tuple[Any, list[Any]]:
        told: list[httpx.Response] = []

        async def operator() -> None:
            told.append(await server.request("POST", f"/api/v1/{path}", body))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(operator)
            heard = [await box.obey(action, answer) for action, answer in answers]
        assert told[0].status_code < 300, told[0].text
        return told[0].json(), heard

    return ask
