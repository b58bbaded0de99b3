"""What was said while nobody listened is told later, in order; what was not answered is told again."""

from __future__ import annotations

import itertools

import pytest
import trio

from simulators.charger import Car, Tag
from simulators.clock import parse_iso


async def offline_charge(charger, *, minutes: float = 3):
    charger.life.go_offline()
    charger.box.plug(1, Car(soc=0.2))
    assert await charger.box.tap(1, Tag("TAG-1")) == "Accepted"
    await trio.sleep(minutes * 60 + 1)
    await charger.box.tap(1)
    charger.box.unplug(1)
    await trio.sleep(60)


async def test_an_offline_charge_is_replayed_in_order_in_16(autojump_clock, bench, schema_problems):
    charger = await bench.charger()
    bench.server.heard.clear()
    await offline_charge(charger)
    assert bench.heard() == []
    charger.life.go_online()
    await bench.delivered(charger)
    calls = bench.heard()
    assert [heard.action for heard in calls] == ["StartTransaction", *["MeterValues"] * 3, "StopTransaction"]
    assert [heard.payload.get("transactionId") for heard in calls[1:]] == [1, 1, 1, 1]
    assert [schema_problems("1.6", heard.action, heard.payload) for heard in calls] == [[]] * 5
    told = parse_iso(calls[0].payload["timestamp"])
    assert bench.clock.now() - told > 200_000


async def test_an_offline_charge_is_replayed_in_order_in_201(autojump_clock, bench, schema_problems):
    charger = await bench.charger("2.0.1")
    bench.server.heard.clear()
    await offline_charge(charger)
    charger.life.go_online()
    await bench.delivered(charger)
    events = [heard.payload for heard in bench.heard("TransactionEvent")]
    assert [event["seqNo"] for event in events] == [0, 1, 2, 3, 4]
    assert all(event["offline"] is True for event in events)
    assert [schema_problems("2.0.1", "TransactionEvent", event) for event in events] == [[]] * 5


async def test_only_what_happened_offline_says_so(autojump_clock, bench):
    charger = await bench.charger("2.0.1")
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(61)
    charger.life.drop("cut", 90)
    await bench.until(lambda: charger.online)
    await trio.sleep(61)
    flags = [bool(heard.payload.get("offline")) for heard in bench.heard("TransactionEvent")]
    assert flags[0] is False
    assert flags[-1] is False
    assert True in flags


async def test_offline_with_an_unknown_token_and_no_trust(autojump_clock, bench):
    charger = await bench.charger(settings={"offline_unknown": "false"})
    charger.life.go_offline()
    charger.box.plug(1, Car())
    assert await charger.box.tap(1, Tag("NEW")) == "Offline"


async def test_offline_with_a_token_that_was_accepted_before(autojump_clock, bench):
    charger = await bench.charger(settings={"offline_unknown": "false"})
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("KNOWN"))
    await charger.box.tap(1)
    charger.life.go_offline()
    assert await charger.box.tap(1, Tag("known")) == "Accepted"


@pytest.mark.parametrize("same_id", [True, False])
async def test_a_message_whose_answer_was_lost_is_sent_again(autojump_clock, bench, same_id):
    charger = await bench.charger(resends_same_id=same_id)
    bench.override("StartTransaction", None)
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await bench.until(lambda: bool(bench.heard("StartTransaction")))
    charger.life.drop("cut", 1)
    await bench.delivered(charger)
    first, second = bench.heard("StartTransaction")
    assert first.payload == second.payload
    assert (first.message_id == second.message_id) is same_id
    assert first.connection != second.connection
    assert bench.ledger.actions["StartTransaction"].duplicates == 1
    assert bench.ledger.actions["StartTransaction"].cut == 1
    assert bench.ledger.total().lost == 0


async def test_an_error_is_tried_again_and_at_last_given_up(autojump_clock, bench):
    charger = await bench.charger(settings={"attempts": "3", "retry_interval_s": "20"})
    bench.override("StartTransaction", *[("InternalError", "no")] * 3)
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(100)
    times = [heard.at for heard in bench.heard("StartTransaction")]
    assert [round(after - before) for before, after in itertools.pairwise(times)] == [20, 40]
    assert [entry[:2] for entry in bench.diary.entries] == [("discarded", "StartTransaction")]
    await charger.box.tap(1)
    await bench.delivered(charger)
    assert bench.heard("StopTransaction")[0].payload["transactionId"] == -1


async def test_no_answer_on_a_living_connection_is_lost(autojump_clock, bench):
    charger = await bench.charger(call_timeout_s=10, settings={"retry_interval_s": "5"})
    bench.override("StartTransaction", None)
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await bench.delivered(charger)
    assert len(bench.heard("StartTransaction")) == 2
    await charger.finish(30)
    assert bench.ledger.actions["StartTransaction"].lost == 1
    assert ("lost", "StartTransaction") in bench.diary.entries


async def test_a_late_answer_is_an_answer(autojump_clock, bench):
    charger = await bench.charger(call_timeout_s=10)
    bench.override("Heartbeat", None)
    await charger.life.duties.beat()
    connection = bench.server.connections["CH-1"]
    await connection.socket.send_message(f'[3,"{bench.heard("Heartbeat")[0].message_id}",{{"currentTime":""}}]')
    await trio.sleep(1)
    tally = bench.ledger.actions["Heartbeat"]
    assert (tally.answered, tally.late, tally.lost) == (1, 1, 0)


async def test_a_second_answer_is_a_stray(autojump_clock, bench):
    await bench.charger()
    await bench.server.connections["CH-1"].socket.send_message('[3,"what",{}]')
    await trio.sleep(1)
    assert bench.diary.entries == [("stray", "what")]


@pytest.mark.parametrize("kind", ["cut", "close", "vanish"])
async def test_every_way_of_losing_a_connection(autojump_clock, bench, kind):
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    charger.life.drop(kind, 20)
    await trio.sleep(5)
    assert not charger.online
    assert ("CH-1" in bench.server.connections) is (kind == "vanish")
    await bench.delivered(charger)
    await charger.box.tap(1)
    await bench.delivered(charger)
    assert len(bench.heard("StopTransaction")) == 1
    assert bench.ledger.total().lost == 0


async def test_a_full_outbox_sheds_old_meter_values_first(autojump_clock, bench):
    charger = await bench.charger(outbox_limit=6)
    await offline_charge(charger, minutes=20)
    charger.life.go_online()
    await bench.delivered(charger)
    actions = [heard.action for heard in bench.heard("StartTransaction", "MeterValues", "StopTransaction")]
    assert actions == ["StartTransaction", *["MeterValues"] * 4, "StopTransaction"]
    assert sum(bench.ledger.shed.values()) == 16
    assert not bench.ledger.given_up


@pytest.mark.parametrize(("version", "reason"), [("1.6", "PowerLoss"), ("2.0.1", "PowerLoss")])
async def test_a_power_cut_ends_the_transaction_and_boots(autojump_clock, bench, version, reason):
    charger = await bench.charger(version)
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(30)
    bench.server.heard.clear()
    lost_at = bench.clock.now()
    charger.lose_power(120)
    await bench.delivered(charger)
    assert bench.actions()[0] == "BootNotification"
    last = bench.heard("StopTransaction", "TransactionEvent")[-1].payload
    assert (last.get("reason") or last["transactionInfo"]["stoppedReason"]) == reason
    assert abs(parse_iso(last["timestamp"]) - lost_at) < 1000


async def test_a_server_that_closes_is_reconnected_to(autojump_clock, bench):
    charger = await bench.charger()
    with trio.move_on_after(1):
        await bench.server.connections["CH-1"].socket.aclose(1001)
    await bench.until(lambda: bench.server.connected == 2 and charger.online, limit_s=10)
    assert bench.diary.entries[0] == ("disconnected", "1001 GOING_AWAY")
