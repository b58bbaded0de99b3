"""What a reader is given: instants, numbers and places that later layers can trust."""

from __future__ import annotations

import pytest

from csms.core.commands import COMMANDS
from csms.core.ids import Place
from csms.core.reports import Oddity
from csms.ocpp.dialect import Hearing
from csms.ocpp.registry import dialect_for

NOW = 1_767_225_600_000


def test_a_good_instant() -> None:
    hearing = Hearing("CP-1", NOW)
    assert hearing.instant("2025-12-31T23:59:59.5Z", "timestamp") == (NOW - 500, "")
    assert hearing.instant(None, "timestamp") == (NOW, "")
    assert hearing.oddities() == ()


@pytest.mark.parametrize(
    ("text", "rule"),
    [("yesterday", "timestamp"), ("", "timestamp"), ("2025-13-01T00:00:00Z", "timestamp"), ("1970-01-01T00:00:07Z", "clock")],
)
def test_an_instant_that_cannot_be_trusted_is_kept_raw_beside_the_time_of_hearing(text: str, rule: str) -> None:
    hearing = Hearing("CP-1", NOW)
    assert hearing.instant(text, "timestamp") == (NOW, text)
    assert hearing.oddities() == (Oddity(rule, "timestamp", text),)


def test_an_instant_without_a_zone_is_utc_with_a_note() -> None:
    hearing = Hearing("CP-1", NOW)
    assert hearing.instant("2026-01-01T00:00:00", "timestamp") == (NOW, "")
    assert hearing.oddities() == (Oddity("zone", "timestamp", "2026-01-01T00:00:00"),)


@pytest.mark.parametrize("number", [0, -1, 2**63 - 1, -(2**63)])
def test_numbers_that_a_database_can_hold_pass_unharmed(number: int) -> None:
    hearing = Hearing("CP-1", NOW)
    assert hearing.integer(number, "transactionId") == number
    assert hearing.oddities() == ()


def test_numbers_that_no_database_can_hold_are_clamped_with_a_note() -> None:
    hearing = Hearing("CP-1", NOW)
    assert hearing.integer(2**63, "transactionId") == 2**63 - 1
    assert hearing.integer(-(10**400), "transactionId") == -(2**63)
    assert [odd.rule for odd in hearing.oddities()] == ["range", "range"]


def test_a_place_that_cannot_be_is_the_whole_charger() -> None:
    hearing = Hearing("CP-1", NOW)
    assert hearing.place(2, 1, "evse") == Place(2, 1)
    assert hearing.place(-1, 1, "connectorId") == Place(0, 0)
    assert hearing.oddities() == (Oddity("range", "connectorId", "-1.1"),)


def test_what_a_dialect_can_say_and_hear() -> None:
    everyday = {
        "StartCharging",
        "StopCharging",
        "Reset",
        "UnlockConnector",
        "ChangeAvailability",
        "GetVariables",
        "SetVariables",
        "ClearCache",
        "SendData",
    }
    assert dialect_for("ocpp1.6").can_say == set(COMMANDS)
    for protocol in ("ocpp1.6", "ocpp2.0.1"):
        dialect = dialect_for(protocol)
        assert everyday <= dialect.can_say
        assert {"BootNotification", "Heartbeat", "StatusNotification", "MeterValues", "DataTransfer"} <= dialect.can_hear
