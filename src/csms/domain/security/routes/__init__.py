"""Chargers' security over HTTP: certificates, root certificates, keys, security profiles, security events."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.security.model import Offered, SecuritySettings

from . import certificates, keys, roots


def security_routes(settings: SecuritySettings, offered: Offered) -> list[Routes]:
    """Routes of this slice."""
    return [certificates.routes(settings), roots.routes(), keys.routes(settings, offered)]
