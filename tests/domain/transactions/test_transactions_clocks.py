"""Chargers whose clocks are wrong by hours or years: sane durations, and what was said is kept."""

from __future__ import annotations

import pytest

from csms.domain.transactions.clocks import meant, said, straightened
from csms.domain.transactions.model import COMPLETED, REPORTED, Transaction

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def ended(begin, end, **more):
    given = {"received_at": begin, "stop_received_at": end, **more}
    return Transaction(charger_id="C", state=COMPLETED, stop_source=REPORTED, started_at=begin, stopped_at=end, **given)


def times(transaction):
    return transaction.started_at, transaction.stopped_at


def test_what_is_in_order_stays():
    assert straightened(ended(T0, T0 + HOUR)) == ended(T0, T0 + HOUR)
    assert straightened(ended(T0, T0)) == ended(T0, T0)
    open_one = Transaction(charger_id="C", started_at=T0)
    assert straightened(open_one) == open_one


def test_a_start_ahead_of_its_receipt_was_no_later_than_that():
    found = straightened(ended(T0 + 5 * HOUR, T0 + HOUR, received_at=T0, stop_received_at=T0 + HOUR))
    assert times(found) == (T0, T0 + HOUR)
    assert found.started_at_raw == said(T0 + 5 * HOUR)


def test_a_stop_before_all_that_is_known_is_taken_to_the_last_moment_that_is():
    found = straightened(ended(T0, T0 - 5 * HOUR, last_meter_at=T0 + MINUTE))
    assert times(found) == (T0, T0 + MINUTE)
    assert found.stopped_at_raw == said(T0 - 5 * HOUR)


def test_both_of_one_clock_that_was_never_set_and_told_in_one_burst():
    """Offline after a power failure: both came at once, and only the time between them is right."""
    raw = {"started_at_raw": "1970-01-01T02:00:00Z", "stopped_at_raw": "1970-01-01T03:30:00Z"}
    found = straightened(ended(T0, T0 + 300, **raw))
    assert found.stopped_at - found.started_at == 90 * MINUTE
    assert found.stopped_at == T0 + 300, "it was over when we heard of it"
    assert straightened(found) == found


def test_a_clock_that_was_set_in_between_says_nothing_of_the_time_between():
    found = straightened(ended(T0, T0 + HOUR, started_at_raw="1970-01-01T02:00:00Z"))
    assert times(found) == (T0, T0 + HOUR)
    raw = {"started_at_raw": "1970-01-01T02:00:00Z", "stopped_at_raw": "2006-01-01T00:00:00Z"}
    assert times(straightened(ended(T0, T0 + HOUR, **raw))) == (T0, T0 + HOUR)


def test_a_constant_error_keeps_the_time_between():
    """The start was not believed and got the time of its receipt; the stop is by the same clock."""
    found = straightened(ended(T0, T0 - 4 * HOUR, started_at_raw=said(T0 - 5 * HOUR), stop_received_at=T0 + HOUR))
    assert times(found) == (T0, T0 + HOUR)
    assert straightened(found) == found
    replayed = straightened(ended(T0, T0 - 4 * HOUR, started_at_raw=said(T0 - 5 * HOUR), stop_received_at=T0 + MINUTE))
    assert times(replayed) == (T0 - 59 * MINUTE, T0 + MINUTE), "it cannot have stopped after we heard so"


@pytest.mark.parametrize("raw", ["never", "", "x" * 255, "9999-99-99T00:00:00Z"])
def test_what_means_no_time(raw):
    assert meant(raw) is None


def test_what_is_said_is_meant():
    assert meant(said(T0)) == T0


# --- as messages ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", ["1970-01-01T00:07:00Z", "2036-02-07T06:28:16.000Z"])
async def test_a_start_by_a_clock_that_was_wrong_by_years_and_a_right_stop(scene, words, raw):
    if raw.startswith("1970"):
        started = await scene.start(words.start(0, started_at_raw=raw))
    else:
        started = await scene.start(words.start(9 * 365 * DAY, received_at=T0))
    await scene.tell(words.stop(id=started))
    found = await scene.only()
    assert (found.stopped_at - found.started_at, found.energy_wh) == (HOUR, 7000)
    assert found.started_at_raw


async def test_a_right_start_and_a_stop_of_another_age(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started, stopped_at_raw="1970-01-01T00:00:30Z"))
    assert ((await scene.only()).stopped_at, (await scene.only()).stopped_at_raw) == (T0 + HOUR, "1970-01-01T00:00:30Z")
    assert (await scene.only()).stop_received_at == T0 + HOUR + 500


async def test_a_clock_that_is_hours_ahead_and_set_right_while_charging(scene, words):
    started = await scene.start(words.start(5 * HOUR, received_at=T0))
    await scene.tell(words.stop(HOUR, id=started))
    found = await scene.only()
    assert (found.started_at, found.stopped_at) == (T0, T0 + HOUR)
    assert await scene.start(words.start(5 * HOUR, received_at=T0 + 2 * HOUR)) == started, "its repeat is still known"
    assert len(await scene.all()) == 1


async def test_a_clock_that_is_hours_off_at_both_ends_keeps_the_duration(scene, words):
    for offset in (-5 * HOUR, 5 * HOUR):
        day = 2 * DAY + offset
        started = await scene.start(words.start(day, received_at=T0 + 2 * DAY, token="FLEET"))
        await scene.tell(words.stop(day + HOUR, id=started, token="FLEET", received_at=T0 + 2 * DAY + HOUR))
        found = await scene.get(started)
        assert found.stopped_at - found.started_at == HOUR
        assert found.started_at - found.received_at == offset, "the error is on record"


async def test_a_burst_of_offline_transactions_by_a_clock_that_was_never_set(scene, words):
    for number in range(3):
        begin, end = f"1970-01-01T0{2 * number}:00:00Z", f"1970-01-01T0{2 * number + 1}:00:00Z"
        at, meter = DAY + number * 400, 1000 + number * 2000
        await scene.tell(words.start(at, meter=meter, started_at_raw=begin, received_at=T0 + at))
        await scene.tell(words.stop(at + 200, id=-1, meter=meter + 1500, stopped_at_raw=end, received_at=T0 + at + 200))
    found = await scene.all()
    assert [each.stopped_at - each.started_at for each in found] == [HOUR] * 3
    assert [each.energy_wh for each in found] == [1500] * 3
    assert await scene.quarantined() == []


async def test_a_start_of_1970_that_is_told_again_after_its_stop_is_known_by_its_register(scene, words):
    raw = {"started_at_raw": "1970-01-01T00:00:00Z"}
    first = await scene.start(words.start(0, **raw))
    await scene.tell(words.stop(HOUR, id=first))
    assert await scene.start(words.start(2 * HOUR, **raw)) == first
    assert len(await scene.all()) == 1
