"""The composite schedule (1.6 §3.13.3): at each instant the smallest of what the prevailing profiles allow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from .car import Supply
from .charging_profile import ChargingProfile, amperes, watts


@attrs.frozen(slots=True)
class Installed:
    """A profile at a connector (0: the whole charger), and when it came."""

    connector: int
    profile: ChargingProfile
    received_at: int = 0


@attrs.frozen(slots=True)
class Cap:
    """What may be drawn at an instant, in watts, and on how many phases if a profile said so."""

    power_w: float
    phases: int | None = None


@attrs.frozen(slots=True)
class Place:
    """A connector as schedules see it. ``charging_since`` is None while nobody charges there."""

    number: int
    supply: Supply
    charging_since: int | None = None


def _prevailing(installed: Iterable[Installed], at: int, since: int | None, wired: int) -> Cap | None:
    """The cap of the highest stack level that speaks at an instant; a connector's own profile goes before the charger's (§3.13.1)."""
    ranked = sorted(installed, key=lambda each: (each.profile.stack_level, each.connector), reverse=True)
    for each in ranked:
        period = each.profile.period(at, each.received_at if since is None else since)
        if period is not None:
            return Cap(watts(period.limit, each.profile.unit, period.phases, wired), period.phases)
    return None


def _of(installed: Sequence[Installed], purpose: str, *connectors: int) -> list[Installed]:
    return [each for each in installed if each.profile.purpose == purpose and each.connector in connectors]


def cap_of_charger(installed: Sequence[Installed], at: int, wired: int) -> Cap | None:
    """What ChargePointMaxProfile allows all connectors together; a schedule without a start begins when it came."""
    return _prevailing(_of(installed, "ChargePointMaxProfile", 0), at, None, wired)


def cap_of_transaction(installed: Sequence[Installed], place: Place, at: int, asked_at: int) -> Cap | None:
    """What TxProfile, or where it is silent TxDefaultProfile, allows at a connector (§3.13.1).

    Where nobody charges yet, charging is taken to begin when it was asked.
    """
    since = asked_at if place.charging_since is None else place.charging_since
    wired = place.supply.phases
    return _prevailing(_of(installed, "TxProfile", place.number), at, since, wired) or _prevailing(
        _of(installed, "TxDefaultProfile", 0, place.number), at, since, wired
    )


def cap_at(installed: Sequence[Installed], place: Place, at: int, asked_at: int) -> Cap:
    """The smallest of the connector's wiring, its transaction's profile and the charger's profile."""
    caps = [
        Cap(place.supply.max_w),
        cap_of_transaction(installed, place, at, asked_at),
        cap_of_charger(installed, at, place.supply.phases),
    ]
    return min((cap for cap in caps if cap is not None), key=lambda cap: (cap.power_w, cap.phases is None))


def total_at(installed: Sequence[Installed], places: Sequence[Place], at: int, asked_at: int) -> Cap:
    """What the whole charger may draw from the grid (1.6 errata 3.30)."""
    wired = max(place.supply.phases for place in places)
    sum_w = 0.0
    for place in places:
        own = cap_of_transaction(installed, place, at, asked_at)
        sum_w += place.supply.max_w if own is None else min(place.supply.max_w, own.power_w)
    whole = cap_of_charger(installed, at, wired)
    return Cap(sum_w) if whole is None or whole.power_w >= sum_w else whole


def next_change(installed: Sequence[Installed], places: Sequence[Place], begin: int, end: int) -> int:
    """The first instant after ``begin`` at which any cap may be another; ``end`` when there is none before."""
    return min(_changes(installed, places, begin, end), default=end)


def _changes(installed: Sequence[Installed], places: Sequence[Place], begin: int, end: int) -> set[int]:
    starts = {place.charging_since if place.charging_since is not None else begin for place in places} | {begin}
    return {
        instant
        for each in installed
        for since in starts | {each.received_at}
        for instant in each.profile.changes(begin, end, since)
    }


def schedule(
    installed: Sequence[Installed], places: Sequence[Place], begin: int, duration_s: int, unit: str, *, whole: bool
) -> list[dict[str, float | int]]:
    """The ``chargingSchedulePeriod`` of GetCompositeSchedule.conf for one place, or the ``whole`` charger; limits to one digit."""
    wired = max(place.supply.phases for place in places)
    end = begin + duration_s * 1000
    periods: list[dict[str, float | int]] = []
    for at in sorted({begin} | _changes(installed, places, begin, end)):
        cap = total_at(installed, places, at, begin) if whole else cap_at(installed, places[0], at, begin)
        limit = cap.power_w if unit == "W" else amperes(cap.power_w, cap.phases, wired)
        period: dict[str, float | int] = {"startPeriod": (at - begin) // 1000, "limit": round(limit, 1)}
        if cap.phases is not None:
            period["numberPhases"] = cap.phases
        last = periods[-1] if periods else {}
        if (last.get("limit"), last.get("numberPhases")) == (period["limit"], cap.phases):
            continue
        if last.get("startPeriod") == period["startPeriod"]:  # within the same second the later word counts
            periods.pop()
        periods.append(period)
    return periods
