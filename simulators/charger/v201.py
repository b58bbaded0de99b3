"""OCPP 2.0.1: what a charger says (orders201.py is what it hears)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from simulators import frames
from simulators.clock import iso, parse_iso
from simulators.frames import Payload

from . import meter, orders201
from .connector import Connector, Tag, Transaction
from .link import Reply
from .local_list import Known
from .meter import Sample
from .outbox import Parcel
from .tongue import Registered, Words

if TYPE_CHECKING:
    from .charger import Charger

REASONS = {
    "EVDisconnected": "EVDisconnected",
    "Local": "Local",
    "Remote": "Remote",
    "DeAuthorized": "DeAuthorized",
    "HardReset": "ImmediateReset",
    "SoftReset": "ImmediateReset",
    "PowerLoss": "PowerLoss",
    "Reboot": "Reboot",
    "EmergencyStop": "EmergencyStop",
}
"""The 2.0.1 stop reason for our word (which is 1.6's); ``Other`` for the rest."""
STATES = {"Charging": "Charging", "SuspendedEV": "SuspendedEV", "SuspendedEVSE": "SuspendedEVSE"}


def sampled_value(sample: Sample, context: str) -> dict[str, Any]:
    """A sampled value: its number is a number, its unit an object."""
    value: dict[str, Any] = {
        "value": round(sample.value, sample.digits) if sample.digits else int(sample.value),
        "context": context,
        "measurand": sample.measurand,
        "unitOfMeasure": {"unit": sample.unit},
    }
    if sample.phase:
        value["phase"] = sample.phase
    if sample.location:
        value["location"] = sample.location
    return value


def meter_value(at: int, samples: list[Sample], context: str) -> dict[str, Any]:
    """A meter value: all samples of one moment."""
    return {"timestamp": iso(at), "sampledValue": [sampled_value(sample, context) for sample in samples]}


def state_of(connector: Connector) -> str:
    """The charging state (2.0.1 ChargingStateEnumType)."""
    return STATES.get(connector.true_status(), "EVConnected" if connector.car is not None else "Idle")


def _with_id(status: str, request_id: int | None) -> Payload:
    payload: Payload = {"status": status}
    return payload if request_id is None else payload | {"requestId": request_id}


class V201:
    """OCPP 2.0.1."""

    version = "2.0.1"
    subprotocol = "ocpp2.0.1"
    hexadecimal_keys = False
    speaks_of_whole = False

    def boot(self, charger: Charger, reason: str) -> Words:
        """BootNotification (B01)."""
        profile = charger.profile
        station: Payload = {"model": profile.model, "vendorName": profile.vendor, "firmwareVersion": charger.firmware.version}
        if profile.serial:
            station["serialNumber"] = profile.serial
        if profile.iccid:
            station["modem"] = {"iccid": profile.iccid, "imsi": profile.imsi}
        return "BootNotification", {"reason": reason, "chargingStation": station}

    def registered(self, answer: Payload) -> Registered:
        """The answer to it."""
        return Registered(str(answer["status"]), float(answer["interval"]), str(answer["currentTime"]))

    def status_word(self, status: str) -> str:
        """2.0.1 says only ``Occupied`` of a connector in use; the transaction tells the rest."""
        return status if status in ("Available", "Unavailable", "Faulted") else "Occupied"

    def status(self, charger: Charger, number: int, status: str, error_code: str) -> Words:
        """StatusNotification (G01)."""
        return "StatusNotification", {
            "timestamp": charger.clock.now_iso(),
            "connectorStatus": self.status_word(status),
            "evseId": number,
            "connectorId": 1,
        }

    def authorize(self, tag: Tag) -> Words:
        """Authorize (C01)."""
        return "Authorize", {"idToken": {"idToken": tag.value, "type": tag.kind}}

    def verdict(self, answer: Payload) -> str:
        """The status in ``idTokenInfo``."""
        return str(frames.part(answer, "idTokenInfo").get("status", ""))

    def standing(self, answer: Payload) -> Known | None:
        """Its IdTokenInfo (C01)."""
        info = frames.part(answer, "idTokenInfo")
        if "status" not in info:
            return None
        parent = frames.part(info, "groupIdToken").get("idToken")
        expiry = info.get("cacheExpiryDateTime")
        return Known(str(info["status"]), parent, None if expiry is None else parse_iso(str(expiry)))

    def firmware_status(self, status: str, request_id: int | None, *, signed: bool) -> Words:
        """FirmwareStatusNotification (L01)."""
        return "FirmwareStatusNotification", _with_id(status, request_id)

    def log_status(self, status: str, request_id: int | None, *, of_get_log: bool | None = None) -> Words:
        """LogStatusNotification (N01)."""
        return "LogStatusNotification", _with_id(status, request_id)

    def security_event(self, kind: str, at: str, info: str) -> Words:
        """SecurityEventNotification (A04)."""
        payload = {"type": kind, "timestamp": at}
        return "SecurityEventNotification", payload | {"techInfo": info} if info else payload

    def data(self, vendor: str, message: str, data: str) -> Words:
        """DataTransfer (P02)."""
        payload = {"vendorId": vendor}
        if message:
            payload["messageId"] = message
        if data:
            payload["data"] = data
        return "DataTransfer", payload

    def reading(self, charger: Charger, connector: Connector, samples: list[Sample], context: str) -> None:
        """In a transaction a TransactionEvent (J02), outside one MeterValues (J01)."""
        transaction = connector.transaction
        value = meter_value(charger.clock.now(), samples, context)
        if transaction is None:
            charger.queue(Parcel("MeterValues", {"evseId": connector.number, "meterValue": [value]}))
            return
        trigger = "Trigger" if context == "Trigger" else "MeterValueClock"
        self._event(charger, connector, transaction, "Updated", trigger, values=[value], sheddable=True)

    def starts_at_plug(self, charger: Charger) -> bool:
        """When TxStartPoint says so (E01)."""
        return "EVConnected" in charger.settings.text("start_point")

    def _event(
        self,
        charger: Charger,
        connector: Connector,
        transaction: Transaction,
        kind: str,
        trigger: str,
        *,
        tag: Tag | None = None,
        reason: str = "",
        state: str = "",
        values: list[dict[str, Any]] | None = None,
        sheddable: bool = False,
    ) -> None:
        """TransactionEvent (E01 and others), numbered, marked when the charger is offline (E04)."""
        state = state or state_of(connector)
        info: Payload = {"transactionId": transaction.reference, "chargingState": state}
        transaction.told_state = state
        if reason:
            info["stoppedReason"] = reason
        if transaction.remote_start_id is not None and trigger in ("RemoteStart", "CablePluggedIn"):
            info["remoteStartId"] = transaction.remote_start_id
        payload: Payload = {
            "eventType": kind,
            "timestamp": iso(transaction.started_at if kind == "Started" else charger.clock.now()),
            "triggerReason": trigger,
            "seqNo": transaction.seq_no(),
            "transactionInfo": info,
            "evse": {"id": connector.number, "connectorId": 1},
        }
        if not charger.online:
            payload["offline"] = True
        if tag is not None:
            payload["idToken"] = {"idToken": tag.value, "type": tag.kind}
        if values:
            payload["meterValue"] = values
        answered = None if tag is None or kind == "Ended" else partial(self._judged, charger, connector, transaction)
        charger.queue(
            Parcel("TransactionEvent", payload, keep=True, sheddable=sheddable, transaction=transaction, on_answer=answered)
        )

    def _judged(self, charger: Charger, connector: Connector, transaction: Transaction, answer: Payload) -> None:
        charger.judged(connector, transaction, answer)

    def _register(self, charger: Charger, connector: Connector, at: int, context: str) -> list[dict[str, Any]]:
        wanted = charger.settings.text("stop_measurands")
        samples = meter.read(connector, wanted, charger.rng) if wanted else []
        return [meter_value(at, samples, context)] if samples else []

    def started(self, charger: Charger, connector: Connector, transaction: Transaction, trigger: str) -> None:
        """TransactionEvent Started, with the first reading."""
        values = self._register(charger, connector, transaction.started_at, "Transaction.Begin")
        self._event(charger, connector, transaction, "Started", trigger, tag=transaction.tag, values=values)

    def authorized(self, charger: Charger, connector: Connector, transaction: Transaction, trigger: str) -> None:
        """TransactionEvent Updated with the token (E05)."""
        self._event(charger, connector, transaction, "Updated", trigger, tag=transaction.tag, state="EVConnected")

    def state_changed(self, charger: Charger, connector: Connector, transaction: Transaction) -> None:
        """TransactionEvent Updated, when the state is another than told last."""
        if state_of(connector) != transaction.told_state:
            self._event(charger, connector, transaction, "Updated", "ChargingStateChanged")

    def metered(self, charger: Charger, connector: Connector, transaction: Transaction, samples: list[Sample]) -> None:
        """TransactionEvent Updated with a reading (J02)."""
        if samples:
            value = meter_value(charger.clock.now(), samples, "Sample.Periodic")
            self._event(charger, connector, transaction, "Updated", "MeterValuePeriodic", values=[value], sheddable=True)

    def stopped(self, charger: Charger, connector: Connector, transaction: Transaction, reason: str, trigger: str) -> None:
        """TransactionEvent Updated: no more energy, still plugged in (E07)."""
        self._event(charger, connector, transaction, "Updated", trigger, state="EVConnected")

    def ended(
        self, charger: Charger, connector: Connector, transaction: Transaction, reason: str, trigger: str, tag: Tag | None
    ) -> None:
        """TransactionEvent Ended, with the last reading (E06)."""
        values = self._register(charger, connector, charger.clock.now(), "Transaction.End")
        state = "EVConnected" if connector.car is not None else "Idle"
        word = REASONS.get(reason, "Other")
        self._event(charger, connector, transaction, "Ended", trigger, tag=tag, reason=word, state=state, values=values)

    def completed(self, charger: Charger, parcel: Parcel) -> Payload:
        """As it is: a 2.x charger brings its own id."""
        return parcel.payload

    def obey(self, charger: Charger, call: frames.Call) -> Reply:
        """See ``orders201``."""
        return orders201.obey(charger, call)
