"""The ways to say who one is: an access token, in a header or a cookie, and an API key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from csms.api.auth import CSRF_HEADER, TENANT_HEADER, refused
from csms.api.calls import Authenticate, Shown
from csms.api.problems import Problem
from csms.core.access import API_KEY, USER, Principal
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx
from csms.domain.tenants import store as tenants
from csms.domain.users.gate import Gate
from csms.domain.users.keys import API_KEY_PREFIX, parse_token, same, sha256
from csms.domain.users.model import Standing
from csms.domain.users.standings import KEYS, NOTE_EVERY_MS
from csms.domain.users.store import api_keys, logins

LOOK_LIMIT_S = 20.0


def ways(gate: Gate) -> list[Authenticate]:
    """Every way, in the order in which they are tried."""
    return [partial(by_api_key, gate), partial(by_access_token, gate)]


async def by_access_token(gate: Gate, given: Shown) -> Principal:
    """A user, by the access token of one of their logins. Raises ``Problem`` 401, 403 without CSRF token, 404 for a tenant of others."""
    token = gate.keys.read_access_token(given.secret, now=gate.ports.clock.now())
    if token is None:
        raise refused()
    if given.by_cookie and given.unsafe and not same(given.csrf, gate.keys.csrf(token.login_id)):
        raise Problem(403, "Forbidden", f"a change by cookie needs the header {CSRF_HEADER} with the value of the cookie csms_csrf")

    def look(tx: ReadTx) -> Standing | None:
        return logins.standing(tx, token.login_id, token.user_id, tenant=token.tenant, slug=given.tenant)

    slug = given.tenant[:100]
    key = ("login", token.login_id, 0 if slug else token.tenant, slug)
    standing = await gate.standings.get(token.user_id, key, looking(gate, look))
    if standing is None:
        if given.tenant and await _is_live(gate, token.login_id, token.user_id):
            raise Problem(404, "Not Found", f"{TENANT_HEADER}: there is no tenant {given.tenant!r}")
        raise refused()
    await _note_use(gate, logins.LAST_USED_UPDATE, standing, given)
    return Principal(
        tenant=standing.tenant,
        kind=USER,
        name=standing.name,
        role=standing.role,
        permissions=standing.permissions,
        user_id=standing.user_id,
        login_id=standing.id,
        driver_id=standing.driver_id,
        stations=standing.stations,
    )


async def by_api_key(gate: Gate, given: Shown) -> Principal:
    """An API key: of one tenant, for what it is for. Raises ``Problem`` 401, or 404 where another tenant is asked for."""
    parsed = None if given.by_cookie else parse_token(API_KEY_PREFIX, given.secret)
    if parsed is None:
        raise refused()
    key_id, secret = parsed
    standing = await gate.standings.get(KEYS, ("key", key_id, 0, ""), looking(gate, partial(api_keys.standing, key_id=key_id)))
    expected = sha256("") if standing is None else standing.secret_hash
    if not same(sha256(secret), expected) or standing is None:
        raise refused()
    if standing.expires_at is not None and standing.expires_at <= gate.ports.clock.now():
        raise refused()
    if given.tenant:
        asked = await gate.ports.database.read(tenants.by_slug, given.tenant, tenant=DEFAULT_TENANT)
        if asked is None or asked.id != standing.tenant:
            raise Problem(404, "Not Found", f"{TENANT_HEADER}: there is no tenant {given.tenant!r}")
    await _note_use(gate, api_keys.LAST_USED_UPDATE, standing, given)
    return Principal(
        tenant=standing.tenant,
        kind=API_KEY,
        name=standing.name,
        role=standing.role,
        permissions=standing.permissions,
        api_key_id=standing.id,
        stations=standing.stations,
    )


def looking(gate: Gate, query: Callable[[ReadTx], Standing | None]) -> Callable[[], Awaitable[Standing | None]]:
    """What reads a standing, with one of the readers that the API may use. It raises ``Problem`` 503 when none is free for long."""

    async def look() -> Standing | None:
        try:
            with trio.fail_after(LOOK_LIMIT_S):
                async with gate.standings.readers:
                    return await gate.ports.database.read(query, tenant=DEFAULT_TENANT)
        except trio.TooSlowError:
            raise Problem(503, "Service Unavailable", "too many requests read at the moment; try again") from None

    return look


async def _is_live(gate: Gate, login_id: int, user_id: int) -> bool:
    return await gate.ports.database.read(logins.is_live, login_id, user_id, tenant=DEFAULT_TENANT)


async def _note_use(gate: Gate, update: str, standing: Standing, given: Shown) -> None:
    """Keep when it was used, now and then, with other rows and without waiting for the disk."""
    now = gate.ports.clock.now()
    if now - (standing.last_used_at or 0) < NOTE_EVERY_MS or not gate.standings.notes_use(standing.id, update, now):
        return
    row = {"id": standing.id, "at": now, "remote_address": given.remote_address}
    await gate.ports.database.append(update, [row], key=f"used:{standing.id}", tenant=standing.tenant)
