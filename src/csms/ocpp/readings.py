"""Sampled values of every OCPP version in normal units: exact decimals, defaults of the specification, nonsense left out with a note."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from functools import lru_cache

from csms.core.reports import Reading, Sample
from csms.core.units import normal_unit, whole

from .dialect import Hearing

ENERGY = "Energy.Active.Import.Register"
PERIODIC = "Sample.Periodic"
OUTLET = "Outlet"
OCMF = "OCMF|"
"""How signed meter data in the Open Charge Metering Format begins; some chargers call it Raw."""

_MAX_VALUE_CHARS = 64
_MAX_POWER_OF_TEN = 24
ZERO = Decimal(0)

_UNITS_BY_FAMILY = (
    ("Energy.", "Wh"),
    ("Power.Factor", ""),
    ("Power.Reactive", "var"),
    ("Power.", "W"),
    ("Current.", "A"),
    ("Voltage", "V"),
    ("Frequency", "Hz"),
    ("Temperature", "Celsius"),
    ("SoC", "Percent"),
    ("RPM", "RPM"),
)
_NORMAL = frozenset({"Wh", "W", "A", "V", "Percent", "Celsius", "varh", "VAh", "VA", "var", "K", "Hz", "RPM", "Fahrenheit"})


MEASURANDS = frozenset(
    {
        "Current.Export",
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Export.Interval",
        "Energy.Active.Export.Register",
        "Energy.Active.Import.Interval",
        "Energy.Active.Import.Register",
        "Energy.Active.Net",
        "Energy.Apparent.Export",
        "Energy.Apparent.Import",
        "Energy.Apparent.Net",
        "Energy.Reactive.Export.Interval",
        "Energy.Reactive.Export.Register",
        "Energy.Reactive.Import.Interval",
        "Energy.Reactive.Import.Register",
        "Energy.Reactive.Net",
        "Frequency",
        "Power.Active.Export",
        "Power.Active.Import",
        "Power.Factor",
        "Power.Offered",
        "Power.Reactive.Export",
        "Power.Reactive.Import",
        "RPM",
        "SoC",
        "Temperature",
        "Voltage",
    }
)
"""Every measurand of OCPP 1.6 (§7.31) and 2.0.1 (MeasurandEnumType)."""
_LIKENESS = 0.85


@lru_cache(maxsize=256)
def _meant(measurand: str) -> str:
    """The measurand that a misspelt one is nearly certainly meant to be; itself where it is like none."""
    by_fold = {known.casefold(): known for known in MEASURANDS}
    near = get_close_matches(measurand.strip().casefold(), by_fold, n=1, cutoff=_LIKENESS)
    return by_fold[near[0]] if near else measurand


def default_unit(measurand: str) -> str:
    """The unit of a value that names none: Wh for energy (1.6 §7.43), and what everybody means for the rest."""
    return next((unit for family, unit in _UNITS_BY_FAMILY if measurand.startswith(family)), "")


def decimal(heard: str | int | float, hearing: Hearing) -> Decimal | None:
    """The exact number, or None where it is none: empty, NaN, infinite, or of a size that no meter shows.

    A float is taken as the shortest decimal that denotes it, which is what the charger wrote. A decimal comma is a point.
    """
    text = heard if isinstance(heard, str) else repr(heard)
    try:
        value = Decimal(text)
    except InvalidOperation:
        return _with_comma(text, hearing)
    if not value.is_finite() or len(text) > _MAX_VALUE_CHARS:
        hearing.odd("value", "sampledValue.value", text)
        return None
    if not value:
        return ZERO
    if abs(value.adjusted()) > _MAX_POWER_OF_TEN:
        hearing.odd("value", "sampledValue.value", text)
        return None
    return _plain(value) if "e" in text or "E" in text else value


def _plain(value: Decimal) -> Decimal:
    """The same number written without an exponent: 7200 for 7.2E+3."""
    return Decimal(f"{value:f}")


def _with_comma(text: str, hearing: Hearing) -> Decimal | None:
    hearing.odd("value", "sampledValue.value", text)
    whole_part, comma, fraction = text.strip().partition(",")
    if not comma or not fraction.isdecimal() or not whole_part.lstrip("+-").isdecimal() or len(text) > _MAX_VALUE_CHARS:
        return None
    try:
        return Decimal(f"{whole_part}.{fraction}")
    except InvalidOperation:  # more than one sign
        return None


def sample(
    value: Decimal,
    hearing: Hearing,
    *,
    measurand: str,
    unit: str | None,
    multiplier: int = 0,
    phase: str = "",
    location: str = OUTLET,
    context: str = PERIODIC,
    signed: str = "",
) -> Sample | None:
    """One sample in its normal unit; None where 2.x's multiplier is beyond physics. An unknown unit stays, with a note."""
    if measurand not in MEASURANDS:
        measurand = _meant(measurand[:_MAX_VALUE_CHARS])
    if hearing.quirks.energy_unit and measurand.startswith("Energy.Active"):
        if unit != hearing.quirks.energy_unit:
            hearing.odd("unit", "sampledValue.unit", unit or "none")
        unit = hearing.quirks.energy_unit
    if unit is None:
        unit = default_unit(measurand)
        known = not multiplier
    else:
        known = not multiplier and unit in _NORMAL
    if not known:
        if abs(multiplier) > _MAX_POWER_OF_TEN:
            hearing.odd("range", "unitOfMeasure.multiplier", multiplier)
            return None
        value, unit, known = normal_unit(value, unit, multiplier)
        value = _plain(value)
        if not known and unit:
            hearing.odd("unit", "sampledValue.unit", unit)
    return Sample(measurand, value, unit, phase, location, context, signed)


def register_wh(readings: tuple[Reading, ...], context: str) -> int | None:
    """The energy register at a transaction's begin or end, as 2.x tells it among the samples (2.0.1 J02)."""
    for reading in readings:
        for one in reading.samples:
            if one.context == context and one.measurand == ENERGY and one.unit == "Wh" and not one.phase and one.location == OUTLET:
                return whole(one.value)
    return None
