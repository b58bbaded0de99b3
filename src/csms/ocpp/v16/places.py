"""OCPP 1.6's connector numbers and our places: connector n is ``Place(n, 1)``, 0 the charger as a whole."""

from __future__ import annotations

from csms.core.errors import CannotSay
from csms.core.ids import Place


def connector(place: Place) -> int:
    """The connector number of a place; 0 is the charger as a whole. Raises ``CannotSay`` for a second connector of one EVSE."""
    if place.connector > 1:
        raise CannotSay(f"OCPP 1.6 numbers connectors 1, 2, 3 ...: there is no {place}, say {place.evse}.1")
    return place.evse
