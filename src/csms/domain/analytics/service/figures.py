"""Figures of a stretch of time, read from rolled-up counts."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import Any

import attrs

from csms.core.errors import Invalid
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.analytics.model import (
    CHARGER,
    DAY,
    MONTH,
    STATION,
    TENANT,
    Figures,
    FigureSeries,
    FiguresQuery,
    PeriodQuery,
    RankingQuery,
    SubjectFigures,
)
from csms.domain.analytics.periods import begin_of, day_of, month_of, next_day, next_month
from csms.domain.analytics.store import counts as store
from csms.domain.analytics.store import uptime
from csms.domain.tenants import store as tenants

USUAL_DAYS = 30
LONGEST_DAYS = 3660


@attrs.frozen(slots=True)
class Stretch:
    """Whole days in a time zone, both included."""

    from_day: str
    until_day: str
    zone: str

    @property
    def from_at(self) -> int:
        """The instant at which it begins."""
        return begin_of(self.from_day, self.zone)

    @property
    def until_at(self) -> int:
        """The instant at which it is over."""
        return begin_of(next_day(self.until_day), self.zone)

    @property
    def parts(self) -> list[tuple[str, str, str]]:
        """``(period, first, last)``: whole months as months, the rest as days, so that a year is twelve rows."""
        first_month = self.from_day if self.from_day.endswith("-01") else next_month(self.from_day)
        after = next_day(self.until_day)
        last_month = month_of(after)  # the first day that is in no whole month any more
        if first_month >= last_month:
            return [(DAY, self.from_day, self.until_day)]
        parts = []
        if self.from_day < first_month:
            parts.append((DAY, self.from_day, day_before(first_month)))
        parts.append((MONTH, first_month, month_of(day_before(last_month))))
        if last_month <= self.until_day:
            parts.append((DAY, last_month, self.until_day))
        return parts


def day_before(day: str) -> str:
    """The day before."""
    return (date.fromisoformat(day) - timedelta(days=1)).isoformat()


def stretch_of(tx: ReadTx, query: PeriodQuery | RankingQuery) -> Stretch:
    """The days that a query asks for. Raises ``Invalid``."""
    tenant = tenants.current(tx)
    zone = "UTC" if tenant is None else tenant.time_zone
    until = _day(query.until_day, "until_day") or date.fromisoformat(day_of(tx.now, zone))
    from_day = _day(query.from_day, "from_day") or until - timedelta(days=USUAL_DAYS - 1)
    if from_day > until:
        raise Invalid(f"from_day {from_day} is after until_day {until}", field="from_day")
    if (until - from_day).days > LONGEST_DAYS:
        raise Invalid(f"at most {LONGEST_DAYS} days at a time", field="from_day")
    return Stretch(from_day.isoformat(), until.isoformat(), zone)


def _day(text: str | None, field: str) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Invalid(f"{field}: there is no day {text}", field=field) from None


class PortTime:
    """How much time ports had in a period, known or down, without looking at each port for each period."""

    def __init__(self, known: Sequence[tuple[int, int]], down_since: Sequence[int], now: int) -> None:
        """``known`` is since when, in order, and how many ports; see ``store.uptime.known_since``."""
        self._now = now
        self._since = [since for since, _ in known]
        self._ports = [0, *accumulate(ports for _, ports in known)]
        self._sums = [0, *accumulate(since * ports for since, ports in known)]
        self._down_since = down_since

    def known_ms(self, from_at: int, until_at: int) -> int:
        """The time in which the ports were known."""
        until_at = min(until_at, self._now)
        if until_at <= from_at:
            return 0
        first, last = bisect_left(self._since, from_at), bisect_left(self._since, until_at)
        before, within = self._ports[first], self._ports[last] - self._ports[first]
        return before * (until_at - from_at) + within * until_at - (self._sums[last] - self._sums[first])

    def down_ms(self, from_at: int, until_at: int) -> int:
        """The time of outages that still go on."""
        until_at = min(until_at, self._now)
        return sum(max(0, until_at - max(from_at, since)) for since in self._down_since)


def time_of(tx: ReadTx, from_at: int, station_id: int | None = None, charger_id: str | None = None) -> PortTime:
    """The time of the ports of the tenant, of a station or of a charger, for periods that do not begin before ``from_at``."""
    known = uptime.known_since(tx, from_at, station_id, charger_id)
    return PortTime(known, uptime.down_since(tx, station_id, charger_id), tx.now)


@attrs.frozen(slots=True)
class Reckoning:
    """What figures need besides counts."""

    co2_g_per_kwh: float
    time: PortTime | None
    zone: str
    currency: str = ""
    """Of the revenue; ``""`` while nothing is billed."""

    def figures(
        self, begins: str, from_at: int, until_at: int, counts: Mapping[str, Any], *, drivers: tuple[int, int] | None
    ) -> Figures:
        """Figures out of counts; ``drivers`` is how many, and how many of them are new."""
        known_ms = 0 if self.time is None else self.time.known_ms(from_at, until_at)
        down_ms = counts["down_ms"] + (0 if self.time is None else self.time.down_ms(from_at, until_at))
        return Figures(
            begins=begins,
            starts=counts["starts"],
            refused=counts["refused"],
            transactions=counts["transactions"],
            energy_wh=counts["energy_wh"],
            charging_ms=counts["charging_ms"],
            faults=counts["faults"],
            disconnects=counts["disconnects"],
            down_ms=down_ms,
            drivers=None if drivers is None else drivers[0],
            new_drivers=None if drivers is None else drivers[1],
            co2_avoided_g=round(counts["energy_wh"] * self.co2_g_per_kwh / 1000),
            utilisation_percent=_percent(counts["charging_ms"], known_ms),
            uptime_percent=None if not known_ms else round(100 - min(100.0, 100 * down_ms / known_ms), 3),
            revenue_minor=counts["revenue_minor"] if self.currency else None,
            currency=self.currency,
        )


def _percent(part: int, whole: int) -> float | None:
    return None if not whole else round(min(100.0, 100 * part / whole), 3)


def subject_of(station_id: int | None, charger_id: str | None) -> tuple[str, str]:
    """The scope and subject that a query names."""
    if charger_id is not None:
        return CHARGER, charger_id
    return (STATION, str(station_id)) if station_id is not None else (TENANT, "")


def series(tx: ReadTx, query: FiguresQuery, co2_g_per_kwh: float) -> FigureSeries:
    """Figures of the tenant, a station or a charger, by day or by month, and all told."""
    stretch = stretch_of(tx, query)
    scope, subject = subject_of(query.station_id, query.charger_id)
    of_tenant = scope == TENANT
    first = stretch.from_day if query.period == DAY else month_of(stretch.from_day)
    time = time_of(tx, begin_of(first, stretch.zone), query.station_id, query.charger_id)
    reckoning = Reckoning(co2_g_per_kwh, time, stretch.zone, store.currency_of_revenue(tx))
    rows = {row["begins"]: row for row in store.series(tx, query.period, scope, subject, first, stretch.until_day)}
    empty = dict.fromkeys(store.COUNTS, 0)
    items = []
    begins = first
    while begins <= stretch.until_day:
        after = next_day(begins) if query.period == DAY else next_month(begins)
        counts = rows.get(begins, empty)
        drivers = (counts["drivers"], counts["new_drivers"]) if of_tenant else None
        items.append(
            reckoning.figures(begins, begin_of(begins, stretch.zone), begin_of(after, stretch.zone), counts, drivers=drivers)
        )
        begins = after
    return FigureSeries(
        scope=scope,
        subject=subject,
        from_day=stretch.from_day,
        until_day=stretch.until_day,
        time_zone=stretch.zone,
        period=query.period,
        total=total(tx, stretch, scope, subject, reckoning),
        items=items,
    )


def total(tx: ReadTx, stretch: Stretch, scope: str, subject: str, reckoning: Reckoning) -> Figures:
    """Figures of one subject, all told."""
    counts = dict.fromkeys(store.COUNTS, 0)
    for period, first, last in stretch.parts:
        for row in store.series(tx, period, scope, subject, first, last):
            for name in store.COUNTS:
                counts[name] += row[name]
    drivers = (store.different_drivers(tx, stretch.parts, counts["drivers"]), counts["new_drivers"]) if scope == TENANT else None
    return reckoning.figures(stretch.from_day, stretch.from_at, stretch.until_at, counts, drivers=drivers)


def ranking(tx: ReadTx, query: RankingQuery, scope: str, names: Mapping[str, str], co2_g_per_kwh: float) -> Page[SubjectFigures]:
    """Stations or chargers beside each other. ``names`` are those that there are (and that may be seen), by subject."""
    stretch = stretch_of(tx, query)
    sums = store.sums(tx, scope, stretch.parts)
    reckoning = Reckoning(co2_g_per_kwh, None, stretch.zone, store.currency_of_revenue(tx))
    empty = dict.fromkeys(store.COUNTS, 0)
    word = (query.search or "").strip().casefold()
    subjects = [each for each in names if word in each.casefold() or word in names[each].casefold()]
    key = query.sort.removeprefix("-")
    subjects.sort(key=lambda subject: (sums.get(subject, empty)[key], subject), reverse=query.sort.startswith("-"))
    skipped = (query.page - 1) * query.limit
    items = [
        SubjectFigures(
            subject=subject,
            name=names[subject],
            figures=reckoning.figures(stretch.from_day, stretch.from_at, stretch.until_at, sums.get(subject, empty), drivers=None),
        )
        for subject in subjects[skipped : skipped + query.limit]
    ]
    return Page(items=items, page=query.page, limit=query.limit, total=len(subjects))
