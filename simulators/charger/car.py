"""A car: how much its battery takes, and how the power falls as it fills."""

from __future__ import annotations

import math
import random

import attrs

FULL = 1.0
STEP_S = 30.0
"""The longest step in which the power is taken as constant."""


@attrs.frozen(slots=True)
class Supply:
    """What a connector can give: ``ac`` or ``dc``, watts, and phases (dc: 0)."""

    kind: str = "ac"
    max_w: float = 11_000.0
    phases: int = 3

    @classmethod
    def of(cls, kilowatts: float) -> Supply:
        """The usual connector of that power: AC up to 22 kW (one phase up to 7.4 kW), DC above."""
        if kilowatts > 22:
            return cls("dc", kilowatts * 1000, 0)
        return cls("ac", kilowatts * 1000, 1 if kilowatts <= 7.4 else 3)


@attrs.define(slots=True, eq=False)
class Car:
    """A battery of ``capacity_wh``, filled to ``soc`` (0 to 1), and what its electronics take at most."""

    capacity_wh: float = 60_000.0
    soc: float = 0.3
    max_ac_w: float = 11_000.0
    max_dc_w: float = 120_000.0

    def takes_w(self, supply: Supply) -> float:
        """The power it draws now: constant, then a taper (DC from 60 %, AC from 92 %), nothing when it is full."""
        if self.soc >= FULL:
            return 0.0
        if supply.kind == "dc":
            knee, most = 0.6, min(self.max_dc_w, supply.max_w)
        else:
            knee, most = 0.92, min(self.max_ac_w, supply.max_w)
        if self.soc <= knee:
            return most
        return max(most * (1 - 0.9 * (self.soc - knee) / (1 - knee)), 0.02 * most)

    def charge(self, supply: Supply, seconds: float, limit_w: float = math.inf) -> float:
        """Draw power for a while, at most ``limit_w``; the energy taken, in Wh."""
        taken = 0.0
        while seconds > 0 and self.soc < FULL:
            step = min(seconds, STEP_S)
            energy = min(min(self.takes_w(supply), limit_w) * step / 3600, (FULL - self.soc) * self.capacity_wh)
            self.soc = min(FULL, self.soc + energy / self.capacity_wh)
            if FULL - self.soc < 1e-9:
                self.soc = FULL
            taken += energy
            seconds -= step
        return taken


MODELS: tuple[tuple[float, float, float], ...] = (
    # capacity in Wh, most AC watts, most DC watts
    (30_200, 3_300, 40_000),
    (40_500, 7_200, 50_000),
    (50_300, 7_400, 76_000),
    (60_000, 11_000, 100_000),
    (77_000, 11_000, 135_000),
    (93_400, 22_000, 225_000),
)


def random_car(rng: random.Random) -> Car:
    """A car as it comes in from the street."""
    capacity_wh, max_ac_w, max_dc_w = rng.choice(MODELS)
    return Car(capacity_wh, round(rng.uniform(0.08, 0.85), 3), max_ac_w, max_dc_w)
