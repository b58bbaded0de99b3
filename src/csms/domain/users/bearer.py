"""Tokens that identity providers signed (RFC 7519, RFC 8725): read, their signature and their claims judged. No I/O."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from csms.core.errors import CsmsError

from .providers import LONGEST_SUBJECT, Provider

LONGEST_TOKEN = 16_384
TYPES = frozenset({"", "jwt", "at+jwt", "application/jwt", "application/at+jwt"})
"""``typ`` headers that are taken; others say that the token is something else, such as a logout token (RFC 8725 §3.11)."""
OTHER_KINDS = frozenset({"id", "refresh", "offline", "logout", "registrationaccesstoken", "initialaccesstoken"})
"""Of Keycloak's claim ``typ``: tokens that are not for an API."""
FAMILIES: Mapping[str, tuple[str, frozenset[str]]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), ("RSA", frozenset({""}))),
    "ES256": ("EC", frozenset({"P-256"})),
    "ES384": ("EC", frozenset({"P-384"})),
    "ES512": ("EC", frozenset({"P-521"})),
    "EdDSA": ("OKP", frozenset({"Ed25519", "Ed448"})),
    "Ed25519": ("OKP", frozenset({"Ed25519"})),
}
"""Which keys an algorithm is for: their type and curve. So no public key is ever taken for a secret."""

_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")

PublicKey = RSAKey | ECKey | OKPKey


class Untrue(CsmsError):
    """A token does not hold; the text says why, for the log, and has nothing of the token in it."""


@attrs.frozen(slots=True, kw_only=True)
class Glance:
    """What a token says of itself before anything is verified: enough to find the key that shows whether it is true."""

    issuer: str
    algorithm: str
    key_id: str


@attrs.frozen(slots=True, kw_only=True)
class KnownKey:
    """A key that a provider published. ``algorithm`` is the one that it is for, ``""`` for any of its family."""

    id: str
    family: str
    curve: str
    algorithm: str
    key: PublicKey = attrs.field(repr=False)

    def fits(self, algorithm: str) -> bool:
        """Whether a signature of this algorithm may be by this key."""
        family, curves = FAMILIES[algorithm]
        return self.family == family and self.curve in curves and self.algorithm in ("", algorithm)


class _Registry(JWSRegistry):
    """Exactly the algorithms of a configuration; headers that mean nothing to us are passed over.

    The library warns of EdDSA, a name that RFC 9864 changed and that providers still use.
    """

    def get_alg(self, name: str) -> Any:
        if name not in (self.allowed or ()) or name not in self.algorithms:
            raise UnsupportedAlgorithmError(f"algorithm {name!r} is not allowed")
        return self.algorithms[name]


def _part(text: str) -> dict[str, Any] | None:
    try:
        decoded = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return None
    return decoded if isinstance(decoded, dict) else None


def glance(text: str) -> Glance | None:
    """What a token says of itself; None for what is no signed token (five parts are an encrypted one)."""
    if len(text) > LONGEST_TOKEN or not _FORM.fullmatch(text):
        return None
    head, body, _ = text.split(".")
    header, claims = _part(head), _part(body)
    if header is None or claims is None:
        return None
    issuer, algorithm, key_id = claims.get("iss"), header.get("alg"), header.get("kid", "")
    if not (isinstance(issuer, str) and isinstance(algorithm, str) and isinstance(key_id, str)):
        return None
    return Glance(issuer=issuer, algorithm=algorithm, key_id=key_id)


def verified(text: str, key: KnownKey, provider: Provider, *, now: int) -> dict[str, Any]:
    """The claims of a token that this key signed, and that is for us and good now. Raises ``Untrue``."""
    try:
        decoded = jwt.decode(text, key.key, registry=_Registry(algorithms=list(provider.algorithms), strict_check_header=False))
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise Untrue(f"signature: {type(error).__name__}") from None
    header, claims = decoded.header, decoded.claims
    algorithm = header.get("alg")
    if algorithm not in provider.algorithms or not key.fits(algorithm):
        raise Untrue("another algorithm than the key's")
    if str(header.get("typ", "")).casefold() not in TYPES or "crit" in header:
        raise Untrue("another kind of token, by its header")
    if not isinstance(claims, dict):
        raise Untrue("its claims are no table")
    _judge(claims, provider, now)
    return claims


def _judge(claims: Mapping[str, Any], provider: Provider, now: int) -> None:
    if claims.get("iss") != provider.issuer:
        raise Untrue("another issuer")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise Untrue("no subject")
    if str(claims.get("typ", "")).casefold() in OTHER_KINDS or "events" in claims:
        raise Untrue("another kind of token, by its claims")
    _audience(claims, provider)
    leeway = provider.leeway_s * 1000
    expires_at, begins_at, issued_at = instant(claims, "exp"), instant(claims, "nbf"), instant(claims, "iat")
    if expires_at is None or expires_at + leeway <= now:
        raise Untrue("expired, or does not say when it expires")
    if begins_at is not None and begins_at - leeway > now:
        raise Untrue("not good yet (nbf)")
    if issued_at is not None and issued_at - leeway > now:
        raise Untrue("issued in the future (iat)")


def _audience(claims: Mapping[str, Any], provider: Provider) -> None:
    said = claims.get("aud")
    audiences = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    if provider.audiences and not any(isinstance(each, str) and each in provider.audiences for each in audiences):
        raise Untrue("another audience (aud)")
    if provider.authorized_parties and claims.get("azp") not in provider.authorized_parties:
        raise Untrue("another client (azp)")


def instant(claims: Mapping[str, Any], name: str) -> int | None:
    """A NumericDate (RFC 7519 §2) in ms. Raises ``Untrue`` for what is there and is none."""
    if name not in claims:
        return None
    said = claims[name]
    if isinstance(said, bool) or not isinstance(said, int | float) or not math.isfinite(said) or not 0 <= said < 1e11:
        raise Untrue(f"{name} is no instant")
    return int(said * 1000)
