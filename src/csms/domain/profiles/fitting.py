"""Making a profile fit what a charger can hold (1.6 §3.13.5, §9.4), and reckoning amperes in watts (§7.12)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import Any

import attrs

from csms.core.charging import AMPERE, UNITS, WATT, ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.commands import VariableName

from .model import Limits

PHASES = 3
"""Phases where a period names none (1.6 §7.12)."""
TENTH = Decimal("0.1")

STACK_LEVEL, RATE_UNITS, PERIODS, INSTALLED_MOST = (
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
)
VARIABLES = tuple(VariableName(name) for name in (STACK_LEVEL, RATE_UNITS, PERIODS, INSTALLED_MOST))
"""What a charger is asked for its limits."""
_UNITS = {"current": AMPERE, "a": AMPERE, "power": WATT, "w": WATT}


def limits_from(variables: Iterable[Mapping[str, Any]], read_at: int) -> Limits:
    """What a charger answered about its limits; what cannot be read does not limit."""
    told = {str(each.get("name", "")).casefold(): str(each.get("value") or "") for each in variables}
    units = {_UNITS.get(word.strip().casefold()) for word in told.get(RATE_UNITS.casefold(), "").split(",")}
    return Limits(
        max_stack_level=_number(told, STACK_LEVEL),
        units=frozenset(unit for unit in units if unit),
        max_periods=_number(told, PERIODS),
        max_installed=_number(told, INSTALLED_MOST),
        read_at=read_at,
    )


def _number(told: Mapping[str, str], name: str) -> int | None:
    text = told.get(name.casefold(), "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def misfit(profile: ChargingProfile, limits: Limits, others: int) -> str:
    """Why a charger that holds ``others`` profiles besides cannot hold this one; ``""`` when it can, once its unit is converted."""
    if limits.max_stack_level is not None and profile.stack_level > limits.max_stack_level:
        return f"stack level {profile.stack_level} is above the charger's {STACK_LEVEL} {limits.max_stack_level}"
    periods = len(profile.schedule.periods)
    if limits.max_periods is not None and periods > limits.max_periods:
        return f"{periods} periods are more than the charger's {PERIODS} {limits.max_periods}"
    if limits.max_installed is not None and others >= limits.max_installed:
        return f"the charger holds {others} profiles, its {INSTALLED_MOST} is {limits.max_installed}"
    return ""


def fitted(profile: ChargingProfile, limits: Limits, voltage_v: int) -> ChargingProfile:
    """The profile in a unit that the charger knows. Limits are rounded down to the one decimal place that 1.6 has."""
    schedule = profile.schedule
    if not limits.units or schedule.unit in limits.units:
        return profile
    unit = next(each for each in UNITS if each in limits.units)
    return attrs.evolve(profile, schedule=in_unit(schedule, unit, voltage_v))


def in_unit(schedule: ChargingSchedule, unit: str, voltage_v: int) -> ChargingSchedule:
    """The schedule with its limits in another unit."""
    periods = tuple(
        SchedulePeriod(period.start_s, converted(period.limit, schedule.unit, unit, period.phases, voltage_v), period.phases)
        for period in schedule.periods
    )
    least = schedule.min_rate
    if least is not None:
        least = converted(least, schedule.unit, unit, schedule.periods[0].phases, voltage_v)
    return attrs.evolve(schedule, unit=unit, periods=periods, min_rate=least)


def converted(limit: Decimal, unit: str, into: str, phases: int | None, voltage_v: int) -> Decimal:
    """A limit in another unit: watts in total are volts times amperes of each phase (1.6 §7.12), rounded down to a tenth."""
    if unit == into:
        return limit
    volts = Decimal(voltage_v * (phases or PHASES))
    value = limit * volts if into == WATT else limit / volts
    return value.quantize(TENTH, rounding=ROUND_DOWN)
