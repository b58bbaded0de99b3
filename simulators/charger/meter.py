"""What a meter says about a connector at one moment, in neutral words; each OCPP version writes it in its own way."""

from __future__ import annotations

import random
from collections.abc import Iterable

import attrs

from .connector import Connector

ENERGY = "Energy.Active.Import.Register"


@attrs.frozen(slots=True)
class Sample:
    """One measured value, with the digits that a meter shows."""

    measurand: str
    value: float
    unit: str
    digits: int = 0
    phase: str = ""
    location: str = ""


def _energy(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    yield Sample(ENERGY, connector.register, "Wh", location="Outlet")


def _power(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    yield Sample("Power.Active.Import", connector.power_w(), "W", 1, location="Outlet")


def _phases(connector: Connector) -> list[str]:
    return [f"L{n}" for n in range(1, connector.supply.phases + 1)]


def _current(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    power_w = connector.power_w()
    if connector.supply.kind == "dc":
        yield Sample("Current.Import", power_w / 400, "A", 1, location="Outlet")
        return
    for phase in _phases(connector):
        yield Sample("Current.Import", power_w / 230 / connector.supply.phases, "A", 1, phase, "Outlet")


def _voltage(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    if connector.supply.kind == "dc":
        yield Sample("Voltage", rng.uniform(396, 404), "V", 1, location="Outlet")
        return
    for phase in _phases(connector):
        yield Sample("Voltage", rng.uniform(227, 233), "V", 1, f"{phase}-N", "Outlet")


def _soc(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    if connector.car is not None and connector.supply.kind == "dc":
        yield Sample("SoC", connector.car.soc * 100, "Percent", 0, location="EV")


def _offered_w(connector: Connector) -> float:
    offers = connector.transaction is not None and connector.error_code == "NoError" and not connector.paused
    return min(connector.supply.max_w, connector.limit_w) if offers else 0.0


def _current_offered(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    volts = 400 if connector.supply.kind == "dc" else 230 * connector.supply.phases
    yield Sample("Current.Offered", _offered_w(connector) / volts, "A", 1, location="Outlet")


def _power_offered(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    yield Sample("Power.Offered", _offered_w(connector), "W", 1, location="Outlet")


def _frequency(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    yield Sample("Frequency", rng.uniform(49.95, 50.05), "Hertz", 2, location="Inlet")


def _temperature(connector: Connector, rng: random.Random) -> Iterable[Sample]:
    yield Sample("Temperature", rng.uniform(28, 34) + connector.power_w() / 2000, "Celsius", 1, location="Body")


METERS = {
    ENERGY: _energy,
    "Power.Active.Import": _power,
    "Current.Import": _current,
    "Voltage": _voltage,
    "SoC": _soc,
    "Current.Offered": _current_offered,
    "Power.Offered": _power_offered,
    "Frequency": _frequency,
    "Temperature": _temperature,
}
"""What these meters measure."""


def read(connector: Connector, measurands: str, rng: random.Random) -> list[Sample]:
    """A reading of the measurands in a comma-separated list, each perhaps of one phase (``Voltage.L1``, 1.6 §9.1.17).

    Those it does not measure are left out.
    """
    samples: list[Sample] = []
    for name in map(str.strip, measurands.split(",")):
        if name in METERS:
            samples.extend(METERS[name](connector, rng))
            continue
        stem, _, phase = name.rpartition(".")
        if stem in METERS:
            samples.extend(
                sample for sample in METERS[stem](connector, rng) if sample.phase.partition("-")[0] == phase.partition("-")[0]
            )
    return samples
