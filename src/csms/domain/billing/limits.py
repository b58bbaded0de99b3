"""When a running charge comes to a limit, reckoned from what its meter showed last and how fast it went then. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.pricing import Charge

from .model import AMOUNT, DURATION, ENERGY, FUNDS

MARGIN_MS = 10_000
"""A stop takes effect so much later than we decide on it: until the next look, and for the charger to obey."""
LONGEST_GUESS_MS = 900_000
"""A meter that was silent for longer tells nothing about what goes on now."""
SOONEST_MS, USUAL_MS, IDLE_MS = 5_000, 60_000, 600_000
_WMS_PER_WH = 3_600_000


@attrs.frozen(slots=True, kw_only=True)
class Limit:
    """At most ``most`` of something (minor units, Wh or milliseconds), and whose limit it is."""

    kind: str
    whose: str
    most: int


@attrs.frozen(slots=True, kw_only=True)
class Pace:
    """How far a charge has come by now, and how much more of it a second brings: energy in Wh, money in minor units."""

    energy_wh: float
    energy_rate: float
    cost: float | None
    cost_rate: float
    elapsed_ms: int

    def so_far(self, limit: Limit) -> float | None:
        """How much of what is limited there is by now; None where nobody knows."""
        if limit.kind == ENERGY:
            return self.energy_wh
        return float(self.elapsed_ms) if limit.kind == DURATION else self.cost

    def rate(self, limit: Limit) -> float:
        """How much more of it a millisecond brings."""
        if limit.kind == ENERGY:
            return self.energy_rate
        return 1.0 if limit.kind == DURATION else self.cost_rate


def pace(charge: Charge, cost_minor: int | None, now: int) -> Pace:
    """The pace of a charge. Since its last reading it went on at its last power, as far as that can be believed."""
    last = charge.points[-1]
    power_w = _power_w(charge)
    since_ms = min(max(0, now - last.at), LONGEST_GUESS_MS)
    rate = power_w / _WMS_PER_WH
    energy = last.energy_wh + rate * since_ms
    elapsed = max(1, now - charge.started_at)
    if cost_minor is None:
        return Pace(energy_wh=energy, energy_rate=rate, cost=None, cost_rate=0.0, elapsed_ms=elapsed)
    per_wh = cost_minor / last.energy_wh if last.energy_wh else 0.0
    return Pace(
        energy_wh=energy,
        energy_rate=rate,
        cost=cost_minor + per_wh * (energy - last.energy_wh),
        cost_rate=max(per_wh * rate, cost_minor / elapsed if last.energy_wh else 0.0),
        elapsed_ms=elapsed,
    )


def _power_w(charge: Charge) -> float:
    """The power that was measured last, or that the last two readings come to."""
    last = charge.points[-1]
    if last.power_w is not None:
        return float(last.power_w)
    if len(charge.points) < 2 or last.at <= charge.points[-2].at:
        return 0.0
    before = charge.points[-2]
    return (last.energy_wh - before.energy_wh) * _WMS_PER_WH / (last.at - before.at)


def reached(pace: Pace, limits: Sequence[Limit]) -> Limit | None:
    """The first limit that the charge will have come to by the time a stop takes effect."""
    for limit in limits:
        so_far = pace.so_far(limit)
        margin = 0 if limit.kind == DURATION else MARGIN_MS
        if so_far is not None and so_far + pace.rate(limit) * margin >= limit.most:
            return limit
    return None


def look_again_ms(pace: Pace, limits: Sequence[Limit]) -> int:
    """How long until the charge is to be looked at again: before it comes to a limit, and at the usual time at the latest."""
    wait = USUAL_MS
    for limit in limits:
        so_far, rate = pace.so_far(limit), pace.rate(limit)
        if so_far is not None and rate > 0:
            margin = 0 if limit.kind == DURATION else MARGIN_MS
            wait = min(wait, int((limit.most - so_far) / rate) - margin)
        elif limit.kind in (AMOUNT, FUNDS, ENERGY):
            wait = min(wait, USUAL_MS // 4)  # nothing was measured yet: look soon
    return max(SOONEST_MS, wait)
