"""Smart Charging: SetChargingProfile, ClearChargingProfile, GetCompositeSchedule (1.6 §5.5, §5.7, §5.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.charger.charging_profile import PURPOSES, UNITS, BadWord, ProfileError, parse
from simulators.charger.link import Reply
from simulators.frames import Payload

from .reply import status, whole, word

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order


def _set(charger: Charger, payload: Payload) -> Reply:
    number = whole(payload, "connectorId")
    if number and charger.box.find(number) is None:
        raise BadWord(f"there is no connector {number}")  # errata 3.39
    if "profile" in charger.failing:
        return status("Rejected")
    try:
        charger.smart_charging.install(number, parse(payload["csChargingProfiles"]))
    except ProfileError as wrong:
        charger.say(f"charging profile: {wrong}")
        return status("Rejected")
    return status("Accepted")


def _optional(payload: Payload, name: str) -> int | None:
    return None if payload.get(name) is None else whole(payload, name)


def _clear(charger: Charger, payload: Payload) -> Reply:
    purpose = None if payload.get("chargingProfilePurpose") is None else word(payload, "chargingProfilePurpose", PURPOSES)
    cleared = charger.smart_charging.clear(
        number=_optional(payload, "id"),
        connector=_optional(payload, "connectorId"),
        purpose=purpose,
        stack_level=_optional(payload, "stackLevel"),
    )
    return status("Accepted" if cleared else "Unknown")


def _composite(charger: Charger, payload: Payload) -> Reply:
    number = whole(payload, "connectorId")
    unit = None if payload.get("chargingRateUnit") is None else word(payload, "chargingRateUnit", UNITS)
    start = charger.clock.now_iso()
    schedule = charger.smart_charging.composite(number, whole(payload, "duration"), unit)
    if schedule is None:
        return status("Rejected")
    answer = {"status": "Accepted", "connectorId": number, "scheduleStart": start, "chargingSchedule": schedule}
    return Reply(answer, "Accepted")


ORDERS: dict[str, Order] = {
    "SetChargingProfile": _set,
    "ClearChargingProfile": _clear,
    "GetCompositeSchedule": _composite,
}
