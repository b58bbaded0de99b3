"""What samples come to: the register that energy is billed by, power, state of charge, and the exact text that is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from csms.core.nouns import noun
from csms.core.reports import Reading, Sample
from csms.core.units import whole

from .model import REGISTER, STEPS, UNKNOWN_ENERGY

IMPORTED_ENERGY = "Energy.Active.Import.Register"
IMPORTED_POWER = "Power.Active.Import"
STATE_OF_CHARGE = "SoC"
AT_END = "Transaction.End"

_WATCHED = frozenset({IMPORTED_ENERGY, IMPORTED_POWER, STATE_OF_CHARGE})
_PLAUSIBLE = Decimal(10) ** 15
"""No meter counts a petawatt-hour: what is beyond is kept as a sample and not reckoned with."""

ROUNDING_WH = 100
"""How far a stop value may lie under the last reading without meaning that the register went backwards: some chargers say one in
kWh with a single decimal and the other in Wh."""

MOST_WH = 10_000_000
"""More than anything takes in one transaction, let alone between two readings: what says so is a meter gone wrong."""

_DEFAULTS = Sample(measurand="", value=Decimal(0), unit="")
_encode = msgspec.json.Encoder().encode


def believable(register_wh: int | None) -> int | None:
    """A register value that a meter can have shown, else None."""
    return register_wh if register_wh is not None and abs(register_wh) < _PLAUSIBLE else None


@noun
class Measured:
    """One reading, ready to be stored. ``energy_wh`` is the import register at the outlet, as whole Wh."""

    sampled_at: int
    sampled_at_raw: str
    energy_wh: int | None
    power_w: float | None
    soc_percent: float | None
    samples: str


def measure(reading: Reading) -> Measured:
    """What one reading says. A value for the whole outlet goes before the sum of its phases."""
    watched: dict[str, list[Sample]] = {}
    for sample in reading.samples:
        if sample.measurand in _WATCHED and sample.value.is_finite() and abs(sample.value) < _PLAUSIBLE:
            watched.setdefault(sample.measurand, []).append(sample)
    energy = _at_outlet(watched.get(IMPORTED_ENERGY, ()), "Wh")
    power = _at_outlet(watched.get(IMPORTED_POWER, ()), "W")
    charge = [sample.value for sample in watched.get(STATE_OF_CHARGE, ())]
    return Measured(
        reading.sampled_at,
        reading.heard_at_raw,
        None if energy is None else whole(energy),
        None if power is None else float(power),
        float(max(charge)) if charge else None,
        samples_text(reading.samples),
    )


def _at_outlet(samples: Iterable[Sample], unit: str) -> Decimal | None:
    """The value at the outlet: the greatest said without a phase, else the sum over the phases, else None."""
    plain: Decimal | None = None
    phases: dict[str, Decimal] = {}
    for sample in samples:
        if sample.unit != unit or sample.location not in ("Outlet", ""):
            continue
        if not sample.phase:
            plain = sample.value if plain is None else max(plain, sample.value)
        elif sample.phase in _LINES:
            line = _LINES[sample.phase]
            phases[line] = max(phases.get(line, sample.value), sample.value)
    if plain is not None:
        return plain
    return sum(phases.values(), Decimal(0)) if phases else None


_LINES = {"L1": "1", "L2": "2", "L3": "3", "L1-N": "1", "L2-N": "2", "L3-N": "3"}
"""Phases that add up to the whole; a line may be named with or without its neutral."""


def samples_text(samples: Iterable[Sample]) -> str:
    """Samples as JSON: decimals exact, as strings; what is as OCPP assumes (Outlet, Sample.Periodic, no phase) is left out."""
    return _encode([_plain(sample) for sample in samples]).decode()


def _plain(sample: Sample) -> dict[str, str]:
    plain = {"measurand": sample.measurand, "value": str(sample.value), "unit": sample.unit}
    if sample.phase:
        plain["phase"] = sample.phase
    if sample.location != _DEFAULTS.location:
        plain["location"] = sample.location
    if sample.context != _DEFAULTS.context:
        plain["context"] = sample.context
    if sample.signed:
        plain["signed"] = sample.signed
    return plain


def samples_of(text: str | bytes) -> tuple[Sample, ...]:
    """Samples from their stored text."""
    return tuple(Sample(**{**plain, "value": Decimal(plain["value"])}) for plain in msgspec.json.decode(text))


def merged(stored: str, heard: Measured) -> Measured:
    """Two readings of one place and moment as one. Whichever came first, the result is the same."""
    union = {_encode(plain) for text in (stored, heard.samples) for plain in msgspec.json.decode(text)}
    text = b"[" + b",".join(sorted(union)) + b"]"
    return measure(Reading(heard.sampled_at, samples_of(text), heard.sampled_at_raw))


def newest(measured: Iterable[Measured]) -> Measured | None:
    """The last reading that has the register; of several at one moment the greatest."""
    with_register = [one for one in measured if one.energy_wh is not None]
    return max(with_register, key=lambda one: (one.sampled_at, one.energy_wh), default=None)


def oldest(measured: Iterable[Measured]) -> Measured | None:
    """The first reading that has the register; of several at one moment the least."""
    with_register = [one for one in measured if one.energy_wh is not None]
    return min(with_register, key=lambda one: (one.sampled_at, one.energy_wh), default=None)


def energy_between(
    start_wh: int | None, stop_wh: int | None, last_wh: int | None, readings: Callable[[], Sequence[int]]
) -> tuple[int | None, str]:
    """The energy of a transaction in Wh, neither negative nor absurd, and what it is: ``register``, ``steps`` or ``unknown``.

    ``last_wh`` is the last reading before the stop; ``readings`` gives the register's readings in order of time. A register that went
    backwards (it rolled over, or the meter was replaced or reset) is followed from reading to reading and counts nothing for a step
    back: rather too little than too much. Where it went back and no step forward was seen, nobody knows.
    """
    if start_wh is None or stop_wh is None:
        return None, UNKNOWN_ENERGY
    most_wh = start_wh + MOST_WH
    if stop_wh >= start_wh and (last_wh is None or last_wh <= stop_wh + ROUNDING_WH or last_wh > most_wh):
        return (stop_wh - start_wh, REGISTER) if stop_wh <= most_wh else (None, UNKNOWN_ENERGY)
    path = (start_wh, *(wh for wh in readings() if wh <= most_wh), stop_wh)
    forward = sum(step for earlier, later in pairwise(path) if 0 < (step := later - earlier) <= MOST_WH)
    return (forward, STEPS) if forward else (None, UNKNOWN_ENERGY)


def stop_register(meter_stop_wh: int | None, heard: Iterable[Reading], floor_wh: int | None) -> int | None:
    """The register at the stop: what the stop says, unless that is absurd and a reading taken at the end (1.6 §7.42) is not.

    ``floor_wh`` is the most that was read before. A value under it is absurd, or the meter was replaced or rolled over: it is taken
    where there is no better. A value that is more than ``MOST_WH`` over it is none at all.
    """
    told = believable(meter_stop_wh)
    if told is not None and _fits(told, floor_wh):
        return told
    at_end = newest(measure(Reading(one.sampled_at, ended)) for one in heard if (ended := _at_end(one.samples)))
    if at_end is not None and at_end.energy_wh is not None and _fits(at_end.energy_wh, floor_wh):
        return at_end.energy_wh
    return None if told is None or (floor_wh is not None and told > floor_wh) else told


def _at_end(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    return tuple(sample for sample in samples if sample.context == AT_END and sample.measurand == IMPORTED_ENERGY)


def _fits(register_wh: int, floor_wh: int | None) -> bool:
    return floor_wh is None or floor_wh - ROUNDING_WH <= register_wh <= floor_wh + MOST_WH
