"""An identity provider for tests: keys of its own, tokens that it signs, documents that it serves."""

from __future__ import annotations

import base64
import hmac
import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import trio
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from csms.core.ports import HttpAnswer

ISSUER = "https://id.example.org"
AUDIENCE = "csms"
SECRET = "whsec_" + base64.b64encode(b"sixteen bytes and more").decode()
NOW = 1_800_000_000_000

Key = RSAKey | ECKey | OKPKey


@contextmanager
def unheard() -> Iterator[None]:
    """What the library thinks of things that forgers do."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)
        yield


def ec_key() -> Key:
    return ECKey.generate_key("P-256")


def public(key: Key, kid: str, **more: Any) -> dict[str, Any]:
    """A key as the provider publishes it."""
    return {**key.as_dict(private=False), "kid": kid, "use": "sig", **more}


def token(key: Any, claims: Mapping[str, Any], *, alg: str = "ES256", kid: str = "one", **header: Any) -> str:
    """A signed token, whatever it says."""
    registry = JWSRegistry(algorithms=[alg], strict_check_header=False)
    head = {"alg": alg, "typ": "JWT", **({"kid": kid} if kid else {}), **header}
    with unheard():
        return jws.serialize_compact(head, json.dumps(claims).encode(), key, registry=registry)


def forged(alg: str, secret: bytes, claims: Mapping[str, Any], *, kid: str) -> str:
    """A token with a MAC for a signature, or with none, as no library makes it."""
    parts = [{"alg": alg, "typ": "JWT", "kid": kid}, claims]
    content = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts)
    mac = hmac.digest(secret, content, "sha256") if secret else b""
    return f"{content.decode()}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def claims(*, now: int = NOW, issuer: str = ISSUER, **more: Any) -> dict[str, Any]:
    """What a token of the provider says."""
    seconds = now // 1000
    said = {"iss": issuer, "sub": "u1", "aud": AUDIENCE, "iat": seconds, "exp": seconds + 300, **more}
    return {name: value for name, value in said.items() if value is not None}


def signed(body: bytes, *, at: int, message_id: str = "msg_1", secret: str = SECRET, prefix: str = "svix") -> dict[str, str]:
    """The headers of a webhook message."""
    content = f"{message_id}.{at // 1000}.".encode() + body
    mac = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), content, "sha256")
    return {
        f"{prefix}-id": message_id,
        f"{prefix}-timestamp": str(at // 1000),
        f"{prefix}-signature": f"v1,{base64.b64encode(mac).decode()}",
        "content-type": "application/json",
    }


@attrs.define
class FakeHttp:
    """An HTTP port that serves what a test puts there, and counts."""

    documents: dict[str, Any] = attrs.field(factory=dict)
    asked: list[str] = attrs.field(factory=list)
    away: bool = False
    gate: trio.Event | None = None

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", timeout_s: float, public_only: bool = False
    ) -> HttpAnswer:
        self.asked.append(url)
        if self.gate is not None:
            await self.gate.wait()
        if self.away:
            raise OSError("no answer")
        found = self.documents.get(url)
        if found is None:
            return HttpAnswer(404, {}, b"")
        return HttpAnswer(200, {}, found if isinstance(found, bytes) else json.dumps(found).encode())

    def publish(self, *keys: Mapping[str, Any], issuer: str = ISSUER) -> None:
        """Serve a discovery document and these keys."""
        self.documents[f"{issuer}/.well-known/openid-configuration"] = {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"}
        self.documents[f"{issuer}/jwks"] = {"keys": list(keys)}
