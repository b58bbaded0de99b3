"""What we tell an OCPP 1.6 charger of firmware, diagnostics and logs (§5.9, §5.19; security whitepaper L01, N01)."""

from __future__ import annotations

from csms.core import commands
from csms.core.commands import Answered
from csms.core.errors import CannotSay
from csms.ocpp.dialect import Payload, Says
from csms.ocpp.wording import answered, instant


def _tries(command: commands.UpdateFirmware | commands.GetDiagnostics | commands.GetLog) -> Payload:
    payload: Payload = {}
    if command.retries is not None:
        payload["retries"] = command.retries
    if command.retry_interval_s is not None:
        payload["retryInterval"] = command.retry_interval_s
    return payload


def _is_signed(command: commands.UpdateFirmware) -> bool:
    return bool(command.signature or command.signing_certificate)


def _update(command: commands.UpdateFirmware) -> Payload:
    if command.install_at is not None:
        raise CannotSay("OCPP 1.6 takes no time of installation for unsigned firmware")
    return {"location": command.location, "retrieveDate": instant(command.retrieve_at), **_tries(command)}


def _updating(_payload: Payload) -> Answered:
    """UpdateFirmware.conf is empty (§6.56): the charger will say how it goes."""
    return Answered("Accepted")


def _signed_update(command: commands.UpdateFirmware) -> Payload:
    firmware: Payload = {
        "location": command.location,
        "retrieveDateTime": instant(command.retrieve_at),
        "signingCertificate": command.signing_certificate,
        "signature": command.signature,
    }
    if command.install_at is not None:
        firmware["installDateTime"] = instant(command.install_at)
    return {"requestId": command.request_id, "firmware": firmware, **_tries(command)}


def _diagnostics(command: commands.GetDiagnostics) -> Payload:
    payload: Payload = {"location": command.location, **_tries(command)}
    if command.oldest_at is not None:
        payload["startTime"] = instant(command.oldest_at)
    if command.latest_at is not None:
        payload["stopTime"] = instant(command.latest_at)
    return payload


def _diagnosed(payload: Payload) -> Answered:
    """Without a file name there are no diagnostics to upload (§5.9)."""
    name = payload.get("fileName")
    return Answered("Accepted", {"file_name": name}) if name else Answered("NotAvailable")


def _get_log(command: commands.GetLog) -> Payload:
    log: Payload = {"remoteLocation": command.location}
    if command.oldest_at is not None:
        log["oldestTimestamp"] = instant(command.oldest_at)
    if command.latest_at is not None:
        log["latestTimestamp"] = instant(command.latest_at)
    return {"logType": command.kind, "requestId": command.request_id, "log": log, **_tries(command)}


def _logged(payload: Payload) -> Answered:
    return answered(payload, file_name="filename")


ROWS = (
    Says(command=commands.UpdateFirmware, action="SignedUpdateFirmware", write=_signed_update, read=answered, when=_is_signed),
    Says(command=commands.UpdateFirmware, action="UpdateFirmware", write=_update, read=_updating),
    Says(command=commands.GetDiagnostics, action="GetDiagnostics", write=_diagnostics, read=_diagnosed),
    Says(command=commands.GetLog, action="GetLog", write=_get_log, read=_logged),
)
