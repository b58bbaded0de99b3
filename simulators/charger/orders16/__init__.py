"""OCPP 1.6: how a charger obeys the server's calls (§5 and the security whitepaper), a module for each feature profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators import frames
from simulators.charger.charging_profile import BadWord
from simulators.charger.failures import FEATURES
from simulators.charger.link import Reply

from . import core, firmware, local_list, logs, remote_trigger, reservation, security, smart_charging

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order

ORDERS: dict[str, Order] = {
    **core.ORDERS,
    **firmware.ORDERS,
    **logs.ORDERS,
    **local_list.ORDERS,
    **reservation.ORDERS,
    **smart_charging.ORDERS,
    **remote_trigger.ORDERS,
    **security.ORDERS,
}
SPEAKS_FOR_ITSELF = FEATURES["LocalAuthListManagement"]
"""Calls whose own words say that they are not supported (1.6 §5.10, §7.47)."""


def obey(charger: Charger, call: frames.Call) -> Reply:
    """Answer a call; what cannot be answered gets the error of OCPP-J 1.6 §4.2.3 that says why."""
    order = ORDERS.get(call.action)
    if order is None:
        return Reply(status=f"{call.action} is not implemented", error="NotImplemented")
    missing = [name for name in charger.profile.without if call.action in FEATURES[name]]
    if missing and call.action not in SPEAKS_FOR_ITSELF:
        return Reply(status=f"{missing[0]} is not supported", error="NotSupported")
    try:
        return order(charger, call.payload)
    except BadWord as wrong:
        return Reply(status=f"{call.action}: {wrong}", error="PropertyConstraintViolation")
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as wrong:
        return Reply(status=f"{call.action}: {wrong!r}", error="FormationViolation")
