"""What we tell an OCPP 1.6 charger in the Remote Trigger profile (§5.17), and the whitepaper's ExtendedTriggerMessage."""

from __future__ import annotations

from csms.core import commands
from csms.core.errors import CannotSay
from csms.ocpp.dialect import Payload, Says
from csms.ocpp.v16.places import connector
from csms.ocpp.wording import answered

_PLAIN = frozenset(
    {
        "BootNotification",
        "DiagnosticsStatusNotification",
        "FirmwareStatusNotification",
        "Heartbeat",
        "MeterValues",
        "StatusNotification",
    }
)
_EXTENDED = {
    "BootNotification": "BootNotification",
    "LogStatusNotification": "LogStatusNotification",
    "FirmwareStatusNotification": "FirmwareStatusNotification",
    "Heartbeat": "Heartbeat",
    "MeterValues": "MeterValues",
    "SignChargingStationCertificate": "SignChargePointCertificate",
    "StatusNotification": "StatusNotification",
}


def _is_plain(command: commands.TriggerMessage) -> bool:
    return command.message in _PLAIN and not command.extended


def _payload(command: commands.TriggerMessage, requested: str) -> Payload:
    payload: Payload = {"requestedMessage": requested}
    if command.place is not None and not command.place.is_whole_charger:
        payload["connectorId"] = connector(command.place)
    return payload


def _trigger(command: commands.TriggerMessage) -> Payload:
    return _payload(command, command.message)


def _extended(command: commands.TriggerMessage) -> Payload:
    requested = _EXTENDED.get(command.message)
    if requested is None:
        raise CannotSay(f"an OCPP 1.6 charger cannot be made to send {command.message} this way")
    return _payload(command, requested)


ROWS = (
    Says(command=commands.TriggerMessage, action="TriggerMessage", write=_trigger, read=answered, when=_is_plain),
    Says(command=commands.TriggerMessage, action="ExtendedTriggerMessage", write=_extended, read=answered),
)
