"""API keys over HTTP: made for scripts and integrations, shown once, revoked."""

from __future__ import annotations

from functools import partial

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.paging import Page
from csms.domain.users.gate import Gate
from csms.domain.users.keys import API_KEY_PREFIX, sha256, token_of
from csms.domain.users.model import ApiKey, ApiKeysQuery, api_keys_key
from csms.domain.users.service import api_keys as service
from csms.domain.users.standings import KEYS
from csms.domain.users.store import api_keys as store

from .bodies import ApiKeyBody

SECRET_BYTES = 32


@attrs.frozen(slots=True, kw_only=True)
class NewApiKey:
    """A new API key. ``secret`` is the key itself, shown this once; send it as ``Authorization: Bearer ...`` or ``X-API-Key``."""

    api_key: ApiKey
    secret: str = attrs.field(repr=False)


def routes(gate: Gate) -> Routes:
    """Routes of API keys."""
    made = Routes("api_keys", "Keys for scripts and integrations.", tag="API keys")

    @made.get("/api-keys", needs="api_keys:read")
    async def list_(call: Call, query: ApiKeysQuery) -> Page[ApiKey]:
        """API keys of the tenant, without the keys themselves."""
        return await call.read(store.api_keys, query)

    @made.get("/api-keys/<int:key_id>", needs="api_keys:read")
    async def show(call: Call, key_id: int) -> ApiKey:
        """One API key, without the key itself."""
        return await call.read(service.need_api_key, key_id)

    @made.post(
        "/api-keys",
        needs="api_keys:write",
        tells=NewApiKey,
        status=201,
        errors={409: "a permission that one does not have oneself"},
        example={"name": "nightly export", "permissions": ["transactions:read", "analytics:read"]},
    )
    async def add(call: Call, body: ApiKeyBody) -> Reply:
        """Make a key, which the answer shows this once.

        It may do what ``permissions`` say, in this tenant only, and never more than its maker may at the moment of its use: when the
        maker's role shrinks, so does the key.
        """
        secret = call.ports.random.token(SECRET_BYTES)
        verb = partial(
            service.add,
            neighbours=gate.neighbours,
            who=call.who,
            name=body.name,
            permissions=body.permissions,
            station_ids=body.stations,
            expires_at=body.expires_at,
            secret_hash=sha256(secret),
        )
        api_key = await call.write(verb, keys=(api_keys_key(call.tenant),), makes="api_key", detail=attrs.asdict(body))
        return Reply(
            body=NewApiKey(api_key=api_key, secret=token_of(API_KEY_PREFIX, api_key.id, secret)),
            status=201,
            headers={"Location": f"/api/v1/api-keys/{api_key.id}", "Cache-Control": "no-store"},
        )

    @made.delete("/api-keys/<int:key_id>", needs="api_keys:write")
    async def revoke(call: Call, key_id: int) -> None:
        """Revoke a key: it is worth nothing from now on."""
        of = Subject("api_key", str(key_id), partial(service.need_api_key, key_id=key_id))
        await call.write(partial(service.revoke, key_id=key_id), keys=(api_keys_key(call.tenant),), of=of)
        gate.standings.forget(KEYS)

    return made
