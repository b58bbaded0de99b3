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


METERS = {
    ENERGY: _energy,
    "Power.Active.Import": _power,
    "Current.Import": _current,
    "Voltage": _voltage,
    "SoC": _soc,
}
"""What these meters measure."""


def read(connector: Connector, measurands: str, rng: random.Random) -> list[Sample]:
    """A reading of the measurands in a comma-separated list; those it does not measure are left out."""
    samples: list[Sample] = []
    for name in measurands.split(","):
        meter = METERS.get(name.strip())
        if meter is not None:
            samples.extend(meter(connector, rng))
    return samples
