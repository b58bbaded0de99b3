"""What an OCPP 2.0.1 charging station tells us, and how our verdicts answer it. Citations are use cases of part 2."""

from __future__ import annotations

from csms.core import reports
from csms.core.ids import Place
from csms.core.reports import Reading, Sample, Token
from csms.ocpp import readings, wording
from csms.ocpp.dialect import Fault, Hearing, Hears, Payload
from csms.ocpp.frames import json_text

_AUTHORIZATIONS = frozenset(
    {
        "Accepted",
        "Blocked",
        "ConcurrentTx",
        "Expired",
        "Invalid",
        "NoCredit",
        "NotAllowedTypeEVSE",
        "NotAtThisLocation",
        "NotAtThisTime",
        "Unknown",
    }
)
_MAX_ID_TOKEN = 36
_MAX_MESSAGE = 512


# --- registration and time ------------------------------------------------------------------------------------------------------


def _booted(payload: Payload, hearing: Hearing) -> reports.Booted:
    """BootNotification (B01)."""
    station = payload["chargingStation"]
    modem = station.get("modem", {})
    return reports.Booted(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        vendor=station["vendorName"],
        model=station["model"],
        serial=station.get("serialNumber", ""),
        firmware=station.get("firmwareVersion", ""),
        iccid=modem.get("iccid", ""),
        imsi=modem.get("imsi", ""),
        reason=payload["reason"],
        oddities=hearing.oddities(),
    )


def _registration(_request: Payload, verdict: reports.Registration) -> Payload:
    return {
        "status": wording.REGISTRATIONS.get(verdict.status, "Rejected"),
        "currentTime": wording.instant(verdict.now),
        "interval": max(0, verdict.interval_s),
    }


def _heartbeat(_payload: Payload, hearing: Hearing) -> reports.HeartbeatSent:
    """Heartbeat (G02)."""
    return reports.HeartbeatSent(charger_id=hearing.charger_id, received_at=hearing.now, oddities=hearing.oddities())


def _time(_request: Payload, verdict: reports.TimeTold) -> Payload:
    return {"currentTime": wording.instant(verdict.now)}


# --- status and meter -----------------------------------------------------------------------------------------------------------


def _status(payload: Payload, hearing: Hearing) -> reports.StatusReported:
    """StatusNotification (G01)."""
    heard = payload["connectorStatus"]
    known = heard in reports.CONNECTOR_STATUSES
    reported_at, _ = hearing.instant(payload["timestamp"], "timestamp")
    return reports.StatusReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        place=hearing.place(payload["evseId"], payload["connectorId"], "evseId"),
        status=heard if known else reports.UNKNOWN,
        status_raw="" if known else heard,
        reported_at=reported_at,
        oddities=hearing.oddities(),
    )


def _noted(_request: Payload, _verdict: reports.Noted | reports.TransactionVerdict) -> Payload:
    return {}


def _sample(value: Payload, hearing: Hearing) -> Sample | None:
    """SampledValueType: the number, and signed data verbatim as JSON text where it has any."""
    get = value.get
    number = readings.decimal(value["value"], hearing)
    if number is None:
        return None
    unit = get("unitOfMeasure", {})
    signed = get("signedMeterValue")
    return readings.sample(
        number,
        hearing,
        measurand=get("measurand", readings.ENERGY),
        unit=unit.get("unit"),
        multiplier=hearing.integer(unit.get("multiplier", 0), "unitOfMeasure.multiplier"),
        phase=get("phase", ""),
        location=get("location", readings.OUTLET),
        context=get("context", readings.PERIODIC),
        signed="" if signed is None else json_text(signed),
    )


def _readings(heard: list[Payload], hearing: Hearing) -> tuple[Reading, ...]:
    """MeterValueType, without readings that hold no usable sample."""
    told = []
    for one in heard:
        samples = tuple([sample for value in one["sampledValue"] if (sample := _sample(value, hearing)) is not None])
        if samples:
            sampled_at, raw = hearing.instant(one["timestamp"], "meterValue.timestamp")
            told.append(Reading(sampled_at, samples, raw))
    return tuple(told)


def _metered(payload: Payload, hearing: Hearing) -> reports.MeterSampled:
    """MeterValues (J01): an EVSE as a whole, or with 0 the grid meter; never part of a transaction."""
    return reports.MeterSampled(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        place=hearing.place(payload["evseId"], 0, "evseId"),
        readings=_readings(payload["meterValue"], hearing),
        oddities=hearing.oddities(),
    )


# --- tokens and transactions ----------------------------------------------------------------------------------------------------


def _token(heard: Payload) -> Token:
    return Token(heard["idToken"], heard["type"])


def _presented(payload: Payload, hearing: Hearing) -> reports.TokenPresented:
    """Authorize (C01 to C05)."""
    return reports.TokenPresented(
        charger_id=hearing.charger_id, received_at=hearing.now, token=_token(payload["idToken"]), oddities=hearing.oddities()
    )


def _id_token_info(verdict: reports.TokenVerdict | None) -> Payload:
    """IdTokenInfoType. Without a verdict the token counts as unknown. A group that is too long is left out: cut, it would name
    another one."""
    if verdict is None:
        return {"status": "Invalid"}
    info: Payload = {"status": verdict.status if verdict.status in _AUTHORIZATIONS else "Invalid"}
    if verdict.expires_at is not None:
        info["cacheExpiryDateTime"] = wording.instant(verdict.expires_at)
    if 0 < len(verdict.parent) <= _MAX_ID_TOKEN:
        info["groupIdToken"] = {"idToken": verdict.parent, "type": "Central"}
    if verdict.message:
        info["personalMessage"] = {"format": "UTF8", "content": verdict.message[:_MAX_MESSAGE]}
    return info


def _authorized(_request: Payload, verdict: reports.TokenVerdict) -> Payload:
    return {"idTokenInfo": _id_token_info(verdict)}


def _event(payload: Payload, hearing: Hearing) -> reports.Report:
    """TransactionEvent (E01 to E15). Raises ``Fault`` for an event type that is none of the three, and for a blank transaction id."""
    if not payload["transactionInfo"]["transactionId"].strip():  # it would pass for one that the charger does not number itself
        raise Fault("property", ("transactionInfo.transactionId",), "transactionInfo.transactionId is blank")
    match payload["eventType"]:
        case "Started":
            return _started(payload, hearing)
        case "Updated":
            return _updated(payload, hearing)
        case "Ended":
            return _ended(payload, hearing)
        case other:
            raise Fault("property", ("eventType",), f"eventType is not Started, Updated or Ended: {other[:100]}")


def _place(payload: Payload, hearing: Hearing) -> Place | None:
    evse = payload.get("evse")
    return None if evse is None else hearing.place(evse["id"], evse.get("connectorId", 0), "evse")


def _optional(holder: Payload, name: str, hearing: Hearing) -> int | None:
    found = holder.get(name)
    return None if found is None else hearing.integer(found, name)


def _started(payload: Payload, hearing: Hearing) -> reports.StartReported:
    told = payload["transactionInfo"]
    started_at, raw = hearing.instant(payload["timestamp"], "timestamp")
    samples = _readings(payload.get("meterValue", []), hearing)
    token = payload.get("idToken")
    return reports.StartReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        place=_place(payload, hearing) or Place(0, 0),
        started_at=started_at,
        started_at_raw=raw,
        token=None if token is None else _token(token),
        meter_start_wh=readings.register_wh(samples, "Transaction.Begin"),
        reference=told["transactionId"],
        seq_no=hearing.integer(payload["seqNo"], "seqNo"),
        reservation_id=_optional(payload, "reservationId", hearing),
        remote_start_id=_optional(told, "remoteStartId", hearing),
        charging_state=told.get("chargingState", ""),
        trigger=payload["triggerReason"],
        offline=payload.get("offline", False),
        readings=samples,
        oddities=hearing.oddities(),
    )


def _updated(payload: Payload, hearing: Hearing) -> reports.UpdateReported:
    told = payload["transactionInfo"]
    updated_at, raw = hearing.instant(payload["timestamp"], "timestamp")
    token = payload.get("idToken")
    return reports.UpdateReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        reference=told["transactionId"],
        seq_no=hearing.integer(payload["seqNo"], "seqNo"),
        updated_at=updated_at,
        updated_at_raw=raw,
        place=_place(payload, hearing),
        token=None if token is None else _token(token),
        charging_state=told.get("chargingState", ""),
        trigger=payload["triggerReason"],
        remote_start_id=_optional(told, "remoteStartId", hearing),
        offline=payload.get("offline", False),
        readings=_readings(payload.get("meterValue", []), hearing),
        oddities=hearing.oddities(),
    )


def _ended(payload: Payload, hearing: Hearing) -> reports.StopReported:
    told = payload["transactionInfo"]
    stopped_at, raw = hearing.instant(payload["timestamp"], "timestamp")
    samples = _readings(payload.get("meterValue", []), hearing)
    token = payload.get("idToken")
    return reports.StopReported(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        stopped_at=stopped_at,
        stopped_at_raw=raw,
        reference=told["transactionId"],
        seq_no=hearing.integer(payload["seqNo"], "seqNo"),
        place=_place(payload, hearing),
        meter_stop_wh=readings.register_wh(samples, "Transaction.End"),
        token=None if token is None else _token(token),
        reason=told.get("stoppedReason", "Local"),
        trigger=payload["triggerReason"],
        offline=payload.get("offline", False),
        readings=samples,
        oddities=hearing.oddities(),
    )


def _event_answer(request: Payload, verdict: reports.TransactionVerdict) -> Payload:
    """TransactionEventResponse: token information exactly where the event showed a token."""
    if request.get("idToken") is None:
        return {}
    return {"idTokenInfo": _id_token_info(verdict.token)}


# --- vendor data ----------------------------------------------------------------------------------------------------------------


def _data(payload: Payload, hearing: Hearing) -> reports.DataSent:
    """DataTransfer (P02)."""
    data = payload.get("data")
    return reports.DataSent(
        charger_id=hearing.charger_id,
        received_at=hearing.now,
        vendor_id=payload["vendorId"],
        message_id=payload.get("messageId", ""),
        data="" if data is None else wording.data_text(data),
        oddities=hearing.oddities(),
    )


def _data_answer(_request: Payload, verdict: reports.DataVerdict) -> Payload:
    answer: Payload = {"status": wording.data_status(verdict.status)}
    if verdict.data:
        answer["data"] = wording.data_value(verdict.data)
    return answer


HEARS = (
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
    Hears(action="MeterValues", read=_metered, write=_noted, verdict=reports.Noted),
    Hears(action="Authorize", read=_presented, write=_authorized, verdict=reports.TokenVerdict, anew=True),
    Hears(
        action="TransactionEvent",
        read=_event,
        write=_event_answer,
        verdict=reports.TransactionVerdict,
        identifies=lambda payload: "transactionInfo" in payload,
    ),
    Hears(action="DataTransfer", read=_data, write=_data_answer, verdict=reports.DataVerdict),
)
