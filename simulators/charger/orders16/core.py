"""The Core profile (1.6 §5): remote start and stop, reset, unlock, availability, configuration, cache, data transfer."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from simulators.charger.charging_profile import ChargingProfile, ProfileError, parse
from simulators.charger.connector import Tag
from simulators.charger.link import Reply
from simulators.charger.settings import BY_KEY
from simulators.charger.settings_rows import ROWS, Row
from simulators.frames import Payload

from .reply import connector_of, status, text, whole, word

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order

VENDOR = "simulators"
"""The vendor id whose data transfers are understood."""


def _remote_start(charger: Charger, payload: Payload) -> Reply:
    tag = Tag(text(payload, "idTag"))
    try:
        limits = _limits(charger, payload)
    except ProfileError as wrong:
        charger.say(f"remote start: {wrong}")
        return status("Rejected")
    number = None if payload.get("connectorId") is None else whole(payload, "connectorId")
    may = charger.registered and "remote" not in charger.failing
    connector = charger.box.free(number, tag) if may else None
    if connector is None:
        return status("Rejected")
    return status("Accepted", partial(charger.box.start_remotely, connector, tag, None, limits))


def _limits(charger: Charger, payload: Payload) -> ChargingProfile | None:
    """The profile that comes along; it must be a TxProfile without a transaction (1.6 §5.16.2)."""
    if payload.get("chargingProfile") is None:
        return None
    if "SmartCharging" in charger.profile.without:
        return None  # may be ignored where smart charging is not supported (1.6 §5.11)
    profile = parse(payload["chargingProfile"])
    if profile.purpose != "TxProfile" or profile.transaction_id is not None:
        raise ProfileError("only a TxProfile without a transactionId may come with a remote start")
    charger.smart_charging.check_limits(profile)
    return profile


def _remote_stop(charger: Charger, payload: Payload) -> Reply:
    number = whole(payload, "transactionId")
    for connector in charger.box.connectors:
        running = connector.transaction
        if running is not None and running.number == number and "remote" not in charger.failing:
            return status("Accepted", partial(charger.box.stop_remotely, connector, running))
    return status("Rejected")


def _reset(charger: Charger, payload: Payload) -> Reply:
    hard = word(payload, "type", ("Hard", "Soft")) == "Hard"
    if "reset" in charger.failing:
        return status("Rejected")
    reason = "HardReset" if hard else "SoftReset"
    return status("Accepted", partial(charger.restart, reason, hard=hard, boot_reason="RemoteReset"))


def _unlock(charger: Charger, payload: Payload) -> Reply:
    whole(payload, "connectorId")
    connector = connector_of(charger, payload)
    if connector is None or "fixed-cable" in charger.failing:
        return status("NotSupported")
    return status("UnlockFailed" if "unlock" in charger.failing else "Unlocked", partial(charger.box.unlock, connector))


def _change_availability(charger: Charger, payload: Payload) -> Reply:
    number = whole(payload, "connectorId")
    operative = word(payload, "type", ("Operative", "Inoperative")) == "Operative"
    if "availability" in charger.failing:
        return status("Rejected")
    if number == 0:
        return status(charger.box.change_availability_of_all(operative))
    connector = charger.box.find(number)
    return status("Rejected" if connector is None else charger.box.change_availability(connector, operative))


def _visible(charger: Charger, row: Row) -> bool:
    """Whether the charger has a key: it belongs to 1.6, and to a feature that is supported."""
    return bool(row.key) and not any(row.name in HIDDEN.get(feature, ()) for feature in charger.profile.without)


HIDDEN = {
    "LocalAuthListManagement": ("list_enabled", "list_most", "list_most_at_once"),
    "Reservation": ("reserves_any",),
    "SmartCharging": ("stack_most", "rate_units", "periods_most", "profiles_installed_most", "switches_phases"),
    "FirmwareManagement": ("transfer_protocols",),
    "Security": ("security_profile", "organization", "chain_most", "certificates_most", "checks_new_roots"),
}
"""The keys that a charger without a feature does not have."""


def _get_configuration(charger: Charger, payload: Payload) -> Reply:
    asked = payload.get("key") or [row.key for row in ROWS if _visible(charger, row)]
    found, unknown = [], []
    for key in asked:
        row = BY_KEY.get(str(key).casefold())
        if row is None or not _visible(charger, row):
            unknown.append(str(key))
            continue
        entry = {"key": row.key, "readonly": not row.writable}
        if row.kind != "secret":
            entry["value"] = charger.settings.text(row.name)
        found.append(entry)
    answer: Payload = {"configurationKey": found}
    if unknown:
        answer["unknownKey"] = unknown
    return Reply(answer)


def _change_configuration(charger: Charger, payload: Payload) -> Reply:
    row = BY_KEY.get(text(payload, "key").casefold())
    value = text(payload, "value")
    if row is None or not _visible(charger, row):
        return status("NotSupported")
    if row.name == "security_profile":
        return _change_security_profile(charger, row, value)
    changed = charger.settings.set(row, value)
    return status(changed, partial(charger.setting_changed, row.name) if changed == "Accepted" else None)


def _change_security_profile(charger: Charger, row: Row, value: str) -> Reply:
    """Only upwards, and only when everything is there for it (whitepaper A05)."""
    obstacle = charger.security.obstacle(int(value)) if row.allows(value) else f"{value!r} is no security profile"
    if obstacle is not None:
        charger.say(f"SecurityProfile: {obstacle}")
        return status("Rejected")

    async def reconnect() -> None:
        charger.security.set_profile(int(value))
        charger.life.drop("close", 0)

    return status("Accepted", reconnect)


def _clear_cache(charger: Charger, payload: Payload) -> Reply:
    if "cache" in charger.failing or not charger.settings.flag("cache"):
        return status("Rejected")
    charger.authority.clear_cache()
    return status("Accepted")


def _data_transfer(charger: Charger, payload: Payload) -> Reply:
    if text(payload, "vendorId") != VENDOR:
        return status("UnknownVendorId")
    return Reply({"status": "Accepted", "data": str(payload.get("data", ""))})


ORDERS: dict[str, Order] = {
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "Reset": _reset,
    "UnlockConnector": _unlock,
    "ChangeAvailability": _change_availability,
    "GetConfiguration": _get_configuration,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "DataTransfer": _data_transfer,
}
