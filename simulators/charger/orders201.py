"""OCPP 2.0.1: how a charger obeys the server's calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from simulators import frames
from simulators.frames import Payload

from .connector import Connector, Tag
from .link import Reply
from .orders16.core import VENDOR
from .settings import BY_VARIABLE, COMPONENTS
from .settings_rows import Row

if TYPE_CHECKING:
    from .charger import Charger


def _status(status: str) -> Reply:
    return Reply({"status": status}, status)


def _request_start(charger: Charger, payload: Payload) -> Reply:
    token = payload["idToken"]
    tag = Tag(str(token["idToken"]), str(token["type"]))
    remote_start_id = int(payload["remoteStartId"])
    number = payload.get("evseId")
    connector = charger.box.free(None if number is None else int(number), tag) if charger.registered else None
    if connector is None:
        return _status("Rejected")
    answer: Payload = {"status": "Accepted"}
    if connector.transaction is not None:
        answer["transactionId"] = connector.transaction.reference
    return Reply(answer, then=partial(charger.box.start_remotely, connector, tag, remote_start_id))


def _request_stop(charger: Charger, payload: Payload) -> Reply:
    reference = payload["transactionId"]
    for connector in charger.box.connectors:
        if connector.transaction is not None and connector.transaction.reference == reference:
            return Reply({"status": "Accepted"}, then=partial(charger.box.stop_remotely, connector, connector.transaction))
    return _status("Rejected")


def _reset(charger: Charger, payload: Payload) -> Reply:
    hard = {"Immediate": True, "OnIdle": False}[payload["type"]]
    busy = any(connector.transaction is not None for connector in charger.box.connectors)
    if hard or not busy:
        then = partial(charger.restart, "HardReset", hard=hard, boot_reason="RemoteReset")
        return Reply({"status": "Accepted"}, then=then)
    return Reply({"status": "Scheduled"}, "Scheduled", then=partial(charger.restart_when_idle, "ScheduledReset"))


def _unlock(charger: Charger, payload: Payload) -> Reply:
    connector = charger.box.find(int(payload["evseId"])) if int(payload["connectorId"]) == 1 else None
    if connector is None:
        return _status("UnknownConnector")
    if connector.transaction is not None and connector.transaction.tag is not None:
        return _status("OngoingAuthorizedTransaction")
    return Reply({"status": "Unlocked"}, "Unlocked", then=partial(charger.box.unlock, connector))


def _change_availability(charger: Charger, payload: Payload) -> Reply:
    operative = {"Operative": True, "Inoperative": False}[payload["operationalStatus"]]
    number = int(payload.get("evse", {}).get("id", 0))
    connectors: list[Connector | None] = list(charger.box.connectors) if number == 0 else [charger.box.find(number)]
    status = "Accepted"
    for connector in connectors:
        if connector is None:
            return _status("Rejected")
        if charger.box.change_availability(connector, operative) == "Scheduled":
            status = "Scheduled"
    return _status(status)


def _look_up(data: dict[str, Any]) -> tuple[Row | None, str]:
    """The row that a component and variable name, and the status where there is none."""
    component = str(data["component"]["name"]).casefold()
    row = BY_VARIABLE.get((component, str(data["variable"]["name"]).casefold()))
    if row is None:
        return None, "UnknownVariable" if component in COMPONENTS else "UnknownComponent"
    if data.get("attributeType", "Actual") != "Actual":
        return None, "NotSupportedAttributeType"
    return row, "Accepted"


def _get_variables(charger: Charger, payload: Payload) -> Reply:
    results = []
    for data in payload["getVariableData"]:
        row, status = _look_up(data)
        if row is not None and row.kind == "secret":
            row, status = None, "Rejected"
        result = {"attributeStatus": status, "component": data["component"], "variable": data["variable"]}
        if row is not None:
            result["attributeValue"] = charger.settings.text(row.name)
        results.append(result)
    return Reply({"getVariableResult": results})


def _set_variables(charger: Charger, payload: Payload) -> Reply:
    results = []
    changed = []
    for data in payload["setVariableData"]:
        row, status = _look_up(data)
        if row is not None:
            status = charger.settings.set(row, str(data["attributeValue"]))
            if status == "Accepted":
                changed.append(row.name)
        results.append({"attributeStatus": status, "component": data["component"], "variable": data["variable"]})

    async def apply() -> None:
        for name in changed:
            await charger.setting_changed(name)

    return Reply({"setVariableResult": results}, then=apply)


def _clear_cache(charger: Charger, payload: Payload) -> Reply:
    charger.authority.clear_cache()
    return _status("Accepted")


def _data_transfer(charger: Charger, payload: Payload) -> Reply:
    if payload["vendorId"] != VENDOR:
        return _status("UnknownVendorId")
    return Reply({"status": "Accepted", "data": payload.get("data", "")})


def _trigger(charger: Charger, payload: Payload) -> Reply:
    wanted = str(payload["requestedMessage"])
    if wanted not in ("BootNotification", "Heartbeat", "StatusNotification", "MeterValues", "TransactionEvent"):
        return _status("NotImplemented")
    number = payload.get("evse", {}).get("id")
    if number and charger.box.find(int(number)) is None:
        return _status("Rejected")
    return Reply({"status": "Accepted"}, then=partial(charger.tell_again, wanted, number))


ORDERS: dict[str, Callable[[Charger, Payload], Reply]] = {
    "RequestStartTransaction": _request_start,
    "RequestStopTransaction": _request_stop,
    "Reset": _reset,
    "UnlockConnector": _unlock,
    "ChangeAvailability": _change_availability,
    "GetVariables": _get_variables,
    "SetVariables": _set_variables,
    "ClearCache": _clear_cache,
    "DataTransfer": _data_transfer,
    "TriggerMessage": _trigger,
}


def obey(charger: Charger, call: frames.Call) -> Reply:
    """Answer a call; an unknown one is ``NotImplemented``, a malformed one ``FormatViolation`` (OCPP-J 2.0.1 §4.3)."""
    order = ORDERS.get(call.action)
    if order is None:
        return Reply(status=f"{call.action} is not implemented", error="NotImplemented")
    try:
        return order(charger, call.payload)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as wrong:
        return Reply(status=f"{call.action}: {wrong!r}", error="FormatViolation")
