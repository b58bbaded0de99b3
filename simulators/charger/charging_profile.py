"""A charging profile (1.6 §7.8): what may be drawn when, and which stretch of its schedule counts at an instant."""

from __future__ import annotations

import math
from typing import Any

import attrs

from simulators.clock import parse_iso
from simulators.frames import Payload

PURPOSES = ("ChargePointMaxProfile", "TxDefaultProfile", "TxProfile")
KINDS = ("Absolute", "Recurring", "Relative")
RECURRENCES = {"Daily": 86_400, "Weekly": 7 * 86_400}
"""Seconds after which a schedule starts again (1.6 errata 3.78)."""
UNITS = ("A", "W")
VOLTS = 230
"""The set voltage of the area, by which watts and amperes are converted (1.6 §7.12)."""
PHASES = 3
"""The phases assumed when a period names none (1.6 §7.14)."""


class ProfileError(ValueError):
    """A profile that no charger could follow."""


class BadWord(ValueError):
    """A value outside its enumeration, or a connector that does not exist: PropertyConstraintViolation (1.6 errata 3.38, 3.39)."""


@attrs.frozen(slots=True)
class Period:
    """A stretch of a schedule: from so many seconds after its start, at most so much, on so many phases (None: not said)."""

    start_s: int
    limit: float
    phases: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class ChargingProfile:
    """A profile as it was received; instants in ms."""

    number: int
    stack_level: int
    purpose: str
    kind: str
    recurrence_s: int | None
    valid_from: int | None
    valid_to: int | None
    transaction_id: int | None
    unit: str
    start_at: int | None
    duration_s: int | None
    periods: tuple[Period, ...]

    def valid(self, at: int) -> bool:
        """Whether it counts at an instant."""
        return (self.valid_from is None or self.valid_from <= at) and (self.valid_to is None or at < self.valid_to)

    def _begin(self, at: int, charging_since: int) -> int:
        """The start of the schedule's run that an instant falls into. An absent start means the start of charging (1.6 §7.13)."""
        start = charging_since if self.kind == "Relative" or self.start_at is None else self.start_at
        if self.recurrence_s is not None and at >= start:
            return at - (at - start) % (self.recurrence_s * 1000)
        return start

    def _length_s(self) -> float:
        """How long a run lasts: its duration, but never into the next recurrence (1.6 §5.16.4)."""
        lasts_s = math.inf if self.duration_s is None else self.duration_s
        return lasts_s if self.recurrence_s is None else min(lasts_s, self.recurrence_s)

    def period(self, at: int, charging_since: int) -> Period | None:
        """The stretch that counts at an instant; None where the profile is silent and one below it speaks."""
        after_s = (at - self._begin(at, charging_since)) / 1000
        if not self.valid(at) or after_s < 0 or after_s >= self._length_s():
            return None
        return next(period for period in reversed(self.periods) if period.start_s <= after_s)

    def changes(self, begin: int, end: int, charging_since: int) -> set[int]:
        """The instants between (not at) two others at which it may say something new."""
        found = {self.valid_from, self.valid_to}
        run: int | None = self._begin(begin, charging_since)
        while run is not None and run < end:
            found.update(run + period.start_s * 1000 for period in self.periods)
            if self._length_s() < math.inf:
                found.add(run + int(self._length_s() * 1000))
            run = None if self.recurrence_s is None else run + self.recurrence_s * 1000
        return {instant for instant in found if instant is not None and begin < instant < end}


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} is not a whole number: {value!r}")
    return value


def _optional(payload: Payload, name: str) -> int | None:
    return None if payload.get(name) is None else _whole(payload[name], name)


def _instant(payload: Payload, name: str) -> int | None:
    if payload.get(name) is None:
        return None
    instant = parse_iso(str(payload[name]))
    if instant is None:
        raise TypeError(f"{name} is no instant: {payload[name]!r}")
    return instant


def _word(payload: Payload, name: str, words: tuple[str, ...]) -> str:
    if payload[name] not in words:
        raise BadWord(f"{name} is {payload[name]!r}, not one of {', '.join(words)}")
    return str(payload[name])


def _period(payload: Payload) -> Period:
    limit = payload["limit"]
    if isinstance(limit, bool) or not isinstance(limit, int | float):
        raise TypeError(f"limit is not a number: {limit!r}")
    return Period(_whole(payload["startPeriod"], "startPeriod"), float(limit), _optional(payload, "numberPhases"))


def parse(payload: Payload) -> ChargingProfile:
    """The profile in a payload.

    Raises ``KeyError`` or ``TypeError`` when it is malformed, ``BadWord`` for a value outside its enumeration, ``ProfileError`` when no
    charger could follow it.
    """
    schedule = payload["chargingSchedule"]
    kind = _word(payload, "chargingProfileKind", KINDS)
    recurrence = None if payload.get("recurrencyKind") is None else _word(payload, "recurrencyKind", tuple(RECURRENCES))
    if kind == "Recurring" and recurrence is None:
        raise ProfileError("a recurring profile needs a recurrencyKind")
    periods = tuple(_period(period) for period in schedule["chargingSchedulePeriod"])
    starts = [period.start_s for period in periods]
    if not periods or starts[0] != 0 or starts != sorted(set(starts)):
        raise ProfileError("periods must begin at 0 and ascend (1.6 §5.16.4)")
    if any(period.limit < 0 for period in periods):
        raise ProfileError("a limit cannot be negative")
    profile = ChargingProfile(
        number=_whole(payload["chargingProfileId"], "chargingProfileId"),
        stack_level=_whole(payload["stackLevel"], "stackLevel"),
        purpose=_word(payload, "chargingProfilePurpose", PURPOSES),
        kind=kind,
        recurrence_s=RECURRENCES[recurrence] if kind == "Recurring" and recurrence is not None else None,
        valid_from=_instant(payload, "validFrom"),
        valid_to=_instant(payload, "validTo"),
        transaction_id=_optional(payload, "transactionId"),
        unit=_word(schedule, "chargingRateUnit", UNITS),
        start_at=_instant(schedule, "startSchedule"),
        duration_s=_optional(schedule, "duration"),
        periods=periods,
    )
    if profile.stack_level < 0:
        raise ProfileError("the lowest stack level is 0 (1.6 §7.8)")
    if profile.duration_s is not None and profile.duration_s <= 0:
        raise ProfileError("a duration must be positive")
    if profile.valid_from is not None and profile.valid_to is not None and profile.valid_from >= profile.valid_to:
        raise ProfileError("validTo is not after validFrom")
    return profile


def watts(amount: float, unit: str, phases: int | None, wired: int) -> float:
    """A limit in watts; ``wired`` is the number of phases that the connector has (dc: 0)."""
    return amount if unit == "W" else amount * VOLTS * _used(phases, wired)


def amperes(power_w: float, phases: int | None, wired: int) -> float:
    """Watts as amperes per phase."""
    return power_w / (VOLTS * _used(phases, wired))


def _used(phases: int | None, wired: int) -> int:
    """The phases that a limit is for: it is taken as given where fewer are wired (1.6 errata 3.34)."""
    return min(phases or PHASES, wired or PHASES)
