"""The plugin's routes, beside those of the core: ``/api/v1/tariffs`` and what drivers see of them under ``/api/v1/me``."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.hooks import PluginContext

from . import assignments, calculating, calendars, mine, promo_codes, sources, tariffs


def routes(context: PluginContext) -> list[Routes]:
    """All routes."""
    made = Routes(
        "tariffs", "What charging costs: tariffs in versions, where they apply, discounts, and prices from outside.", top=True
    )
    for each in (tariffs, assignments, calendars, promo_codes, sources, calculating):
        each.add(made, context)
    own = Routes("my_tariffs", "What charging costs a driver.", tag="Me (driver)", top=True)
    mine.add(own, context)
    return [made, own]
