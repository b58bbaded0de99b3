"""The section ``[analytics]``: what CO₂ avoided is reckoned from."""

from __future__ import annotations

import attrs

from .rules import Between
from .setting import setting


@attrs.frozen(slots=True, kw_only=True)
class AnalyticsConfig:
    """How figures are reckoned. CO₂ avoided per kWh is what a petrol car emits over the distance, less what the grid emitted."""

    km_per_kwh: float = setting(6.0, "distance that an electric car drives with a kWh", validator=Between(0.1, 20))
    petrol_g_per_km: float = setting(150.0, "CO₂ that a petrol car emits over a kilometre, in grams", validator=Between(0, 1000))
    grid_g_per_kwh: float = setting(700.0, "CO₂ emitted for a kWh from the grid, in grams", validator=Between(0, 3000))
    required_uptime_percent: float = setting(97.0, "uptime that the compliance report asks for", validator=Between(0, 100))
