"""Sampled values: exact decimals in normal units, nonsense left out with a note."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from csms.core.reports import Reading, Sample
from csms.ocpp import readings
from csms.ocpp.dialect import Hearing


@pytest.mark.parametrize(
    ("heard", "value"),
    [
        ("230.10", "230.10"),
        (" 5 ", "5"),
        ("-3", "-3"),
        ("1e3", "1000"),
        (0.1, "0.1"),
        (1e16, "10000000000000000"),
        (7, "7"),
        ("0E-900", "0"),
        ("-0", "0"),
    ],
)
def test_a_number_is_taken_exactly(heard: Any, value: str) -> None:
    hearing = Hearing("", 0)
    assert str(readings.decimal(heard, hearing)) == value
    assert hearing.oddities() == ()


def test_a_decimal_comma_is_a_point() -> None:
    hearing = Hearing("", 0)
    assert readings.decimal("230,5", hearing) == Decimal("230.5")
    assert [odd.rule for odd in hearing.oddities()] == ["value"]


@pytest.mark.parametrize("heard", ["", "NaN", "-inf", "sNaN", "12 V", "1.234,5", "1,2,3", "1e999999", "1e-999", "9" * 70, 10**400])
def test_what_is_no_number_of_a_meter_is_left_out_with_a_note(heard: Any) -> None:
    hearing = Hearing("", 0)
    assert readings.decimal(heard, hearing) is None
    assert [odd.rule for odd in hearing.oddities()] == ["value"]


@pytest.mark.parametrize(
    ("measurand", "unit", "multiplier", "value", "normal"),
    [
        (readings.ENERGY, None, 0, "5", "Wh"),
        (readings.ENERGY, "kWh", 0, "5000", "Wh"),
        (readings.ENERGY, "Wh", 3, "5000", "Wh"),
        (readings.ENERGY, None, 3, "5000", "Wh"),
        ("Power.Active.Import", "kW", 0, "5000", "W"),
        ("Power.Reactive.Import", None, 0, "5", "var"),
        ("Power.Factor", None, 0, "5", ""),
        ("Current.Import", "mA", 0, "0.005", "A"),
        ("Voltage", None, 0, "5", "V"),
        ("SoC", None, 0, "5", "Percent"),
        ("Temperature", "Celcius", 0, "5", "Celsius"),
        ("Mood", None, 0, "5", ""),
    ],
)
def test_units_become_normal(measurand: str, unit: str | None, multiplier: int, value: str, normal: str) -> None:
    hearing = Hearing("", 0)
    sample = readings.sample(Decimal(5), hearing, measurand=measurand, unit=unit, multiplier=multiplier)
    assert sample is not None
    assert (str(sample.value), sample.unit) == (value, normal)
    assert hearing.oddities() == ()


def test_an_unknown_unit_is_kept_with_a_note() -> None:
    hearing = Hearing("", 0)
    sample = readings.sample(Decimal(5), hearing, measurand="Voltage", unit="furlong")
    assert sample is not None
    assert sample.unit == "furlong"
    assert [odd.rule for odd in hearing.oddities()] == ["unit"]


def test_a_multiplier_beyond_physics_costs_the_sample() -> None:
    hearing = Hearing("", 0)
    assert readings.sample(Decimal(5), hearing, measurand="Voltage", unit="V", multiplier=2**40) is None
    assert [odd.rule for odd in hearing.oddities()] == ["range"]


def test_the_register_is_the_whole_energy_at_the_outlet() -> None:
    def energy(value: str, **other: str) -> Sample:
        return Sample(other.pop("measurand", readings.ENERGY), Decimal(value), other.pop("unit", "Wh"), **other)

    begin = "Transaction.Begin"
    told = (
        Reading(0, (energy("1", context=begin, phase="L1"), energy("2", context=begin, location="Inlet"), energy("3"))),
        Reading(0, (energy("4", context=begin, unit="?"), energy("5", context=begin, measurand="SoC"))),
        Reading(0, (energy("1234.5", context=begin),)),
    )
    assert readings.register_wh(told, begin) == 1235
    assert readings.register_wh(told, "Transaction.End") is None
