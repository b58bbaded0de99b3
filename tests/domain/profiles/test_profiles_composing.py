"""The composite schedule: the rules of 1.6 §3.13 one by one, and the whole against a model that looks at every second."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from itertools import pairwise
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.charging import (
    ABSOLUTE,
    CHARGER_MAX,
    DAILY,
    RECURRING,
    RELATIVE,
    TX,
    TX_DEFAULT,
    WEEKLY,
    ChargingProfile,
    ChargingSchedule,
    SchedulePeriod,
)
from csms.domain.profiles.checking import check
from csms.domain.profiles.composing import Placed, Stretch, Window, compose
from csms.domain.profiles.model import Charge

AT = 1_767_225_600_000
"""2026-01-01T00:00:00Z, a Thursday."""
DAY_S = 86_400


def profile(
    *periods: tuple[int, int] | tuple[int, int, int],
    unit: str = "A",
    start_at: int | None = AT,
    duration_s: int | None = None,
    **more: Any,
) -> ChargingProfile:
    told = tuple(SchedulePeriod(each[0], Decimal(each[1]), each[2] if len(each) > 2 else None) for each in periods)
    schedule = ChargingSchedule(unit=unit, periods=told, start_at=start_at, duration_s=duration_s)
    return check(ChargingProfile(**{"id": 1, "purpose": TX_DEFAULT, "kind": ABSOLUTE, "schedule": schedule, **more}))


def window(**more: Any) -> Window:
    return Window(**{"evse": 1, "at": AT, "duration_s": 3600, "unit": "A", **more})


def said(*installed: tuple[int, ChargingProfile], **asked: Any) -> list[tuple[int, float | None]]:
    """Start and limit of every stretch."""
    found = compose([Placed(evse, each) for evse, each in installed], window(**asked))
    return [(each.start_s, None if each.limit is None else float(each.limit)) for each in found]


CHARGE = Charge(transaction_id=7, evse=1, started_at=AT - 600_000)

# --- the rules ------------------------------------------------------------------------------------------------------------------


def test_without_profiles_nothing_limits() -> None:
    assert said() == [(0, None)]


def test_the_higher_stack_level_prevails_while_it_says_something_then_the_lower() -> None:
    lower, higher = profile((0, 16)), profile((0, 6), stack_level=1, start_at=AT + 600_000, duration_s=900)
    assert said((1, lower), (1, higher)) == [(0, 16), (600, 6), (1500, 16)]


def test_the_last_period_holds_until_the_duration_ends() -> None:
    assert said((1, profile((0, 16), (600, 10), duration_s=1200))) == [(0, 16), (600, 10), (1200, None)]
    assert said((1, profile((0, 16), (600, 10)))) == [(0, 16), (600, 10)]


def test_validity_begins_and_ends() -> None:
    valid = profile((0, 6), stack_level=1, valid_from_at=AT + 60_000, valid_to_at=AT + 120_000)
    assert said((1, profile((0, 16))), (1, valid)) == [(0, 16), (60, 6), (120, 16)]


def test_an_absolute_schedule_says_nothing_before_it_starts() -> None:
    assert said((1, profile((0, 6), start_at=AT + 60_000))) == [(0, None), (60, 6)]


def test_a_daily_schedule_starts_again_at_the_same_time() -> None:
    start = AT - 3 * DAY_S * 1000 - 1800_000  # 23:30 UTC
    daily = profile((0, 6), (3600, 32), kind=RECURRING, recurrency=DAILY, start_at=start)
    assert said((1, daily)) == [(0, 6), (1800, 32)]
    assert said((1, daily), duration_s=DAY_S) == [(0, 6), (1800, 32), (DAY_S - 1800, 6)]


def test_a_weekly_schedule_and_its_gap() -> None:
    weekly = profile((0, 6), kind=RECURRING, recurrency=WEEKLY, start_at=AT - 6 * DAY_S * 1000, duration_s=DAY_S)
    assert said((1, weekly), duration_s=3 * DAY_S) == [(0, None), (DAY_S, 6), (2 * DAY_S, None)]


def test_a_recurring_schedule_that_has_not_begun_says_nothing() -> None:
    daily = profile((0, 6), kind=RECURRING, recurrency=DAILY, start_at=AT + 600_000)
    assert said((1, daily)) == [(0, None), (600, 6)]


def test_what_is_relative_starts_with_the_transaction() -> None:
    relative = profile((0, 32), (900, 8), kind=RELATIVE, start_at=None)
    assert said((1, relative), charges=(CHARGE,)) == [(0, 32), (300, 8)]
    assert said((1, relative)) == [(0, 32), (900, 8)], "without one, charging is taken to begin now"


def test_a_profile_of_the_transaction_goes_before_any_default_until_it_is_over() -> None:
    default, own = profile((0, 16), stack_level=5), profile((0, 20), purpose=TX, transaction_id=7, duration_s=60)
    assert said((0, default), (1, own), charges=(CHARGE,)) == [(0, 20), (60, 16)]
    assert said((0, default), (1, own)) == [(0, 16)], "no transaction, no TxProfile"
    other = attrs.evolve(own, transaction_id=8)
    assert said((0, default), (1, other), charges=(CHARGE,)) == [(0, 16)], "it is another's"
    assert said((0, default), (2, own), charges=(CHARGE,)) == [(0, 16)], "it is for another EVSE"


def test_a_default_of_the_evse_takes_the_place_of_the_chargers_there_alone() -> None:
    whole, own = profile((0, 16)), profile((0, 10))
    assert said((0, whole), (1, own), evse=1) == [(0, 10)]
    assert said((0, whole), (1, own), evse=2) == [(0, 16)]
    above = profile((0, 13), stack_level=1)
    assert said((0, above), (1, own), evse=1) == [(0, 13)], "another level is another place"


def test_the_chargers_maximum_is_never_exceeded() -> None:
    whole = profile((0, 12), (600, 40), purpose=CHARGER_MAX)
    assert said((0, whole), (1, profile((0, 16)))) == [(0, 12), (600, 16)]
    assert said((0, whole)) == [(0, 12), (600, 40)]


def test_watts_and_amperes_compare_by_the_set_voltage_and_the_phases() -> None:
    watts = profile((0, 6900), unit="W", purpose=CHARGER_MAX)
    assert said((0, watts)) == [(0, 10)]
    assert said((0, watts), voltage_v=115) == [(0, 20)]
    single = profile((0, 16, 1))
    assert said((1, single), unit="W") == [(0, 3680)]
    assert said((0, watts), (1, single), unit="W") == [(0, 3680)]
    assert said((0, profile((0, 1000), unit="W", purpose=CHARGER_MAX))) == [(0, 1.4)], "rounded down: never more than allowed"


def test_phases_are_the_fewest_that_anybody_allows() -> None:
    found = compose([Placed(0, profile((0, 32, 3), purpose=CHARGER_MAX)), Placed(1, profile((0, 16, 1)))], window())
    assert found == (Stretch(0, Decimal("16.0"), 1),)


def test_the_whole_charger_is_what_its_evses_may_draw_together() -> None:
    installed = (0, profile((0, 40), purpose=CHARGER_MAX)), (0, profile((0, 16)))
    assert said(*installed, evse=0, evses=(1, 2)) == [(0, 32)]
    assert said(*installed, evse=0, evses=(1, 2, 3)) == [(0, 40)]
    assert said(*installed, evse=0) == [(0, 40)], "nobody knows how many there are"
    assert said((1, profile((0, 16))), evse=0, evses=(1, 2)) == [(0, None)], "the other draws what it likes"


def test_a_change_within_a_second_counts_from_the_next_whole_one() -> None:
    assert said((1, profile((0, 6), start_at=AT + 1500))) == [(0, None), (2, 6)]


# --- against every second -------------------------------------------------------------------------------------------------------

SPAN_S = 200


def model(installed: list[Placed], asked: Window, second: int) -> tuple[Decimal | None, int | None]:
    """One second of it, as the specification reads, without a thought for speed."""
    at = asked.at + second * 1000
    running = {each.evse: each for each in sorted(asked.charges, key=lambda each: each.started_at)}

    def speaks(one: ChargingProfile, evse: int) -> tuple[Decimal, int | None] | None:
        if one.valid_from_at is not None and not one.valid_from_at <= at:
            return None
        if one.valid_to_at is not None and not at < one.valid_to_at:
            return None
        start = one.schedule.start_at
        if start is None:
            start = running[evse].started_at if evse in running else asked.at
        cycle = {DAILY: DAY_S * 1000, WEEKLY: 7 * DAY_S * 1000}.get(one.recurrency)
        while cycle is not None and start + cycle <= at:
            start += cycle
        elapsed = at - start
        if elapsed < 0 or (one.schedule.duration_s is not None and elapsed >= one.schedule.duration_s * 1000):
            return None
        current = [each for each in one.schedule.periods if each.start_s * 1000 <= elapsed][-1]
        limit = current.limit
        volts = asked.voltage_v * (current.phases or 3)
        if one.schedule.unit != asked.unit:
            limit = limit * volts if asked.unit == "W" else limit / volts
        return limit.quantize(Decimal("0.1"), ROUND_DOWN), current.phases

    def best(some: list[tuple[int, ChargingProfile]], evse: int) -> tuple[Decimal, int | None] | None:
        speaking = [(level, words) for level, one in some if (words := speaks(one, evse)) is not None]
        return max(speaking, key=lambda each: each[0])[1] if speaking else None

    def for_evse(evse: int) -> tuple[Decimal, int | None] | None:
        number = running[evse].transaction_id if evse in running else None
        own = [
            (each.profile.stack_level, each.profile)
            for each in installed
            if (each.profile.purpose, each.evse) == (TX, evse)
            and number is not None
            and each.profile.transaction_id in (None, number)
        ]
        levels: dict[int, ChargingProfile] = {}
        for place in (0, evse):
            levels |= {
                each.profile.stack_level: each.profile
                for each in installed
                if (each.profile.purpose, each.evse) == (TX_DEFAULT, place)
            }
        return best(own, evse) or best(list(levels.items()), evse)

    whole = best([(each.profile.stack_level, each.profile) for each in installed if each.profile.purpose == CHARGER_MAX], 0)
    if asked.evse:
        own = for_evse(asked.evse)
    else:
        all_of_them = [for_evse(evse) for evse in asked.evses]
        own = None
        if all_of_them and all(each is not None for each in all_of_them):
            own = sum((each[0] for each in all_of_them if each is not None), Decimal(0)), None
    both = [each for each in (whole, own) if each is not None]
    if not both:
        return None, None
    return min(each[0] for each in both), min((each[1] for each in both if each[1] is not None), default=None)


@st.composite
def profiles(draw: st.DrawFn) -> Placed:
    purpose = draw(st.sampled_from([CHARGER_MAX, TX_DEFAULT, TX_DEFAULT, TX]))
    kinds = [ABSOLUTE, RECURRING] if purpose == CHARGER_MAX else [ABSOLUTE, RECURRING, RELATIVE]
    kind = draw(st.sampled_from(kinds))
    recurrency = draw(st.sampled_from([DAILY, WEEKLY])) if kind == RECURRING else ""
    duration_s = draw(st.none() | st.integers(1, 2 * SPAN_S))
    ends_s = duration_s or 2 * SPAN_S
    starts = sorted({0, *draw(st.lists(st.integers(1, 2 * SPAN_S), max_size=3))})
    periods = tuple(
        SchedulePeriod(start_s, Decimal(draw(st.integers(0, 40))), draw(st.sampled_from([None, 1, 3])))
        for start_s in starts
        if start_s < ends_s
    )
    near = st.integers(-2 * SPAN_S * 1000, SPAN_S * 1000)
    start_at = None
    if kind != RELATIVE:
        start_at = AT + draw(near)
        if kind == RECURRING:
            start_at -= draw(st.integers(0, 3)) * (DAY_S if recurrency == DAILY else 7 * DAY_S) * 1000
    valid_from = draw(st.none() | near)
    valid_to = draw(st.none() | near)
    if valid_from is not None and valid_to is not None and valid_from >= valid_to:
        valid_to = None
    unit = draw(st.sampled_from(["A", "W"]))
    if unit == "W":
        periods = tuple(attrs.evolve(each, limit=each.limit * 230) for each in periods)
    made = ChargingProfile(
        id=1,
        purpose=purpose,
        kind=kind,
        recurrency=recurrency,
        stack_level=draw(st.integers(0, 3)),
        schedule=ChargingSchedule(unit=unit, periods=periods, start_at=start_at, duration_s=duration_s),
        transaction_id=draw(st.sampled_from([None, 7, 8])) if purpose == TX else None,
        valid_from_at=None if valid_from is None else AT + valid_from,
        valid_to_at=None if valid_to is None else AT + valid_to,
    )
    evse = {CHARGER_MAX: 0, TX: 1}.get(purpose, draw(st.integers(0, 2)))
    return Placed(evse, check(made))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    charges = (Charge(transaction_id=7, evse=1, started_at=AT - draw(st.integers(0, 2 * SPAN_S * 1000))),)
    return Window(
        evse=draw(st.integers(0, 2)),
        at=AT,
        duration_s=SPAN_S,
        unit=draw(st.sampled_from(["A", "W"])),
        charges=draw(st.sampled_from([(), charges])),
        evses=(1, 2),
    )


def one_a_slot(installed: list[Placed]) -> list[Placed]:
    """A charger holds one profile of a purpose and level at a place."""
    return list({(each.evse, each.profile.purpose, each.profile.stack_level): each for each in installed}.values())


@given(st.lists(profiles(), max_size=6).map(one_a_slot), windows())
@settings(max_examples=300, deadline=None)
def test_it_says_what_every_second_says(installed: list[Placed], asked: Window) -> None:
    found = compose(installed, asked)
    assert found[0].start_s == 0
    assert [each.start_s for each in found] == sorted({each.start_s for each in found})
    seconds: list[tuple[Decimal | None, int | None]] = []
    for stretch, after in zip(found, [*(each.start_s for each in found[1:]), asked.duration_s], strict=True):
        seconds += [(stretch.limit, stretch.phases)] * (after - stretch.start_s)
    assert seconds == [model(installed, asked, second) for second in range(asked.duration_s)]
    assert all((one.limit, one.phases) != (next_.limit, next_.phases) for one, next_ in pairwise(found))


@given(st.lists(profiles(), max_size=4).map(one_a_slot), windows())
@settings(max_examples=100, deadline=None)
def test_a_window_further_on_says_the_same(installed: list[Placed], asked: Window) -> None:
    later = attrs.evolve(asked, charges=asked.charges or (Charge(transaction_id=7, evse=1, started_at=AT),))
    later = attrs.evolve(later, charges=(*later.charges, Charge(transaction_id=9, evse=2, started_at=AT)))
    shifted = attrs.evolve(later, at=AT + 50_000, duration_s=SPAN_S - 50)
    assert _at(compose(installed, later), 50) == _at(compose(installed, shifted), 0)


def _at(found: tuple[Stretch, ...], second: int) -> tuple[Decimal | None, int | None]:
    last = [each for each in found if each.start_s <= second][-1]
    return last.limit, last.phases
