"""A charger connects, boots until it is accepted, and keeps in touch."""

from __future__ import annotations

import itertools

import pytest
import trio

from simulators.charger import Car, Tag
from simulators.stub import Answer


def refusal(status: str, interval: int) -> Answer:
    return {"status": status, "interval": interval, "currentTime": "2027-01-15T08:00:00Z"}


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_it_boots_and_tells_every_status(autojump_clock, bench, version):
    await bench.charger(version)
    places = [
        (h.payload.get("evseId", h.payload["connectorId"]), h.payload["connectorId"]) for h in bench.heard("StatusNotification")
    ]
    assert bench.actions()[0] == "BootNotification"
    assert places == ([(0, 0), (1, 1), (2, 2)] if version == "1.6" else [(1, 1), (2, 1)])


async def test_pending_and_rejected_boots_are_tried_again_after_the_interval_given(autojump_clock, bench):
    bench.override("BootNotification", refusal("Pending", 40), refusal("Rejected", 90))
    charger = await bench.charger()
    boots = [heard.at for heard in bench.heard("BootNotification")]
    assert [round(after - before) for before, after in itertools.pairwise(boots)] == [40, 90]
    assert bench.actions()[:3] == ["BootNotification"] * 3
    assert charger.registered


async def test_an_interval_of_zero_makes_it_choose_its_own(autojump_clock, bench):
    bench.override("BootNotification", refusal("Rejected", 0))
    await bench.charger()
    first, second = [heard.at for heard in bench.heard("BootNotification")]
    assert second - first == pytest.approx(30, abs=1)


@pytest.mark.parametrize("answer", [None, ("InternalError", ""), {"status": "Accepted"}])
async def test_a_boot_that_goes_wrong_is_tried_again(autojump_clock, bench, answer):
    bench.override("BootNotification", answer)
    charger = await bench.charger()
    assert len(bench.heard("BootNotification")) == 2
    assert charger.registered


async def test_an_accepted_trigger_ends_the_wait(autojump_clock, bench):
    bench.override("BootNotification", refusal("Pending", 600))
    charger = await bench.charger(online=False)
    await bench.until(lambda: bench.ledger.boots["Pending"] == 1)
    await bench.server.command("CH-1", "TriggerMessage", {"requestedMessage": "BootNotification"})
    await bench.until(lambda: charger.online, limit_s=5)
    assert len(bench.heard("BootNotification")) == 2


async def test_heartbeats_come_at_the_interval_of_the_boot(autojump_clock, bench):
    bench.server.heartbeat_s = 120
    await bench.charger()
    await trio.sleep(601)
    assert len(bench.heard("Heartbeat")) == 5


async def test_the_heartbeat_interval_can_be_changed_at_once(autojump_clock, bench):
    bench.server.heartbeat_s = 3600
    await bench.charger()
    await bench.server.command("CH-1", "ChangeConfiguration", {"key": "HeartbeatInterval", "value": "10"})
    await trio.sleep(101)
    assert len(bench.heard("Heartbeat")) == pytest.approx(10, abs=1)


async def test_it_sets_its_clock_by_the_server(autojump_clock, bench):
    charger = bench.make()
    charger.clock.offset_ms = -86_400_000
    await bench.nursery.start(charger.run)
    await bench.until(lambda: charger.online)
    assert abs(charger.clock.now() - bench.clock.now()) < 1000


async def test_a_reconnect_does_not_boot_and_tells_only_what_changed(autojump_clock, bench):
    charger = await bench.charger()
    charger.life.drop("cut", 5)
    await trio.sleep(1)
    charger.box.plug(2, Car())
    bench.server.heard.clear()
    await bench.until(lambda: charger.online)
    assert bench.actions() == ["StatusNotification"]
    assert bench.heard()[0].payload["connectorId"] == 2


async def test_it_backs_off_with_jitter_while_nobody_answers(autojump_clock, bench):
    bench.reachable = False
    charger = await bench.charger(online=False, backoff_min_s=1, backoff_max_s=30)
    await trio.sleep(300)
    waits = [after - before for before, after in zip(bench.dials, bench.dials[1:], strict=False)]
    assert all(0.75 * 2**n <= wait <= 1.5 * 2**n for n, wait in enumerate(waits[:4]))
    assert all(22 <= wait <= 46 for wait in waits[6:])
    assert len({round(wait, 3) for wait in waits[6:]}) > 2
    bench.reachable = True
    await bench.until(lambda: charger.online, limit_s=60)


async def test_a_wrong_password_is_turned_away_and_a_right_one_let_in(autojump_clock, bench):
    bench.server.password_of = {"CH 1/ä": b"pa:ss\xff"}.get
    await bench.charger(online=False, charger_id="CH-1", password=b"nope")
    await bench.until(lambda: ("turned_away", "HTTP 401") in bench.diary.entries)
    await bench.charger(charger_id="CH 1/ä", password=b"pa:ss\xff")
    assert {heard.charger_id for heard in bench.heard()} == {"CH 1/ä"}


async def test_it_refuses_a_server_that_speaks_another_version(autojump_clock, bench):
    bench.server.subprotocols = ("ocpp2.0.1",)
    await bench.charger("1.6", online=False)
    await trio.sleep(20)
    assert bench.heard() == []
    assert ("turned_away", "subprotocol None") in bench.diary.entries


async def test_finish_says_farewell(autojump_clock, bench):
    charger = await bench.charger()
    await charger.finish(5)
    await bench.until(lambda: not bench.server.connections and bench.ledger.connected_now == 0, limit_s=1)
    assert bench.diary.entries == [("disconnected", "1000 NORMAL_CLOSURE")]


async def test_one_call_at_a_time_although_a_driver_walks_away(autojump_clock, bench):
    """A tap that is given up leaves its Authorize under way: the next call waits for its answer, and the end for it, too."""
    usual = bench.server._hear

    async def slow(connection, call):
        await trio.sleep(2)
        await usual(connection, call)

    charger = await bench.charger()
    bench.server._hear = slow
    with trio.move_on_after(0.5):
        await charger.box.tap(1, Tag("TAG-1"))
    before = trio.current_time()
    await charger.life.duties.beat()
    assert trio.current_time() - before == pytest.approx(3.5, abs=0.1)
    with trio.move_on_after(0.5):
        await charger.box.tap(1, Tag("TAG-2"))
    await charger.finish(10)
    assert bench.ledger.total().lost == 0
    assert bench.ledger.actions["Authorize"].answered == 2


async def test_nothing_is_said_after_the_farewell_began(autojump_clock, bench):
    charger = await bench.charger()
    charger.life.drop("cut", 0)
    await bench.until(lambda: charger.link is not None and not charger.online)
    await charger.finish(10)
    assert bench.ledger.total().lost == 0


async def test_it_finishes_in_time_although_the_server_is_away(autojump_clock, bench):
    charger = await bench.charger()
    bench.reachable = False
    charger.life.drop("cut", 0)
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("A"))
    before = trio.current_time()
    await charger.finish(7)
    assert trio.current_time() - before == pytest.approx(7, abs=3)
    assert charger.outbox.kept == 1
