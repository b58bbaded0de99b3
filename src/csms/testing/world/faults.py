"""What goes wrong, how often, and how often it did: drawn from the seed, and over at the appointed time."""

from __future__ import annotations

import random
from collections import Counter

from .clock import stream

PER_CALL = {
    "cut before send": 0.015,
    "cut in the middle of a frame": 0.01,
    "cut after send": 0.03,
    "half-open": 0.012,
    "frame sent twice": 0.04,
    "network slow": 0.03,
}
"""Chances whenever a charger says something."""
PER_COMMIT = {"commit slow": 0.05, "commit fails": 0.012}
"""Chances whenever the server commits."""
PER_READ = {"read fails": 0.006}
PER_EVENT = {"consumer slow": 0.05, "consumer raises": 0.06}
"""Chances whenever a consumer is given an event."""
PER_HOUR = {"server crash": 24.0, "server restart": 6.0, "disk full": 6.0, "uplink down": 10.0, "charger reboot": 8.0}
"""Mean number in an hour of the world (of a charger, for the last two)."""
PER_RECONNECTION = {"meter values late": 0.15, "queue shuffled": 0.15}
"""Chances whenever a charger comes back with a queue."""

PER_GATEWAY_CALL = {"gateway away": 0.04, "gateway answer lost": 0.05, "gateway refuses": 0.03, "gateway slow": 0.02}
"""Chances whenever a gateway is asked something, in a world with money."""
PER_NOTICE = {"notice dropped": 0.15, "notice doubled": 0.15, "notice late": 0.2, "notice forged": 0.1}
"""Chances whenever a gateway tells something by itself."""
PER_PAYMENT = {"paid late": 0.06, "paid twice": 0.06, "another amount paid": 0.05, "another currency paid": 0.03}
"""Chances whenever somebody pays."""
PER_REFUND = {"refund takes time": 0.2, "refund fails": 0.15}
"""Chances whenever a gateway gives something back; a refund that takes time may fail in the end."""
MONEY_PER_HOUR = {"gateway down": 20.0}

PLAIN_CHANCES = PER_CALL | PER_COMMIT | PER_READ | PER_EVENT | PER_RECONNECTION
MONEY_CHANCES = PER_GATEWAY_CALL | PER_NOTICE | PER_PAYMENT | PER_REFUND
CHANCES = PLAIN_CHANCES | MONEY_CHANCES
RATES = PER_HOUR | MONEY_PER_HOUR
FAULTS = (*PLAIN_CHANCES, *PER_HOUR)
MONEY_FAULTS = (*MONEY_CHANCES, *MONEY_PER_HOUR)
MOODS = (0.0, 0.3, 1.0, 1.0, 3.0)
"""Each seed makes each fault absent, rare, usual or frequent, so that seeds differ in kind and not only in luck."""


class Faults:
    """The faults of one world. ``over`` ends them all."""

    def __init__(self, seed: int, *, none: bool = False) -> None:
        draws = stream(seed, "moods")
        self.moods = {fault: 0.0 if none else draws.choice(MOODS) for fault in (*FAULTS, *MONEY_FAULTS)}
        self.over = none
        self.fired: Counter[str] = Counter()

    def strikes(self, fault: str, draws: random.Random) -> bool:
        """Whether this fault happens now."""
        if draws.random() >= CHANCES[fault] * self.moods[fault] or self.over:
            return False
        self.fired[fault] += 1
        return True

    def wait_s(self, fault: str, draws: random.Random) -> float:
        """How long until a fault of ``RATES`` happens next; infinite when this world has none of it."""
        rate = RATES[fault] * self.moods[fault]
        return draws.expovariate(rate / 3600) if rate else float("inf")

    def fire(self, fault: str) -> bool:
        """Count a fault of ``RATES``; False when it is too late for faults."""
        if not self.over:
            self.fired[fault] += 1
        return not self.over
