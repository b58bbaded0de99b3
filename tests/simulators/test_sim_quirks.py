"""Every quirk is visible on the wire, and the honest payload stays honest for the record."""

from __future__ import annotations

import json

import pytest
import trio

from simulators.charger import Car, Supply, Tag
from simulators.charger.quirks import QUIRKS, bend


async def charge(bench, charger):
    charger.box.plug(1, Car(soc=0.2))
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(61)
    await charger.box.tap(1)
    await bench.delivered(charger)


def samples(payload):
    return [s for v in payload.get("meterValue") or payload.get("transactionData") or [] for s in v["sampledValue"]]


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("quirk", sorted(QUIRKS))
async def test_a_charger_with_any_quirk_still_charges(autojump_clock, bench, version, quirk):
    bench.server.fallback = version
    charger = await bench.charger(version, quirks=frozenset({quirk}), supplies=(Supply(),))
    await charge(bench, charger)
    ends = bench.heard("StopTransaction") or [
        h for h in bench.heard("TransactionEvent") if h.payload["eventType"].lower() == "ended"
    ]
    assert ends
    assert bench.ledger.total().lost == 0


async def test_kwh_as_strings(autojump_clock, bench):
    charger = await bench.charger("2.0.1", quirks=frozenset({"kwh-as-strings"}))
    await charge(bench, charger)
    energy = [s for h in bench.heard("TransactionEvent") for s in samples(h.payload) if s["measurand"].startswith("Energy")]
    assert all(isinstance(s["value"], str) and s["unitOfMeasure"] == {"unit": "kWh"} for s in energy)
    assert float(energy[-1]["value"]) == pytest.approx(11 * 61 / 3600, abs=0.002)


async def test_celcius(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"celcius"}))
    await charge(bench, charger)
    assert [s["unit"] for s in samples(bench.heard("MeterValues")[0].payload) if s["measurand"] == "Temperature"] == ["Celcius"]


async def test_wrong_case_enums(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"wrong-case-enums"}))
    await charge(bench, charger)
    assert {h.payload["status"] for h in bench.heard("StatusNotification")} >= {"available", "charging", "finishing"}
    assert bench.heard("StopTransaction")[0].payload["reason"] == "local"
    assert samples(bench.heard("MeterValues")[0].payload)[0]["measurand"] == "energy.active.import.register"


async def test_numbers_as_strings(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"numbers-as-strings"}))
    await charge(bench, charger)
    start = bench.heard("StartTransaction")[0].payload
    assert (start["connectorId"], start["meterStart"]) == ("1", "0")
    assert bench.heard("StopTransaction")[0].payload["transactionId"] == "1"


async def test_reused_and_long_ids(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"reused-message-ids"}))
    await charge(bench, charger)
    ids = [h.message_id for h in bench.heard()]
    assert ids[0] == "1"
    assert len(set(ids)) < len(ids)
    other = await bench.charger(charger_id="CH-2", quirks=frozenset({"long-ids"}))
    await charge(bench, other)
    assert {len(h.message_id) for h in bench.heard() if h.charger_id == "CH-2"} == {48}


async def test_talk_before_boot(autojump_clock, bench):
    await bench.charger(quirks=frozenset({"talk-before-boot"}))
    assert bench.actions() == ["StatusNotification"] * 3 + ["BootNotification"]


async def test_always_boots(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"always-boots"}))
    charger.life.drop("cut", 1)
    await bench.until(lambda: bench.server.connected == 2 and charger.online)
    assert len(bench.heard("BootNotification")) == 2


async def test_no_subprotocol(autojump_clock, bench):
    bench.server.subprotocols = ()
    await bench.charger(quirks=frozenset({"no-subprotocol"}))
    assert bench.heard("BootNotification")


@pytest.mark.parametrize("pongs", [True, False])
async def test_no_ping(autojump_clock, bench, pongs):
    await bench.charger(quirks=frozenset() if pongs else frozenset({"no-ping"}))
    with trio.move_on_after(10) as waiting:
        await bench.server.connections["CH-1"].socket.ping(b"are you there")
    assert waiting.cancelled_caught is not pongs
    answer = await bench.server.command("CH-1", "ClearCache", {})
    assert answer.payload == {"status": "Accepted"}


async def test_twice(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"twice"}))
    await charge(bench, charger)
    starts, stops = bench.heard("StartTransaction"), bench.heard("StopTransaction")
    assert [h.payload for h in starts] == [starts[0].payload] * 2
    assert [h.payload for h in stops] == [stops[0].payload] * 2


async def test_forgetful(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"forgetful"}))
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await bench.delivered(charger)
    charger.lose_power(5)
    await bench.delivered(charger)
    assert bench.heard("StopTransaction") == []
    assert len(bench.heard("BootNotification")) == 2


async def test_clock_1970_until_accepted(autojump_clock, bench):
    bench.override("BootNotification", {"status": "Pending", "interval": 10, "currentTime": ""})
    charger = await bench.charger(quirks=frozenset({"clock-1970", "talk-before-boot"}))
    stamps = [h.payload["timestamp"][:4] for h in bench.heard("StatusNotification")]
    assert stamps == ["1970"] * 3
    assert charger.clock.now_iso()[:4] == "2027"


async def test_minus_one(autojump_clock, bench):
    charger = await bench.charger(quirks=frozenset({"minus-one"}))
    await charge(bench, charger)
    assert bench.heard("MeterValues")[0].payload["transactionId"] == 1
    assert bench.heard("StopTransaction")[0].payload["transactionId"] == -1


def test_bending_leaves_the_original_alone():
    payload = {
        "connectorId": 1,
        "timestamp": "2027-01-15T08:00:00.000Z",
        "status": "Available",
        "meterValue": [{"sampledValue": []}],
    }
    before = json.dumps(payload)
    bent = bend(set(QUIRKS) - {"local-time"}, "StatusNotification", payload)
    assert json.dumps(payload) == before
    assert bent["connectorId"] == "1"
    assert bent["timestamp"] == "2027-01-15T08:00:00.000"
    assert bent["status"] == "available"
    assert bent["info"] is None
    assert "vendorStatus" in bent
