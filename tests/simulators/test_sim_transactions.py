"""A charge from plugging in to leaving: the messages, their order, and what they say, against the schemas."""

from __future__ import annotations

import pytest
import trio

from simulators.charger import Car, Supply, Tag
from simulators.clock import parse_iso

ENERGY = "Energy.Active.Import.Register"


def energies(payload):
    return [
        float(sample["value"])
        for value in payload.get("meterValue") or payload.get("transactionData") or []
        for sample in value["sampledValue"]
        if sample["measurand"] == ENERGY
    ]


async def a_charge(bench, charger, *, minutes: float = 5):
    charger.box.plug(1, Car(soc=0.2))
    await trio.sleep(3)
    assert await charger.box.tap(1, Tag("TAG-1")) == "Accepted"
    await trio.sleep(minutes * 60 + 1)
    await charger.box.tap(1)
    await trio.sleep(2)
    charger.box.unplug(1)
    await bench.delivered(charger)


def without_boot(bench):
    calls = [heard for heard in bench.heard() if heard.action not in ("BootNotification", "Heartbeat")]
    return calls[3:] if calls[0].payload.get("connectorId") == 0 else calls[2:]


async def test_a_charge_in_16(autojump_clock, bench, schema_problems):
    charger = await bench.charger("1.6", register_wh=1000)
    await a_charge(bench, charger)
    calls = without_boot(bench)
    said = [heard.payload.get("status", heard.action) for heard in calls]
    assert said == [
        "Preparing",
        "Authorize",
        "StartTransaction",
        "Charging",
        *["MeterValues"] * 5,
        "StopTransaction",
        "Finishing",
        "Available",
    ]
    assert [schema_problems("1.6", heard.action, heard.payload) for heard in bench.heard()] == [[]] * len(bench.heard())
    start, stop = bench.heard("StartTransaction")[0].payload, bench.heard("StopTransaction")[0].payload
    assert (start["idTag"], start["connectorId"], start["meterStart"]) == ("TAG-1", 1, 1000)
    assert (stop["transactionId"], stop["reason"], stop["idTag"]) == (1, "Local", "TAG-1")
    assert {heard.payload["transactionId"] for heard in bench.heard("MeterValues")} == {1}
    series = [start["meterStart"], *(e for heard in bench.heard("MeterValues") for e in energies(heard.payload)), stop["meterStop"]]
    assert series == sorted(series)
    assert stop["meterStop"] - 1000 == pytest.approx(11_000 * 301 / 3600, abs=2)
    assert energies(stop) == [1000, stop["meterStop"]]


async def test_a_charge_in_201(autojump_clock, bench, schema_problems):
    charger = await bench.charger("2.0.1")
    await a_charge(bench, charger, minutes=2)
    said = [
        heard.payload.get("connectorStatus") or heard.payload.get("triggerReason") or heard.action for heard in without_boot(bench)
    ]
    assert said == [
        "Occupied",
        "Authorize",
        "Authorized",
        "MeterValuePeriodic",
        "MeterValuePeriodic",
        "StopAuthorized",
        "Available",
    ]
    assert [schema_problems("2.0.1", heard.action, heard.payload) for heard in bench.heard()] == [[]] * len(bench.heard())
    events = [heard.payload for heard in bench.heard("TransactionEvent")]
    assert [event["eventType"] for event in events] == ["Started", "Updated", "Updated", "Ended"]
    assert [event["seqNo"] for event in events] == [0, 1, 2, 3]
    assert len({event["transactionInfo"]["transactionId"] for event in events}) == 1
    assert events[0]["idToken"] == {"idToken": "TAG-1", "type": "ISO14443"}
    assert events[-1]["transactionInfo"]["stoppedReason"] == "Local"
    assert not any(event.get("offline") for event in events)


async def test_a_201_charger_whose_transaction_lasts_from_plug_to_unplug(autojump_clock, bench, schema_problems):
    charger = await bench.charger("2.0.1", settings={"start_point": "EVConnected", "stop_point": "EVConnected"})
    await a_charge(bench, charger, minutes=1)
    events = [heard.payload for heard in bench.heard("TransactionEvent")]
    assert [(event["eventType"], event["triggerReason"], event["transactionInfo"]["chargingState"]) for event in events] == [
        ("Started", "CablePluggedIn", "EVConnected"),
        ("Updated", "Authorized", "EVConnected"),
        ("Updated", "ChargingStateChanged", "Charging"),
        ("Updated", "MeterValuePeriodic", "Charging"),
        ("Updated", "StopAuthorized", "EVConnected"),
        ("Ended", "EVCommunicationLost", "Idle"),
    ]
    assert "idToken" not in events[0]
    assert events[1]["idToken"]["idToken"] == "TAG-1"
    assert [schema_problems("2.0.1", "TransactionEvent", event) for event in events] == [[]] * 6


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_full_car_suspends(autojump_clock, bench, version):
    charger = await bench.charger(version, supplies=(Supply("dc", 50_000, 0),))
    charger.box.plug(1, Car(capacity_wh=10_000, soc=0.9))
    await charger.box.tap(1, Tag("TAG-1"))
    await bench.until(lambda: charger.box.connector(1).status == "SuspendedEV", limit_s=7200)
    await bench.delivered(charger)
    register = charger.box.connector(1).register
    assert register == pytest.approx(1000, abs=2)
    await trio.sleep(600)
    assert charger.box.connector(1).register == register
    if version == "1.6":
        assert bench.heard("StatusNotification")[-1].payload["status"] == "SuspendedEV"
    else:
        states = [heard.payload["transactionInfo"]["chargingState"] for heard in bench.heard("TransactionEvent")]
        assert states[-1] == "SuspendedEV"
        assert "Charging" in states
    soc = [
        float(sample["value"])
        for heard in bench.heard("MeterValues", "TransactionEvent")
        for value in heard.payload.get("meterValue", [])
        for sample in value["sampledValue"]
        if sample["measurand"] == "SoC"
    ]
    assert soc == sorted(soc)
    assert soc[-1] == 100


async def test_the_charger_can_withhold_power(autojump_clock, bench):
    charger = await bench.charger("2.0.1")
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(30)
    charger.box.pause(1, True)
    paused_at = charger.box.connector(1).register
    await trio.sleep(300)
    assert charger.box.connector(1).register == paused_at
    charger.box.pause(1, False)
    await trio.sleep(60)
    assert charger.box.connector(1).register > paused_at
    states = [heard.payload["transactionInfo"]["chargingState"] for heard in bench.heard("TransactionEvent")]
    assert states.index("SuspendedEVSE") < len(states) - 1 - states[::-1].index("Charging")


async def test_pulling_the_cable_stops(autojump_clock, bench):
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(30)
    charger.box.unplug(1)
    await bench.delivered(charger)
    stop = bench.heard("StopTransaction")[0].payload
    assert stop["reason"] == "EVDisconnected"
    assert "idTag" not in stop


async def test_tap_first_then_plug(autojump_clock, bench):
    charger = await bench.charger()
    await charger.box.tap(2, Tag("TAG-1"))
    assert charger.box.connector(2).status == "Preparing"
    await trio.sleep(10)
    charger.box.plug(2, Car())
    await bench.delivered(charger)
    assert bench.heard("StartTransaction")[0].payload["connectorId"] == 2


async def test_a_tap_that_no_car_follows_is_forgotten(autojump_clock, bench):
    charger = await bench.charger()
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(61)
    assert charger.box.connector(1).status == "Available"
    charger.box.plug(1, Car())
    await bench.delivered(charger)
    assert bench.heard("StartTransaction") == []


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_a_refused_token_does_not_start(autojump_clock, bench, version):
    bench.override(
        "Authorize", {"idTagInfo": {"status": "Blocked"}} if version == "1.6" else {"idTokenInfo": {"status": "Blocked"}}
    )
    charger = await bench.charger(version)
    charger.box.plug(1, Car())
    assert await charger.box.tap(1, Tag("BAD")) == "Blocked"
    await trio.sleep(100)
    assert bench.heard("StartTransaction", "TransactionEvent") == []


async def test_a_start_that_is_refused_stops_at_once(autojump_clock, bench):
    bench.override("StartTransaction", {"transactionId": 77, "idTagInfo": {"status": "ConcurrentTx"}})
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await bench.delivered(charger)
    stop = bench.heard("StopTransaction")[0].payload
    assert (stop["transactionId"], stop["reason"]) == (77, "DeAuthorized")


async def test_another_token_may_not_stop(autojump_clock, bench):
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    assert await charger.box.tap(1, Tag("TAG-2")) == "NotYours"
    assert charger.box.connector(1).transaction is not None
    assert await charger.box.tap(1, Tag("tag-1")) == "Stopped"


async def test_a_fault_ends_the_transaction(autojump_clock, bench, schema_problems):
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    charger.box.fault(1, "GroundFailure")
    await bench.delivered(charger)
    status = bench.heard("StatusNotification")[-1].payload
    assert (status["status"], status["errorCode"]) == ("Faulted", "GroundFailure")
    assert schema_problems("1.6", "StatusNotification", status) == []
    assert await charger.box.tap(1, Tag("TAG-1")) == "OutOfOrder"
    charger.box.fault(1, "NoError")
    assert charger.box.connector(1).status == "Finishing"


async def test_readings_by_the_clock(autojump_clock, bench, schema_problems):
    await bench.charger("2.0.1", settings={"aligned_interval_s": "900"})
    await trio.sleep(1801)
    readings = bench.heard("MeterValues")
    assert [heard.payload["evseId"] for heard in readings] == [1, 2, 1, 2]
    assert schema_problems("2.0.1", "MeterValues", readings[0].payload) == []
    assert readings[0].payload["meterValue"][0]["sampledValue"][0]["context"] == "Sample.Clock"


async def test_speed_accelerates_cars_but_not_timestamps(autojump_clock, bench):
    bench.clock.speed = 60
    charger = await bench.charger()
    charger.box.plug(1, Car(soc=0.1))
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(30.5)
    await charger.box.tap(1)
    await bench.delivered(charger)
    start, stop = bench.heard("StartTransaction")[0].payload, bench.heard("StopTransaction")[0].payload
    assert stop["meterStop"] == pytest.approx(5500, rel=0.05)
    assert parse_iso(stop["timestamp"]) - parse_iso(start["timestamp"]) == pytest.approx(30_500, abs=100)
    assert len(bench.heard("MeterValues")) == 30
