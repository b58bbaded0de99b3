"""OCPP 1.6, charger to us: every Core message as a report, tolerance, quarantine, and our answers."""

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
)

NOW = 1_767_225_600_000
AT = "2025-12-31T23:59:00Z"
AT_MS = NOW - 60_000
WHO: dict[str, Any] = {"charger_id": "CP-1", "received_at": NOW}


@pytest.fixture
def s(script: Any) -> Any:
    return script("ocpp1.6")


# --- registration and time ------------------------------------------------------------------------------------------------------


def test_boot_notification(s: Any) -> None:
    told = s.told(
        "BootNotification",
        {
            "chargePointVendor": "Vendor",
            "chargePointModel": "Model",
            "chargePointSerialNumber": "S1",
            "chargeBoxSerialNumber": "B1",
            "firmwareVersion": "1.2",
            "iccid": "89",
            "imsi": "31",
            "meterType": "MT",
            "meterSerialNumber": "MS",
        },
    )
    assert told == Booted(
        vendor="Vendor",
        model="Model",
        serial="S1",
        firmware="1.2",
        iccid="89",
        imsi="31",
        meter_type="MT",
        meter_serial="MS",
        **WHO,
    )
    assert s.reply(Registration("pending", 30, NOW)) == {
        "status": "Pending",
        "currentTime": "2026-01-01T00:00:00.000Z",
        "interval": 30,
    }


def test_a_box_serial_number_serves_where_there_is_no_other(s: Any) -> None:
    assert (
        s.told("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "chargeBoxSerialNumber": "B1"}).serial
        == "B1"
    )


def test_a_vendor_that_is_too_long_is_kept_whole_with_a_note(s: Any) -> None:
    told = s.told("BootNotification", {"chargePointVendor": "V" * 30, "chargePointModel": "M"})
    assert told.vendor == "V" * 30
    assert told.oddities == (Oddity("length", "chargePointVendor", "V" * 30),)


def test_heartbeat(s: Any) -> None:
    assert s.told("Heartbeat") == HeartbeatSent(**WHO)
    assert s.reply(TimeTold(NOW)) == {"currentTime": "2026-01-01T00:00:00.000Z"}


# --- status and meter -----------------------------------------------------------------------------------------------------------


def test_status_notification(s: Any) -> None:
    told = s.told(
        "StatusNotification",
        {
            "connectorId": 2,
            "errorCode": "GroundFailure",
            "status": "Faulted",
            "info": "wet",
            "timestamp": AT,
            "vendorId": "V",
            "vendorErrorCode": "E7",
        },
    )
    assert told == StatusReported(
        place=Place(2, 1),
        status="Faulted",
        reported_at=AT_MS,
        error_code="GroundFailure",
        info="wet",
        vendor_id="V",
        vendor_error_code="E7",
        **WHO,
    )
    assert s.reply(Noted()) == {}


def test_connector_zero_is_the_whole_charger_and_a_missing_time_is_now(s: Any) -> None:
    told = s.told("StatusNotification", {"connectorId": 0, "errorCode": "NoError", "status": "Available"})
    assert (told.place, told.reported_at) == (Place(0, 0), NOW)


@pytest.mark.parametrize(
    ("heard", "status", "raw"),
    [("suspendedEV", "SuspendedEV", ""), ("Occupied", "Occupied", ""), ("Levitating", "Unknown", "Levitating")],
)
def test_a_status_outside_its_enum_costs_a_warning(s: Any, heard: str, status: str, raw: str) -> None:
    told = s.told("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": heard})
    assert (told.status, told.status_raw) == (status, raw)
    assert told.oddities == (Oddity("enum", "status", heard),)


def test_a_status_with_everything_mistyped_still_takes_effect(s: Any) -> None:
    told = s.told(
        "StatusNotification",
        {
            "connectorID": "1",
            "errorCode": "noerror",
            "status": "CHARGING",
            "info": None,
            "timestamp": "1970-01-01T00:00:00Z",
            "x": 1,
        },
    )
    assert (told.place, told.status, told.error_code, told.reported_at) == (Place(1, 1), "Charging", "NoError", NOW)
    assert [odd.rule for odd in told.oddities] == ["name", "type", "enum", "null", "enum", "extra", "clock"]


def test_meter_values(s: Any) -> None:
    told = s.told(
        "MeterValues",
        {
            "connectorId": 1,
            "transactionId": 17,
            "meterValue": [
                {
                    "timestamp": AT,
                    "sampledValue": [
                        {"value": "1234.5"},
                        {
                            "value": "7.2",
                            "measurand": "Power.Active.Import",
                            "unit": "kW",
                            "phase": "L1",
                            "context": "Trigger",
                            "location": "Inlet",
                            "format": "Raw",
                        },
                    ],
                }
            ],
        },
    )
    assert told == MeterSampled(
        place=Place(1, 1),
        transaction_id=17,
        readings=(
            Reading(
                AT_MS,
                (
                    Sample("Energy.Active.Import.Register", Decimal("1234.5"), "Wh", "", "Outlet", "Sample.Periodic"),
                    Sample("Power.Active.Import", Decimal(7200), "W", "L1", "Inlet", "Trigger"),
                ),
            ),
        ),
        **WHO,
    )
    assert s.reply(Noted()) == {}


def test_signed_data_is_kept_verbatim_and_counts_no_energy(s: Any) -> None:
    told = s.told(
        "MeterValues",
        {"connectorId": 1, "meterValue": [{"timestamp": AT, "sampledValue": [{"value": "8A0B", "format": "SignedData"}]}]},
    )
    (sample,) = told.readings[0].samples
    assert (sample.signed, sample.unit) == ("8A0B", "")
    assert told.oddities == ()


def test_signed_data_that_is_called_raw_is_kept_verbatim_too(s: Any) -> None:
    ocmf = 'OCMF|{"FV":"1.0","RD":[{"RV":1.5,"RU":"kWh"}]}|{"SD":"3045\\/="}'
    samples = [{"value": ocmf, "context": "Transaction.End"}, {"value": ocmf, "format": "SignedData", "context": "Transaction.End"}]
    stop = {"transactionId": 1, "meterStop": 5, "timestamp": AT, "transactionData": [{"timestamp": AT, "sampledValue": samples}]}
    told = s.told("StopTransaction", stop)
    assert [(sample.signed, sample.unit) for sample in told.readings[0].samples] == [(ocmf, ""), (ocmf, "")]
    assert {odd.rule for odd in told.oddities} == {"value"}


def test_nonsense_among_samples_costs_itself(s: Any) -> None:
    told = s.told(
        "MeterValues",
        {
            "connectorId": 1,
            "meterValue": [
                {
                    "timestamp": "soon",
                    "sampledValue": [{"value": "NaN"}, {"value": 5}, {"unit": "V"}, {"value": "230,1", "unit": "V"}],
                },
                {"timestamp": AT, "sampledValue": [{"value": ""}]},
            ],
        },
    )
    (reading,) = told.readings
    assert (reading.sampled_at, reading.heard_at_raw) == (NOW, "soon")
    assert [sample.value for sample in reading.samples] == [Decimal(5), Decimal("230.1")]
    assert {odd.rule for odd in told.oddities} == {"type", "missing", "value", "timestamp"}


@pytest.mark.parametrize("transaction_id", [0, -1, 2**31, 2**63 - 1])
def test_any_transaction_id_is_heard(s: Any, transaction_id: int) -> None:
    payload = {"connectorId": 1, "transactionId": transaction_id, "meterValue": []}
    told = s.told("MeterValues", payload)
    assert (told.transaction_id, told.readings) == (transaction_id, ())


# --- tokens ---------------------------------------------------------------------------------------------------------------------


def test_authorize(s: Any) -> None:
    assert s.told("Authorize", {"idTag": "ABC"}) == TokenPresented(token=Token("ABC"), **WHO)
    assert s.reply(TokenVerdict("Accepted", NOW, "GROUP")) == {
        "idTagInfo": {"status": "Accepted", "expiryDate": "2026-01-01T00:00:00.000Z", "parentIdTag": "GROUP"}
    }


@pytest.mark.parametrize(
    ("status", "authorize", "start"),
    [
        ("Accepted", "Accepted", "Accepted"),
        ("Blocked", "Blocked", "Blocked"),
        ("Expired", "Expired", "Expired"),
        ("Invalid", "Invalid", "Invalid"),
        ("ConcurrentTx", "Blocked", "ConcurrentTx"),
        ("Unknown", "Invalid", "Invalid"),
        ("NoCredit", "Blocked", "Blocked"),
        ("NotAtThisTime", "Blocked", "Blocked"),
        ("Tired", "Invalid", "Invalid"),
    ],
)
def test_a_verdict_is_narrowed_to_what_1_6_knows(s: Any, status: str, authorize: str, start: str) -> None:
    s.told("Authorize", {"idTag": "ABC"})
    assert s.reply(TokenVerdict(status)) == {"idTagInfo": {"status": authorize}}
    s.told("StartTransaction", START)
    assert s.reply(TransactionVerdict(1, TokenVerdict(status)))["idTagInfo"] == {"status": start}


def test_a_parent_that_is_too_long_is_left_out(s: Any) -> None:
    s.told("Authorize", {"idTag": "ABC"})
    assert s.reply(TokenVerdict("Accepted", parent="G" * 21)) == {"idTagInfo": {"status": "Accepted"}}


def test_an_expiry_beyond_the_calendar_is_its_end(s: Any) -> None:
    s.told("Authorize", {"idTag": "ABC"})
    assert s.reply(TokenVerdict("Accepted", 2**62))["idTagInfo"]["expiryDate"] == "9999-12-31T23:59:59.999Z"


# --- transactions ---------------------------------------------------------------------------------------------------------------

START = {"connectorId": 1, "idTag": "ABC", "meterStart": 1000, "timestamp": AT}
STOP = {"transactionId": 17, "meterStop": 2000, "timestamp": AT}


def test_start_transaction(s: Any) -> None:
    assert s.told("StartTransaction", START | {"reservationId": 3}) == StartReported(
        place=Place(1, 1), token=Token("ABC"), meter_start_wh=1000, started_at=AT_MS, reservation_id=3, **WHO
    )
    assert s.reply(TransactionVerdict(17, TokenVerdict("Accepted"))) == {
        "transactionId": 17,
        "idTagInfo": {"status": "Accepted"},
    }


def test_a_start_from_a_clock_that_was_never_set(s: Any) -> None:
    told = s.told("StartTransaction", START | {"timestamp": "1970-01-01T00:01:00Z"})
    assert (told.started_at, told.started_at_raw) == (NOW, "1970-01-01T00:01:00Z")


def test_a_start_with_a_fractional_meter_and_a_long_tag(s: Any) -> None:
    told = s.told("StartTransaction", START | {"meterStart": 1000.6, "idTag": "T" * 25})
    assert (told.meter_start_wh, told.token) == (1001, Token("T" * 25))
    assert [odd.rule for odd in told.oddities] == ["length", "type"]


def test_stop_transaction(s: Any) -> None:
    told = s.told(
        "StopTransaction",
        STOP
        | {
            "idTag": "ABC",
            "reason": "EVDisconnected",
            "transactionData": [{"timestamp": AT, "sampledValue": [{"value": "2", "unit": "kWh", "context": "Transaction.End"}]}],
        },
    )
    assert told == StopReported(
        transaction_id=17,
        meter_stop_wh=2000,
        stopped_at=AT_MS,
        token=Token("ABC"),
        reason="EVDisconnected",
        readings=(Reading(AT_MS, (Sample("Energy.Active.Import.Register", Decimal(2000), "Wh", context="Transaction.End"),)),),
        **WHO,
    )
    assert s.reply(TransactionVerdict(17, TokenVerdict("Accepted"))) == {"idTagInfo": {"status": "Accepted"}}


def test_a_stop_without_a_token_is_answered_without_token_information(s: Any) -> None:
    told = s.told("StopTransaction", STOP | {"idTag": ""})
    assert (told.token, told.reason) == (None, "Local")
    assert s.reply(TransactionVerdict(17, TokenVerdict("Accepted"))) == {}


def test_bad_transaction_data_does_not_cost_the_stop(s: Any) -> None:
    told = s.told("StopTransaction", STOP | {"transactionData": [{"sampledValue": "none"}]})
    assert isinstance(told, StopReported)
    assert told.readings == ()
    assert told.oddities


@pytest.mark.parametrize(
    ("action", "payload", "missing"),
    [
        ("StartTransaction", {"connectorId": 1, "idTag": "ABC"}, ("meterStart", "timestamp")),
        ("StartTransaction", {"idTag": "ABC", "meterStart": 1, "timestamp": AT}, ("connectorId",)),
        ("StopTransaction", {"transactionId": 17, "timestamp": AT}, ("meterStop",)),
        ("StopTransaction", {"transactionId": 17, "timestamp": AT, "meterStop": "much"}, ("meterStop",)),
        ("MeterValues", {"connectorId": 1, "transactionId": 17}, ("meterValue",)),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": AT}]}, ("meterValue[0].sampledValue",)),
    ],
)
def test_a_transaction_message_that_says_whose_it_is_is_quarantined_and_answered(
    s: Any, action: str, payload: Any, missing: tuple[str, ...]
) -> None:
    told = s.told(action, payload)
    assert isinstance(told, Mangled)
    assert (told.action, json.loads(told.payload), told.missing) == (action, payload, missing)
    s.reply(TransactionVerdict(0))


def test_a_quarantined_start_is_not_authorised(s: Any) -> None:
    s.told("StartTransaction", {"connectorId": 1})
    assert s.reply(TransactionVerdict(99)) == {"transactionId": 99, "idTagInfo": {"status": "Invalid"}}


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", {"meterStart": 1, "timestamp": AT}),
        ("StopTransaction", {"timestamp": AT}),
        ("MeterValues", {}),
    ],
)
def test_a_transaction_message_that_does_not_say_whose_it_is_is_refused(s: Any, action: str, payload: Any) -> None:
    assert s.sent(s.call(action, payload))[0][2] == "OccurenceConstraintViolation"


# --- vendor data ----------------------------------------------------------------------------------------------------------------


def test_data_transfer(s: Any) -> None:
    told = s.told("DataTransfer", {"vendorId": "V", "messageId": "M", "data": "D"})
    assert told == DataSent(vendor_id="V", message_id="M", data="D", **WHO)
    assert s.reply(DataVerdict("Accepted", "back")) == {"status": "Accepted", "data": "back"}


def test_data_that_is_an_object_becomes_its_json(s: Any) -> None:
    assert s.told("DataTransfer", {"vendorId": "V", "data": {"a": 1}}).data == '{"a":1}'
    assert s.reply(DataVerdict("Sulking")) == {"status": "Rejected"}
