"""What we tell an OCPP 1.6 charger in the Core profile (§5), and how its answers are understood."""

from __future__ import annotations

from csms.core import commands
from csms.core.commands import Answered
from csms.core.errors import CannotSay
from csms.ocpp.dialect import Payload, Says
from csms.ocpp.v16.places import connector
from csms.ocpp.wording import answered

from . import smart_charging

_OWN_NAMES = {
    ("SecurityCtrlr", "BasicAuthPassword"): "AuthorizationKey",
    ("SecurityCtrlr", "SecurityProfile"): "SecurityProfile",
    ("SecurityCtrlr", "OrganizationName"): "CpoName",
    ("SecurityCtrlr", "MaxCertificateChainSize"): "CertificateSignedMaxChainSize",
}
"""Variables of 2.0.1 that 1.6 knows by names of its own (security whitepaper §7)."""


def _name(variable: commands.VariableName) -> str:
    if variable == commands.VariableName(variable.name, variable.component) and (
        own := _OWN_NAMES.get((variable.component, variable.name))
    ):
        return own
    if variable.component or variable.instance or variable.component_instance or variable.evse is not None:
        raise CannotSay(f"OCPP 1.6 configuration keys have only a name: {variable.name} cannot belong to a component")
    return variable.name


def _start(command: commands.StartCharging) -> Payload:
    payload: Payload = {"idTag": command.token.value}
    if command.place is not None and not command.place.is_whole_charger:
        payload["connectorId"] = connector(command.place)
    if command.profile is not None:
        payload["chargingProfile"] = smart_charging.for_start(command.profile)
    return payload


def _stop(command: commands.StopCharging) -> Payload:
    return {"transactionId": command.transaction_id}


def _reset(command: commands.Reset) -> Payload:
    if command.evse is not None:
        raise CannotSay("OCPP 1.6 can only reset the charger as a whole")
    return {"type": "Hard" if command.when == "immediately" else "Soft"}


def _unlock(command: commands.UnlockConnector) -> Payload:
    if command.place.is_whole_charger:
        raise CannotSay("UnlockConnector needs a connector, 1 or higher")
    return {"connectorId": connector(command.place)}


def _availability(command: commands.ChangeAvailability) -> Payload:
    return {"connectorId": connector(command.place), "type": "Operative" if command.operative else "Inoperative"}


def _get(command: commands.GetVariables) -> Payload:
    return {"key": [_name(variable) for variable in command.variables]} if command.variables else {}


def _got(payload: Payload) -> Answered:
    """The keys as ``variables``: name, status, and where it is known value and readonly."""
    variables = [
        {"name": one.get("key", ""), "status": "Accepted", "value": one.get("value"), "readonly": one.get("readonly")}
        for one in payload.get("configurationKey", [])
    ]
    unknown = [{"name": name, "status": "UnknownVariable"} for name in payload.get("unknownKey", [])]
    status = "UnknownVariable" if unknown and not variables else "Accepted"
    return Answered(status, {"variables": variables + unknown})


def _set(command: commands.SetVariables) -> Payload:
    if len(command.settings) != 1:
        raise CannotSay(f"OCPP 1.6 changes one configuration key at a time, not {len(command.settings)}")
    setting = command.settings[0]
    return {"key": _name(setting.variable), "value": setting.value}


def _clear(_command: commands.ClearCache) -> Payload:
    return {}


def _data(command: commands.SendData) -> Payload:
    payload: Payload = {"vendorId": command.vendor_id}
    if command.message_id:
        payload["messageId"] = command.message_id
    if command.data:
        payload["data"] = command.data
    return payload


def _data_answer(payload: Payload) -> Answered:
    return answered(payload, data="data")


ROWS = (
    Says(
        command=commands.StartCharging,
        action="RemoteStartTransaction",
        write=_start,
        read=answered,
        starts_or_stops=True,
    ),
    Says(
        command=commands.StopCharging,
        action="RemoteStopTransaction",
        write=_stop,
        read=answered,
        starts_or_stops=True,
    ),
    Says(command=commands.Reset, action="Reset", write=_reset, read=answered),
    Says(command=commands.UnlockConnector, action="UnlockConnector", write=_unlock, read=answered),
    Says(command=commands.ChangeAvailability, action="ChangeAvailability", write=_availability, read=answered),
    Says(command=commands.GetVariables, action="GetConfiguration", write=_get, read=_got),
    Says(command=commands.SetVariables, action="ChangeConfiguration", write=_set, read=answered),
    Says(command=commands.ClearCache, action="ClearCache", write=_clear, read=answered),
    Says(command=commands.SendData, action="DataTransfer", write=_data, read=_data_answer),
)
