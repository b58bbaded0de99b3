"""How the SDK reaches Razorpay: every wait bounded, nothing printed, nothing followed, and errors in the words of csms."""

from __future__ import annotations

import time
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import attrs
import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter

from csms.hooks import GatewayAway, GatewayError

CONNECT_S = 5.0
MAX_ANSWER_BYTES = 8 * 1024 * 1024
AT_ONCE = 16
TRY_LATER = frozenset({408, 409, 425, 429})
"""Answers below 500 that say nothing about the request: too slow, still busy with the same, too early, too many."""
NO_REASON = frozenset({"", "NA", "input_validation_failed"})


@attrs.frozen(slots=True)
class Said:
    """As much of an answer as the SDK looks at."""

    status_code: int
    value: Any

    def json(self) -> Any:
        """What was decoded."""
        return self.value


class Wire:
    """The connections to Razorpay, shared by all accounts and threads: they keep no cookies, and no keys."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.pool = requests.Session()
        self.pool.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        for scheme in ("https://", "http://"):
            self.pool.mount(scheme, HTTPAdapter(pool_maxsize=AT_ONCE, max_retries=0))

    def errand(self) -> Errand:
        """The wire for one question, however many requests it takes: when its time is over nothing more is asked."""
        return Errand(self.pool, time.monotonic() + self.timeout_s)

    def close(self) -> None:
        """End all connections that nobody uses."""
        self.pool.close()


@attrs.frozen(slots=True)
class Errand:
    """What the SDK uses in the place of its ``requests`` connection pool.

    The SDK has no time limit of its own, prints when something fails and raises the same error for very different failures. Here
    everything that is no success becomes ``GatewayAway`` or ``GatewayError``, of which the SDK knows nothing and which it lets through.
    """

    pool: requests.Session
    deadline: float

    def get(self, url: str, **options: Any) -> Said:
        """Ask."""
        return self._request("GET", url, options)

    def post(self, url: str, **options: Any) -> Said:
        """Make, or do."""
        return self._request("POST", url, options)

    def patch(self, url: str, **options: Any) -> Said:
        """Change."""
        return self._request("PATCH", url, options)

    def put(self, url: str, **options: Any) -> Said:
        """Change."""
        return self._request("PUT", url, options)

    def delete(self, url: str, **options: Any) -> Said:
        """Remove."""
        return self._request("DELETE", url, options)

    def _request(self, method: str, url: str, options: dict[str, Any]) -> Said:
        """One request. Raises ``GatewayAway`` when it may or may not have been done, ``GatewayError`` when it was refused."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise GatewayAway("Razorpay takes too long")
        options |= {"timeout": (min(CONNECT_S, left), left), "allow_redirects": False, "stream": True}
        try:
            with self.pool.request(method, url, **options) as response:
                return judged(response.status_code, _body(response, self.deadline))
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise GatewayAway(f"Razorpay did not answer: {type(error).__name__}") from None


def _body(response: Any, deadline: float) -> bytes:
    body = bytearray()
    while piece := response.raw.read1(64 * 1024, decode_content=True):  # as it comes: iter_content would wait for so much
        body += piece
        if len(body) > MAX_ANSWER_BYTES:
            raise GatewayAway("Razorpay's answer is too long")
        if time.monotonic() > deadline:
            raise GatewayAway("Razorpay's answer took too long")
    return bytes(body)


def judged(status: int, body: bytes) -> Said:
    """What an answer means. Raises ``GatewayAway``, ``GatewayError``."""
    if status == 204:
        return Said(200, {})  # the SDK would make text of it
    if 300 <= status < 400:
        raise GatewayError(f"Razorpay's address leads elsewhere ({status}); give base_url the final one", code=str(status))
    if status >= 500 or status in TRY_LATER:
        raise GatewayAway(f"Razorpay answered {status}")
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        raise GatewayAway(f"Razorpay answered {status} with something that is no JSON") from None
    if status < 300:
        return Said(status, value)
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        raise GatewayAway(f"Razorpay answered {status} and did not say why")
    reason = str(error.get("reason") or "")
    code = str(error.get("code") or status) if reason in NO_REASON else reason
    raise GatewayError(str(error.get("description") or f"refused ({status})")[:500], code=code)
