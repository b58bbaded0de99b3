"""What an OCPP 1.6 charger tells us of firmware and diagnostics: the Firmware Management profile (§4.4, §4.5) and its signed kin."""

from __future__ import annotations

from csms.core import reports
from csms.ocpp.dialect import Hearing, Hears, Payload

_UPLOADS: dict[str, str] = {"UploadFailed": "UploadFailure"}
"""DiagnosticsStatus (§7.24) in the words of the whitepaper's UploadLogStatusEnumType."""


def _request_id(payload: Payload, hearing: Hearing) -> int | None:
    value = payload.get("requestId")
    return None if value is None else hearing.integer(value, "requestId")


def _firmware(payload: Payload, hearing: Hearing) -> reports.FirmwareStatusReported:
    return reports.FirmwareStatusReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        status=payload["status"],
        request_id=_request_id(payload, hearing),
        oddities=hearing.oddities(),
    )


def _log(payload: Payload, hearing: Hearing) -> reports.LogStatusReported:
    return reports.LogStatusReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        status=payload["status"],
        request_id=_request_id(payload, hearing),
        oddities=hearing.oddities(),
    )


def _diagnostics(payload: Payload, hearing: Hearing) -> reports.LogStatusReported:
    status: str = payload["status"]
    return reports.LogStatusReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        status=_UPLOADS.get(status, status),
        diagnostics=True,
        oddities=hearing.oddities(),
    )


def _noted(_request: Payload, _verdict: reports.Noted) -> Payload:
    return {}


ROWS = (
    Hears(action="FirmwareStatusNotification", read=_firmware, write=_noted, verdict=reports.Noted),
    Hears(action="DiagnosticsStatusNotification", read=_diagnostics, write=_noted, verdict=reports.Noted),
    Hears(action="SignedFirmwareStatusNotification", read=_firmware, write=_noted, verdict=reports.Noted),
    Hears(action="LogStatusNotification", read=_log, write=_noted, verdict=reports.Noted),
)
