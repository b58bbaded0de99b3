"""OCPP 2.0.1, charging station to us: reports, tolerance, quarantine, and our answers."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from csms.core.ids import Place
from csms.core.reports import (
    Booted,
    DataSent,
    DataVerdict,
    HeartbeatSent,
    Mangled,
    MeterSampled,
    Noted,
    Oddity,
    Reading,
    Registration,
    Sample,
    StartReported,
    StatusReported,
    StopReported,
    TimeTold,
    Token,
    TokenPresented,
    TokenVerdict,
    TransactionVerdict,
    UpdateReported,
)

NOW = 1_767_225_600_000
AT = "2025-12-31T23:59:00Z"
AT_MS = NOW - 60_000
WHO: dict[str, Any] = {"charger_id": "CP-1", "received_at": NOW}
TOKEN = {"idToken": "ABC", "type": "ISO14443"}


@pytest.fixture
def s(script: Any) -> Any:
    return script("ocpp2.0.1")


# --- registration and time ------------------------------------------------------------------------------------------------------


def test_boot_notification(s: Any) -> None:
    told = s.told(
        "BootNotification",
        {
            "reason": "PowerUp",
            "chargingStation": {
                "vendorName": "Vendor",
                "model": "Model",
                "serialNumber": "S1",
                "firmwareVersion": "1.2",
                "modem": {"iccid": "89", "imsi": "31"},
            },
        },
    )
    assert told == Booted(
        vendor="Vendor", model="Model", serial="S1", firmware="1.2", iccid="89", imsi="31", reason="PowerUp", **WHO
    )
    assert s.reply(Registration("accepted", 300, NOW)) == {
        "status": "Accepted",
        "currentTime": "2026-01-01T00:00:00.000Z",
        "interval": 300,
    }


def test_heartbeat(s: Any) -> None:
    assert s.told("Heartbeat") == HeartbeatSent(**WHO)
    assert s.reply(TimeTold(NOW)) == {"currentTime": "2026-01-01T00:00:00.000Z"}


# --- status and meter -----------------------------------------------------------------------------------------------------------


def test_status_notification(s: Any) -> None:
    told = s.told("StatusNotification", {"timestamp": AT, "connectorStatus": "Occupied", "evseId": 2, "connectorId": 1})
    assert told == StatusReported(place=Place(2, 1), status="Occupied", reported_at=AT_MS, **WHO)
    assert s.reply(Noted()) == {}


def test_a_status_outside_its_enum_costs_a_warning(s: Any) -> None:
    told = s.told("StatusNotification", {"timestamp": AT, "connectorStatus": "Melting", "evseId": 2.0, "connectorId": 1})
    assert (told.place, told.status, told.status_raw) == (Place(2, 1), "Unknown", "Melting")
    assert Oddity("enum", "connectorStatus", "Melting") in told.oddities


def test_a_whole_float_is_an_integer(s: Any) -> None:
    told = s.told("StatusNotification", {"timestamp": AT, "connectorStatus": "Faulted", "evseId": 2.0, "connectorId": 1})
    assert repr(told.place.evse) == "2"
    assert told.oddities == ()


def test_meter_values(s: Any) -> None:
    signed = {"signedMeterData": "AA", "signingMethod": "", "encodingMethod": "OCMF", "publicKey": "K"}
    told = s.told(
        "MeterValues",
        {
            "evseId": 1,
            "meterValue": [
                {
                    "timestamp": AT,
                    "sampledValue": [
                        {"value": 1.25, "unitOfMeasure": {"unit": "kWh"}, "signedMeterValue": signed},
                        {
                            "value": 16,
                            "measurand": "Current.Import",
                            "phase": "L2",
                            "unitOfMeasure": {"unit": "A", "multiplier": -1},
                        },
                    ],
                }
            ],
        },
    )
    (reading,) = told.readings
    assert told == MeterSampled(place=Place(1, 0), readings=(reading,), **WHO)
    energy, current = reading.samples
    assert (reading.sampled_at, energy.value, energy.unit) == (AT_MS, Decimal(1250), "Wh")
    assert json.loads(energy.signed) == signed
    assert (current.value, current.unit, current.phase) == (Decimal("1.6"), "A", "L2")
    assert s.reply(Noted()) == {}


def test_a_sample_that_no_meter_shows_costs_itself(s: Any) -> None:
    meter_value = [{"timestamp": AT, "sampledValue": [{"value": 1e300}]}, {"timestamp": AT, "sampledValue": [{"value": 2}]}]
    told = s.told("MeterValues", {"evseId": 1, "meterValue": meter_value})
    assert [sample.value for reading in told.readings for sample in reading.samples] == [Decimal(2)]
    assert [odd.rule for odd in told.oddities] == ["value"]


def test_samples_as_text_are_taken(s: Any) -> None:
    told = s.told("MeterValues", {"evseId": 0, "meterValue": {"timestamp": AT, "sampledValue": {"value": "12.50"}}})
    assert told.readings == (Reading(AT_MS, (Sample("Energy.Active.Import.Register", Decimal("12.5"), "Wh"),)),)
    assert [odd.rule for odd in told.oddities] == ["type", "type", "type"]


# --- tokens ---------------------------------------------------------------------------------------------------------------------


def test_authorize(s: Any) -> None:
    assert s.told("Authorize", {"idToken": TOKEN}) == TokenPresented(token=Token("ABC", "ISO14443"), **WHO)
    assert s.reply(TokenVerdict("NotAtThisTime", NOW, "GROUP", "come back tomorrow" + "!" * 600)) == {
        "idTokenInfo": {
            "status": "NotAtThisTime",
            "cacheExpiryDateTime": "2026-01-01T00:00:00.000Z",
            "groupIdToken": {"idToken": "GROUP", "type": "Central"},
            "personalMessage": {"format": "UTF8", "content": ("come back tomorrow" + "!" * 600)[:512]},
        }
    }


def test_a_token_of_unknown_kind_is_taken_and_an_unknown_verdict_refuses(s: Any) -> None:
    assert s.told("Authorize", {"idToken": {"idToken": "ABC", "type": "Tattoo"}}).token == Token("ABC", "Tattoo")
    assert s.reply(TokenVerdict("Tired", parent="G" * 37)) == {"idTokenInfo": {"status": "Invalid"}}


# --- transactions ---------------------------------------------------------------------------------------------------------------

EVENT = {"timestamp": AT, "triggerReason": "CablePluggedIn", "seqNo": 4, "transactionInfo": {"transactionId": "T-1"}}


def reading(value: float, context: str) -> dict[str, Any]:
    return {"timestamp": AT, "sampledValue": [{"value": value, "context": context}]}


def test_a_transaction_started(s: Any) -> None:
    told = s.told(
        "TransactionEvent",
        EVENT
        | {
            "eventType": "Started",
            "offline": True,
            "reservationId": 9,
            "evse": {"id": 1, "connectorId": 2},
            "idToken": TOKEN,
            "transactionInfo": {"transactionId": "T-1", "chargingState": "Charging", "remoteStartId": 7},
            "meterValue": [reading(1000.4, "Transaction.Begin")],
        },
    )
    assert told == StartReported(
        place=Place(1, 2),
        started_at=AT_MS,
        token=Token("ABC", "ISO14443"),
        meter_start_wh=1000,
        reference="T-1",
        seq_no=4,
        reservation_id=9,
        remote_start_id=7,
        charging_state="Charging",
        trigger="CablePluggedIn",
        offline=True,
        readings=(
            Reading(AT_MS, (Sample("Energy.Active.Import.Register", Decimal("1000.4"), "Wh", context="Transaction.Begin"),)),
        ),
        **WHO,
    )
    assert s.reply(TransactionVerdict(17, TokenVerdict("Accepted"))) == {"idTokenInfo": {"status": "Accepted"}}


def test_a_start_that_names_neither_place_nor_token_nor_meter(s: Any) -> None:
    told = s.told("TransactionEvent", EVENT | {"eventType": "Started"})
    assert (told.place, told.token, told.meter_start_wh, told.offline) == (Place(0, 0), None, None, False)
    assert s.reply(TransactionVerdict(17, TokenVerdict("Accepted"))) == {}


def test_a_transaction_updated(s: Any) -> None:
    told = s.told(
        "TransactionEvent",
        EVENT
        | {
            "eventType": "updated",
            "triggerReason": "Bored",
            "evse": {"id": 1},
            "transactionInfo": {"transactionId": "T-1", "chargingState": "SuspendedEV", "remoteStartId": 2**70},
        },
    )
    assert told == UpdateReported(
        reference="T-1",
        seq_no=4,
        updated_at=AT_MS,
        place=Place(1, 0),
        charging_state="SuspendedEV",
        trigger="Bored",
        remote_start_id=2**63 - 1,
        oddities=told.oddities,
        **WHO,
    )
    assert [odd.rule for odd in told.oddities] == ["enum", "enum", "range"]
    assert s.reply(TransactionVerdict(17)) == {}


def test_a_transaction_ended(s: Any) -> None:
    told = s.told(
        "TransactionEvent",
        EVENT
        | {
            "eventType": "Ended",
            "idToken": TOKEN,
            "transactionInfo": {"transactionId": "T-1", "stoppedReason": "EVDisconnected"},
            "meterValue": [reading(1, "Sample.Periodic"), reading(2000.5, "Transaction.End")],
        },
    )
    assert isinstance(told, StopReported)
    assert (told.reference, told.seq_no, told.stopped_at, told.meter_stop_wh) == ("T-1", 4, AT_MS, 2001)
    assert (told.reason, told.trigger, told.token, told.transaction_id) == (
        "EVDisconnected",
        "CablePluggedIn",
        Token("ABC", "ISO14443"),
        None,
    )
    assert len(told.readings) == 2
    assert s.reply(TransactionVerdict(17)) == {"idTokenInfo": {"status": "Invalid"}}


def test_an_end_without_a_reason_was_local_and_without_a_place_has_none(s: Any) -> None:
    told = s.told("TransactionEvent", EVENT | {"eventType": "Ended", "timestamp": "never"})
    assert (told.reason, told.place, told.meter_stop_wh) == ("Local", None, None)
    assert (told.stopped_at, told.stopped_at_raw) == (NOW, "never")


def test_a_token_under_another_spelling_is_answered_too(s: Any) -> None:
    told = s.told("TransactionEvent", EVENT | {"eventType": "Started", "IdToken": TOKEN})
    assert told.token == Token("ABC", "ISO14443")
    assert s.reply(TransactionVerdict(17, TokenVerdict("Blocked"))) == {"idTokenInfo": {"status": "Blocked"}}


def test_an_optional_part_that_lacks_what_it_needs_costs_only_itself(s: Any) -> None:
    told = s.told("TransactionEvent", EVENT | {"eventType": "Started", "evse": {"connectorId": 1}, "idToken": {"type": "Central"}})
    assert isinstance(told, StartReported)
    assert (told.place, told.token) == (Place(0, 0), None)
    assert [(odd.rule, odd.field) for odd in told.oddities] == [("missing", "evse.id"), ("missing", "idToken.idToken")]


def test_an_event_that_says_whose_it_is_is_quarantined_and_answered(s: Any) -> None:
    payload = {"transactionInfo": {"transactionId": "T-1"}, "eventType": "Started", "idToken": TOKEN}
    told = s.told("TransactionEvent", payload)
    assert isinstance(told, Mangled)
    assert (json.loads(told.payload), set(told.missing)) == (payload, {"timestamp", "triggerReason", "seqNo"})
    assert s.reply(TransactionVerdict(3)) == {"idTokenInfo": {"status": "Invalid"}}


@pytest.mark.parametrize("info", [None, {}, {"chargingState": "Idle"}, "T-1"])
def test_an_event_that_does_not_say_whose_it_is_is_refused(s: Any, info: Any) -> None:
    effects = s.call("TransactionEvent", EVENT | {"eventType": "Started", "transactionInfo": info})
    (frame,) = s.sent(effects)
    assert frame[2] in ("OccurrenceConstraintViolation", "TypeConstraintViolation")
    assert "transactionInfo" in frame[3]


# --- vendor data ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "text"), [("D", "D"), ({"a": [1]}, '{"a":[1]}'), (False, "false"), (1.5, "1.5"), (None, "")])
def test_data_transfer(s: Any, data: Any, text: str) -> None:
    told = s.told("DataTransfer", {"vendorId": "V", "messageId": "M", "data": data})
    assert told == DataSent(vendor_id="V", message_id="M", data=text, **WHO)


@pytest.mark.parametrize(
    ("text", "said"),
    [("", {}), ("back", {"data": "back"}), ('{"a":1}', {"data": {"a": 1}}), ("[1", {"data": "[1"}), ("[" * 99 + "]" * 99, None)],
)
def test_data_transfer_answer(s: Any, text: str, said: Any) -> None:
    s.told("DataTransfer", {"vendorId": "V"})
    assert s.reply(DataVerdict("UnknownMessageId", text)) == {"status": "UnknownMessageId"} | (
        said if said is not None else {"data": text}
    )
