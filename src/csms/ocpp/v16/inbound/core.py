"""What an OCPP 1.6 charger tells us in the Core profile (§4), and how our verdicts answer it."""

from __future__ import annotations

from csms.core import reports
from csms.core.ids import Place
from csms.core.reports import Reading, Sample, Token
from csms.ocpp import readings, wording
from csms.ocpp.dialect import Hearing, Hears, Payload
from csms.ocpp.v16.tags import id_tag_info

_CONNECTOR = "connectorId"
_STOP_SAYS = frozenset({"transactionId", "idTag", "meterStop"})
"""What of a StopTransaction may lead to its transaction, be it by an operator's eye; refused, the charger would throw it away (§3.7.1)."""


def _place(connector: int, hearing: Hearing) -> Place:
    """Connector n is ``Place(n, 1)``; 0 is the charger as a whole."""
    return hearing.place(connector, 1 if connector else 0, _CONNECTOR)


# --- registration and time ------------------------------------------------------------------------------------------------------


def _booted(payload: Payload, hearing: Hearing) -> reports.Booted:
    get = payload.get
    return reports.Booted(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        vendor=payload["chargePointVendor"],
        model=payload["chargePointModel"],
        serial=get("chargePointSerialNumber") or get("chargeBoxSerialNumber") or "",
        firmware=get("firmwareVersion", ""),
        iccid=get("iccid", ""),
        imsi=get("imsi", ""),
        meter_type=get("meterType", ""),
        meter_serial=get("meterSerialNumber", ""),
        oddities=hearing.oddities(),
    )


def _registration(_request: Payload, verdict: reports.Registration) -> Payload:
    return {
        "status": wording.REGISTRATIONS.get(verdict.status, "Rejected"),
        "currentTime": wording.instant(verdict.now),
        "interval": max(0, verdict.interval_s),
    }


def _heartbeat(_payload: Payload, hearing: Hearing) -> reports.HeartbeatSent:
    return reports.HeartbeatSent(charger_id=hearing.charger_id, received_at=hearing.now, oddities=hearing.oddities())


def _time(_request: Payload, verdict: reports.TimeTold) -> Payload:
    return {"currentTime": wording.instant(verdict.now)}


# --- status and meter -----------------------------------------------------------------------------------------------------------


def _status(payload: Payload, hearing: Hearing) -> reports.StatusReported:
    get, heard = payload.get, payload["status"]
    known = heard in reports.CONNECTOR_STATUSES
    reported_at, _ = hearing.instant(get("timestamp"), "timestamp")
    return reports.StatusReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        place=_place(payload[_CONNECTOR], hearing),
        status=heard if known else reports.UNKNOWN,
        status_raw="" if known else heard,
        reported_at=reported_at,
        error_code=payload["errorCode"],
        info=get("info", ""),
        vendor_id=get("vendorId", ""),
        vendor_error_code=get("vendorErrorCode", ""),
        oddities=hearing.oddities(),
    )


def _noted(_request: Payload, _verdict: reports.Noted | reports.TransactionVerdict) -> Payload:
    return {}


def _sample(value: Payload, hearing: Hearing) -> Sample | None:
    """SampledValue (§7.43). SignedData is no number: it is kept verbatim beside a zero without a unit, and so is what is plainly signed
    although its format does not say so."""
    get = value.get
    measurand = get("measurand") or readings.ENERGY
    number = None if get("format") == "SignedData" else readings.decimal(value["value"], hearing)
    if number is None:
        if get("format") != "SignedData" and not str(value["value"]).startswith(readings.OCMF):
            return None
        return Sample(
            measurand,
            readings.ZERO,
            "",
            get("phase", ""),
            get("location") or readings.OUTLET,
            get("context") or readings.PERIODIC,
            value["value"],
        )
    return readings.sample(
        number,
        hearing,
        measurand=measurand,
        unit=get("unit") or None,
        phase=get("phase", ""),
        location=get("location") or readings.OUTLET,
        context=get("context") or readings.PERIODIC,
    )


def _readings(heard: list[Payload], hearing: Hearing) -> tuple[Reading, ...]:
    """MeterValue (§7.33), without readings that hold no usable sample."""
    told = []
    for one in heard:
        samples = tuple([sample for value in one["sampledValue"] if (sample := _sample(value, hearing)) is not None])
        if samples:
            sampled_at, raw = hearing.instant(one["timestamp"], "meterValue.timestamp")
            told.append(Reading(sampled_at, samples, raw))
    return tuple(told)


def _metered(payload: Payload, hearing: Hearing) -> reports.MeterSampled:
    transaction_id = payload.get("transactionId")
    return reports.MeterSampled(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        place=_place(payload[_CONNECTOR], hearing),
        readings=_readings(payload["meterValue"], hearing),
        transaction_id=None if transaction_id is None else hearing.integer(transaction_id, "transactionId"),
        oddities=hearing.oddities(),
    )


# --- tokens and transactions ----------------------------------------------------------------------------------------------------


def _presented(payload: Payload, hearing: Hearing) -> reports.TokenPresented:
    return reports.TokenPresented(
        charger_id=hearing.charger_id, received_at=hearing.now, token=Token(payload["idTag"]), oddities=hearing.oddities()
    )


def _authorized(_request: Payload, verdict: reports.TokenVerdict) -> Payload:
    info = id_tag_info(verdict)
    if info["status"] == "ConcurrentTx":  # §7.2: "only relevant for a StartTransaction.req"; still a refusal
        info["status"] = "Blocked"
    return {"idTagInfo": info}


def _started(payload: Payload, hearing: Hearing) -> reports.StartReported:
    started_at, raw = hearing.instant(payload["timestamp"], "timestamp")
    reservation_id = payload.get("reservationId")
    return reports.StartReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        place=_place(payload[_CONNECTOR], hearing),
        started_at=started_at,
        started_at_raw=raw,
        token=Token(payload["idTag"]),
        meter_start_wh=hearing.register_wh(payload["meterStart"], "meterStart"),
        reservation_id=None if reservation_id is None else hearing.integer(reservation_id, "reservationId"),
        oddities=hearing.oddities(),
    )


def _start_answer(_request: Payload, verdict: reports.TransactionVerdict) -> Payload:
    return {"transactionId": verdict.transaction_id, "idTagInfo": id_tag_info(verdict.token)}


def _stopped(payload: Payload, hearing: Hearing) -> reports.StopReported:
    get = payload.get
    stopped_at, raw = hearing.instant(payload["timestamp"], "timestamp")
    id_tag = get("idTag")
    return reports.StopReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        transaction_id=hearing.integer(payload["transactionId"], "transactionId"),
        stopped_at=stopped_at,
        stopped_at_raw=raw,
        meter_stop_wh=hearing.register_wh(payload["meterStop"], "meterStop"),
        token=Token(id_tag) if id_tag else None,
        reason=get("reason") or "Local",
        readings=_readings(get("transactionData", []), hearing),
        oddities=hearing.oddities(),
    )


def _stop_answer(request: Payload, verdict: reports.TransactionVerdict) -> Payload:
    if verdict.token is None or not request.get("idTag"):
        return {}
    return {"idTagInfo": id_tag_info(verdict.token)}


# --- vendor data ----------------------------------------------------------------------------------------------------------------


def _data(payload: Payload, hearing: Hearing) -> reports.DataSent:
    return reports.DataSent(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        vendor_id=payload["vendorId"],
        message_id=payload.get("messageId", ""),
        data=payload.get("data", ""),
        oddities=hearing.oddities(),
    )


def _data_answer(_request: Payload, verdict: reports.DataVerdict) -> Payload:
    answer = {"status": wording.data_status(verdict.status)}
    if verdict.data:
        answer["data"] = verdict.data
    return answer


ROWS = (
    Hears(
        action="BootNotification",
        read=_booted,
        write=_registration,
        verdict=reports.Registration,
        anew=True,
        registers=True,
    ),
    Hears(action="Heartbeat", read=_heartbeat, write=_time, verdict=reports.TimeTold, anew=True),
    Hears(action="StatusNotification", read=_status, write=_noted, verdict=reports.Noted),
    Hears(
        action="MeterValues",
        read=_metered,
        write=_noted,
        verdict=reports.Noted,
        # §4.7: failing to answer only causes the same message again; so whatever names its meter is kept and answered.
        identifies=lambda payload: _CONNECTOR in payload or "transactionId" in payload,
    ),
    Hears(action="Authorize", read=_presented, write=_authorized, verdict=reports.TokenVerdict, anew=True),
    Hears(
        action="StartTransaction",
        read=_started,
        write=_start_answer,
        verdict=reports.TransactionVerdict,
        identifies=lambda payload: _CONNECTOR in payload or "idTag" in payload,
    ),
    Hears(
        action="StopTransaction",
        read=_stopped,
        write=_stop_answer,
        verdict=reports.TransactionVerdict,
        identifies=lambda payload: not _STOP_SAYS.isdisjoint(payload),
    ),
    Hears(action="DataTransfer", read=_data, write=_data_answer, verdict=reports.DataVerdict),
)
