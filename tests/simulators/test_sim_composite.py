"""Composite schedules, computed by hand and by the charger (1.6 §3.13)."""

from __future__ import annotations

import random

import pytest

from simulators.charger.car import Supply
from simulators.charger.charging_profile import BadWord, ProfileError, parse
from simulators.charger.composite import Installed, Place, cap_at, next_change, schedule
from simulators.charger.smart_charging import share
from simulators.clock import iso

NOW = 1_800_000_000_000  # 2027-01-15T08:00:00Z, a Friday
HOUR_MS = 3_600_000
AC = Place(1, Supply("ac", 22_000, 3))
DC = Place(1, Supply("dc", 100_000, 0))


def profile(*periods, purpose="TxDefaultProfile", kind="Absolute", unit="A", stack=0, number=1, start=NOW, duration=None, **more):
    body = {"chargingRateUnit": unit, "chargingSchedulePeriod": [{"startPeriod": s, "limit": limit} for s, limit in periods]}
    if kind != "Relative" and start is not None:
        body["startSchedule"] = iso(start)
    if duration is not None:
        body["duration"] = duration
    return parse(
        {
            "chargingProfileId": number,
            "stackLevel": stack,
            "chargingProfilePurpose": purpose,
            "chargingProfileKind": kind,
            "chargingSchedule": body,
            **more,
        }
    )


def composite(*installed, place=AC, begin=NOW, seconds=3600, unit="A", whole=False, places=None):
    found = schedule([Installed(*each) for each in installed], places or [place], begin, seconds, unit, whole=whole)
    return [(period["startPeriod"], period["limit"]) for period in found]


FREE = 31.9
"""22 kW at 230 V on three phases."""


def test_nothing_installed_is_what_the_wiring_allows():
    assert composite() == [(0, FREE)]
    assert composite(unit="W") == [(0, 22_000)]


def test_periods_and_what_comes_after_the_duration():
    limits = profile((0, 16), (600, 8), duration=1200)
    assert composite((1, limits)) == [(0, 16), (600, 8), (1200, FREE)]
    assert composite((1, limits), begin=NOW + 900_000) == [(0, 8), (300, FREE)]
    assert composite((1, profile((0, 16), start=NOW + 60_000))) == [(0, FREE), (60, 16)]


def test_valid_from_and_to():
    limits = profile((0, 10), validFrom=iso(NOW + 100_000), validTo=iso(NOW + 200_000))
    assert composite((1, limits)) == [(0, FREE), (100, 10), (200, FREE)]


def test_the_highest_stack_level_that_speaks():
    low, high = profile((0, 10), number=1), profile((0, 20), stack=1, number=2, duration=600)
    assert composite((1, low), (1, high)) == [(0, 20), (600, 10)]


def test_a_connectors_own_default_goes_before_the_chargers_on_the_same_level_only():
    everywhere, here = profile((0, 10)), profile((0, 20), number=2)
    assert composite((0, everywhere), (1, here)) == [(0, 20)]
    assert composite((0, everywhere), (2, here)) == [(0, 10)]
    assert composite((0, profile((0, 10), stack=3)), (1, here)) == [(0, 10)]


def test_the_transactions_profile_overrules_the_default_and_the_chargers_limits_both():
    default = profile((0, 10))
    own = profile((0, 25), (1200, 5), purpose="TxProfile", number=2)
    whole = profile((0, 20), (600, 3), purpose="ChargePointMaxProfile", number=3)
    assert composite((1, default), (1, own)) == [(0, 25), (1200, 5)]
    assert composite((1, default), (1, own), (0, whole)) == [(0, 20), (600, 3)]


def test_relative_counts_from_the_start_of_charging():
    limits = profile((0, 6), (1800, 16), kind="Relative")
    charging = Place(1, AC.supply, charging_since=NOW - 1_200_000)
    assert composite((1, limits), place=charging) == [(0, 6), (600, 16)]
    assert composite((1, limits)) == [(0, 6), (1800, 16)]


def test_daily_recurs_at_the_hour_of_its_start():
    nightly = profile(
        (0, 30), (7200, 16), kind="Recurring", recurrencyKind="Daily", start=NOW - 10 * 24 * HOUR_MS + HOUR_MS, duration=10_800
    )
    assert composite((1, nightly), seconds=6 * 3600) == [(0, FREE), (3600, 30), (10_800, 16), (14_400, FREE)]
    tomorrow = composite((1, nightly), seconds=26 * 3600)
    assert tomorrow[-1] == (25 * 3600, 30)


def test_weekly_recurs_on_the_day_of_its_start_and_not_before_it():
    weekly = profile((0, 8), kind="Recurring", recurrencyKind="Weekly", start=NOW + HOUR_MS, duration=1800)
    assert composite((1, weekly), seconds=7200) == [(0, FREE), (3600, 8), (5400, FREE)]
    again = composite((1, weekly), begin=NOW + 7 * 24 * HOUR_MS, seconds=7200)
    assert again == [(0, FREE), (3600, 8), (5400, FREE)]


def test_a_run_never_lasts_into_the_next():
    daily = profile((0, 8), (90_000, 4), kind="Recurring", recurrencyKind="Daily", duration=200_000)
    assert composite((1, daily), seconds=48 * 3600) == [(0, 8)]


def test_watts_and_amperes():
    assert composite((1, profile((0, 6900), unit="W"))) == [(0, 10)]
    assert composite((1, profile((0, 10))), unit="W") == [(0, 6900)]
    one_phase = Place(1, Supply("ac", 7_400, 1))
    assert composite((1, profile((0, 10))), place=one_phase, unit="W") == [(0, 2300)]
    assert composite((1, profile((0, 50_000), unit="W")), place=DC, unit="W") == [(0, 50_000)]


def test_number_of_phases():
    limits = parse(
        {
            "chargingProfileId": 1,
            "stackLevel": 0,
            "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Relative",
            "chargingSchedule": {
                "chargingRateUnit": "A",
                "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 10, "numberPhases": 1}],
            },
        }
    )
    found = schedule([Installed(1, limits)], [AC], NOW, 60, "A", whole=False)
    assert found == [{"startPeriod": 0, "limit": 10, "numberPhases": 1}]
    assert cap_at([Installed(1, limits)], AC, NOW, NOW).power_w == 2300


def test_the_whole_charger():
    places = [AC, Place(2, AC.supply)]
    assert composite(places=places, whole=True, unit="W") == [(0, 44_000)]
    limits = profile((0, 7000), unit="W")
    assert composite((1, limits), places=places, whole=True, unit="W") == [(0, 29_000)]
    top = profile((0, 10_000), unit="W", purpose="ChargePointMaxProfile", number=2)
    assert composite((1, limits), (0, top), places=places, whole=True, unit="W") == [(0, 10_000)]


def test_every_instant_agrees_with_the_schedule():
    """The schedule's steps are exactly where the caps change, whatever is installed."""
    rng = random.Random(7)
    for _ in range(150):
        installed = []
        for number in range(rng.randint(1, 5)):
            starts = sorted(rng.sample(range(60, 7200, 60), rng.randint(0, 3)))
            kind = rng.choice(["Absolute", "Recurring", "Relative"])
            more = {"recurrencyKind": rng.choice(["Daily", "Weekly"])} if kind == "Recurring" else {}
            if rng.random() < 0.3:
                more["validTo"] = iso(NOW + rng.randrange(60, 7200, 60) * 1000)
            one = profile(
                *((start, rng.randint(0, 32)) for start in (0, *starts)),
                purpose=rng.choice(["ChargePointMaxProfile", "TxDefaultProfile", "TxProfile"]),
                kind=kind,
                stack=rng.randint(0, 2),
                number=number,
                start=NOW + rng.randrange(-180_000, 7200, 60) * 1000,
                duration=rng.choice([None, rng.randrange(60, 9000, 60)]),
                **more,
            )
            installed.append(Installed(0 if one.purpose == "ChargePointMaxProfile" else rng.choice([0, 1]), one, NOW))
        place = Place(1, AC.supply, rng.choice([None, NOW - 600_000]))
        steps = schedule(installed, [place], NOW, 7200, "W", whole=False)
        for second in range(0, 7200, 60):
            told = next(step["limit"] for step in reversed(steps) if step["startPeriod"] <= second)
            assert told == round(cap_at(installed, place, NOW + second * 1000, NOW).power_w, 1)
        assert next_change(installed, [place], NOW, NOW + 7_200_000) > NOW


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"chargingProfilePurpose": "Nonsense"}, BadWord),
        ({"chargingProfileKind": "Sometimes"}, BadWord),
        ({"stackLevel": -1}, ProfileError),
        ({"stackLevel": "1"}, TypeError),
        ({"chargingProfileKind": "Recurring"}, ProfileError),
        ({"validFrom": "2027-01-02T00:00:00Z", "validTo": "2027-01-01T00:00:00Z"}, ProfileError),
        ({"chargingSchedule": {"chargingRateUnit": "VA", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 1}]}}, BadWord),
        ({"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": []}}, ProfileError),
        ({"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 5, "limit": 1}]}}, ProfileError),
        (
            {"chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": -1}]}},
            ProfileError,
        ),
        ({"chargingSchedule": {}}, KeyError),
    ],
)
def test_profiles_that_no_charger_can_follow(change, error):
    good = {
        "chargingProfileId": 1,
        "stackLevel": 0,
        "chargingProfilePurpose": "TxDefaultProfile",
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 1}]},
    }
    parse(good)
    with pytest.raises(error):
        parse(good | change)


def test_power_is_shared_out():
    assert share(10_000, {1: 8_000, 2: 1_000}) == {}
    assert share(6_000, {1: 8_000, 2: 1_000}) == {2: 1_000, 1: 5_000}
    assert share(6_000, {1: 8_000, 2: 8_000}) == {1: 3_000, 2: 3_000}
