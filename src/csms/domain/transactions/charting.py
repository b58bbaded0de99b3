"""Lines of a chart with few points that still look like all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from .measuring import samples_of

Point = tuple[int, float]

_WANTED = {"current": ("Current.Import", "A"), "voltage": ("Voltage", "V"), "temperature": ("Temperature", "Celsius")}
"""Measurands that have no column of their own: how OCPP calls them, and the unit in which they are kept."""
_PLAUSIBLE = Decimal(10) ** 9


def thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """At most ``most`` (3 or more) of the points, which are in order of time: first, last, and of each stretch between the one that makes
    the largest triangle with its neighbours (Steinarsson's largest triangle three buckets). Work grows with the points, no faster."""
    if len(points) <= most:
        return points
    chosen = [points[0]]
    inner = len(points) - 2
    for bucket in range(most - 2):
        begin, end = 1 + bucket * inner // (most - 2), 1 + (bucket + 1) * inner // (most - 2)
        after = points[end : min(len(points), 1 + (bucket + 2) * inner // (most - 2)) + (bucket == most - 3)]
        mean_at, mean = sum(each[0] for each in after) / len(after), sum(each[1] for each in after) / len(after)
        at, value = chosen[-1]
        chosen.append(
            max(points[begin:end], key=lambda each: abs((at - mean_at) * (each[1] - value) - (at - each[0]) * (mean - value)))
        )
    return [*chosen, points[-1]]


def lines(measurand: str, readings: Iterable[tuple[int, str]]) -> dict[str, list[Point]]:
    """The points of each phase out of (instant, samples as stored), in order of time."""
    name, unit = _WANTED[measurand]
    found: dict[str, dict[int, float]] = {}
    for at, text in readings:
        for sample in samples_of(text):
            if sample.measurand != name or sample.unit not in (unit, "") or not sample.value.is_finite():
                continue
            if abs(sample.value) < _PLAUSIBLE and (measurand == "temperature" or sample.location in ("Outlet", "")):
                found.setdefault(sample.phase, {}).setdefault(at, float(sample.value))
    return {phase: sorted(points.items()) for phase, points in sorted(found.items())}
