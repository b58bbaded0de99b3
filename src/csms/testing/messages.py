"""One whole message of every kind that an OCPP 1.6 charger sends, every optional field filled: what tests take apart and spoil."""

from __future__ import annotations

from typing import Any

TAG = "TAG-1"
AT = "2026-01-01T00:00:00Z"
SAMPLE = {
    "value": "1500",
    "context": "Sample.Periodic",
    "format": "Raw",
    "measurand": "Energy.Active.Import.Register",
    "phase": "L1",
    "location": "Outlet",
    "unit": "Wh",
}
WHOLE_16: dict[str, dict[str, Any]] = {
    "Authorize": {"idTag": TAG},
    "BootNotification": {
        "chargePointVendor": "Test",
        "chargePointModel": "T1",
        "chargePointSerialNumber": "S",
        "chargeBoxSerialNumber": "B",
        "firmwareVersion": "1",
        "iccid": "I",
        "imsi": "J",
        "meterType": "M",
        "meterSerialNumber": "N",
    },
    "DataTransfer": {"vendorId": "org.example", "messageId": "m", "data": "d"},
    "DiagnosticsStatusNotification": {"status": "Idle"},
    "FirmwareStatusNotification": {"status": "Idle"},
    "Heartbeat": {},
    "LogStatusNotification": {"status": "Idle", "requestId": 1},
    "MeterValues": {"connectorId": 1, "transactionId": 1, "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE]}]},
    "SecurityEventNotification": {"type": "FirmwareUpdated", "timestamp": AT, "techInfo": "t"},
    "SignCertificate": {"csr": "-----BEGIN CERTIFICATE REQUEST-----"},
    "SignedFirmwareStatusNotification": {"status": "Idle", "requestId": 1},
    "StartTransaction": {"connectorId": 1, "idTag": TAG, "meterStart": 10, "reservationId": 5, "timestamp": AT},
    "StatusNotification": {
        "connectorId": 1,
        "errorCode": "NoError",
        "info": "i",
        "status": "Available",
        "timestamp": AT,
        "vendorId": "v",
        "vendorErrorCode": "e",
    },
    "StopTransaction": {
        "transactionId": 1,
        "idTag": TAG,
        "meterStop": 20,
        "timestamp": AT,
        "reason": "Local",
        "transactionData": [{"timestamp": AT, "sampledValue": [SAMPLE]}],
    },
}
