"""What charging costs in the two tenants of the world, and the same reckoned once more by other means than the plugin's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from csms.core.pricing import Charge


@attrs.frozen(slots=True, kw_only=True)
class Reckoned:
    """A charge as it must be billed, in minor units."""

    net_minor: int
    taxes: Mapping[str, int]

    @property
    def total_minor(self) -> int:
        """With taxes."""
        return self.net_minor + sum(self.taxes.values())


INDIA_ZONE, EUROPE_ZONE = "Asia/Kolkata", "Europe/Berlin"
CHEAP_RATE, USUAL_RATE = Fraction("9.25"), Fraction("14.50")
CHEAP = (("05:33", "05:36"), ("05:40", "05:46"), ("06:10", "07:30"))
"""Off-peak; every world begins at 05:30 in India."""
INDIA: dict[str, Any] = {
    "components": [
        {"kind": "energy", "rate": "14.50"},
        {"kind": "energy", "rate": "9.25", "priority": 1, "windows": [{"start": start, "end": end} for start, end in CHEAP]},
        {"kind": "time", "rate": "0.60"},
        {"kind": "start", "rate": "5"},
    ],
    "taxes": {"scheme": "gst", "percent": "18"},
    "shares": [{"party": "Site owner", "of": "net", "percent": "20"}],
}
EUROPE: dict[str, Any] = {
    "components": [
        {"kind": "energy", "rate": "0.45", "to_kwh": "0.5"},
        {"kind": "energy", "rate": "0.31", "from_kwh": "0.5"},
    ],
    "taxes": {"scheme": "vat", "name": "VAT", "percent": "19"},
}
RULES = {"INR": INDIA, "EUR": EUROPE}


def reckon(charge: Charge) -> Reckoned:
    """What a charge must cost; ``covered`` counts."""
    return _india(charge) if charge.currency == "INR" else _europe(charge)


def _india(charge: Charge) -> Reckoned:
    paid = Fraction(0)
    for at, low, high in _energy(charge, _edges(charge)):
        rate = CHEAP_RATE if _is_cheap(at) else USUAL_RATE
        paid += Fraction(max(0, high - max(low, charge.covered.energy_wh)), 1000) * rate
    minutes = Fraction(_half_up(Fraction(_charging(charge, charge.ended_at), 60)), 1000)
    net = _half_up((paid + minutes * Fraction("0.60") + 5) * 100)
    half = _half_up(Fraction(net * 9, 100))
    return Reckoned(net_minor=net, taxes={"CGST": half, "SGST": half})


def _europe(charge: Charge) -> Reckoned:
    begin = min(charge.covered.energy_wh, charge.energy_wh)
    first = max(0, min(charge.energy_wh, 500) - begin)
    rest = max(0, charge.energy_wh - max(begin, 500))
    total = _half_up((Fraction(first, 1000) * Fraction("0.45") + Fraction(rest, 1000) * Fraction("0.31")) * 100)
    vat = _half_up(Fraction(total * 19, 119))
    return Reckoned(net_minor=total - vat, taxes={"VAT": vat})


def _half_up(exact: Fraction) -> int:
    return int(exact + Fraction(1, 2))


def _is_cheap(at: int) -> bool:
    there = datetime.fromtimestamp(at / 1000, ZoneInfo(INDIA_ZONE)).time()
    return any(time.fromisoformat(start) <= there < time.fromisoformat(end) for start, end in CHEAP)


def _edges(charge: Charge) -> list[int]:
    """Moments at which the rate changes: those of every day of a charge, which may be years where a clock was far off."""
    day = datetime.fromtimestamp(charge.started_at / 1000, ZoneInfo(INDIA_ZONE)).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = round(day.timestamp() * 1000)  # a day in India has 24 hours
    of_day = sorted(60_000 * (60 * int(text[:2]) + int(text[3:])) for window in CHEAP for text in window)
    moments = (start + moment for start in range(begin, charge.ended_at, 86_400_000) for moment in of_day)
    return [at for at in moments if charge.started_at < at < charge.ended_at]


def _energy(charge: Charge, edges: list[int]) -> Iterator[tuple[int, int, int]]:
    """A charge cut at moments: when a piece begins, and the energy until its beginning and its end."""
    at, low = charge.started_at, 0
    for edge in [*edges, charge.ended_at]:
        high = charge.energy_wh if edge == charge.ended_at else _until(charge, edge)
        yield at, low, high
        at, low = edge, high


def _until(charge: Charge, at: int) -> int:
    """The energy until a moment: between two readings it flows evenly while the car does not idle, and is told in whole Wh."""
    known = {charge.started_at: 0}
    highest = 0
    for point in charge.points:
        if charge.started_at < point.at <= charge.ended_at:
            highest = max(highest, min(point.energy_wh, charge.energy_wh))
            known[point.at] = highest
    known[charge.ended_at] = max(charge.energy_wh, known.get(charge.ended_at, 0))
    before = max(each for each in known if each <= at)
    if before == at:
        return known[at]
    after = min(each for each in known if each > at)
    part, whole = _charging(charge, at) - _charging(charge, before), _charging(charge, after) - _charging(charge, before)
    if not whole:
        part, whole = at - before, after - before
    return known[before] + _half_up(Fraction((known[after] - known[before]) * part, whole))


def _charging(charge: Charge, at: int) -> int:
    """How long it had charged, idling apart."""
    idle = sum(max(0, min(span.to_at, at) - max(span.from_at, charge.started_at)) for span in charge.idle)
    return at - charge.started_at - idle
