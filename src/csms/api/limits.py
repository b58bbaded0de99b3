"""How many requests an address, a caller and a tenant may make: token buckets in bounded memory, told in standard headers.

A bucket holds a window's worth of requests and fills evenly. ``RateLimit-Policy`` tells the buckets that count a request and ``RateLimit``
what is left in each (draft-ietf-httpapi-ratelimit-headers-10); an empty one answers 429 with ``Retry-After`` (RFC 6585 §4).
"""

from __future__ import annotations

import hmac
import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv6Address, ip_address

import attrs
import trio

from csms.config import LimitsConfig
from csms.core.access import OPERATOR_KEY, Principal

from .problems import Problem

MOST_BUCKETS = 20_000
"""Buckets of one kind that are remembered. The one that was not used for longest is forgotten; by then it is usually full again."""
AUTH = "auth"
AUTH_WINDOW_S = 60.0
ADDRESS, CALLER, TENANT = "address", "caller", "tenant"


class Buckets:
    """The buckets of one kind, by whom they count."""

    def __init__(self, name: str, per_min: int, window_s: float, *, now: Callable[[], float], most: int = MOST_BUCKETS) -> None:
        self.name = name
        self.per_s = per_min / 60
        self.quota = max(1, round(self.per_s * window_s))
        self.policy = f'"{name}";q={self.quota};w={max(1, math.ceil(self.quota / self.per_s))}' if per_min else ""
        self._now = now
        self._most = most
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._left)

    def take(self, key: Hashable) -> bool:
        """Take one; False when there is none."""
        left = self._level(key)
        taken = left >= 1
        self._keep(key, left - 1 if taken else left)
        return taken

    def give_back(self, key: Hashable) -> None:
        """Give one back that was taken for somebody who is not counted."""
        self._keep(key, min(self.quota, self._level(key) + 1))

    def left(self, key: Hashable) -> str:
        """What is left, as an item of ``RateLimit``."""
        level = self._level(key)
        return f'"{self.name}";r={int(level)};t={math.ceil((self.quota - level) / self.per_s)}'

    def wait_s(self, key: Hashable) -> int:
        """Whole seconds until there is one again, 1 at least."""
        return max(1, math.ceil((1 - self._level(key)) / self.per_s))

    def _level(self, key: Hashable) -> float:
        known = self._left.get(key)
        if known is None:
            return float(self.quota)
        level, at = known
        return min(self.quota, level + (self._now() - at) * self.per_s)

    def _keep(self, key: Hashable, level: float) -> None:
        self._left[key] = (level, self._now())
        self._left.move_to_end(key)
        if len(self._left) > self._most:
            self._left.popitem(last=False)


@attrs.frozen(slots=True)
class Counted:
    """A bucket that counts a request."""

    buckets: Buckets
    key: Hashable


@lru_cache(4096)
def network_of(remote: str) -> str:
    """What counts as one address: an IPv4 one itself, of an IPv6 one its /64, which is what one subscriber has."""
    try:
        address = ip_address(remote.partition("%")[0])
    except ValueError:
        return remote
    if not isinstance(address, IPv6Address):
        return remote
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))


class Limits:
    """The limits of the whole API. ``operator_key`` is let past an empty bucket where the configuration exempts it."""

    def __init__(self, config: LimitsConfig, *, operator_key: str = "", now: Callable[[], float] = trio.current_time) -> None:
        self._exempt = config.operator_key_exempt
        self._key = sha256(operator_key.encode()).digest() if operator_key and self._exempt else b""
        self.refused = 0
        """Requests that were refused since the start."""

        def buckets(name: str, per_min: int, window_s: float = config.window_s) -> Buckets | None:
            return Buckets(name, per_min, window_s, now=now) if per_min else None

        self._address = buckets(ADDRESS, config.address_per_min)
        self._caller = buckets(CALLER, config.caller_per_min)
        self._tenant = buckets(TENANT, config.tenant_per_min)
        self._auth = buckets(AUTH, config.auth_per_min, AUTH_WINDOW_S)

    def before_login(self, limited_by: str, remote: str, secret: Callable[[], str] = str) -> list[Counted]:
        """Count a request before anybody knows whose it is; the buckets that did.

        ``secret()`` is what it shows to log in, asked for only where a bucket is empty. Raises ``Problem`` 429.
        """
        counted: list[Counted] = []
        for buckets in (self._address, self._auth if limited_by == AUTH else None):
            if buckets is not None:
                self._take(counted, Counted(buckets, network_of(remote)), secret)
        return counted

    def count(self, who: Principal, counted: list[Counted]) -> list[Counted]:
        """Count a request of somebody who is known now; the buckets that did. Raises ``Problem`` 429."""
        if self._exempt and who.kind == OPERATOR_KEY:
            for each in counted:
                each.buckets.give_back(each.key)
            return []
        for buckets, key in ((self._caller, who.identity), (self._tenant, who.tenant)):
            if buckets is not None:
                self._take(counted, Counted(buckets, key))
        return counted

    def _take(self, counted: list[Counted], one: Counted, secret: Callable[[], str] = str) -> None:
        if one.buckets.take(one.key):
            counted.append(one)
        elif not self._is_exempt(secret()):
            self.refused += 1
            wait_s = one.buckets.wait_s(one.key)
            raise Problem(
                429,
                "Too Many Requests",
                f"too many requests of this {_WHOSE[one.buckets.name]}: come again in {wait_s} s",
                headers={"Retry-After": str(wait_s), **headers_of([*counted, one])},
            )

    def _is_exempt(self, secret: str) -> bool:
        return bool(self._key and secret) and hmac.compare_digest(sha256(secret.encode("utf-8", "replace")).digest(), self._key)


_WHOSE = {ADDRESS: "address", CALLER: "user or key", TENANT: "tenant", AUTH: "kind from this address"}


def headers_of(counted: Sequence[Counted]) -> dict[str, str]:
    """The headers that tell what counted a request and what is left; none for who is not counted."""
    if not counted:
        return {}
    return {
        "RateLimit-Policy": ", ".join([each.buckets.policy for each in counted]),
        "RateLimit": ", ".join([each.buckets.left(each.key) for each in counted]),
    }
