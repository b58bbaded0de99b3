"""What a charger says, in the words of either OCPP version."""

from __future__ import annotations

from typing import Any, Protocol

from csms.core.units import iso

from .history import Charge, Json


class Words(Protocol):
    """One version's words. Every method gives an action and what makes its payload from the transaction id that the charger gives."""

    protocol: str
    numbered: bool
    """Whether its events are numbered, so that they may come in any order."""
    plugged: str
    """The status of a connector with a car."""

    def boot(self, word: str) -> tuple[str, Json]:
        """BootNotification, told apart by its firmware version."""
        ...

    def status(self, evse: int, status: str, said: int, word: str) -> tuple[str, Json]:
        """StatusNotification."""
        ...

    def authorize(self, token: str) -> tuple[str, Json]:
        """Authorize."""
        ...

    def start(self, charge: Charge, offline: bool) -> tuple[str, Json]:
        """The start of a charge."""
        ...

    def meter(self, charge: Charge, said: int, wh: int, offline: bool) -> tuple[str, Json]:
        """A reading within a charge; its transaction id is filled in later."""
        ...

    def stop(self, charge: Charge, reason: str, offline: bool) -> tuple[str, Json]:
        """The end of a charge; its transaction id is filled in later."""
        ...


class Words16:
    """OCPP 1.6."""

    protocol = "ocpp1.6"
    numbered = False
    plugged = "Charging"

    def boot(self, word: str) -> tuple[str, Json]:
        """BootNotification."""
        return "BootNotification", {"chargePointVendor": "World", "chargePointModel": "W16", "firmwareVersion": word}

    def status(self, evse: int, status: str, said: int, word: str) -> tuple[str, Json]:
        """StatusNotification; the vendor's error code tells it from all others."""
        payload = {"connectorId": evse, "errorCode": "NoError", "status": status, "timestamp": iso(said)}
        return "StatusNotification", {**payload, "vendorErrorCode": word}

    def authorize(self, token: str) -> tuple[str, Json]:
        """Authorize."""
        return "Authorize", {"idTag": token}

    def start(self, charge: Charge, offline: bool) -> tuple[str, Json]:
        """StartTransaction."""
        payload = {"connectorId": charge.evse, "idTag": charge.token, "meterStart": charge.start_wh}
        return "StartTransaction", {**payload, "timestamp": iso(charge.started_said)}

    def meter(self, charge: Charge, said: int, wh: int, offline: bool) -> tuple[str, Json]:
        """MeterValues."""
        reading = {"timestamp": iso(said), "sampledValue": [{"value": str(wh), "unit": "Wh"}]}
        return "MeterValues", {"connectorId": charge.evse, "meterValue": [reading]}

    def stop(self, charge: Charge, reason: str, offline: bool) -> tuple[str, Json]:
        """StopTransaction, which says whose it is, as a stop without a known transaction id must."""
        payload: dict[str, Any] = {"meterStop": charge.stop_wh, "timestamp": iso(charge.stopped_said or 0), "reason": reason}
        return "StopTransaction", {**payload, "idTag": charge.token}


class Words201:
    """OCPP 2.0.1."""

    protocol = "ocpp2.0.1"
    numbered = True
    plugged = "Occupied"

    def boot(self, word: str) -> tuple[str, Json]:
        """BootNotification."""
        station = {"vendorName": "World", "model": "W201", "firmwareVersion": word}
        return "BootNotification", {"reason": "PowerUp", "chargingStation": station}

    def status(self, evse: int, status: str, said: int, word: str) -> tuple[str, Json]:
        """StatusNotification."""
        known = status if status in ("Available", "Occupied") else "Occupied"
        return "StatusNotification", {"evseId": evse, "connectorId": 1, "connectorStatus": known, "timestamp": iso(said)}

    def authorize(self, token: str) -> tuple[str, Json]:
        """Authorize."""
        return "Authorize", {"idToken": {"idToken": token, "type": "ISO14443"}}

    def start(self, charge: Charge, offline: bool) -> tuple[str, Json]:
        """TransactionEvent(Started)."""
        token = {"idToken": {"idToken": charge.token, "type": "ISO14443"}}
        asked = {} if charge.remote_start_id is None else {"remoteStartId": charge.remote_start_id}
        return self._event(charge, "Started", "Authorized", charge.started_said, charge.start_wh, "Begin", offline, token, **asked)

    def meter(self, charge: Charge, said: int, wh: int, offline: bool) -> tuple[str, Json]:
        """TransactionEvent(Updated)."""
        return self._event(charge, "Updated", "MeterValuePeriodic", said, wh, "", offline, {})

    def stop(self, charge: Charge, reason: str, offline: bool) -> tuple[str, Json]:
        """TransactionEvent(Ended)."""
        known = "PowerLoss" if reason == "PowerLoss" else "Local"
        stop_wh, stopped = charge.stop_wh or 0, charge.stopped_said or 0
        return self._event(charge, "Ended", "StopAuthorized", stopped, stop_wh, "End", offline, {}, stoppedReason=known)

    def _event(
        self, charge: Charge, kind: str, trigger: str, said: int, wh: int, edge: str, offline: bool, more: Json, **info: Any
    ) -> tuple[str, Json]:
        seq_no, charge.seq_no = charge.seq_no, charge.seq_no + 1
        sample = {"value": wh, "context": f"Transaction.{edge}" if edge else "Sample.Periodic"}
        payload = {
            "eventType": kind,
            "timestamp": iso(said),
            "triggerReason": trigger,
            "seqNo": seq_no,
            "offline": offline,
            "transactionInfo": {"transactionId": charge.reference, **info},
            "evse": {"id": charge.evse, "connectorId": 1},
            "meterValue": [{"timestamp": iso(said), "sampledValue": [sample]}],
        }
        return "TransactionEvent", {**payload, **more}


WORDS: dict[str, Words] = {words.protocol: words for words in (Words16(), Words201())}
