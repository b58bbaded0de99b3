"""What we tell an OCPP 2.0.1 charging station, and how its answers are understood. Citations are use cases of part 2."""

from __future__ import annotations

from typing import Any

from csms.core import commands
from csms.core.commands import Answered
from csms.core.errors import CannotSay
from csms.core.ids import Place
from csms.ocpp import wording
from csms.ocpp.dialect import Payload, Says


def _answered(payload: Payload) -> Answered:
    """A status, maybe with a StatusInfoType: ``reason`` and ``info``."""
    info = payload.get("statusInfo", {})
    return Answered(payload.get("status", ""), _kept(reason=info.get("reasonCode"), info=info.get("additionalInfo")))


def _kept(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _start(command: commands.StartCharging) -> Payload:
    """RequestStartTransaction (F01, F02). A token of unknown kind is one that we made up: ``Central``."""
    payload: Payload = {
        "remoteStartId": command.remote_start_id,
        "idToken": {"idToken": command.token.value, "type": command.token.kind or "Central"},
    }
    if command.place is not None and not command.place.is_whole_charger:
        payload["evseId"] = command.place.evse
    return payload


def _start_answer(payload: Payload) -> Answered:
    """As ``_answered``, with the ``reference`` of a transaction that was running already (F02)."""
    told = _answered(payload)
    return Answered(told.status, told.detail | _kept(reference=payload.get("transactionId")))


def _stop(command: commands.StopCharging) -> Payload:
    """RequestStopTransaction (F03)."""
    if not command.reference:
        raise CannotSay("OCPP 2.0.1 stops a transaction by the charger's own reference, and none is known")
    return {"transactionId": command.reference}


def _reset(command: commands.Reset) -> Payload:
    """Reset (B11, B12)."""
    payload: Payload = {"type": "Immediate" if command.when == "immediately" else "OnIdle"}
    if command.evse is not None:
        payload["evseId"] = command.evse
    return payload


def _unlock(command: commands.UnlockConnector) -> Payload:
    """UnlockConnector (F05)."""
    if command.place.is_whole_charger or not command.place.connector:
        raise CannotSay("UnlockConnector needs an EVSE and its connector, such as 1.1")
    return {"evseId": command.place.evse, "connectorId": command.place.connector}


def _evse(evse: int, connector: int | None) -> Payload:
    return {"id": evse, "connectorId": connector} if connector else {"id": evse}


def _availability(command: commands.ChangeAvailability) -> Payload:
    """ChangeAvailability (G03, G04): of a connector, an EVSE, or without either of the whole station."""
    payload: Payload = {"operationalStatus": "Operative" if command.operative else "Inoperative"}
    place: Place = command.place
    if not place.is_whole_charger:
        payload["evse"] = _evse(place.evse, place.connector)
    return payload


def _variable(variable: commands.VariableName) -> Payload:
    if not variable.component:
        raise CannotSay(f"an OCPP 2.0.1 variable belongs to a component: say which for {variable.name}")
    component: Payload = {"name": variable.component}
    if variable.component_instance:
        component["instance"] = variable.component_instance
    if variable.evse is not None:
        component["evse"] = _evse(variable.evse, variable.connector)
    named: Payload = {"name": variable.name}
    if variable.instance:
        named["instance"] = variable.instance
    return {"component": component, "variable": named}


def _get(command: commands.GetVariables) -> Payload:
    """GetVariables (B06)."""
    if not command.variables:
        raise CannotSay("OCPP 2.0.1 reads the variables that are named: name at least one")
    return {"getVariableData": [_variable(variable) for variable in command.variables]}


def _set(command: commands.SetVariables) -> Payload:
    """SetVariables (B05)."""
    if not command.settings:
        raise CannotSay("SetVariables needs at least one setting")
    return {"setVariableData": [_variable(setting.variable) | {"attributeValue": setting.value} for setting in command.settings]}


def _result(one: Payload) -> dict[str, Any]:
    component, variable, info = one.get("component", {}), one.get("variable", {}), one.get("attributeStatusInfo", {})
    evse = component.get("evse", {})
    return _kept(
        name=variable.get("name", ""),
        instance=variable.get("instance"),
        component=component.get("name", ""),
        component_instance=component.get("instance"),
        evse=evse.get("id"),
        connector=evse.get("connectorId"),
        status=one.get("attributeStatus", ""),
        value=one.get("attributeValue"),
        reason=info.get("reasonCode"),
        info=info.get("additionalInfo"),
    )


def _got(payload: Payload) -> Answered:
    """Each variable's result as ``variables``; accepted when any could be read."""
    variables = [_result(one) for one in payload.get("getVariableResult", [])]
    statuses = [one["status"] for one in variables]
    return Answered("Accepted" if "Accepted" in statuses or not statuses else statuses[0], {"variables": variables})


def _was_set(payload: Payload) -> Answered:
    """Each setting's result as ``variables``; the status is the first refusal, else whether a reboot is wanted."""
    variables = [_result(one) for one in payload.get("setVariableResult", [])]
    statuses = [one["status"] for one in variables]
    refused = [status for status in statuses if status not in ("Accepted", "RebootRequired")]
    status = refused[0] if refused else "RebootRequired" if "RebootRequired" in statuses else "Accepted" if statuses else ""
    return Answered(status, {"variables": variables})


def _clear(_command: commands.ClearCache) -> Payload:
    """ClearCache (C11)."""
    return {}


def _data(command: commands.SendData) -> Payload:
    """DataTransfer (P01)."""
    payload: Payload = {"vendorId": command.vendor_id}
    if command.message_id:
        payload["messageId"] = command.message_id
    if command.data:
        payload["data"] = wording.data_value(command.data)
    return payload


def _data_answer(payload: Payload) -> Answered:
    told = _answered(payload)
    return Answered(told.status, told.detail | _kept(data=payload.get("data")))


SAYS = (
    Says(
        command=commands.StartCharging,
        action="RequestStartTransaction",
        write=_start,
        read=_start_answer,
        starts_or_stops=True,
    ),
    Says(
        command=commands.StopCharging,
        action="RequestStopTransaction",
        write=_stop,
        read=_answered,
        starts_or_stops=True,
    ),
    Says(command=commands.Reset, action="Reset", write=_reset, read=_answered),
    Says(command=commands.UnlockConnector, action="UnlockConnector", write=_unlock, read=_answered),
    Says(command=commands.ChangeAvailability, action="ChangeAvailability", write=_availability, read=_answered),
    Says(command=commands.GetVariables, action="GetVariables", write=_get, read=_got),
    Says(command=commands.SetVariables, action="SetVariables", write=_set, read=_was_set),
    Says(command=commands.ClearCache, action="ClearCache", write=_clear, read=_answered),
    Says(command=commands.SendData, action="DataTransfer", write=_data, read=_data_answer),
)
