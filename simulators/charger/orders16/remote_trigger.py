"""Remote Trigger: TriggerMessage (1.6 §5.17) and ExtendedTriggerMessage (whitepaper §5.5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from simulators.charger.link import Reply
from simulators.charger.on_request import tell_again
from simulators.frames import Payload

from .reply import status, text, whole

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order

OF_A_CONNECTOR = ("StatusNotification", "MeterValues")
"""Messages to which a connectorId matters; for others it is ignored (1.6 §5.17)."""
TRIGGERS = ("BootNotification", "Heartbeat", *OF_A_CONNECTOR, "FirmwareStatusNotification", "DiagnosticsStatusNotification")
EXTENDED = (
    "BootNotification",
    "Heartbeat",
    *OF_A_CONNECTOR,
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "SignChargePointCertificate",
)
SIGNED = {"FirmwareStatusNotification": "SignedFirmwareStatusNotification"}
"""What the extended trigger means by it (whitepaper §6.14)."""


def _answer(charger: Charger, payload: Payload, known: tuple[str, ...], names: dict[str, str]) -> Reply:
    wanted = text(payload, "requestedMessage")
    if wanted not in known:
        return status("NotImplemented")
    number = None if payload.get("connectorId") is None else whole(payload, "connectorId")
    relevant = number if wanted in OF_A_CONNECTOR else None
    if "trigger" in charger.failing or (relevant and charger.box.find(relevant) is None):
        return status("Rejected")
    if wanted == "SignChargePointCertificate" and not charger.settings.text("organization"):
        charger.say("no CpoName is set: no certificate can be asked for (whitepaper A02)")
        return status("Rejected")
    return status("Accepted", partial(tell_again, charger, names.get(wanted, wanted), relevant))


def _trigger(charger: Charger, payload: Payload) -> Reply:
    return _answer(charger, payload, TRIGGERS, {})


def _extended(charger: Charger, payload: Payload) -> Reply:
    return _answer(charger, payload, EXTENDED, SIGNED)


ORDERS: dict[str, Order] = {"TriggerMessage": _trigger, "ExtendedTriggerMessage": _extended}
