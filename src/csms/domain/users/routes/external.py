"""Identity providers over HTTP: their tokens as a way to say who one is, and their webhooks."""

from __future__ import annotations

from functools import partial

import attrs
import msgspec
import structlog

from csms.api.auth import TENANT_HEADER, refused
from csms.api.calls import Authenticate, Call, Shown, Subject
from csms.api.problems import Problem
from csms.api.routes import PUBLIC, Routes
from csms.core.access import IDENTITY_PROVIDER, USER, Principal
from csms.core.errors import Refused
from csms.core.ports import ReadTx
from csms.domain.users.bearer import Untrue
from csms.domain.users.directory import Admitted
from csms.domain.users.flows import external as flows
from csms.domain.users.gate import Gate
from csms.domain.users.jwks import RETRY_S, NoKeys
from csms.domain.users.model import Standing
from csms.domain.users.service import external as service
from csms.domain.users.store import external as store
from csms.domain.users.user_webhooks import read, signed

from .ways import looking

log = structlog.get_logger("csms.identity")


def ways(gate: Gate) -> list[Authenticate]:
    """The way of tokens of identity providers, where any is configured."""
    return [partial(by_provider_token, gate)] if gate.directory.providers else []


async def by_provider_token(gate: Gate, given: Shown) -> Principal:
    """A user, by a token of an identity provider. Raises ``Problem`` 401, 403 for who belongs nowhere here, 404, or 503 without its keys."""
    if given.by_cookie:
        raise refused()
    admitted = await _admitted(gate, given.secret)
    slug = "" if given.tenant == admitted.tenant_slug else given.tenant[:100]

    def look(tx: ReadTx) -> Standing | None:
        return store.standing(
            tx,
            admitted.identity_id,
            admitted.user_id,
            at_tenant=admitted.tenant,
            slug=slug,
            may_be_admin=admitted.may_be_admin,
        )

    key = ("external", admitted.identity_id, admitted.tenant, slug)
    standing = await gate.standings.get(admitted.user_id, key, looking(gate, look))
    if standing is None:
        if slug:
            raise Problem(404, "Not Found", f"{TENANT_HEADER}: there is no tenant {given.tenant!r}")
        raise Problem(403, "Forbidden", "this account has no role here (any more)")
    return Principal(
        tenant=standing.tenant,
        kind=USER,
        name=standing.name,
        role=standing.role,
        permissions=standing.permissions,
        user_id=standing.user_id,
        driver_id=standing.driver_id,
        stations=standing.stations,
    )


async def _admitted(gate: Gate, token: str) -> Admitted:
    now = gate.ports.clock.now()
    known = gate.directory.recall(token, now=now)
    if known is not None:
        return known
    try:
        vouched = await gate.directory.vouched(token, now=now)
        if vouched is None:
            raise refused()
        admitted = await flows.admit(gate, vouched)
    except NoKeys as error:
        raise Problem(503, "Service Unavailable", f"{error}; try again", headers={"Retry-After": str(int(RETRY_S))}) from None
    except Refused as error:
        raise Problem(403, "Forbidden", str(error)) from None
    gate.directory.remember(token, admitted)
    return admitted


def routes(gate: Gate) -> Routes:
    """Routes for identity providers."""
    made = Routes("identity_providers", "What identity providers tell of their users.", tag="Signing in")

    @made.post(
        "/auth/webhooks/<provider>",
        needs=PUBLIC,
        raw_body="application/json",
        errors={400: "not a message about a user that can be read", 401: "no valid signature, or too old", 404: "no such provider"},
    )
    async def hear(call: Call, provider: str) -> None:
        """Hear of a user's change from an identity provider.

        Signed as Svix and Standard Webhooks do it (headers `svix-id`, `svix-timestamp` and `svix-signature`, or `webhook-...`). The types
        `user.created`, `user.updated`, `user.deactivated` and `user.deleted` are heeded, in Clerk's form or with standard claims in `data`;
        others are answered and passed over. A message that comes twice, or after a newer one, changes nothing.
        """
        call.audited = True
        known = gate.directory.providers.get(provider)
        if known is None or not known.webhook_secrets:
            raise Problem(404, "Not Found", "there is no identity provider of this name that sends webhooks")
        body = await call.request.body()
        headers = dict(call.request.headers.items())
        now = gate.ports.clock.now()
        try:
            message = signed(known.webhook_secrets, headers, body, now=now)
        except Untrue as why:
            log.info("identity.webhook_refused", provider=known.name, why=str(why))
            raise Problem(401, "Unauthorized", "no valid signature, or too old") from None
        try:
            told = read(known, msgspec.json.decode(body), sent_at=message.sent_at, now=now)
        except (ValueError, RecursionError) as why:
            raise Problem(400, "Bad Request", f"the message cannot be read: {why}") from None
        if told is None:
            return
        user_id, outcome = await flows.heed(gate, known, told, message)
        if outcome not in ("repeated", "older"):
            call.who = attrs.evolve(call.who, kind=IDENTITY_PROVIDER, name=service.named(known))
            await call.note(Subject("user", str(user_id or "")), {"provider": known.name, "what": outcome})

    return made
