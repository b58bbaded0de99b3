"""What real firmware gets wrong, one small function a fault; each bends what a charger is about to send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from simulators.frames import Payload

Bend = Callable[[str, Payload], Payload]

ENUM_FIELDS = frozenset(
    [
        "status",
        "errorCode",
        "reason",
        "measurand",
        "context",
        "unit",
        "location",
        "phase",
        "format",
        "eventType",
        "triggerReason",
        "chargingState",
        "stoppedReason",
        "connectorStatus",
        "type",
    ]
)
COUNTING_FIELDS = frozenset(
    [
        "connectorId",
        "meterStart",
        "meterStop",
        "transactionId",
        "reservationId",
        "evseId",
        "id",
        "seqNo",
        "remoteStartId",
        "value",
        "numberOfPhasesUsed",
    ]
)
TIME_FIELDS = frozenset({"timestamp"})
OPTIONAL_FIELDS = {
    "BootNotification": ("iccid", "imsi", "meterType"),
    "StatusNotification": ("info", "vendorId"),
    "StopTransaction": ("transactionData",),
    "StartTransaction": ("reservationId",),
    "TransactionEvent": ("reservationId", "cableMaxCurrent"),
}


def walk(value: Any, change: Callable[[str, Any], Any], key: str = "") -> Any:
    """A copy of a JSON value in which ``change(key, leaf)`` replaced every leaf."""
    if isinstance(value, dict):
        return {name: walk(item, change, name) for name, item in value.items()}
    if isinstance(value, list):
        return [walk(item, change, key) for item in value]
    return change(key, value)


def _samples(payload: Payload) -> list[dict[str, Any]]:
    """Every sampled value in a payload, wherever its action keeps them."""
    values = payload.get("meterValue") or payload.get("transactionData") or []
    return [sample for value in values for sample in value["sampledValue"]]


def _celcius(action: str, payload: Payload) -> Payload:
    payload = walk(payload, lambda key, leaf: leaf)
    for values in (payload.get("meterValue"), payload.get("transactionData")):
        for value in values or []:
            old = "evse" not in payload and "evseId" not in payload
            sample: dict[str, Any] = {"measurand": "Temperature", "location": "Body"}
            value["sampledValue"].append(
                sample | ({"value": "41.5", "unit": "Celcius"} if old else {"value": 41.5, "unitOfMeasure": {"unit": "Celcius"}})
            )
    return payload


def _kwh_as_strings(action: str, payload: Payload) -> Payload:
    payload = walk(payload, lambda key, leaf: leaf)
    for sample in _samples(payload):
        if str(sample.get("measurand", "")).startswith("Energy."):
            sample["value"] = f"{float(sample['value']) / 1000:.4f}"
            if "unitOfMeasure" in sample:
                sample["unitOfMeasure"] = {"unit": "kWh"}
            else:
                sample["unit"] = "kWh"
    return payload


def _lowercase_enums(action: str, payload: Payload) -> Payload:
    return dict(walk(payload, lambda key, leaf: leaf.lower() if key in ENUM_FIELDS and isinstance(leaf, str) else leaf))


def _numbers_as_strings(action: str, payload: Payload) -> Payload:
    def change(key: str, leaf: Any) -> Any:
        return str(leaf) if key in COUNTING_FIELDS and isinstance(leaf, int | float) else leaf

    return dict(walk(payload, change))


def _no_zone(action: str, payload: Payload) -> Payload:
    return dict(walk(payload, lambda key, leaf: leaf.rstrip("Z") if key in TIME_FIELDS and isinstance(leaf, str) else leaf))


def _extra_fields(action: str, payload: Payload) -> Payload:
    return payload | {"vendorStatus": "ok", "vendorCounters": {"relayCycles": 1204, "uptime": 86_400}}


def _null_fields(action: str, payload: Payload) -> Payload:
    return payload | {name: None for name in OPTIONAL_FIELDS.get(action, ()) if name not in payload}


@attrs.frozen(slots=True)
class Quirk:
    """A fault: what it is, and how it bends payloads if that is what it does."""

    text: str
    bend: Bend | None = None
    everywhere: bool = True
    """False where a server only bears it when it was configured to."""


QUIRKS: dict[str, Quirk] = {
    "no-subprotocol": Quirk("offers no subprotocol at the handshake", everywhere=False),
    "no-pong": Quirk("never answers a WebSocket ping"),
    "early-messages": Quirk("sends StatusNotification before its boot is accepted"),
    "reused-ids": Quirk("uses the message ids 1 to 10 over and over"),
    "long-ids": Quirk("uses message ids of 48 characters"),
    "always-boots": Quirk("boots at every reconnect"),
    "twice": Quirk("sends every transaction message twice"),
    "forgetful": Quirk("forgets queued transaction messages when it restarts"),
    "clock-1970": Quirk("believes it is 1970 until a boot is accepted"),
    "minus-one": Quirk("stops every transaction with the id -1 (1.6)"),
    "celcius": Quirk("adds a temperature in 'Celcius' to every meter value", _celcius),
    "kwh-as-strings": Quirk("sends energy in kWh, as text", _kwh_as_strings),
    "lowercase-enums": Quirk("writes every enumeration in lower case", _lowercase_enums),
    "numbers-as-strings": Quirk("writes numbers as text", _numbers_as_strings),
    "no-zone": Quirk("writes timestamps without a zone", _no_zone),
    "extra-fields": Quirk("adds fields of its own to every message", _extra_fields),
    "null-fields": Quirk("writes null where it has nothing to say", _null_fields),
}


def bend(quirks: set[str], action: str, payload: Payload) -> Payload:
    """What a charger with these quirks sends instead; the honest payload is not changed."""
    for name in sorted(quirks):
        change = QUIRKS[name].bend
        if change is not None:
            payload = change(action, payload)
    return payload
