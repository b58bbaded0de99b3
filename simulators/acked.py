"""The record of what a server acknowledged: one JSON line per answered CALL, for a checker to hold against what the server kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from simulators.clock import parse_iso
from simulators.frames import Payload, json_text
from simulators.watch import SentCall, Watcher

ENERGY = "Energy.Active.Import.Register"
UNRECORDED = frozenset({"Heartbeat"})
"""A server need not keep these."""


def readings(payload: Payload) -> list[dict[str, Any]]:
    """The timestamps and energies in a message's meter values."""
    found = []
    for value in payload.get("meterValue") or payload.get("transactionData") or []:
        energies = [float(sample["value"]) for sample in value["sampledValue"] if sample.get("measurand") == ENERGY]
        found.append({"at": parse_iso(value["timestamp"]), "energy_wh": energies[0] if energies else None})
    return found


def facts(call: SentCall, answer: Payload) -> dict[str, Any]:
    """What an acknowledged call promises: the fields by which the fact can be found again, in neutral names."""
    sent = call.payload
    at = sent.get("timestamp")
    fact: dict[str, Any] = {"at": parse_iso(at)} if isinstance(at, str) else {}
    match call.action:
        case "BootNotification":
            station = sent.get("chargingStation", {})
            fact["vendor"] = sent.get("chargePointVendor") or station.get("vendorName")
            fact["model"] = sent.get("chargePointModel") or station.get("model")
            fact["status"] = answer.get("status")
        case "Authorize":
            fact["token"] = sent.get("idTag") or sent.get("idToken", {}).get("idToken")
            fact["status"] = (answer.get("idTagInfo") or answer.get("idTokenInfo") or {}).get("status")
        case "StatusNotification":
            fact["evse"] = sent.get("connectorId") if "evseId" not in sent else sent["evseId"]
            fact["connector"] = sent["connectorId"] if "evseId" in sent else min(int(sent.get("connectorId", 0)), 1)
            fact["status"] = sent.get("status") or sent.get("connectorStatus")
        case "StartTransaction":
            fact |= {
                "evse": sent.get("connectorId"),
                "token": sent.get("idTag"),
                "meter_wh": sent.get("meterStart"),
                "transaction_id": answer.get("transactionId"),
                "status": answer.get("idTagInfo", {}).get("status"),
            }
        case "StopTransaction":
            fact |= {
                "transaction_id": sent.get("transactionId"),
                "meter_wh": sent.get("meterStop"),
                "reason": sent.get("reason"),
                "readings": readings(sent),
            }
        case "MeterValues":
            fact |= {
                "evse": sent.get("connectorId") if "evseId" not in sent else sent["evseId"],
                "transaction_id": sent.get("transactionId"),
                "readings": readings(sent),
            }
        case "TransactionEvent":
            fact |= {
                "event": sent["eventType"],
                "reference": sent["transactionInfo"]["transactionId"],
                "seq_no": sent["seqNo"],
                "evse": sent.get("evse", {}).get("id"),
                "token": sent.get("idToken", {}).get("idToken"),
                "trigger": sent["triggerReason"],
                "reason": sent["transactionInfo"].get("stoppedReason"),
                "offline": bool(sent.get("offline")),
                "readings": readings(sent),
            }
    return fact


class AckedRecord(Watcher):
    """Writes ``FILE``: each line is written whole and at once, so that a killed fleet leaves a readable file."""

    def __init__(self, path: Path) -> None:
        self._file: TextIO = path.open("w", encoding="utf-8", buffering=1)
        self.lines = 0

    def answered(self, call: SentCall, answer: Payload, seconds: float, overdue: bool) -> None:
        """One line per CALLRESULT."""
        if call.action in UNRECORDED:
            return
        line = {
            "charger_id": call.charger_id,
            "version": call.version,
            "connection": call.connection,
            "message_id": call.message_id,
            "action": call.action,
            "attempt": call.attempt,
            "sent_at": call.sent_at,
            "acked_at": call.sent_at + round(seconds * 1000),
            "facts": facts(call, answer),
        }
        self._file.write(json_text(line) + "\n")
        self.lines += 1

    def __enter__(self) -> AckedRecord:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()
