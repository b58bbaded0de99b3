"""Who asks: what a request shows, taken out of its headers and cookies and handed to whoever knows people and keys."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from csms.core.access import OF_PEOPLE, OPERATOR_KEY, PERMISSIONS, SYSTEM_ADMIN, Principal
from csms.core.ids import DEFAULT_TENANT, TenantId

from .calls import Authenticate, Shown
from .problems import Problem

ACCESS_COOKIE = "csms_access"
CSRF_COOKIE = "csms_csrf"
CSRF_HEADER = "X-CSRF-Token"
TENANT_HEADER = "X-Tenant"
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})

TenantOf = Callable[[str], Awaitable[TenantId | None]]
"""``tenant_of(slug)``; None where there is no such tenant."""


class Asking(Protocol):
    """What is looked at to know who asks: a request of a declared route, one that Quart serves, or a socket's handshake."""

    @property
    def headers(self) -> Any:
        """By name in whatever case: ``get(name, default)``."""
        ...

    @property
    def cookies(self) -> Any:
        """By name: ``get(name, default)``."""
        ...

    @property
    def method(self) -> str:
        """The request's method."""
        ...

    @property
    def remote_addr(self) -> str | None:
        """The client's address."""
        ...


_ADMIN = frozenset(PERMISSIONS) - OF_PEOPLE


def stranger() -> Principal:
    """Somebody who did not say who they are, on a route that does not ask."""
    return Principal(tenant=DEFAULT_TENANT, kind="stranger", name="nobody", role="", permissions=frozenset())


def refused() -> Problem:
    """The one answer to everything that is no valid login: it tells nothing about what was wrong."""
    return Problem(401, "Unauthorized", "log in, and send the access token or an API key as 'Authorization: Bearer ...'")


def shown(asked: Asking) -> Shown:
    """What a request (or a socket's handshake) shows. Raises ``Problem`` 401 when it shows nothing."""
    scheme, _, secret = asked.headers.get("Authorization", "").partition(" ")
    by_cookie = False
    if not scheme and (key := asked.headers.get("X-API-Key", "")):
        scheme, secret = "bearer", key
    if not scheme and (cookie := asked.cookies.get(ACCESS_COOKIE, "")):
        scheme, secret, by_cookie = "bearer", cookie, True
    if scheme.casefold() != "bearer" or not secret.strip():
        raise refused()
    return Shown(
        secret=secret.strip(),
        scheme="bearer",
        by_cookie=by_cookie,
        csrf=asked.headers.get(CSRF_HEADER, ""),
        unsafe=asked.method in UNSAFE,
        tenant=asked.headers.get(TENANT_HEADER, ""),
        remote_address=asked.remote_addr or "",
    )


def secret_shown(asked: Asking) -> str:
    """The secret that a request shows, "" for none."""
    try:
        return shown(asked).secret
    except Problem:
        return ""


def operator_key(key: str, tenant_of: TenantOf) -> Authenticate:
    """The operator key as a login: the system's administrator, of the default tenant or the one that the request names.

    The comparison takes the same time for any wrong key.
    """
    expected = hashlib.sha256(key.encode()).digest()

    async def authenticate(given: Shown) -> Principal:
        if not hmac.compare_digest(hashlib.sha256(given.secret.encode()).digest(), expected):
            raise refused()
        tenant = await tenant_of(given.tenant) if given.tenant else DEFAULT_TENANT
        if tenant is None:
            raise Problem(404, "Not Found", f"{TENANT_HEADER}: there is no tenant {given.tenant!r}")
        return Principal(tenant=tenant, kind=OPERATOR_KEY, name="operator key", role=SYSTEM_ADMIN, permissions=_ADMIN)

    return authenticate


def first_of(*ways: Authenticate) -> Authenticate:
    """Each way in turn; the next where one says 401. Raises the last one's ``Problem``."""

    async def authenticate(given: Shown) -> Principal:
        for way in ways:
            try:
                return await way(given)
            except Problem as problem:
                if problem.status != 401:
                    raise
        raise refused()

    return authenticate
