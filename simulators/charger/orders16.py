"""OCPP 1.6: how a charger obeys the server's calls (§5)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from simulators import frames
from simulators.frames import Payload

from .connector import Tag
from .link import Reply
from .settings import BY_KEY, ROWS

if TYPE_CHECKING:
    from .charger import Charger

VENDOR = "simulators"
"""The vendor id whose data transfers are understood."""


def _status(status: str) -> Reply:
    return Reply({"status": status}, status)


def _remote_start(charger: Charger, payload: Payload) -> Reply:
    tag = Tag(str(payload["idTag"]))
    number = payload.get("connectorId")
    connector = charger.box.free(None if number is None else int(number)) if charger.registered else None
    if connector is None:
        return _status("Rejected")
    return Reply({"status": "Accepted"}, then=partial(charger.box.start_remotely, connector, tag, None))


def _remote_stop(charger: Charger, payload: Payload) -> Reply:
    number = int(payload["transactionId"])
    for connector in charger.box.connectors:
        if connector.transaction is not None and connector.transaction.number == number:
            return Reply({"status": "Accepted"}, then=partial(charger.box.stop_remotely, connector, connector.transaction))
    return _status("Rejected")


def _reset(charger: Charger, payload: Payload) -> Reply:
    hard = {"Hard": True, "Soft": False}[payload["type"]]
    reason = "HardReset" if hard else "SoftReset"
    return Reply({"status": "Accepted"}, then=partial(charger.restart, reason, hard=hard, boot_reason="RemoteReset"))


def _unlock(charger: Charger, payload: Payload) -> Reply:
    connector = charger.box.find(int(payload["connectorId"]))
    if connector is None:
        return _status("NotSupported")
    return Reply({"status": "Unlocked"}, "Unlocked", then=partial(charger.box.unlock, connector))


def _change_availability(charger: Charger, payload: Payload) -> Reply:
    number = int(payload["connectorId"])
    operative = {"Operative": True, "Inoperative": False}[payload["type"]]
    connectors = charger.box.connectors if number == 0 else [charger.box.find(number)]
    status = "Accepted"
    for connector in connectors:
        if connector is None:
            return _status("Rejected")
        if charger.box.change_availability(connector, operative) == "Scheduled":
            status = "Scheduled"
    return _status(status)


def _get_configuration(charger: Charger, payload: Payload) -> Reply:
    asked = payload.get("key") or [row.key for row in ROWS if row.key]
    found, unknown = [], []
    for key in asked:
        row = BY_KEY.get(str(key).casefold())
        if row is None:
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
    row = BY_KEY.get(str(payload["key"]).casefold())
    if row is None:
        return _status("NotSupported")
    status = charger.settings.set(row, str(payload["value"]))
    then = partial(charger.setting_changed, row.name) if status == "Accepted" else None
    return Reply({"status": status}, status, then=then)


def _clear_cache(charger: Charger, payload: Payload) -> Reply:
    charger.known_tags.clear()
    return _status("Accepted")


def _data_transfer(charger: Charger, payload: Payload) -> Reply:
    if payload["vendorId"] != VENDOR:
        return _status("UnknownVendorId")
    return Reply({"status": "Accepted", "data": str(payload.get("data", ""))})


def _trigger(charger: Charger, payload: Payload) -> Reply:
    wanted = str(payload["requestedMessage"])
    if wanted not in ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues"):
        return _status("NotImplemented")
    number = payload.get("connectorId")
    if number and charger.box.find(int(number)) is None:
        return _status("Rejected")
    return Reply({"status": "Accepted"}, then=partial(charger.tell_again, wanted, None if number is None else int(number)))


ORDERS: dict[str, Callable[[Charger, Payload], Reply]] = {
    "RemoteStartTransaction": _remote_start,
    "RemoteStopTransaction": _remote_stop,
    "Reset": _reset,
    "UnlockConnector": _unlock,
    "ChangeAvailability": _change_availability,
    "GetConfiguration": _get_configuration,
    "ChangeConfiguration": _change_configuration,
    "ClearCache": _clear_cache,
    "DataTransfer": _data_transfer,
    "TriggerMessage": _trigger,
}


def obey(charger: Charger, call: frames.Call) -> Reply:
    """Answer a call; an unknown one is ``NotImplemented``, a malformed one ``FormationViolation`` (OCPP-J 1.6 §4.2.3)."""
    order = ORDERS.get(call.action)
    if order is None:
        return Reply(status=f"{call.action} is not implemented", error="NotImplemented")
    try:
        return order(charger, call.payload)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as wrong:
        return Reply(status=f"{call.action}: {wrong!r}", error="FormationViolation")
