"""What a charger does wrong besides its messages is noticed, and tolerated."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.quirks import Quirks
from csms.core.reports import Noted, Oddity, Registration, TimeTold

STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
NOW = 1_767_225_600_000


def noticed(s: Any) -> list[Oddity]:
    found = list(s.conversation.noticed)
    s.conversation.noticed.clear()
    return found


@pytest.fixture
def s(script: Any) -> Any:
    return script("ocpp1.6")


def test_a_charger_that_does_everything_right_is_not_noticed(s: Any) -> None:
    s.told("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    s.reply(Registration("accepted", 300, NOW))
    for _ in range(3):
        s.wait(300)
        s.told("Heartbeat")
        s.reply(TimeTold(NOW))
        s.told("StatusNotification", STATUS)
        s.reply(Noted())
    assert noticed(s) == []


def test_a_boot_every_few_seconds(s: Any) -> None:
    for _ in range(2):
        s.told("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        s.reply(Registration("accepted", 300, NOW))
        s.wait(5)
    assert noticed(s) == [Oddity("boot", "BootNotification", "again after 5 s")]


def test_heartbeats_far_too_often(s: Any) -> None:
    s.told("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
    s.reply(Registration("accepted", 300, NOW))
    for _ in range(2):
        s.told("Heartbeat")
        s.reply(TimeTold(NOW))
        s.wait(10)
    assert noticed(s) == [Oddity("heartbeat", "Heartbeat", "after 10 s, not 300")]


def test_calls_without_waiting_for_our_answer(s: Any) -> None:
    s.told("StatusNotification", STATUS)
    s.told("StatusNotification", STATUS | {"connectorId": 2})
    assert [each.rule for each in noticed(s)] == ["pipelining"]


def test_an_answer_to_nothing(s: Any) -> None:
    s.hear([3, "strange", {}])
    assert [(each.rule, each.field) for each in noticed(s)] == [("answer", "CALLRESULT")]


def test_a_message_id_for_two_messages(s: Any) -> None:
    for connector in (1, 2):
        s.told("StatusNotification", STATUS | {"connectorId": connector}, "same")
        s.reply(Noted())
    assert [each.rule for each in noticed(s)] == ["id"]


def test_talk_before_it_is_accepted_unless_its_kind_is_known_for_it(script: Any) -> None:
    s = script("ocpp1.6", registration="")
    start = {"connectorId": 1, "idTag": "A", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
    (answer,) = s.sent(s.call("StartTransaction", start))
    assert answer[2] == "SecurityError"
    assert [(each.rule, each.field) for each in noticed(s)] == [("boot", "StartTransaction")]
    s.conversation.adapt(Quirks(before_boot=frozenset({"StartTransaction"})))
    assert s.told("StartTransaction", start).meter_start_wh == 0


def test_what_is_refused_and_what_is_no_frame(s: Any) -> None:
    s.call("Authorize", {})
    s.hear("no frame at all")
    s.call("MakeCoffee", {})
    assert [(each.rule, each.field) for each in noticed(s)] == [
        ("refused", "Authorize.idTag"),
        ("frame", ""),
        ("action", "MakeCoffee"),
    ]


def test_a_nuisance_fills_no_memory(s: Any) -> None:
    for number in range(1000):
        s.hear([3, f"strange {number}", {}])
    assert len(noticed(s)) == 50


# --- what quirks change -----------------------------------------------------------------------------------------------------------


def test_local_time_is_understood(s: Any) -> None:
    s.conversation.adapt(Quirks(time_zone="Europe/Berlin"))
    told = s.told("StatusNotification", STATUS | {"timestamp": "2026-01-01T13:00:00"})
    assert told.reported_at == NOW + 12 * 3_600_000
    told = s.told("StatusNotification", STATUS | {"timestamp": "2026-07-01T14:00:00Z"})
    assert told.reported_at == 1_782_914_400_000, "what names its zone is believed"
    s.conversation.adapt(Quirks(time_zone="Europe/Berlin", times_are_local=True))
    told = s.told("StatusNotification", STATUS | {"timestamp": "2026-07-01T16:00:00Z"})
    assert told.reported_at == 1_782_914_400_000


def test_energy_in_another_unit_than_it_says(s: Any) -> None:
    s.conversation.adapt(Quirks(energy_unit="kWh", register_unit="kWh"))
    values = [{"value": "12.5", "unit": "Wh"}, {"value": "7", "measurand": "Power.Active.Import", "unit": "kW"}]
    told = s.told("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": values}]})
    assert [(str(each.value), each.unit) for each in told.readings[0].samples] == [("12500", "Wh"), ("7000", "W")]
    assert Oddity("unit", "sampledValue.unit", "Wh") in told.oddities
    start = {"connectorId": 1, "idTag": "A", "meterStart": 12, "timestamp": "2026-01-01T00:00:00Z"}
    assert s.told("StartTransaction", start).meter_start_wh == 12_000


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Energy.Active.Import.Registr", "Energy.Active.Import.Register"),
        ("energy.active.import.register", "Energy.Active.Import.Register"),
        ("Energy.Active.Import.Register ", "Energy.Active.Import.Register"),
        ("Curent.Import", "Current.Import"),
        ("Volatge", "Voltage"),
        ("", "Energy.Active.Import.Register"),
        ("Fan.Speed", "Fan.Speed"),
    ],
)
def test_a_misspelt_measurand_is_what_it_is_meant_to_be(s: Any, said: str, meant: str) -> None:
    values = [{"value": "5", "measurand": said}]
    told = s.told("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": values}]})
    assert told.readings[0].samples[0].measurand == meant
    assert told.oddities
