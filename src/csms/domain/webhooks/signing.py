"""Signatures of what is sent, in the way of Standard Webhooks (docs/webhooks.md), and what a URL may be. No I/O."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, ip_network
from urllib.parse import SplitResult, urlsplit

from csms.core.errors import Invalid
from csms.core.networks import is_public, literal

SECRET_PREFIX = "whsec_"  # noqa: S105 - how every secret begins
SECRET_BYTES = 32
ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


def secret_of(token: str) -> str:
    """A secret as receivers are given it, out of ``SECRET_BYTES`` random bytes in URL-safe base64."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return SECRET_PREFIX + base64.b64encode(raw).decode()


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature: HMAC-SHA256, keyed with the bytes of the secret, over id, timestamp and body with full stops between them."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> Mapping[str, str]:
    """The headers of a message; ``timestamp`` is in seconds. While a secret is changed there are two signatures."""
    return {
        "content-type": "application/json",
        "user-agent": "csms-webhooks/1",
        ID: message_id,
        TIMESTAMP: str(timestamp),
        SIGNATURE: " ".join(sign(secret, message_id, timestamp, body) for secret in secrets),
    }


def receiver(url: str) -> str:
    """A URL as far as it may be told: without its path and query, which may hold a secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def check_url(url: str, *, allow_http: bool, allowed_networks: Sequence[str] = ()) -> None:
    """Refuse a URL to which nothing could be sent. Raises ``Invalid``. Where a name leads is checked when it is connected to."""
    problem = _problem(url, allow_http=allow_http) or _unreachable(url, allowed_networks)
    if problem:
        raise Invalid(f"url: {problem}", field="url")


def _unreachable(url: str, allowed_networks: Sequence[str]) -> str:
    host = urlsplit(url).hostname or ""
    address = IPv4Address("127.0.0.1") if host == "localhost" else literal(host)
    if address is None or is_public(address, [ip_network(each) for each in allowed_networks]):
        return ""
    return f"{host} is no address of the public network ([webhooks] allowed_networks says which others may be reached)"


def _problem(url: str, *, allow_http: bool) -> str:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "only printable ASCII; write other characters percent-encoded"
    try:
        parts: SplitResult = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0:
        return "expected https://HOST/PATH"
    if parts.scheme == "http" and not allow_http:
        return "http:// is not allowed here; use https://"
    if parts.username is not None or parts.password is not None:
        return "it must not carry a password; the receiver knows us by the signature"
    if parts.fragment:
        return "a fragment (#...) is never sent"
    return ""
