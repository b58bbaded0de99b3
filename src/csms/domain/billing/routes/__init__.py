"""Bills over HTTP: for staff, for drivers, and what a tenant wants of billing."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.transactions.flows import CommandFlow

from . import bills, me, prepaying, settings


def billing_routes(start_url: str, *, stop: CommandFlow) -> list[Routes]:
    """Routes of this slice. ``start_url`` is where connectors' codes lead, ``stop`` the flow of ``StopCharging``."""
    return [bills.routes(), settings.routes(), me.routes(), prepaying.routes(start_url, stop=stop)]
