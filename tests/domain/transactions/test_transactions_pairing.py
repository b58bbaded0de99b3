"""OCPP 1.6 stops that name no transaction of ours: which one they are the stop of, whichever arrives first."""

from __future__ import annotations

from functools import partial

import attrs
import pytest

from csms.domain.drivers import service as drivers
from csms.domain.transactions import service

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


async def resolved(scene):
    return await scene.do(lambda tx: service.list_quarantined(tx, resolved=True))


async def test_a_stop_whose_start_comes_later_ends_it(scene, words):
    assert (await scene.tell(words.stop(id=-1))).transaction_id == 0
    assert len(await scene.quarantined()) == 1, "until then an operator sees it"
    started = await scene.start(words.start(received_at=T0 + 9 * HOUR))
    found = await scene.only()
    assert (found.state, found.stop_source, found.energy_wh, found.stopped_at) == ("completed", "reported", 7000, T0 + HOUR)
    assert await scene.told() == ["transaction_started", "transaction_ended"]
    assert await scene.quarantined() == []
    (kept,) = await resolved(scene)
    assert (kept.transaction_id, kept.guessed) == (started, True)
    assert (await scene.tell(words.stop(id=-1))).transaction_id == started, "a repeat is answered with what it became"
    assert (await scene.do(service.transaction_detail, started)).found_stop.id == kept.id


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2), (2, 0, 3, 1), (3, 1, 2, 0), (1, 0, 3, 2)])
async def test_two_offline_transactions_of_a_token_whose_stops_say_the_same_number(scene, words, order):
    told = [
        words.start(),
        words.stop(HOUR, id=-1),
        words.start(2 * HOUR, meter=8000),
        words.stop(3 * HOUR, id=-1, meter=9500),
    ]
    for which in order:
        await scene.tell(attrs.evolve(told[which], received_at=T0 + 9 * HOUR))
    first, second = sorted(await scene.all(), key=lambda each: each.started_at)
    assert (first.stop_source, first.energy_wh, first.stopped_at) == ("reported", 7000, T0 + HOUR)
    assert (second.stop_source, second.energy_wh, second.stopped_at) == ("reported", 1500, T0 + 3 * HOUR)
    assert await scene.quarantined() == []


async def test_a_later_start_takes_the_stop_that_was_guessed_to_be_the_one_befores(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.meter(30 * MINUTE, 4000, id=first))
    await scene.tell(words.stop(3 * HOUR, id=0, meter=9500))
    assert (await scene.get(first)).energy_wh == 8500
    second = await scene.start(words.start(2 * HOUR, meter=8000, received_at=T0 + 4 * HOUR))
    assert ((await scene.get(second)).energy_wh, (await scene.get(second)).stop_source) == (1500, "reported")
    old = await scene.get(first)
    assert (old.stop_source, old.stop_reason, old.energy_wh, old.stopped_at) == (
        "estimated",
        "NextStart",
        3000,
        T0 + 30 * MINUTE,
    )
    assert "transaction_corrected" in await scene.told()


async def test_the_stop_that_names_the_transaction_goes_before_one_that_was_guessed(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.stop(HOUR, id=-1, meter=5000))
    await scene.tell(words.stop(2 * HOUR, id=started, meter=8000))
    assert ((await scene.get(started)).energy_wh, (await scene.get(started)).stopped_at) == (7000, T0 + 2 * HOUR)
    (kept,) = await scene.quarantined()
    assert kept.transaction_id is None
    assert not (await scene.do(service.transaction_detail, started)).late_stops


async def test_a_number_that_is_by_chance_an_ended_transactions_id(scene, words):
    """The charger counts its offline transactions itself: its 1 is not our 1."""
    first = await scene.start(words.start())
    await scene.tell(words.stop(id=first))
    second = await scene.start(words.start(2 * HOUR, meter=8000))
    assert (await scene.tell(words.stop(3 * HOUR, id=first, meter=9000))).transaction_id == second
    assert ((await scene.get(second)).energy_wh, (await scene.get(first)).energy_wh) == (1000, 7000)
    assert not (await scene.do(service.transaction_detail, first)).late_stops


async def test_a_stop_that_is_sent_again_at_another_time_does_not_end_the_next_transaction(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.stop(id=first))
    second = await scene.start(words.start(2 * HOUR, meter=8000))
    await scene.tell(words.stop(3 * HOUR, id=first))
    assert (await scene.get(second)).state == "running"
    assert len((await scene.do(service.transaction_detail, first)).late_stops) == 1


async def test_a_strangers_token_and_an_id_of_ours_that_the_charger_made_up(scene, words):
    mine = await scene.start(words.start(evse=1, token="OTHER"))
    other = await scene.start(words.start(MINUTE, evse=2, meter=500_000))
    await scene.tell(words.stop(id=mine, token="CARD", meter=501_000))
    assert (await scene.get(mine)).state == "running"
    assert (await scene.get(other)).energy_wh == 1000


async def test_a_stop_belongs_to_the_last_start_before_it_at_its_place(scene, words):
    """Stop and next start in the same second, as clocks without milliseconds have them."""
    first = await scene.start(words.start())
    second = await scene.start(words.start(HOUR, meter=8000))
    assert (await scene.tell(words.stop(HOUR, id=-1))).transaction_id == first
    assert (await scene.get(second)).state == "running"


async def test_a_transaction_that_stopped_as_it_started(scene, words):
    started = await scene.start(words.start())
    assert (await scene.tell(words.stop(0, id=-1, meter=1000))).transaction_id == started
    assert ((await scene.only()).state, (await scene.only()).energy_wh) == ("completed", 0)


async def test_a_token_of_the_same_group_may_stop_without_an_id_and_a_stranger_may_not(scene, words):
    group = await scene.do(lambda tx: drivers.add_token_group(tx, "Family", parent="FAMILY"))
    for value in ("MUM", "KID"):
        await scene.do(partial(drivers.add_token, value=value, token_group_id=group.id))
    started = await scene.start(words.start(token="MUM"))
    await scene.tell(words.stop(HOUR, id=-1, token="OTHER"))
    assert (await scene.get(started)).state == "running"
    verdict = await scene.tell(words.stop(2 * HOUR, id=-1, token="KID"))
    assert verdict.transaction_id == started
    found = await scene.get(started)
    assert (found.stop_source, found.token, found.stop_token) == ("reported", "MUM", "KID")


async def test_readings_inside_a_stop_go_where_the_stop_goes(scene, words):
    data = (words.reading(150 * MINUTE, 9000), words.reading(3 * HOUR, 9500))
    first = await scene.start(words.start())
    await scene.tell(words.stop(3 * HOUR, id=0, meter=9500, readings=data))
    second = await scene.start(words.start(2 * HOUR, meter=8000, received_at=T0 + 4 * HOUR))
    taken = [(await scene.do(service.transaction_detail, each)).readings for each in (first, second)]
    assert [[reading.energy_wh for reading in each] for each in taken] == [[], [9000, 9500]]
    assert ((await scene.get(first)).last_meter_wh, (await scene.get(first)).energy_wh) == (None, 0)


async def test_loose_stops_of_one_charger_do_not_end_what_runs_at_another(scene, words):
    started = await scene.start(words.start())
    await scene.tell(attrs.evolve(words.stop(id=-1), charger_id="CP-2"))
    assert (await scene.get(started)).state == "running"
    await scene.tell(attrs.evolve(words.start(), charger_id="CP-2"))
    assert [each.state for each in await scene.all()] == ["running", "completed"]
