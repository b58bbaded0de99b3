"""One small function a fault; each bends what a charger is about to send, and leaves the original alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulators.clock import iso, parse_iso
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
TEXT_FIELDS = frozenset({"value", "idTag", "iccid", "imsi", "chargePointSerialNumber", "serialNumber", "data"})
TIME_FIELDS = frozenset({"timestamp"})
INDIA_MS = 19_800_000
"""Five and a half hours."""
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


def _values(payload: Payload) -> list[dict[str, Any]]:
    """Every meter value in a payload, wherever its action keeps them."""
    return payload.get("meterValue") or payload.get("transactionData") or []


def _samples(payload: Payload) -> list[dict[str, Any]]:
    return [sample for value in _values(payload) for sample in value["sampledValue"]]


def _each_sample(payload: Payload, change: Callable[[dict[str, Any]], None]) -> Payload:
    """A copy in which every sampled value was changed."""
    payload = walk(payload, lambda key, leaf: leaf)
    for sample in _samples(payload):
        change(sample)
    return payload


def _is_energy(sample: dict[str, Any]) -> bool:
    return str(sample.get("measurand", "Energy.")).startswith("Energy.")


def celcius(action: str, payload: Payload) -> Payload:
    """A temperature in 'Celcius'."""
    payload = walk(payload, lambda key, leaf: leaf)
    old = "evse" not in payload and "evseId" not in payload
    for value in _values(payload):
        sample: dict[str, Any] = {"measurand": "Temperature", "location": "Body"}
        value["sampledValue"].append(
            sample | ({"value": "41.5", "unit": "Celcius"} if old else {"value": 41.5, "unitOfMeasure": {"unit": "Celcius"}})
        )
    return payload


def kwh_as_strings(action: str, payload: Payload) -> Payload:
    """Energy in kWh, as text in 2.x too."""

    def change(sample: dict[str, Any]) -> None:
        if _is_energy(sample):
            sample["value"] = f"{float(sample['value']) / 1000:.4f}"
            if "unitOfMeasure" in sample:
                sample["unitOfMeasure"] = {"unit": "kWh"}
            else:
                sample["unit"] = "kWh"

    return _each_sample(payload, change)


def kwh_labelled_wh(action: str, payload: Payload) -> Payload:
    """Energy in kWh under the name of Wh."""

    def change(sample: dict[str, Any]) -> None:
        if _is_energy(sample):
            value = round(float(sample["value"]) / 1000, 3)
            sample["value"] = str(value) if isinstance(sample["value"], str) else value

    return _each_sample(payload, change)


def phases(action: str, payload: Payload) -> Payload:
    """Currents measured against the neutral conductor, and the neutral conductor's own."""
    payload = walk(payload, lambda key, leaf: leaf)
    for value in _values(payload):
        currents = [sample for sample in value["sampledValue"] if sample.get("measurand") == "Current.Import" and "phase" in sample]
        for sample in currents:
            sample["phase"] = f"{sample['phase']}-N"
        if currents:
            value["sampledValue"].append(currents[0] | {"phase": "N"})
    return payload


def _other_than_energy(payload: Payload, text: str) -> Payload:
    def change(sample: dict[str, Any]) -> None:
        if not _is_energy(sample):
            sample["value"] = text

    return _each_sample(payload, change)


def empty_values(action: str, payload: Payload) -> Payload:
    """Empty text for values other than energy."""
    return _other_than_energy(payload, "")


def nan_values(action: str, payload: Payload) -> Payload:
    """NaN for values other than energy."""
    return _other_than_energy(payload, "NaN")


def decimal_comma(action: str, payload: Payload) -> Payload:
    """Values as text with a comma, also where they are whole."""

    def change(sample: dict[str, Any]) -> None:
        text = str(sample["value"])
        sample["value"] = text.replace(".", ",") if "." in text or not text.isdigit() else f"{text},0"

    return _each_sample(payload, change)


def misspelt_measurand(action: str, payload: Payload) -> Payload:
    """Measurands with a letter too few, and a blank."""

    def change(sample: dict[str, Any]) -> None:
        if "measurand" in sample:
            sample["measurand"] = sample["measurand"].replace("Register", "Registr").replace("Power.Active", "Power. Active")

    return _each_sample(payload, change)


def no_measurand(action: str, payload: Payload) -> Payload:
    """No measurands: in 1.6 that means energy, which most of them are not."""

    def change(sample: dict[str, Any]) -> None:
        sample.pop("measurand", None)

    return _each_sample(payload, change)


def wrong_case_enums(action: str, payload: Payload) -> Payload:
    """Enumerations in lower case."""
    return dict(walk(payload, lambda key, leaf: leaf.lower() if key in ENUM_FIELDS and isinstance(leaf, str) else leaf))


def free_text_error_code(action: str, payload: Payload) -> Payload:
    """Prose where an error code belongs."""
    if "errorCode" not in payload:
        return payload
    code = str(payload["errorCode"])
    return payload | {"errorCode": "no error, all systems fine" if code.lower() == "noerror" else f"E-42: {code}, see the manual"}


def numbers_as_strings(action: str, payload: Payload) -> Payload:
    """Numbers as text."""

    def change(key: str, leaf: Any) -> Any:
        return str(leaf) if key in COUNTING_FIELDS and isinstance(leaf, int | float) else leaf

    return dict(walk(payload, change))


def strings_as_numbers(action: str, payload: Payload) -> Payload:
    """Text that looks like a number as a number."""

    def change(key: str, leaf: Any) -> Any:
        if key not in TEXT_FIELDS or not isinstance(leaf, str) or not leaf.isascii():
            return leaf
        if leaf.isdigit():
            return int(leaf)
        whole, point, rest = leaf.partition(".")
        return float(leaf) if point and whole.lstrip("-").isdigit() and rest.isdigit() else leaf

    return dict(walk(payload, change))


def connector_as_string(action: str, payload: Payload) -> Payload:
    """The connector as text."""
    return payload | {"connectorId": str(payload["connectorId"])} if "connectorId" in payload else payload


def long_idtag(action: str, payload: Payload) -> Payload:
    """Tokens longer than the 20 characters of 1.6 §7.15."""
    return payload | {"idTag": str(payload["idTag"]).ljust(32, "0")} if "idTag" in payload else payload


def zoneless_time(action: str, payload: Payload) -> Payload:
    """UTC without saying so."""
    return dict(walk(payload, lambda key, leaf: leaf.rstrip("Z") if key in TIME_FIELDS and isinstance(leaf, str) else leaf))


def local_time(action: str, payload: Payload) -> Payload:
    """Local time without saying so."""

    def change(key: str, leaf: Any) -> Any:
        instant = parse_iso(leaf) if key in TIME_FIELDS and isinstance(leaf, str) else None
        return leaf if instant is None else iso(instant + INDIA_MS).rstrip("Z")

    return dict(walk(payload, change))


def extra_properties(action: str, payload: Payload) -> Payload:
    """Fields that no schema has."""
    return payload | {"vendorStatus": "ok", "vendorCounters": {"relayCycles": 1204, "uptime": 86_400}}


def nulls(action: str, payload: Payload) -> Payload:
    """null for what is absent."""
    return payload | {name: None for name in OPTIONAL_FIELDS.get(action, ()) if name not in payload}
