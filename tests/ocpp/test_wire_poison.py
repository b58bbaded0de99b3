"""Messages that a charger would repeat for ever if we stumbled over them: what is odd about them costs a field, not the message."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.reports import Mangled, MeterSampled, StopReported, UpdateReported

STOP = {"transactionId": 7, "meterStop": 100, "timestamp": "2026-01-01T00:00:00Z"}


def meter(value: str) -> dict[str, Any]:
    sampled = [{"value": value}, {"value": "5"}]
    return {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": sampled}]}


def event(kind: str, transaction_id: str) -> dict[str, Any]:
    return {
        "eventType": kind,
        "timestamp": "2026-01-01T00:00:00Z",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 1,
        "transactionInfo": {"transactionId": transaction_id},
    }


@pytest.mark.parametrize("value", ["--5,3", "+-1,2", "-+7,0"])
def test_a_comma_number_with_two_signs_costs_its_sample(script: Any, value: str) -> None:
    report = script("ocpp1.6").told("MeterValues", meter(value))
    assert isinstance(report, MeterSampled)
    assert [str(sample.value) for sample in report.readings[0].samples] == ["5"]
    assert [odd.heard for odd in report.oddities] == [value]


@pytest.mark.parametrize(
    "timestamp",
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999-14:00", "9999-12-31T23:59:59-23:59", "2100-01-01T00:00:00.001Z"],
)
def test_a_timestamp_of_a_far_future_is_kept_as_text_beside_the_time_of_hearing(script: Any, timestamp: str) -> None:
    s = script("ocpp1.6")
    report = s.told("StopTransaction", STOP | {"timestamp": timestamp})
    assert isinstance(report, StopReported)
    assert (report.stopped_at, report.stopped_at_raw) == (s.NOW, timestamp)
    assert [odd.field for odd in report.oddities] == ["timestamp"]


def test_a_timestamp_of_this_century_is_believed(script: Any) -> None:
    report = script("ocpp1.6").told("StopTransaction", STOP | {"timestamp": "2099-12-31T23:59:59Z"})
    assert isinstance(report, StopReported)
    assert (report.stopped_at, report.stopped_at_raw) == (4_102_444_799_000, "")


@pytest.mark.parametrize("kind", ["Started", "Updated", "Ended"])
@pytest.mark.parametrize("transaction_id", ["", " ", "\x00"])
def test_an_event_of_a_transaction_without_a_name_is_quarantined(script: Any, kind: str, transaction_id: str) -> None:
    report = script("ocpp2.0.1").told("TransactionEvent", event(kind, transaction_id))
    assert isinstance(report, Mangled)
    assert report.missing == ("transactionInfo.transactionId",)


def test_an_event_of_a_named_transaction_is_heard(script: Any) -> None:
    report = script("ocpp2.0.1").told("TransactionEvent", event("Updated", "0"))
    assert isinstance(report, UpdateReported)
    assert report.reference == "0"
