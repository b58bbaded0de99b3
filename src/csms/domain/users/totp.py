"""Codes of authenticator apps: TOTP (RFC 6238) with SHA-1, 6 digits and 30 s, which is what they all do."""

from __future__ import annotations

import base64
import hmac
from urllib.parse import quote, urlencode

from .keys import same

STEP_MS = 30_000
DIGITS = 6
SECRET_BYTES = 20
"""RFC 4226 §4: 160 bits are recommended."""
SKEW = 1
"""Steps before and after that are taken, for clocks that differ (RFC 6238 §5.2)."""


def secret_of(random_text: str) -> str:
    """A secret in base32 out of random text."""
    return base64.b32encode(hmac.digest(b"totp", random_text.encode(), "sha1")).decode()


def code_at(secret: str, step: int) -> str:
    """The code of a time step (RFC 4226 §5.3)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def step_of(secret: str, code: str, *, now: int, after: int) -> int | None:
    """The time step whose code this is; None for a wrong one, and for one of step ``after`` or before: a code works once."""
    here = now // STEP_MS
    found = [step for step in range(here - SKEW, here + SKEW + 1) if same(code_at(secret, step), code) and step > after]
    return found[0] if found else None


def uri_of(secret: str, account: str, issuer: str = "csms") -> str:
    """What an authenticator app reads as a QR code."""
    return f"otpauth://totp/{quote(issuer)}:{quote(account)}?{urlencode({'secret': secret, 'issuer': issuer})}"
