"""The one way in which time up and down is reckoned (23 CFR 680.116(b)): what is excluded of downtime counts as up.

What is over comes from rolled-up counts, by days; what goes on is added here: how long ports are known, and outages that are not over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import attrs

from csms.core.ports import ReadTx
from csms.domain.analytics.model import Interval, PortLife
from csms.domain.analytics.spans import Spans
from csms.domain.analytics.store import uptime as store

from .excluding import Free


@attrs.frozen(slots=True)
class Time:
    """How long ports were known in a period, were down, and were down without it counting; sums of milliseconds."""

    known_ms: int = 0
    down_ms: int = 0
    excluded_ms: int = 0

    def __add__(self, other: Time) -> Time:
        return Time(self.known_ms + other.known_ms, self.down_ms + other.down_ms, self.excluded_ms + other.excluded_ms)

    @property
    def lost_ms(self) -> int:
        """What counts as down."""
        return min(self.known_ms, max(0, self.down_ms - self.excluded_ms))

    @property
    def uptime_percent(self) -> float | None:
        """The share that counts as up, of 3 digits; None where no port is known."""
        return round(100 * (self.known_ms - self.lost_ms) / self.known_ms, 3) if self.known_ms else None

    def complies(self, required_percent: float) -> bool:
        """Whether more than that is up, to the millisecond and not rounded. Who lost nothing complies, whatever is required."""
        return not self.lost_ms or 100 * (self.known_ms - self.lost_ms) > Decimal(str(required_percent)) * self.known_ms


NO_TIME = Time()


class PortTime:
    """How much time ports had in a period, known or in outages that go on, without looking at each port for each period."""

    def __init__(self, known: Sequence[Spans], down: Sequence[PortLife], now: int) -> None:
        self._now = now
        self._known = [each for each in known if each]
        self._down = Spans((each.down_since_at, each.until_at) for each in down if each.down_since_at is not None)
        self._excluded = Spans(part for each in down for part in each.excluded)

    def within(self, from_at: int, until_at: int) -> Time:
        """Their time in a period."""
        until_at = min(until_at, self._now)
        known_ms = 0
        for each in self._known:
            known_ms += each.within(from_at, until_at)
        if not self._down:
            return Time(known_ms)
        return Time(known_ms, self._down.within(from_at, until_at), self._excluded.within(from_at, until_at))


def _part_ms(begin: int, end: int | None, from_at: int, until_at: int) -> int:
    return max(0, (until_at if end is None or end > until_at else end) - (begin if begin > from_at else from_at))


def time_of(life: PortLife, from_at: int, until_at: int) -> Time:
    """The time of one port in a period that is not yet to come; the same as ``PortTime`` has for it alone."""
    known_ms = _part_ms(life.from_at, life.until_at, from_at, until_at)
    if life.down_since_at is None:
        return Time(known_ms)
    down_ms = _part_ms(life.down_since_at, life.until_at, from_at, until_at)
    return Time(known_ms, down_ms, sum(_part_ms(*part, from_at, until_at) for part in life.excluded))


def lives(
    tx: ReadTx,
    from_at: int,
    *,
    station_id: int | None = None,
    charger_id: str | None = None,
    stations: frozenset[int] | None = None,
) -> list[PortLife]:
    """The ports of the tenant, of a station, of a charger or of some ``stations`` that were there at ``from_at`` or later.

    Those of removed chargers are there until then. A port that is down now knows what is excluded of that.
    """
    found = store.lives(tx, from_at, station_id, charger_id, stations)
    down = iter(_excused(tx, from_at, [each for one in found for each in one.down]))
    return [each if each.down_since_at is None else next(down) for one in found for each in one.lives]


def port_time(tx: ReadTx, from_at: int, *, station_id: int | None = None, charger_id: str | None = None) -> PortTime:
    """The time of the ports of the tenant, of a station or of a charger, in any period from ``from_at`` on."""
    found = store.lives(tx, from_at, station_id, charger_id, None)
    return PortTime([each.known for each in found], _excused(tx, from_at, [each for one in found for each in one.down]), tx.now)


def _excused(tx: ReadTx, from_at: int, down: Sequence[PortLife]) -> list[PortLife]:
    """Ports that are down now, with what is excluded of that."""
    if not down:
        return []
    one = (down[0].charger_id, down[0].station_id) if len(down) == 1 else None
    free = Free(tx, min(_since(each, from_at) for each in down), tx.now, one)
    return [
        attrs.evolve(each, excluded=free.within(each.charger_id, each.evse, each.station_id, _outage(each, from_at, tx.now)))
        for each in down
    ]


def _since(life: PortLife, from_at: int) -> int:
    assert life.down_since_at is not None
    return max(life.down_since_at, from_at)


def _outage(life: PortLife, from_at: int, now: int) -> Interval:
    return _since(life, from_at), now if life.until_at is None else life.until_at


def by_port(found: Iterable[PortLife], from_at: int, until_at: int) -> Mapping[tuple[str, int], Time]:
    """The time of each port in a period; of chargers that were there twice, both times together."""
    times: dict[tuple[str, int], Time] = {}
    for each in found:
        if each.from_at < until_at:
            place = each.charger_id, each.evse
            times[place] = times.get(place, NO_TIME) + time_of(each, from_at, until_at)
    return times
