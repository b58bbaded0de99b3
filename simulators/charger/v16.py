"""OCPP 1.6: what a charger says (orders16.py is what it hears)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from simulators import frames
from simulators.clock import iso
from simulators.frames import Payload

from . import meter, orders16, transaction_faults
from .connector import Connector, Tag, Transaction
from .link import Reply
from .local_list import Known
from .meter import Sample
from .outbox import Parcel
from .tongue import Registered, Words

if TYPE_CHECKING:
    from .charger import Charger

REASONS = frozenset(
    [
        "EmergencyStop",
        "EVDisconnected",
        "HardReset",
        "Local",
        "Other",
        "PowerLoss",
        "Reboot",
        "Remote",
        "SoftReset",
        "UnlockCommand",
        "DeAuthorized",
    ]
)


def sampled_value(sample: Sample, context: str) -> dict[str, Any]:
    """A sampled value (1.6 §7.43): its number is text."""
    value = {
        "value": f"{sample.value:.{sample.digits}f}",
        "context": context,
        "measurand": sample.measurand,
        "unit": sample.unit,
    }
    if sample.phase:
        value["phase"] = sample.phase
    if sample.location:
        value["location"] = sample.location
    return value


def meter_value(at: int, samples: list[Sample], context: str) -> dict[str, Any]:
    """A meter value: all samples of one moment."""
    return {"timestamp": iso(at), "sampledValue": [sampled_value(sample, context) for sample in samples]}


def _with_id(status: str, request_id: int | None) -> Payload:
    payload: Payload = {"status": status}
    return payload if request_id is None else payload | {"requestId": request_id}


class V16:
    """OCPP 1.6-J."""

    version = "1.6"
    subprotocol = "ocpp1.6"
    hexadecimal_keys = True
    speaks_of_whole = True

    def boot(self, charger: Charger, reason: str) -> Words:
        """BootNotification (§4.2); 1.6 gives no reason."""
        profile = charger.profile
        payload = {
            "chargePointVendor": profile.vendor,
            "chargePointModel": profile.model,
            "firmwareVersion": charger.firmware.version,
        }
        for key, value in (
            ("chargePointSerialNumber", profile.serial),
            ("iccid", profile.iccid),
            ("imsi", profile.imsi),
            ("meterType", profile.meter_type),
        ):
            if value:
                payload[key] = value
        return "BootNotification", payload

    def registered(self, answer: Payload) -> Registered:
        """The answer to it."""
        return Registered(str(answer["status"]), float(answer["interval"]), str(answer["currentTime"]))

    def status_word(self, status: str) -> str:
        """1.6 has all nine."""
        return status

    def status(self, charger: Charger, number: int, status: str, error_code: str) -> Words:
        """StatusNotification (§4.9)."""
        return "StatusNotification", {
            "connectorId": number,
            "errorCode": error_code,
            "status": status,
            "timestamp": charger.clock.now_iso(),
        }

    def authorize(self, tag: Tag) -> Words:
        """Authorize (§4.1)."""
        return "Authorize", {"idTag": tag.value}

    def verdict(self, answer: Payload) -> str:
        """The status in ``idTagInfo``."""
        return str(frames.part(answer, "idTagInfo").get("status", ""))

    def standing(self, answer: Payload) -> Known | None:
        """Its IdTagInfo (§7.27)."""
        info = frames.part(answer, "idTagInfo")
        return Known.of(info) if "status" in info else None

    def firmware_status(self, status: str, request_id: int | None, *, signed: bool) -> Words:
        """FirmwareStatusNotification (§4.5), SignedFirmwareStatusNotification (whitepaper §5.19)."""
        if not signed:
            return "FirmwareStatusNotification", {"status": status}
        return "SignedFirmwareStatusNotification", _with_id(status, request_id)

    def log_status(self, status: str, request_id: int | None, *, of_get_log: bool | None = None) -> Words:
        """DiagnosticsStatusNotification (§4.4), LogStatusNotification (whitepaper §5.13)."""
        if not (request_id is not None if of_get_log is None else of_get_log):
            return "DiagnosticsStatusNotification", {"status": status}
        return "LogStatusNotification", _with_id(status, request_id)

    def security_event(self, kind: str, at: str, info: str) -> Words:
        """SecurityEventNotification (whitepaper §5.15)."""
        payload = {"type": kind, "timestamp": at}
        return "SecurityEventNotification", payload | {"techInfo": info} if info else payload

    def data(self, vendor: str, message: str, data: str) -> Words:
        """DataTransfer (§4.3)."""
        payload = {"vendorId": vendor}
        if message:
            payload["messageId"] = message
        if data:
            payload["data"] = data
        return "DataTransfer", payload

    def _outside(self, charger: Charger, connector: Connector, samples: list[Sample], context: str) -> Payload:
        """MeterValues that name no transaction (§4.7)."""
        return {"connectorId": connector.number, "meterValue": [meter_value(charger.clock.now(), samples, context)]}

    def _energy(self, charger: Charger, connector: Connector) -> Payload:
        return self._outside(charger, connector, meter.read(connector, meter.ENERGY, charger.rng), "Sample.Periodic")

    def _values(
        self, charger: Charger, connector: Connector, transaction: Transaction | None, samples: list[Sample], context: str
    ) -> None:
        payload = self._outside(charger, connector, samples, context)
        if transaction is not None:
            payload["transactionId"] = 0
        charger.queue(Parcel("MeterValues", payload, keep=transaction is not None, sheddable=True, transaction=transaction))

    def reading(self, charger: Charger, connector: Connector, samples: list[Sample], context: str) -> None:
        """MeterValues by the clock or on demand (§4.7)."""
        self._values(charger, connector, connector.transaction, samples, context)

    def starts_at_plug(self, charger: Charger) -> bool:
        """Never: a 1.6 transaction needs a token."""
        return False

    def started(self, charger: Charger, connector: Connector, transaction: Transaction, trigger: str) -> None:
        """StartTransaction (§4.8). Its answer brings the number that all later messages carry."""
        if transaction.tag is None:
            return
        wanted = charger.settings.text("stop_measurands")
        if wanted:
            samples = meter.read(connector, wanted, charger.rng)
            transaction.begin_values.append(meter_value(transaction.started_at, samples, "Transaction.Begin"))
        if not transaction_faults.says_start(charger):
            return
        parcel = self._start(charger, connector, transaction, self._start_payload(connector, transaction, transaction.tag))
        transaction_faults.after_start(charger, partial(self._energy, charger, connector), parcel)
        charger.queue(parcel)

    def _start_payload(self, connector: Connector, transaction: Transaction, tag: Tag) -> Payload:
        payload: Payload = {
            "connectorId": connector.number,
            "idTag": tag.value,
            "meterStart": transaction.meter_start_wh,
            "timestamp": iso(transaction.started_at),
        }
        if transaction.reservation_id is not None:
            payload["reservationId"] = transaction.reservation_id
        return payload

    def _start(self, charger: Charger, connector: Connector, transaction: Transaction, payload: Payload) -> Parcel:
        answered = partial(self._start_answered, charger, connector, transaction)
        return Parcel("StartTransaction", payload, keep=True, transaction=transaction, on_answer=answered)

    def _start_answered(self, charger: Charger, connector: Connector, transaction: Transaction, answer: Payload) -> None:
        number = answer.get("transactionId")
        transaction.number = number if isinstance(number, int) else None
        charger.judged(connector, transaction, answer)

    def authorized(self, charger: Charger, connector: Connector, transaction: Transaction, trigger: str) -> None:
        """Not in 1.6: authorization comes first."""

    def state_changed(self, charger: Charger, connector: Connector, transaction: Transaction) -> None:
        """Not in 1.6: StatusNotification says it."""

    def metered(self, charger: Charger, connector: Connector, transaction: Transaction, samples: list[Sample]) -> None:
        """MeterValues of a transaction (§4.7)."""
        if samples:
            self._values(charger, connector, transaction, samples, "Sample.Periodic")
        if transaction.tag is not None:
            start = self._start_payload(connector, transaction, transaction.tag)
            again = transaction_faults.start_again(charger, connector, transaction, start)
            if again is not None:
                charger.queue(self._start(charger, connector, transaction, again))

    def stopped(self, charger: Charger, connector: Connector, transaction: Transaction, reason: str, trigger: str) -> None:
        """Not in 1.6: a transaction ends when it is stopped."""

    def ended(
        self, charger: Charger, connector: Connector, transaction: Transaction, reason: str, trigger: str, tag: Tag | None
    ) -> None:
        """StopTransaction (§4.10), with the first and the last reading."""
        now = charger.clock.now()
        payload: Payload = {
            "transactionId": 0,
            "meterStop": connector.register,
            "timestamp": iso(now),
            "reason": reason if reason in REASONS else "Other",
        }
        if tag is not None:
            payload["idTag"] = tag.value
        wanted = charger.settings.text("stop_measurands")
        if wanted:
            last = meter_value(now, meter.read(connector, wanted, charger.rng), "Transaction.End")
            payload["transactionData"] = [*transaction.begin_values, last]
        for each in (payload, transaction_faults.stop_again(charger, payload, now)):
            if each is not None:
                charger.queue(Parcel("StopTransaction", each, keep=True, transaction=transaction))

    def completed(self, charger: Charger, parcel: Parcel) -> Payload:
        """With the transaction's number; a charger whose start was never answered makes one up."""
        if parcel.transaction is None or parcel.action == "StartTransaction":
            return parcel.payload
        return parcel.payload | {"transactionId": transaction_faults.number_of(charger, parcel, parcel.transaction)}

    def obey(self, charger: Charger, call: frames.Call) -> Reply:
        """See ``orders16``."""
        return orders16.obey(charger, call)
