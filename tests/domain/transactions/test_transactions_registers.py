"""The register at the stop: transactionData, absurd values, rollover, another meter; and signed values, which are kept to the letter."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from csms.core.reports import Reading, Sample
from csms.domain.transactions import service
from csms.domain.transactions.measuring import samples_of, stop_register

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
ENERGY = "Energy.Active.Import.Register"
OCMF = 'OCMF|{"FV":"1.0","GI":"ACME","RD":[{"TM":"2027-01-15T08:00:00,000+0000 S","RV":1.0,"RU":"kWh"}]}|{"SD":"3045\\u00e9"}'


def energy(at, wh, context="Sample.Periodic", **more):
    return Reading(T0 + at, (Sample(ENERGY, Decimal(wh), "Wh", context=context, **more),))


def data(begin=1000, end=8000):
    return energy(0, begin, "Transaction.Begin"), energy(HOUR, end, "Transaction.End")


@pytest.mark.parametrize("absurd", [0, -1, 8, 2**31 - 1, 2**63 - 1, None])
async def test_an_absurd_stop_value_gives_way_to_the_reading_at_the_end(scene, words, absurd):
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started, meter=absurd, readings=data()))
    found = await scene.only()
    assert (found.meter_stop_wh, found.energy_wh, found.energy_basis) == (8000, 7000, "register")


@pytest.mark.parametrize("absurd", [5, 8_000_000_000])
async def test_a_sound_stop_value_stands_whatever_the_reading_at_the_end_says(scene, words, absurd):
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started, meter=8000, readings=(data(end=absurd)[1],)))
    assert ((await scene.only()).meter_stop_wh, (await scene.only()).energy_wh) == (8000, 7000)


async def test_a_start_value_that_nobody_told_is_the_reading_at_the_begin(scene, words):
    started = await scene.start(words.start(meter=None))
    await scene.tell(words.stop(id=started, readings=data(begin=1200)))
    assert ((await scene.only()).meter_start_wh, (await scene.only()).energy_wh) == (1200, 6800)


async def test_readings_of_the_stop_that_came_as_meter_values_before_are_one(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.meter(30 * MINUTE, 4000, id=started))
    power = Sample("Power.Active.Import", Decimal(7000), "W")
    again = (*data(), energy(30 * MINUTE, 4000), Reading(T0 + 30 * MINUTE, (power,)))
    for _ in range(2):
        await scene.tell(words.stop(id=started, readings=again))
    detail = await scene.do(service.transaction_detail, started)
    assert [(each.energy_wh, each.power_w) for each in detail.readings] == [(1000, None), (4000, 7000), (8000, None)]
    assert await scene.told() == ["transaction_started", "transaction_ended"]


@pytest.mark.parametrize("told", [data(), (*data(), energy(30 * MINUTE, 4000))], ids=["ends", "ends and middle"])
async def test_a_repeated_stop_with_an_absurd_value_is_a_repeat(scene, words, told):
    started = await scene.start(words.start())
    for _ in range(2):
        await scene.tell(words.stop(id=started, meter=0, readings=told))
    assert not (await scene.do(service.transaction_detail, started)).late_stops
    assert await scene.told() == ["transaction_started", "transaction_ended"]


async def test_a_meter_that_rolled_over_is_followed_where_it_was_read(scene, words):
    started = await scene.start(words.start(meter=999_000))
    for minute, wh in ((10, 999_900), (20, 150), (30, 600)):
        await scene.tell(words.meter(minute * MINUTE, wh, id=started))
    await scene.tell(words.stop(id=started, meter=900))
    assert ((await scene.only()).energy_wh, (await scene.only()).energy_basis) == (900 + 450 + 300, "steps")


async def test_a_meter_that_went_back_unseen_leaves_the_energy_unknown(scene, words):
    started = await scene.start(words.start(meter=999_000))
    await scene.tell(words.stop(id=started, meter=900))
    found = await scene.only()
    assert (found.state, found.energy_wh, found.energy_basis) == ("completed", None, "unknown")


async def test_another_meter_between_two_transactions_concerns_neither(scene, words):
    first = await scene.start(words.start(meter=999_000))
    await scene.tell(words.stop(id=first, meter=999_500))
    second = await scene.start(words.start(2 * HOUR, meter=0))
    await scene.tell(words.stop(3 * HOUR, id=second, meter=700))
    assert [(each.energy_wh, each.energy_basis) for each in await scene.all()] == [(500, "register"), (700, "register")]


async def test_one_mad_reading_costs_itself_only(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 2000, id=started))
    await scene.tell(words.meter(20 * MINUTE, 4_294_967_295, id=started))
    await scene.tell(words.stop(id=started, meter=3000))
    assert ((await scene.only()).energy_wh, (await scene.only()).energy_basis) == (2000, "register")


def test_the_register_at_the_stop():
    ends = (energy(HOUR, 8000, "Transaction.End"),)
    assert stop_register(7990, ends, 1000) == 7990
    assert stop_register(0, ends, 1000) == 8000
    assert stop_register(0, (), 1000) == 0, "it may have been replaced"
    assert stop_register(0, (energy(HOUR, 8000),), 1000) == 0, "a reading of another moment says nothing"
    assert stop_register(700, (energy(HOUR, 700, "Transaction.End"),), 99_000) == 700
    assert stop_register(2**40, (), 1000) is None
    assert stop_register(None, (), None) is None


# --- signed values --------------------------------------------------------------------------------------------------------------


async def test_signed_values_are_kept_to_the_letter(scene, words):
    begin = Reading(T0, (Sample(ENERGY, Decimal(0), "", context="Transaction.Begin", signed=OCMF),))
    end = Reading(T0 + HOUR, (Sample(ENERGY, Decimal(0), "", context="Transaction.End", signed=OCMF.replace("1.0,", "8.0,")),))
    plain = energy(HOUR, 8000, "Transaction.End")
    started = await scene.start(words.start())
    await scene.tell(attrs.evolve(words.meter(0, 0, id=started), readings=(begin,)))
    for _ in range(2):
        await scene.tell(words.stop(id=started, readings=(begin, end, plain)))
    detail = await scene.do(service.transaction_detail, started)
    signed = [sample.signed for reading in detail.readings for sample in samples_of(reading.samples) if sample.signed]
    assert signed == [OCMF, OCMF.replace("1.0,", "8.0,")]
    assert [each.energy_wh for each in detail.readings] == [None, 8000], "what is signed is no number of ours"
    assert (await scene.only()).energy_wh == 7000


async def test_signed_values_in_a_stop_without_a_start_are_not_lost(scene, words):
    end = Reading(T0 + HOUR, (Sample(ENERGY, Decimal(0), "", context="Transaction.End", signed=OCMF),))
    await scene.tell(words.stop(id=-1, readings=(end,)))
    started = await scene.start(words.start())
    detail = await scene.do(service.transaction_detail, started)
    assert [sample.signed for sample in samples_of(detail.readings[0].samples)] == [OCMF]
