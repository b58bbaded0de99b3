"""The quirks of transactions, connections and spelling, each as it looks to the server."""

from __future__ import annotations

import pytest
import trio

from simulators.charger import Car, Supply, Tag
from simulators.charger.quirks import QUIRKS, bend


async def quirky(bench, *quirks, **more):
    return await bench.charger(quirks=frozenset(quirks), **more)


async def charge(bench, charger, seconds=125):
    charger.box.plug(1, Car(soc=0.2))
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(seconds)
    await charger.box.tap(1)
    await bench.delivered(charger)


def samples(bench, measurand):
    values = [v for heard in bench.heard("MeterValues") for v in heard.payload["meterValue"]]
    return [s for v in values for s in v["sampledValue"] if s.get("measurand", measurand) == measurand]


async def test_start_again(autojump_clock, bench):
    await charge(bench, await quirky(bench, "start-again"))
    first, second = bench.heard("StartTransaction")
    assert second.payload["timestamp"] > first.payload["timestamp"]
    assert second.payload["meterStart"] > first.payload["meterStart"]
    assert [heard.payload["transactionId"] for heard in bench.heard("StopTransaction")] == [2]


async def test_stop_twice(autojump_clock, bench):
    await charge(bench, await quirky(bench, "stop-twice"))
    first, second = bench.heard("StopTransaction")
    assert (first.payload["reason"], second.payload["reason"]) == ("Local", "Other")
    assert first.payload["transactionId"] == second.payload["transactionId"] == 1


async def test_stop_without_start(autojump_clock, bench):
    await charge(bench, await quirky(bench, "stop-without-start"))
    assert bench.heard("StartTransaction") == []
    assert bench.heard("StopTransaction")[0].payload["transactionId"] == -1


async def test_made_up_transaction_ids(autojump_clock, bench):
    charger = await quirky(bench, "made-up-transaction-ids")
    for _ in range(3):
        await charge(bench, charger)
        charger.box.unplug(1)
    assert sorted(heard.payload["transactionId"] for heard in bench.heard("StopTransaction")) == [-1, 0, 2**63 - 1]
    assert len({heard.payload["transactionId"] for heard in bench.heard("MeterValues")}) == 3


async def test_meter_values_before_the_starts_answer(autojump_clock, bench):
    bench.override("StartTransaction", None)  # not answered: the early reading comes all the same
    charger = await quirky(bench, "meter-before-start-answer", call_timeout_s=20)
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(5)
    actions = bench.actions()
    assert actions.index("MeterValues") > actions.index("StartTransaction")
    assert "transactionId" not in bench.heard("MeterValues")[0].payload


async def test_meter_rollover(autojump_clock, bench):
    charger = await quirky(bench, "meter-rollover", supplies=(Supply.of(22),))
    charger.box.plug(1, Car(soc=0.1, max_ac_w=22_000))
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(600)
    await charger.box.tap(1)
    await bench.delivered(charger)
    start, stop = bench.heard("StartTransaction")[0].payload, bench.heard("StopTransaction")[0].payload
    assert start["meterStart"] == 9_999_000
    assert stop["meterStop"] == pytest.approx(22_000 / 6 - 1000, rel=0.02)
    assert bench.ledger.energy_wh == pytest.approx(22_000 / 6, rel=0.02)


async def test_pipelining(autojump_clock, bench):
    """Several calls are under way at once, in their order."""
    charger = await quirky(bench, "pipelining", call_timeout_s=15)
    charger.life.go_offline()
    charger.box.plug(1, Car(soc=0.2))
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(400)
    await charger.box.tap(1)
    bench.server.heard.clear()
    usual = bench.server.answer
    bench.server.answer = lambda connection, call: usual(connection, call) if call.action != "MeterValues" else None
    charger.life.go_online()
    await bench.until(lambda: charger.online)
    await trio.sleep(10)
    told = [action for action in bench.actions() if action in ("StartTransaction", "MeterValues", "StopTransaction")]
    assert told == ["StartTransaction", *["MeterValues"] * 6, "StopTransaction"]
    assert {heard.payload["transactionId"] for heard in bench.heard("MeterValues", "StopTransaction")} == {1}


async def test_two_sockets(autojump_clock, bench):
    await quirky(bench, "two-sockets")
    await trio.sleep(6)
    assert bench.server.connected == 2
    assert bench.heard("Heartbeat")[0].connection == 2


async def test_unknown_result_ids(autojump_clock, bench):
    frames_in = []
    usual = bench.server._serve

    async def listen(charger_id, version, socket):
        take = socket.get_message

        async def get_message():
            frames_in.append(await take())
            return frames_in[-1]

        socket.get_message = get_message
        await usual(charger_id, version, socket)

    bench.server._serve = listen
    await quirky(bench, "unknown-result-ids")
    await trio.sleep(25)
    assert [text for text in frames_in if text.startswith('[3,"nobody-asked-')]


async def test_boot_storm(autojump_clock, bench):
    await quirky(bench, "boot-storm")
    await trio.sleep(21)
    assert len(bench.heard("BootNotification")) == 5


@pytest.mark.parametrize(("quirk", "beats"), [("heartbeat-ignored", 0), ("heartbeat-eager", 60)])
async def test_heartbeats(autojump_clock, bench, quirk, beats):
    bench.server.heartbeat_s = 10
    await quirky(bench, quirk)
    await trio.sleep(60.5)
    assert len(bench.heard("Heartbeat")) == beats


async def test_time_1970(autojump_clock, bench):
    charger = await quirky(bench, "time-1970")
    await charge(bench, charger)
    assert bench.heard("StartTransaction")[0].payload["timestamp"].startswith("1970-01-01T")


async def test_long_idtag(autojump_clock, bench):
    await charge(bench, await quirky(bench, "long-idtag"))
    for action in ("Authorize", "StartTransaction", "StopTransaction"):
        assert len(bench.heard(action)[0].payload["idTag"]) == 32


async def test_phases(autojump_clock, bench):
    await charge(bench, await quirky(bench, "phases"))
    assert [s["phase"] for s in samples(bench, "Current.Import")][:4] == ["L1-N", "L2-N", "L3-N", "N"]


@pytest.mark.parametrize(
    ("quirk", "values"),
    [
        ("decimal-comma", {"Energy.Active.Import.Register": "183,0", "Power.Active.Import": "11000,0"}),
        ("empty-values", {"Energy.Active.Import.Register": "183", "Power.Active.Import": ""}),
        ("nan-values", {"Energy.Active.Import.Register": "183", "Power.Active.Import": "NaN"}),
        ("kwh-labelled-wh", {"Energy.Active.Import.Register": "0.183", "Power.Active.Import": "11000.0"}),
        ("strings-as-numbers", {"Energy.Active.Import.Register": 183, "Power.Active.Import": 11000.0}),
    ],
)
async def test_values(autojump_clock, bench, quirk, values):
    await charge(bench, await quirky(bench, quirk))
    for measurand, value in values.items():
        assert samples(bench, measurand)[0]["value"] == value
    assert samples(bench, "Energy.Active.Import.Register")[0]["unit"] == "Wh"


async def test_measurands(autojump_clock, bench):
    await charge(bench, await quirky(bench, "misspelt-measurand"))
    assert samples(bench, "Energy.Active.Import.Registr")
    assert samples(bench, "Power. Active.Import")
    bench.server.heard.clear()
    await charge(bench, await quirky(bench, "no-measurand", charger_id="CH-2"))
    assert not any("measurand" in s for s in samples(bench, "?"))


async def test_local_time(autojump_clock, bench):
    await quirky(bench, "local-time")
    stamp = bench.heard("StatusNotification")[0].payload["timestamp"]
    assert stamp.startswith("2027-01-15T13:30:")
    assert stamp[-1].isdigit()


async def test_words(autojump_clock, bench):
    charger = await quirky(bench, "free-text-error-code", "connector-as-string")
    charger.box.fault(1, "GroundFailure")
    await bench.delivered(charger)
    told = [heard.payload for heard in bench.heard("StatusNotification")]
    assert (told[0]["errorCode"], told[0]["connectorId"]) == ("no error, all systems fine", "0")
    assert told[-1]["errorCode"] == "E-42: GroundFailure, see the manual"


@pytest.mark.parametrize("one", sorted(QUIRKS))
def test_every_quirk_goes_with_every_other(one):
    sample = {"value": "12.5", "measurand": "Power.Active.Import", "unit": "W"}
    energy = {"value": "1200", "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
    payload = {"connectorId": 1, "meterValue": [{"timestamp": "2027-01-15T08:00:00.000Z", "sampledValue": [sample, energy]}]}
    for other in QUIRKS:
        bend({one, other}, "MeterValues", payload)
    bend(set(QUIRKS), "MeterValues", payload)
    assert (sample["value"], energy["unit"]) == ("12.5", "Wh")
