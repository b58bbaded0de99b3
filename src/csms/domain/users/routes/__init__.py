"""The users slice over HTTP: signing in, one's own account, the people of a tenant, API keys."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.users.gate import Gate

from . import account, accounts, api_keys, external, members, signing_in


def routes(gate: Gate) -> list[Routes]:
    """Routes of this slice."""
    return [
        signing_in.routes(gate),
        accounts.routes(gate),
        account.routes(gate),
        members.routes(gate),
        api_keys.routes(gate),
        external.routes(gate),
    ]
