"""What a charger says in the course of a charge, in the words of either OCPP version, so that one test can be run in both."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.units import iso

from .charger import ScriptedCharger

ENERGY = "Energy.Active.Import.Register"


@attrs.define(slots=True, kw_only=True)
class Charge:
    """A charge under way. ``at`` are instants, ``wh`` the energy register.

    ``transaction_id`` is the server's number, which only OCPP 1.6 is told; ``reference`` is the charger's own, which only 2.x has.
    ``token_status`` is what the server said of the token at the start.
    """

    evse: int
    token: str
    at: int
    token_status: str
    transaction_id: int | None = None
    reference: str = ""
    seq_no: int = 0


class Script16:
    """OCPP 1.6. Every method sends one CALL and waits for its answer; a refusal raises ``CallFailed``."""

    protocol = "ocpp1.6"

    def __init__(self, charger: ScriptedCharger) -> None:
        self.charger = charger

    async def boot(self, **more: Any) -> str:
        """BootNotification; the registration told."""
        status: str = (await self.charger.boot_v16(**more))["status"]
        return status

    async def heartbeat(self) -> str:
        """Heartbeat; the time told."""
        time: str = (await self.charger.call("Heartbeat", {}))["currentTime"]
        return time

    async def status(self, evse: int, status: str, at: int) -> None:
        """StatusNotification."""
        payload = {"connectorId": evse, "errorCode": "NoError", "status": status, "timestamp": iso(at)}
        await self.charger.call("StatusNotification", payload)

    async def authorize(self, token: str) -> str:
        """Authorize; the verdict on the token."""
        status: str = (await self.charger.call("Authorize", {"idTag": token}))["idTagInfo"]["status"]
        return status

    async def start(self, token: str, *, evse: int = 1, wh: int = 0, at: int, remote_start_id: int | None = None) -> Charge:
        """StartTransaction. A remote start shows in nothing but its token (1.6 §5.11)."""
        payload = {"connectorId": evse, "idTag": token, "meterStart": wh, "timestamp": iso(at)}
        answer = await self.charger.call("StartTransaction", payload)
        told = answer["idTagInfo"]["status"]
        return Charge(evse=evse, token=token, at=at, token_status=told, transaction_id=answer["transactionId"])

    async def meter(self, charge: Charge, wh: int, at: int) -> None:
        """MeterValues with the energy register in Wh."""
        sample = {"value": str(wh), "measurand": ENERGY, "unit": "Wh", "context": "Sample.Periodic"}
        payload: dict[str, Any] = {"connectorId": charge.evse, "meterValue": [{"timestamp": iso(at), "sampledValue": [sample]}]}
        if charge.transaction_id is not None:
            payload["transactionId"] = charge.transaction_id
        await self.charger.call("MeterValues", payload)

    async def stop(self, charge: Charge, wh: int, at: int, *, reason: str = "Local") -> None:
        """StopTransaction."""
        payload = {"transactionId": charge.transaction_id, "meterStop": wh, "timestamp": iso(at), "reason": reason}
        await self.charger.call("StopTransaction", payload)

    async def data(self, vendor_id: str, data: str = "") -> dict[str, Any]:
        """DataTransfer; the answer."""
        return await self.charger.call("DataTransfer", {"vendorId": vendor_id, "data": data})


class Script201:
    """OCPP 2.0.1, as ``Script16``."""

    protocol = "ocpp2.0.1"

    def __init__(self, charger: ScriptedCharger) -> None:
        self.charger = charger

    async def boot(self, **more: Any) -> str:
        """BootNotification; the registration told."""
        status: str = (await self.charger.boot_v201(**more))["status"]
        return status

    async def heartbeat(self) -> str:
        """Heartbeat; the time told."""
        time: str = (await self.charger.call("Heartbeat", {}))["currentTime"]
        return time

    async def status(self, evse: int, status: str, at: int) -> None:
        """StatusNotification of the EVSE's connector 1."""
        payload = {"evseId": evse, "connectorId": 1, "connectorStatus": status, "timestamp": iso(at)}
        await self.charger.call("StatusNotification", payload)

    async def authorize(self, token: str) -> str:
        """Authorize; the verdict on the token."""
        answer = await self.charger.call("Authorize", {"idToken": {"idToken": token, "type": "ISO14443"}})
        status: str = answer["idTokenInfo"]["status"]
        return status

    async def start(self, token: str, *, evse: int = 1, wh: int = 0, at: int, remote_start_id: int | None = None) -> Charge:
        """TransactionEvent(Started) under a reference of its own, with the register at its begin."""
        charge = Charge(evse=evse, token=token, at=at, token_status="", reference=f"{token}-{evse}-{at}"[:36])
        info = {} if remote_start_id is None else {"remoteStartId": remote_start_id}
        trigger = "Authorized" if remote_start_id is None else "RemoteStart"
        told = {"idToken": {"idToken": token, "type": "ISO14443"}}
        answer = await self._event("Started", trigger, charge, wh, at, "Transaction.Begin", info, **told)
        charge.token_status = answer["idTokenInfo"]["status"]
        return charge

    async def meter(self, charge: Charge, wh: int, at: int) -> None:
        """TransactionEvent(Updated) with the energy register in Wh."""
        await self._event("Updated", "MeterValuePeriodic", charge, wh, at, "Sample.Periodic", {"chargingState": "Charging"})

    async def stop(self, charge: Charge, wh: int, at: int, *, reason: str = "Local") -> None:
        """TransactionEvent(Ended) with the register at its end."""
        await self._event("Ended", "StopAuthorized", charge, wh, at, "Transaction.End", {"stoppedReason": reason})

    async def data(self, vendor_id: str, data: str = "") -> dict[str, Any]:
        """DataTransfer; the answer."""
        return await self.charger.call("DataTransfer", {"vendorId": vendor_id, "data": data})

    async def _event(
        self, kind: str, trigger: str, charge: Charge, wh: int, at: int, context: str, info: dict[str, Any], **more: Any
    ) -> dict[str, Any]:
        sample = {"value": wh, "measurand": ENERGY, "unitOfMeasure": {"unit": "Wh"}, "context": context}
        payload = {
            "eventType": kind,
            "timestamp": iso(at),
            "triggerReason": trigger,
            "seqNo": charge.seq_no,
            "transactionInfo": {"transactionId": charge.reference, **info},
            "evse": {"id": charge.evse, "connectorId": 1},
            "meterValue": [{"timestamp": iso(at), "sampledValue": [sample]}],
            **more,
        }
        answer = await self.charger.call("TransactionEvent", payload)
        charge.seq_no += 1
        return answer


Script = Script16 | Script201
SCRIPTS: dict[str, type[Script16] | type[Script201]] = {kind.protocol: kind for kind in (Script16, Script201)}
"""The scripts by subprotocol."""


def script(charger: ScriptedCharger) -> Script:
    """The script in the version that this charger's handshake agreed on."""
    return SCRIPTS[charger.subprotocol or Script16.protocol](charger)
