"""Meter values: stored whole, given to their transaction, never the wrong one's."""

from __future__ import annotations

import json
from decimal import Decimal

import attrs
import pytest

from csms.core.ids import Place
from csms.core.reports import MeterSampled, Noted, Reading, Sample

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def stored(tx):
    return tx.all(
        "SELECT evse, connector, transaction_id, sampled_at, energy_wh, power_w, soc_percent, samples FROM meter_readings"
        " WHERE tenant = :tenant ORDER BY sampled_at, id"
    )


async def test_a_reading_is_stored_exactly_and_in_columns(scene, words):
    started = await scene.start(words.start())
    samples = (
        Sample("Energy.Active.Import.Register", Decimal("1234.567"), "Wh", signed="SGk="),
        Sample("Power.Active.Import", Decimal("7200.5"), "W"),
        Sample("SoC", Decimal("55.5"), "Percent", location="EV"),
        Sample("Current.Import", Decimal("10.123456789012345678"), "A", phase="L1", context="Sample.Clock"),
    )
    report = attrs.evolve(words.meter(MINUTE, 0, id=started), readings=(Reading(T0 + MINUTE, samples),))
    assert await scene.tell(report) == Noted()
    (row,) = await scene.do(stored)
    assert (row["transaction_id"], row["energy_wh"], row["power_w"], row["soc_percent"]) == (started, 1235, 7200.5, 55.5)
    assert json.loads(row["samples"]) == [
        {"measurand": "Energy.Active.Import.Register", "value": "1234.567", "unit": "Wh", "signed": "SGk="},
        {"measurand": "Power.Active.Import", "value": "7200.5", "unit": "W"},
        {"measurand": "SoC", "value": "55.5", "unit": "Percent", "location": "EV"},
        {"measurand": "Current.Import", "value": "10.123456789012345678", "unit": "A", "phase": "L1", "context": "Sample.Clock"},
    ]
    assert ((await scene.only()).last_meter_wh, (await scene.only()).last_meter_at) == (1235, T0 + MINUTE)


@pytest.mark.parametrize("claimed", [None, 0, -1, 2**63 - 1, 999])
async def test_without_an_id_of_ours_connector_and_time_decide(scene, words, claimed):
    started = await scene.start(words.start())
    await scene.tell(words.start(MINUTE, evse=2, token="OTHER"))
    await scene.tell(words.meter(10 * MINUTE, 2000, id=claimed))
    assert (await scene.get(started)).last_meter_wh == 2000
    assert [row["transaction_id"] for row in await scene.do(stored)] == [started]
    assert await scene.quarantined() == []


async def test_a_late_reading_without_an_id_belongs_to_the_transaction_of_its_time(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.stop(id=first))
    second = await scene.start(words.start(2 * HOUR, meter=8000))
    await scene.tell(words.meter(30 * MINUTE, 5000))
    await scene.tell(words.meter(90 * MINUTE, 8000))
    assert [row["transaction_id"] for row in await scene.do(stored)] == [first, None]
    assert (await scene.get(second)).last_meter_wh is None


async def test_an_unknown_id_that_nothing_matches_is_quarantined_once(scene, words):
    for minute in range(5):
        await scene.tell(words.meter(minute * MINUTE, 1000 + minute, id=77))
    (kept,) = await scene.quarantined()
    assert (kept.kind, kept.heard_transaction, kept.times) == ("meter", "77", 5)
    assert len(await scene.do(stored)) == 5, "the readings are stored all the same"


async def test_readings_of_no_transaction_are_stored(scene, words):
    await scene.tell(words.meter(0, 1000, evse=0))
    await scene.tell(words.meter(0, 1000, evse=1))
    assert [(row["evse"], row["transaction_id"]) for row in await scene.do(stored)] == [(0, None), (1, None)]
    assert await scene.quarantined() == []


async def test_a_repeated_reading_is_one_row(scene, words):
    started = await scene.start(words.start())
    for _ in range(3):
        await scene.tell(words.meter(MINUTE, 2000, id=started))
    assert len(await scene.do(stored)) == 1


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_messages_of_one_moment_become_one_reading(scene, words, order):
    started = await scene.start(words.start())
    power = Reading(T0 + MINUTE, (Sample("Power.Active.Import", Decimal(7000), "W"),))
    both = [words.meter(MINUTE, 2000, id=started), attrs.evolve(words.meter(MINUTE, 0, id=started), readings=(power,))]
    for which in order:
        await scene.tell(both[which])
    (row,) = await scene.do(stored)
    assert (row["energy_wh"], row["power_w"], len(json.loads(row["samples"]))) == (2000, 7000, 2)


async def test_an_older_reading_that_comes_late_is_not_the_last_value(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.meter(20 * MINUTE, 3000, id=started))
    await scene.tell(words.meter(10 * MINUTE, 2000, id=started))
    assert (await scene.only()).last_meter_wh == 3000
    assert len(await scene.do(stored)) == 2


async def test_a_reading_of_an_ended_transaction_does_not_change_its_energy_and_is_told_of_once(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started))
    ended = ["transaction_started", "transaction_ended"]
    await scene.tell(words.meter(2 * HOUR, 8100, id=started))  # none of its time
    assert await scene.told() == ended
    late = words.meter(30 * MINUTE, 5000, id=started)
    late = attrs.evolve(late, readings=(*late.readings, *words.meter(40 * MINUTE, 6000).readings))
    for report in (late, late, attrs.evolve(late, transaction_id=None), words.meter(50 * MINUTE, 6500)):
        await scene.tell(report)
    assert (await scene.only()).energy_wh == 7000
    assert await scene.told() == [*ended, "transaction_remeasured", "transaction_remeasured"]  # of the first and of the last


async def test_an_ended_transaction_that_loses_a_reading_to_the_next_is_told_of(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.meter(50 * MINUTE, 5000))
    await scene.tell(words.stop(id=first))
    await scene.tell(words.start(40 * MINUTE, token="OTHER", meter=4900))
    told = [(each.type, each.transaction_id) for each in (await scene.events())[2:]]
    assert ("transaction_remeasured", first) in told
    assert ("transaction_corrected", first) not in told


async def test_a_late_reading_of_an_estimated_transaction_corrects_the_estimate(scene, words):
    lost = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 3000, id=lost))
    await scene.tell(words.start(2 * HOUR, meter=9000))
    await scene.tell(words.meter(30 * MINUTE, 5000, id=lost))
    assert (await scene.get(lost)).energy_wh == 4000
    assert (await scene.told())[-1] == "transaction_corrected"


async def test_a_late_reading_without_an_id_finds_the_one_that_the_next_start_ended(scene, words):
    lost = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 3000))
    await scene.tell(words.start(2 * HOUR, meter=9000))
    await scene.tell(words.stop(3 * HOUR, id=None, meter=9500))
    await scene.tell(words.meter(30 * MINUTE, 5000))
    await scene.tell(words.meter(4 * HOUR, 9600))
    assert (await scene.get(lost)).energy_wh == 4000
    assert [row["transaction_id"] for row in await scene.do(stored)][-1] is None


async def test_several_readings_in_one_message(scene, words):
    started = await scene.start(words.start())
    several = tuple(words.reading(minute * MINUTE, 1000 + minute) for minute in (3, 1, 2))
    await scene.tell(attrs.evolve(words.meter(0, 0, id=started), readings=several))
    assert (await scene.only()).last_meter_wh == 1003
    assert [row["energy_wh"] for row in await scene.do(stored)] == [1001, 1002, 1003]


async def test_a_reading_from_the_future_does_not_hide_the_next_ones(scene, words):
    started = await scene.start(words.start())
    await scene.tell(attrs.evolve(words.meter(1000 * 24 * HOUR, 2000, id=started), received_at=T0 + MINUTE))
    assert ((await scene.only()).last_meter_at, (await scene.only()).last_meter_wh) == (T0 + MINUTE, 2000)
    await scene.tell(words.meter(2 * MINUTE, 2100, id=started))
    assert (await scene.only()).last_meter_wh == 2100


async def test_a_message_without_readings_is_answered(scene):
    empty = MeterSampled(charger_id="CP-1", received_at=T0, place=Place(1, 1), readings=())
    assert await scene.tell(empty) == Noted()
    assert await scene.do(stored) == []
