"""Keyed hashes and signed tokens, all out of one secret of the installation; nothing here waits or does I/O."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import attrs
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

ALGORITHM = "HS256"
ISSUER = "csms"
REFRESH_PREFIX, API_KEY_PREFIX, INVITATION_PREFIX = "csmsr", "csms", "csmsi"
LONGEST_TOKEN = 2000


@attrs.frozen(slots=True, kw_only=True)
class AccessToken:
    """What an access token says: whose login it is, and in which tenant."""

    user_id: int
    login_id: int
    tenant: int
    expires_at: int


def sha256(text: str) -> str:
    """The hash of a long random secret, which needs no salt and no slowness."""
    return hashlib.sha256(text.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def token_of(prefix: str, number: int, secret: str) -> str:
    """A token that names its row: ``csms_12_SECRET``."""
    return f"{prefix}_{number}_{secret}"


def parse_token(prefix: str, text: str) -> tuple[int, str] | None:
    """The row and the secret of a token; None for what is none of this kind."""
    kind, _, rest = text.partition("_")
    number, _, secret = rest.partition("_")
    if (
        kind != prefix
        or not secret
        or len(text) > LONGEST_TOKEN
        or not (number.isascii() and number.isdigit() and len(number) < 19)
    ):
        return None
    return int(number), secret


class Keys:
    """Derives what is needed from the installation's secret, a key per use."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._access = OctKey.import_key(self._derived("access tokens"))

    def _derived(self, use: str) -> bytes:
        return hmac.digest(self._secret, b"csms identity: " + use.encode(), "sha256")

    def _mac(self, use: str, text: str) -> str:
        return hmac.digest(self._derived(use), text.encode(), "sha256").hex()

    def access_token(self, token: AccessToken, *, now: int) -> str:
        """A signed access token (RFC 7519)."""
        claims = {
            "iss": ISSUER,
            "sub": str(token.user_id),
            "login": token.login_id,
            "tenant": token.tenant,
            "iat": now // 1000,
            "exp": token.expires_at // 1000,
        }
        return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt"}, claims, self._access)

    def read_access_token(self, text: str, *, now: int) -> AccessToken | None:
        """What a token says; None unless we signed it (HS256 and nothing else) and it has not expired."""
        if len(text) > LONGEST_TOKEN or text.count(".") != 2:
            return None
        try:
            decoded = jwt.decode(text, self._access, algorithms=[ALGORITHM])
        except (JoseError, ValueError):
            return None
        claims: dict[str, Any] = decoded.claims
        expires, login, tenant, user = (claims.get(name) for name in ("exp", "login", "tenant", "sub"))
        if decoded.header.get("typ") != "at+jwt" or claims.get("iss") != ISSUER:
            return None
        if not (isinstance(expires, int) and isinstance(login, int) and isinstance(tenant, int) and isinstance(user, str)):
            return None
        if expires * 1000 <= now or not user.isdigit():
            return None
        return AccessToken(user_id=int(user), login_id=login, tenant=tenant, expires_at=expires * 1000)

    def code_hash(self, handle: str, code: str) -> str:
        """The keyed hash of a one-time code: without the key its few digits cannot be tried out."""
        return self._mac("one-time codes", f"{handle}:{code}")

    def recovery_hash(self, user_id: int, code: str) -> str:
        """The keyed hash of a recovery code."""
        return self._mac("recovery codes", f"{user_id}:{code}")

    def csrf(self, login_id: int) -> str:
        """What a browser has to repeat in ``X-CSRF-Token`` with every change, bound to the login."""
        return self._mac("csrf", str(login_id))

    def refreshed(self, login_id: int, secret: str) -> str:
        """The secret of the refresh token that follows another.

        Derived, so that a client whose answer was lost, and who asks again at once, gets the same one.
        """
        return self._mac("refresh tokens", f"{login_id}:{secret}")

    def refresh_token(self, login_id: int, secret: str) -> str:
        """A refresh token. Its tag shows that we made it: an old one that comes again ends its login, anybody's invention does not."""
        return token_of(REFRESH_PREFIX, login_id, f"{secret}.{self._tag(login_id, secret)}")

    def read_refresh_token(self, text: str) -> tuple[int, str] | None:
        """The login and the secret of a refresh token that we made, good or not (any more)."""
        parsed = parse_token(REFRESH_PREFIX, text)
        if parsed is None:
            return None
        login_id, rest = parsed
        secret, _, tag = rest.partition(".")
        return (login_id, secret) if same(tag, self._tag(login_id, secret)) else None

    def _tag(self, login_id: int, secret: str) -> str:
        return self._mac("refresh tags", f"{login_id}:{secret}")[:32]

    def bucket(self, kind: str, text: str) -> str:
        """The name under which failed tries are counted."""
        return f"{kind}:{self._mac('throttles', text)[:32]}"
