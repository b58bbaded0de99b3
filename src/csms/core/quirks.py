"""What a kind of charger does otherwise than OCPP says, and how we take it."""

from __future__ import annotations

import attrs

KWH = "kWh"
LOCAL = "local"


@attrs.frozen(slots=True, kw_only=True)
class Quirks:
    """How the charger at hand is to be treated and understood. The defaults are those of a charger that does nothing unusual."""

    subprotocol: str = ""
    """The OCPP version of a charger that offers none in its handshake."""
    answers_pings: bool | None = None
    """False: it never answers WebSocket pings, so silence must be judged by its messages alone."""
    idle_heartbeats: float | None = None
    """Heartbeat intervals of silence that end its link, where it takes heartbeats less seriously than others."""
    heartbeat_interval_s: int | None = None
    """The interval it is told at boot."""
    before_boot: frozenset[str] = frozenset()
    """Actions that are heard from it before it is accepted, besides those that everybody may send."""
    time_zone: str = ""
    """The IANA time zone of its timestamps that name none, or ``LOCAL`` for that of its tenant; ``""`` is UTC."""
    times_are_local: bool = False
    """Its timestamps say Z and mean ``time_zone``."""
    energy_unit: str = ""
    """The unit in which it samples energy, whatever unit it names."""
    register_unit: str = ""
    """The unit of its meterStart and meterStop, which should be Wh."""

    def at_home(self, time_zone: str) -> Quirks:
        """The same for a charger that stands in this time zone."""
        return attrs.evolve(self, time_zone=time_zone) if self.time_zone == LOCAL else self


NO_QUIRKS = Quirks()
