"""The public keys of an identity provider (RFC 7517): fetched, remembered, asked for again when they change."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec
import structlog
import trio
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from csms.core.errors import CsmsError
from csms.core.ports import Http

from .bearer import FAMILIES, KnownKey
from .providers import Provider

DISCOVERY = "/.well-known/openid-configuration"
FETCH_S = 5.0
"""Longest wait for one document."""
LARGEST_BYTES = 262_144
MOST_KEYS = 100
LEAST_RSA_BITS = 2048
"""RFC 7518 §3.3."""
AGAIN_S = 30.0
"""Least time between two fetches that an unknown key asks for: anybody can make up the names of keys."""
RETRY_S = 5.0
"""Least time between two fetches while there are no keys at all."""

log = structlog.get_logger("csms.identity")


class NoKeys(CsmsError):
    """The provider could not be asked for its keys, and none are remembered."""


class KeySet:
    """The keys of one provider. One fetch at a time, whoever waits for it; while the provider is away the old keys count."""

    def __init__(self, http: Http, provider: Provider) -> None:
        self._http = http
        self._provider = provider
        self._keys: tuple[KnownKey, ...] = ()
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching = trio.Lock()

    async def find(self, algorithm: str, key_id: str) -> KnownKey | None:
        """The key of that name that fits an algorithm; without a name, the only one that fits. Raises ``NoKeys``."""
        found = self._known(algorithm, key_id)
        if found is not None and (self._is_fresh() or self._fetching.locked() or not self._may_try()):
            return found
        async with self._fetching:  # who waited here finds what the one before them fetched
            if self._may_try() and (not self._is_fresh() or self._known(algorithm, key_id) is None):
                await self._fetch()
        if not self._keys:
            raise NoKeys(f"the keys of {self._provider.name} cannot be fetched")
        return self._known(algorithm, key_id)

    def _known(self, algorithm: str, key_id: str) -> KnownKey | None:
        fitting = [each for each in self._keys if each.fits(algorithm) and (not key_id or each.id == key_id)]
        return fitting[0] if len(fitting) == 1 or (fitting and key_id) else None

    def _is_fresh(self) -> bool:
        return trio.current_time() - self._fetched_at < self._provider.keys_max_age_s

    def _may_try(self) -> bool:
        return trio.current_time() - self._tried_at >= (AGAIN_S if self._keys else RETRY_S)

    async def _fetch(self) -> None:
        """Ask for the keys; a provider that is away, or says nothing of use, changes nothing."""
        try:
            keys = _keys_of(await self._document(await self._address()), self._provider.algorithms)
            if not keys:
                raise OSError("no key among them that the configured algorithms can use")
        except OSError as error:
            self._tried_at = trio.current_time()
            log.warning("identity.keys_not_fetched", provider=self._provider.name, why=str(error), kept=len(self._keys))
            return
        self._keys = keys
        self._fetched_at = self._tried_at = trio.current_time()
        log.info("identity.keys_fetched", provider=self._provider.name, keys=[each.id for each in keys])

    async def _address(self) -> str:
        """Where the keys are: as configured, or as the provider's discovery document says (OpenID Connect Discovery §4)."""
        if self._provider.jwks_url:
            return self._provider.jwks_url
        issuer = self._provider.issuer
        found = await self._document(issuer.rstrip("/") + DISCOVERY)
        if found.get("issuer") != issuer:
            raise OSError(f"its discovery document is of another issuer than {issuer}")
        url = found.get("jwks_uri")
        if not isinstance(url, str) or urlsplit(url).scheme not in ("https", urlsplit(issuer).scheme):
            raise OSError("its discovery document names no jwks_uri that is safe to ask")
        return url

    async def _document(self, url: str) -> Mapping[str, Any]:
        answer = await self._http.request("GET", url, headers={"Accept": "application/json"}, timeout_s=FETCH_S)
        if answer.status != 200:
            raise OSError(f"GET {url}: status {answer.status}")
        if len(answer.body) > LARGEST_BYTES:
            raise OSError(f"GET {url}: more than {LARGEST_BYTES} bytes")
        try:
            document = msgspec.json.decode(answer.body)
        except (ValueError, RecursionError):
            raise OSError(f"GET {url}: not JSON") from None
        if not isinstance(document, dict):
            raise OSError(f"GET {url}: not a JSON object")
        return document


def _keys_of(document: Mapping[str, Any], algorithms: tuple[str, ...]) -> tuple[KnownKey, ...]:
    listed = document.get("keys")
    found = (_key(each) for each in (listed if isinstance(listed, list) else [])[:MOST_KEYS])
    return tuple(each for each in found if each is not None and any(each.fits(algorithm) for algorithm in algorithms))


def _key(said: Any) -> KnownKey | None:
    """A public key for signatures; None for any other, and for one that is too short."""
    if not isinstance(said, dict) or said.get("use", "sig") != "sig" or said.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    uses = said.get("key_ops", ["verify"])
    key_id, algorithm, curve = said.get("kid", ""), said.get("alg", ""), said.get("crv", "")
    if not isinstance(uses, list) or "verify" not in uses or not (isinstance(key_id, str) and isinstance(curve, str)):
        return None
    if algorithm and algorithm not in FAMILIES:
        return None
    public = {name: said[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in said}
    try:
        if said["kty"] == "RSA" and _bits(said["n"]) < LEAST_RSA_BITS:
            return None
        key: Any = JWKRegistry.import_key(public)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return KnownKey(id=key_id, family=said["kty"], curve=curve if said["kty"] != "RSA" else "", algorithm=algorithm, key=key)


def _bits(number: str) -> int:
    """How long a number in base64url is. Raises ``ValueError`` or ``TypeError`` for what is none."""
    return int.from_bytes(base64.urlsafe_b64decode(number + "=" * (-len(number) % 4))).bit_length()
