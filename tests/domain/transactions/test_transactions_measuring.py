"""What samples come to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from csms.core.reports import Reading, Sample
from csms.domain.transactions.measuring import energy_between, measure, merged, samples_of, samples_text

ENERGY = "Energy.Active.Import.Register"


def energy(value, **more):
    return Sample(ENERGY, Decimal(value), "Wh", **more)


def measured(*samples):
    return measure(Reading(0, samples))


def test_the_whole_goes_before_the_sum_of_its_phases():
    assert measured(energy(300), *(energy(90, phase=phase) for phase in ("L1", "L2", "L3"))).energy_wh == 300


@pytest.mark.parametrize("phases", [("L1", "L2", "L3"), ("L1-N", "L2-N", "L3-N")])
def test_phases_are_summed_where_the_whole_is_not_told(phases):
    assert measured(*(energy("100.2", phase=phase) for phase in phases)).energy_wh == 301


def test_phases_told_with_and_without_neutral_count_once():
    assert measured(energy(100, phase="L1"), energy(100, phase="L1-N"), energy(50, phase="L2")).energy_wh == 150


def test_what_is_not_at_the_outlet_or_not_in_wh_is_no_register():
    assert measured(energy(5, location="Inlet"), Sample(ENERGY, Decimal(5), "furlong")).energy_wh is None


def test_a_value_that_no_meter_shows_is_kept_and_not_reckoned_with():
    reading = measured(energy("1e20"), Sample("Power.Active.Import", Decimal("NaN"), "W"))
    assert (reading.energy_wh, reading.power_w) == (None, None)
    assert "1E+20" in reading.samples


def test_samples_survive_as_text_exactly():
    samples = (energy("1.50"), energy("0.1", phase="L1", location="Inlet", context="Transaction.Begin", signed='{"a":"b"}'))
    assert samples_of(samples_text(samples)) == samples
    assert str(samples_of(samples_text(samples))[0].value) == "1.50"


def test_merging_does_not_depend_on_the_order():
    one, other = measured(energy(1), energy(2, phase="L1")), measured(Sample("SoC", Decimal(5), "Percent"), energy(1))
    assert merged(one.samples, other) == merged(other.samples, one)
    assert merged(one.samples, one).energy_wh == 1


@pytest.mark.parametrize(
    ("start", "stop", "last", "steps", "expected"),
    [
        (100, 300, None, [], (200, "register")),
        (100, 100, 100, [], (0, "register")),
        (100, 50, None, [], (None, "unknown")),
        (100, 50, 100, [100], (None, "unknown")),
        (100, 50, 2**40, [150, 2**40], (50, "steps")),
        (100, 300, 2**40, [150, 2**40], (200, "register")),
        (100, 2**40, None, [], (None, "unknown")),
        (100, 50, 40, [150, 20, 40], (50 + 20 + 10, "steps")),
        (0, 0, 900, [500, 900], (900, "steps")),
        (None, 50, None, [], (None, "unknown")),
        (50, None, None, [], (None, "unknown")),
    ],
)
def test_energy(start, stop, last, steps, expected):
    assert energy_between(start, stop, last, lambda: steps) == expected
