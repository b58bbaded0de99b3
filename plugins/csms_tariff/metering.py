"""What a charge has of each component of its tariff: energy, time and pieces, counted along the meter points. Exact, no rounding."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import attrs

from csms.hooks import Charge

from .parts import Part, Plan
from .rules import ENERGY
from .terms import ZERO, Surroundings, Terms, Unpriceable, Version
from .timeline import Stretch, Timeline
from .windows import Interval, intervals


@attrs.define(slots=True, kw_only=True, eq=False)
class Tally:
    """What was counted under one part at one rate: Wh, ms or pieces. ``covered`` of it a plan pays."""

    version: int
    part: Part
    rate: Decimal
    from_at: int
    to_at: int
    units: int = 0
    covered: int = 0
    estimated: bool = False
    cut_at: int | None = None
    """Where its energy ended so far, if that was between two readings: going on from there divides nothing."""

    @property
    def quantity(self) -> Decimal:
        """In kWh, in minutes (both to three digits behind the point) or pieces."""
        if self.part.each:
            return Decimal(self.units)
        if self.part.kind == ENERGY:
            return Decimal(self.units).scaleb(-3)
        return Decimal((2 * self.units + 60) // 120).scaleb(-3)

    @property
    def covered_quantity(self) -> Decimal:
        """Of energy, how much a plan pays, in kWh."""
        return Decimal(self.covered).scaleb(-3)


@lru_cache(maxsize=256)
def zone_of(name: str) -> ZoneInfo:
    """A time zone; UTC where none is named. Raises ``Unpriceable`` for one that there is not."""
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError):
        raise Unpriceable(f"there is no time zone {name!r}") from None


class Meter:
    """Counts one charge. After ``run`` it holds the tallies, and what else came up."""

    def __init__(self, charge: Charge, terms: Terms, around: Surroundings) -> None:
        self.charge, self.around = charge, around
        self.line = Timeline(charge)
        self.versions = _versions(charge, terms)
        self.first = self.versions[0]
        self.tallies: dict[tuple[int, int, Decimal], Tally] = {}
        self.electricity: Decimal = ZERO
        self.unpriced_wh = 0
        self.without_quote: dict[str, int] = {}
        self._windows: dict[int, tuple[Interval, ...]] = {}
        self._flat = _flat(charge, self.first, terms)

    def run(self) -> None:
        """Count."""
        plans = [each.plan for each in self.versions]
        moments = {each.valid_from_at for each in self.versions[1:]}
        moments.update(self._window_moments(plans))
        for source in {each.source for plan in plans for each in (*plan.energy, *plan.grid) if each.source}:
            if source in self.around.quotes:
                moments.update(self.around.quotes[source].moments())
        self._once(self.first)
        number = 0
        for stretch in self.line.stretches(moments, by_reading=any(each.by_power for each in plans)):
            while number + 1 < len(self.versions) and self.versions[number + 1].valid_from_at <= stretch.from_at:
                number += 1
            self._energy(self.versions[number], stretch)
            self._elapsed(self.versions[number], stretch)
        self._round_up()

    def _window_moments(self, plans: Iterable[Plan]) -> Iterator[int]:
        zone = zone_of(self.charge.time_zone)
        for version, plan in zip(self.versions, plans, strict=True):
            holidays = self.around.holidays.get(version.rules.calendar, frozenset())
            for part in plan.windowed:
                found = intervals(part.windows or (), zone, holidays, self.line.from_at, self.line.to_at)
                self._windows[id(part)] = found
                for began, ended in found:
                    yield began
                    yield ended

    # --- which parts count ------------------------------------------------------------------------------------------------------

    def _is_on(self, part: Part, at: int) -> bool:
        if part.windows is None:
            return True
        found = self._windows[id(part)]
        number = bisect_right(found, at, key=lambda each: each[0]) - 1
        return number >= 0 and at < found[number][1]

    def _live(self, parts: Iterable[Part], stretch: Stretch) -> list[Part]:
        return [each for each in parts if self._is_on(each, stretch.from_at) and stretch.within_power(each.from_w, each.to_w)]

    def _energy(self, version: Version, stretch: Stretch) -> None:
        if stretch.from_wh == stretch.to_wh:
            return
        live = self._live(version.plan.energy, stretch)
        covered = 0 if self.charge.covered.whole else self.charge.covered.energy_wh
        for low, high in _split(stretch, live, covered):
            if self._flat is not None and low >= covered:
                counted = [self._flat]
            else:
                counted = _foremost([each for each in live if each.from_wh <= low and (each.to_wh is None or low < each.to_wh)])
            if not counted:
                self.unpriced_wh += high - low
            for part in counted:
                tally = self._tally(version, part, self._rate(part, stretch.from_at, high - low), stretch)
                tally.units += high - low
                tally.covered += high - low if high <= covered else 0
                _note_cut(tally, stretch, begins=low == stretch.from_wh, ends=high == stretch.to_wh)
        for part in _foremost(self._live(version.plan.grid, stretch)):
            energy_wh = stretch.to_wh - stretch.from_wh
            self.electricity += self._rate(part, stretch.from_at, energy_wh) * Decimal(energy_wh).scaleb(-3)

    def _elapsed(self, version: Version, stretch: Stretch) -> None:
        parts = version.plan.idle if stretch.idle else version.plan.time
        for part in _foremost(self._live(self._asked(parts), stretch)):
            counted_ms = max(stretch.to_ms - part.grace_ms, 0) - max(stretch.from_ms - part.grace_ms, 0)
            if counted_ms:
                self._tally(version, part, part.rate, stretch).units += counted_ms

    def _once(self, version: Version) -> None:
        """What goes by the moment at which the charge starts."""
        at = self.charge.started_at
        reserved_ms = self.charge.reserved_s * 1000
        parts = [*_foremost(self._at_start(version.plan.start))]
        if reserved_ms > 0:
            parts += _foremost(self._at_start(version.plan.reservation))
        for part in parts:
            units = 1 if part.each else max(reserved_ms - part.grace_ms, 0)
            if units:
                key = (version.number, id(part), part.rate)
                self.tallies[key] = Tally(version=version.number, part=part, rate=part.rate, from_at=at, to_at=at, units=units)

    def _at_start(self, parts: Iterable[Part]) -> list[Part]:
        return [each for each in self._asked(parts) if self._is_on(each, self.charge.started_at)]

    def _asked(self, parts: Iterable[Part]) -> Iterator[Part]:
        return (each for each in parts if self.line.energy_wh or not each.only_with_energy)

    # --- counting ---------------------------------------------------------------------------------------------------------------

    def _tally(self, version: Version, part: Part, rate: Decimal, stretch: Stretch) -> Tally:
        key = (version.number, id(part), rate)
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally(
                version=version.number, part=part, rate=rate, from_at=stretch.from_at, to_at=stretch.to_at
            )
        tally.to_at = stretch.to_at
        if self.charge.estimated and stretch.to_at == self.line.to_at:
            tally.estimated = True
        return tally

    def _rate(self, part: Part, at: int, energy_wh: int) -> Decimal:
        if not part.source:
            return part.rate
        quotes = self.around.quotes.get(part.source)
        quote = None if quotes is None else quotes.at(at)
        if quote is None:
            self.without_quote[part.source] = self.without_quote.get(part.source, 0) + energy_wh
            return part.rate
        return max(quote * part.factor + part.markup, ZERO)

    def _round_up(self) -> None:
        """Round what each part counts in all up to its step, but not what a plan pays of it."""
        totals: dict[tuple[int, int], list[Tally]] = {}
        for (number, part, _), tally in self.tallies.items():
            if tally.part.step:
                totals.setdefault((number, part), []).append(tally)
        for tallies in totals.values():
            left = sum(each.units - each.covered for each in tallies)
            last = max(tallies, key=lambda each: (each.to_at, each.rate))
            last.units += -left % last.part.step
        for tally in self.tallies.values():
            tally.estimated = tally.estimated or tally.cut_at is not None


def _versions(charge: Charge, terms: Terms) -> tuple[Version, ...]:
    """The versions that count. Raises ``Unpriceable`` where none is in force at the start."""
    first = terms.at(charge.started_at if charge.version_at is None else charge.version_at)
    if first is None:
        raise Unpriceable(f"tariff {terms.name!r} has no version in force when the charge starts")
    return (first,) if charge.version_at is not None else terms.between(charge.started_at, charge.ended_at)


def _flat(charge: Charge, version: Version, terms: Terms) -> Part | None:
    """What each kWh costs beyond what a plan pays, where the plan says so: before tax, as the plan's price is."""
    covered = charge.covered
    if covered.rate_per_kwh is None:
        return None
    rate = covered.rate_per_kwh
    if terms.tax_inclusive:
        rate = (rate * (100 + version.rules.tax_percent)).scaleb(-2)
    return Part(kind=ENERGY, label=f"Energy beyond {covered.by}" if covered.by else "Energy beyond the plan", rate=rate)


def _split(stretch: Stretch, live: Iterable[Part], covered: int) -> Iterator[tuple[int, int]]:
    """A stretch's energy, split where a tier or what a plan pays ends."""
    bounds = {covered, *(bound for each in live for bound in (each.from_wh, each.to_wh) if bound is not None)}
    return pairwise([stretch.from_wh, *sorted(each for each in bounds if stretch.from_wh < each < stretch.to_wh), stretch.to_wh])


def _foremost(parts: list[Part]) -> list[Part]:
    """Those of the highest priority."""
    if len(parts) < 2:
        return parts
    highest = max(each.priority for each in parts)
    return [each for each in parts if each.priority == highest]


def _note_cut(tally: Tally, stretch: Stretch, *, begins: bool, ends: bool) -> None:
    goes_on = tally.cut_at == stretch.from_at
    if not goes_on and (tally.cut_at is not None or (begins and stretch.cut_from)):
        tally.estimated = True
    tally.cut_at = stretch.to_at if ends and stretch.cut_to else None
