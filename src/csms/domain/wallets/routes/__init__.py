"""Wallets and the ledger over HTTP."""

from __future__ import annotations

from csms.api.routes import Routes

from . import ledger, me, wallets


def routes() -> list[Routes]:
    """Routes of this slice."""
    return [wallets.routes(), ledger.routes(), me.routes()]
