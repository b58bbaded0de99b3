"""What a charger without a usable clock tells in one burst, or tells again after a long silence."""

from __future__ import annotations

from csms.domain.transactions import service

T0 = 1_800_000_000_000
HOUR = 3_600_000


async def test_a_stop_and_the_next_start_that_are_heard_in_one_moment(scene, words):
    first = await scene.start(words.start(0, started_at_raw="2132-04-03T14:14:05Z", received_at=T0))
    burst = {"received_at": T0 + HOUR}
    stop = words.stop(HOUR, id=-1, meter=8000, stopped_at_raw="2132-04-03T14:15:36Z", **burst)
    assert (await scene.tell(stop)).transaction_id == first
    second = await scene.start(words.start(HOUR, meter=8000, started_at_raw="2132-04-03T14:16:24Z", **burst))
    assert second != first
    ended, running = await scene.get(first), await scene.get(second)
    assert (ended.stop_source, ended.energy_wh) == ("reported", 7000)
    assert running.state == "running"
    assert "transaction_corrected" not in await scene.told()


async def test_a_start_of_1970_that_is_told_again_after_we_gave_it_up(scene, words, clock):
    raw = {"started_at_raw": "1970-01-09T01:02:07Z"}
    first = await scene.start(words.start(0, **raw))
    await scene.tell(words.boot(HOUR))
    clock.advance(24 * HOUR)
    assert await scene.do(service.close_overdue) == 1
    assert await scene.start(words.start(2 * HOUR, **raw)) == first
    await scene.tell(words.stop(3 * HOUR, id=-1, stopped_at_raw="1970-01-09T03:00:00Z"))
    ended = await scene.only()
    assert (ended.stop_source, ended.energy_wh) == ("reported", 7000)


async def test_a_stop_that_comes_before_its_start_by_a_clock_that_is_wrong(scene, words):
    earlier = await scene.start(words.start(0, started_at_raw="2131-12-22T10:40:00Z", received_at=T0))
    await scene.tell(words.stop(HOUR, id=earlier, meter=5000, stopped_at_raw="2131-12-22T10:44:00Z"))
    stop = words.stop(2 * HOUR, id=0, meter=8000, stopped_at_raw="2131-12-22T10:45:55Z")
    assert (await scene.tell(stop)).transaction_id == 0
    late = await scene.start(words.start(3 * HOUR, meter=5000, started_at_raw="2131-12-22T10:45:02Z"))
    ended = await scene.get(late)
    assert (ended.stop_source, ended.meter_stop_wh, ended.energy_wh) == ("reported", 8000, 3000)
    following = await scene.start(words.start(4 * HOUR, meter=8000, started_at_raw="2131-12-22T10:50:00Z"))
    assert (await scene.get(following)).state == "running"
    assert (await scene.get(late)).energy_wh == 3000
    assert await scene.quarantined() == []
