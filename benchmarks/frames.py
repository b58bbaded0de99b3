"""The OCPP 1.6 frames that the load generator sends, prepared as bytes; the message id is filled in per request."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

HEARTBEAT, METER_VALUES, START, STOP, BOOT, STATUS = (
    "Heartbeat",
    "MeterValues",
    "StartTransaction",
    "StopTransaction",
    "BootNotification",
    "StatusNotification",
)


def call(message_id: str, action: str, payload: dict[str, Any]) -> bytes:
    """One CALL as compact JSON."""
    return json.dumps([2, message_id, action, payload], separators=(",", ":")).encode()


def boot(message_id: str) -> bytes:
    """BootNotification with what most chargers send."""
    return call(
        message_id,
        BOOT,
        {
            "chargePointVendor": "Bench",
            "chargePointModel": "B1",
            "chargePointSerialNumber": "0001",
            "firmwareVersion": "1.2.3",
        },
    )


def status(message_id: str, number: int) -> bytes:
    """StatusNotification of connector 1, alternating so that each one changes a fact."""
    state = "Available" if number % 2 else "Preparing"
    return call(message_id, STATUS, {"connectorId": 1, "errorCode": "NoError", "status": state, "timestamp": timestamp(number)})


def heartbeat(message_id: str) -> bytes:
    """Heartbeat."""
    return call(message_id, HEARTBEAT, {})


def meter_values(message_id: str, transaction_id: int, number: int) -> bytes:
    """MeterValues with four samples: energy, power, current, voltage."""
    samples = [
        {"value": str(1000 + number), "measurand": "Energy.Active.Import.Register", "unit": "Wh", "context": "Sample.Periodic"},
        {"value": "7360.5", "measurand": "Power.Active.Import", "unit": "W", "context": "Sample.Periodic"},
        {"value": "32.0", "measurand": "Current.Import", "unit": "A", "phase": "L1", "context": "Sample.Periodic"},
        {"value": "230.1", "measurand": "Voltage", "unit": "V", "phase": "L1-N", "context": "Sample.Periodic"},
    ]
    payload = {
        "connectorId": 1,
        "transactionId": transaction_id,
        "meterValue": [{"timestamp": timestamp(number), "sampledValue": samples}],
    }
    return call(message_id, METER_VALUES, payload)


def start(message_id: str, token: str, number: int) -> bytes:
    """StartTransaction on connector 1."""
    payload = {"connectorId": 1, "idTag": token, "meterStart": 1000 + number, "timestamp": timestamp(number)}
    return call(message_id, START, payload)


def stop(message_id: str, transaction_id: int, token: str, number: int) -> bytes:
    """StopTransaction of a transaction of ours."""
    payload = {"transactionId": transaction_id, "idTag": token, "meterStop": 2000 + number, "timestamp": timestamp(number)}
    return call(message_id, STOP, payload)


def timestamp(number: int) -> str:
    """A time of day that moves on with ``number``, so that no two frames of a charger are equal."""
    if _BEGAN_S:
        return datetime.fromtimestamp(_BEGAN_S[-1] + number, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    seconds = number % 3600
    day = 1 + number // 3600 % 28
    return f"2026-01-{day:02d}T12:{seconds // 60:02d}:{seconds % 60:02d}Z"


_BEGAN_S: list[int] = []


def begin_at(instant_s: int) -> None:
    """Count the time of frames from this instant, where they must be newer than what is stored; from one long ago at 0."""
    _BEGAN_S[:] = [instant_s] if instant_s else []
