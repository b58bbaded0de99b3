"""Nouns of the tenants slice."""

from __future__ import annotations

import attrs

from csms.core.ids import TenantId


@attrs.frozen(slots=True, kw_only=True)
class Tenant:
    """Somebody whose chargers, drivers and money are kept apart from everybody else's. ``currency`` is ISO 4217."""

    id: TenantId
    slug: str
    name: str
    currency: str
    time_zone: str
    created_at: int
