"""Smart charging over HTTP: charging profiles, where they are wanted, what chargers hold, and what follows from it."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.profiles.model import Rules

from . import held, templates


def profile_routes(rules: Rules) -> list[Routes]:
    """Routes of this slice."""
    return [templates.routes(), held.routes(rules)]
