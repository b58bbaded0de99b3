"""What a charger says it can hold, and profiles made to fit."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import attrs

from csms.core.charging import ChargingProfile, SchedulePeriod
from csms.domain.profiles.fitting import INSTALLED_MOST, PERIODS, RATE_UNITS, STACK_LEVEL, fitted, limits_from, misfit
from csms.domain.profiles.model import Limits

Make = Callable[..., ChargingProfile]


def test_what_a_charger_answers_is_read_as_it_comes() -> None:
    told = [
        {"name": STACK_LEVEL.lower(), "value": " 7 "},
        {"name": RATE_UNITS, "value": "Current, power"},
        {"name": PERIODS, "value": "many"},
        {"name": INSTALLED_MOST, "status": "UnknownVariable"},
    ]
    assert limits_from(told, 5) == Limits(max_stack_level=7, units=frozenset("AW"), read_at=5)


def test_what_does_not_fit_is_said(make: Make) -> None:
    limits = Limits(max_stack_level=1, max_periods=2, max_installed=3)
    assert misfit(make(16, 10, stack_level=1), limits, 2) == ""
    assert STACK_LEVEL in misfit(make(stack_level=2), limits, 0)
    assert PERIODS in misfit(make(1, 2, 3), limits, 0)
    assert INSTALLED_MOST in misfit(make(), limits, 3)
    assert misfit(make(1, 2, 3, stack_level=99), Limits(), 99) == "", "who says nothing limits nothing"


def test_watts_become_amperes_a_phase_and_back(make: Make) -> None:
    only_amperes, only_watts = Limits(units=frozenset("A")), Limits(units=frozenset("W"))
    in_amperes = fitted(make(11_000, unit="W"), only_amperes, 230)
    assert (in_amperes.schedule.unit, in_amperes.schedule.periods[0].limit) == ("A", Decimal("15.9")), "never more than allowed"
    made = make(16)
    single = attrs.evolve(made.schedule, periods=(SchedulePeriod(0, Decimal(16), 1),), min_rate=Decimal(6))
    in_watts = fitted(attrs.evolve(made, schedule=single), only_watts, 230)
    assert in_watts.schedule.periods == (SchedulePeriod(0, Decimal("3680.0"), 1),)
    assert in_watts.schedule.min_rate == 1380
    assert fitted(made, Limits(units=frozenset("AW")), 230) is made
    assert fitted(made, Limits(), 230) is made
