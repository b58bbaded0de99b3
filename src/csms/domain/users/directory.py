"""The identity providers of an installation: their keys, and a bounded memory of tokens that were found true."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence

import attrs
import structlog

from csms.core.ids import TenantId
from csms.core.ports import Http

from .bearer import Untrue, glance, instant, verified
from .jwks import KeySet
from .providers import Grant, Person, Provider, grant_of, person_of

REMEMBERED_MS = 600_000
"""How long a token is not verified again, at the most: what a key signed that was withdrawn counts for no longer."""
MOST = 20_000

log = structlog.get_logger("csms.identity")


@attrs.frozen(slots=True, kw_only=True)
class Vouched:
    """What a true token says: who it is, what they are, and when that was said. ``grant`` is None where they belong nowhere here."""

    provider: Provider
    person: Person
    grant: Grant | None
    said_at: int
    until: int
    """By our clock: the end of the token's life, or of ours with it."""


@attrs.frozen(slots=True, kw_only=True)
class Admitted:
    """Somebody whose token was found true, as they are known here; ``until`` as in ``Vouched``."""

    identity_id: int
    user_id: int
    tenant: TenantId
    tenant_slug: str
    may_be_admin: bool
    until: int


class Directory:
    """Judges tokens of identity providers. Nothing of a token is kept but its hash."""

    def __init__(self, http: Http, providers: Sequence[Provider]) -> None:
        self.providers = {each.name: each for each in providers}
        self._by_issuer = {each.issuer: (each, KeySet(http, each)) for each in providers}
        self._admitted: OrderedDict[bytes, Admitted] = OrderedDict()

    def __len__(self) -> int:
        return len(self._admitted)

    def recall(self, text: str, *, now: int) -> Admitted | None:
        """Whom a token that was found true lately lets in."""
        digest = _digest(text)
        known = self._admitted.get(digest)
        if known is not None and known.until <= now:
            del self._admitted[digest]
            return None
        return known

    def remember(self, text: str, admitted: Admitted) -> None:
        """Keep whom a token lets in; the one kept longest makes room."""
        if len(self._admitted) >= MOST:
            self._admitted.popitem(last=False)
        self._admitted[_digest(text)] = admitted

    async def vouched(self, text: str, *, now: int) -> Vouched | None:
        """What a token says; None unless one of the providers signed it for us and it is good now. Raises ``NoKeys``."""
        seen = glance(text)
        provider, keys = self._by_issuer.get(seen.issuer, (None, None)) if seen is not None else (None, None)
        if seen is None or provider is None or keys is None:
            return None
        try:
            if seen.algorithm not in provider.algorithms:
                raise Untrue("an algorithm that is not allowed")
            key = await keys.find(seen.algorithm, seen.key_id)
            if key is None:
                raise Untrue("signed by an unknown key")
            claims = verified(text, key, provider, now=now)
            expires_at, issued_at = instant(claims, "exp"), instant(claims, "iat")
        except Untrue as why:
            log.info("identity.token_refused", provider=provider.name, why=str(why))
            return None
        until = min((expires_at or 0) + provider.leeway_s * 1000, now + REMEMBERED_MS)
        return Vouched(
            provider=provider,
            person=person_of(provider, claims),
            grant=grant_of(provider, claims),
            said_at=issued_at if issued_at is not None else now,
            until=until,
        )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
