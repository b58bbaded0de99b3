"""Routes of plans and subscriptions under ``/api/v1``, and what drivers have of them under ``/api/v1/me``."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.hooks import PluginContext

from . import mine, plans, subscriptions


def routes(context: PluginContext) -> list[Routes]:
    """All routes."""
    sold = Routes("plans", "What drivers may subscribe to: energy and charges that are included, for a price per period.", top=True)
    plans.add(sold, context)
    made = Routes("subscriptions", "Drivers' subscriptions to plans.", top=True)
    subscriptions.add(made, context)
    own = Routes("my_subscriptions", "A driver's plans.", tag="Me (driver)", top=True)
    mine.add(own, context)
    return [sold, made, own]
