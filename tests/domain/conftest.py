"""Who asks, in tests of routes: anybody, by a bearer token that says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from csms import management
from csms.api import auth
from csms.api.calls import Authenticate, Shown
from csms.core.access import DRIVER, USER, Principal, permissions_of
from csms.core.ids import DEFAULT_TENANT, TenantId

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
