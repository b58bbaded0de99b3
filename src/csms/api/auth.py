"""The operator key: who may use the management API until accounts exist."""

from __future__ import annotations

import hashlib
import hmac

from quart import Quart, request

from .problems import Problem

OPEN_ENDPOINTS = frozenset({"health", "ready", "metrics"})
"""What needs no key: probes and the scraper, which tell nothing about a charger or a driver."""


def install(app: Quart, key: str) -> None:
    """Ask every request but the open ones for ``Authorization: Bearer KEY``; the comparison takes the same time for any wrong key."""
    expected = hashlib.sha256(key.encode()).digest()

    @app.before_request
    async def check() -> None:
        if request.endpoint in OPEN_ENDPOINTS:
            return
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        given = hashlib.sha256(shown.strip().encode()).digest()
        if scheme.casefold() != "bearer" or not hmac.compare_digest(given, expected):
            raise Problem(401, "Unauthorized", "send the operator key as 'Authorization: Bearer KEY'")
