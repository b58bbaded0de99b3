"""A charge along its meter points: how much energy had flowed at a moment, and the stretches between moments that matter."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise

import attrs

from csms.hooks import Charge


@attrs.frozen(slots=True, kw_only=True)
class Stretch:
    """Part of a charge in which nothing that matters changes. Energies count from the start of the charge.

    ``from_ms`` and ``to_ms`` are how long it had been charging, or idling where ``idle``, at its ends. ``cut_from`` and ``cut_to``: the
    energy at that end lies between two readings. ``pace`` is energy and time between the two readings around it.
    """

    from_at: int
    to_at: int
    from_wh: int
    to_wh: int
    from_ms: int
    to_ms: int
    idle: bool
    cut_from: bool
    cut_to: bool
    pace: tuple[int, int] | None = None

    def within_power(self, from_w: int | None, to_w: int | None) -> bool:
        """Whether the average power lies between two bounds, the upper one excluded."""
        if from_w is None and to_w is None:
            return True
        energy_wh, took_ms = self.pace or (0, 0)
        if not took_ms:  # all at once: more power than any bound
            return to_w is None and (from_w is None or energy_wh > 0)
        reached = energy_wh * 3_600_000
        return (from_w is None or reached >= from_w * took_ms) and (to_w is None or reached < to_w * took_ms)


class Timeline:
    """A charge's energy over time.

    Between two readings energy is taken to flow evenly while the charge does not idle (throughout, where it idles all the time), and is
    reckoned to whole Wh, as a meter shows them. What points say out of order is put in order: a meter never runs backwards.
    """

    def __init__(self, charge: Charge) -> None:
        self.from_at, self.to_at = charge.started_at, max(charge.ended_at, charge.started_at)
        self.energy_wh = max(charge.energy_wh, 0)
        self._ats, self._whs = [self.from_at], [0]
        for point in charge.points:
            self._add(min(max(point.at, self.from_at), self.to_at), min(point.energy_wh, self.energy_wh))
        self._add(self.to_at, self.energy_wh)
        self._idle: list[tuple[int, int]] = []
        for span in sorted((max(each.from_at, self.from_at), min(each.to_at, self.to_at)) for each in charge.idle):
            if self._idle and span[0] <= self._idle[-1][1]:
                self._idle[-1] = (self._idle[-1][0], max(span[1], self._idle[-1][1]))
            elif span[0] < span[1]:
                self._idle.append(span)
        self._idle_starts = [each[0] for each in self._idle]
        self._idle_before = [0]
        for began, ended in self._idle:
            self._idle_before.append(self._idle_before[-1] + ended - began)

    def _add(self, at: int, energy_wh: int) -> None:
        at, energy_wh = max(at, self._ats[-1]), max(energy_wh, self._whs[-1])
        if at > self._ats[-1]:
            self._ats.append(at)
            self._whs.append(energy_wh)
        elif at > self.from_at:
            self._whs[-1] = energy_wh  # of two readings of one moment the last

    def idle_ms(self, at: int) -> int:
        """How long it had idled."""
        number = bisect_right(self._idle_starts, at)
        if not number:
            return 0
        began, ended = self._idle[number - 1]
        return self._idle_before[number - 1] + min(at, ended) - began

    def charging_ms(self, at: int) -> int:
        """How long it had not idled."""
        return at - self.from_at - self.idle_ms(at)

    def energy_at(self, at: int) -> tuple[int, bool]:
        """The energy until a moment, and whether it was divided between two readings to find it."""
        number = bisect_right(self._ats, at) - 1
        if self._ats[number] == at or number + 1 == len(self._ats):
            return self._whs[number], False
        low, high = self._whs[number], self._whs[number + 1]
        if low == high:
            return low, False
        before, after = self._ats[number], self._ats[number + 1]
        part, whole = self.charging_ms(at) - self.charging_ms(before), self.charging_ms(after) - self.charging_ms(before)
        if not whole:
            part, whole = at - before, after - before
        return low + (2 * (high - low) * part + whole) // (2 * whole), 0 < part < whole

    def stretches(self, moments: Iterable[int], *, by_reading: bool) -> list[Stretch]:
        """The charge split at ``moments``, where it begins and ends to idle, and ``by_reading`` also at every reading."""
        inner = {at for at in moments if self.from_at < at < self.to_at}
        inner.update(at for span in self._idle for at in span if self.from_at < at < self.to_at)
        if by_reading:
            inner.update(self._ats[1:-1])
        bounds = [self.from_at, *sorted(inner), self.to_at]
        energies = [self.energy_at(at) for at in bounds]
        energies[0], energies[-1] = (0, False), (self.energy_wh, False)
        return [self._stretch(*ats, *whs, by_reading) for ats, whs in zip(pairwise(bounds), pairwise(energies), strict=True)]

    def _stretch(self, from_at: int, to_at: int, low: tuple[int, bool], high: tuple[int, bool], by_reading: bool) -> Stretch:
        idle = self.idle_ms(to_at) - self.idle_ms(from_at) == to_at - from_at > 0
        elapsed = self.idle_ms if idle else self.charging_ms
        return Stretch(
            from_at=from_at,
            to_at=to_at,
            from_wh=low[0],
            to_wh=high[0],
            from_ms=elapsed(from_at),
            to_ms=elapsed(to_at),
            idle=idle,
            cut_from=low[1],
            cut_to=high[1],
            pace=self._pace(from_at) if by_reading else None,
        )

    def _pace(self, at: int) -> tuple[int, int]:
        number = min(bisect_right(self._ats, at), len(self._ats) - 1)
        if not number:
            return self.energy_wh, 0
        before, after = self._ats[number - 1], self._ats[number]
        took_ms = self.charging_ms(after) - self.charging_ms(before)
        return self._whs[number] - self._whs[number - 1], took_ms or after - before
