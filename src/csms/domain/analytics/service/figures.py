"""Figures of a stretch of time, read from rolled-up counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

import attrs

from csms.core.errors import Invalid
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row
from csms.domain.analytics.model import (
    CHARGER,
    DAY,
    MONTH,
    STATION,
    TENANT,
    Figures,
    FigureSeries,
    FiguresQuery,
    Part,
    PeriodQuery,
    RankingQuery,
    SubjectFigures,
)
from csms.domain.analytics.periods import begin_of, day_of, month_of, next_day, next_month
from csms.domain.analytics.store import counts as store
from csms.domain.analytics.store import revenue
from csms.domain.tenants import store as tenants

from .uptime import NO_TIME, PortTime, Time, lives, port_time, time_of

USUAL_DAYS = 30
LONGEST_DAYS = 3660
HALF_A_MONTH = 15


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

    @property
    def sums(self) -> list[Part]:
        """``parts`` to add up: most of a month is the month without the rest of it, which is fewer rows."""
        sums: list[Part] = []
        for period, first, last in self.parts:
            month, end = month_of(first), day_before(next_month(first))
            if period == MONTH or last > end or int(last[8:]) - int(first[8:]) < HALF_A_MONTH:
                sums.append((1, period, first, last))
                continue
            sums.append((1, MONTH, month, month))
            if month < first:
                sums.append((-1, DAY, month, day_before(first)))
            if last < end:
                sums.append((-1, DAY, next_day(last), end))
        return sums


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


@attrs.frozen(slots=True)
class Reckoning:
    """What figures need besides counts."""

    co2_g_per_kwh: float
    currency: str = ""
    """Of the revenue; ``""`` while nothing is billed."""

    def figures(
        self, begins: str, going_on: Time, counts: Mapping[str, Any], revenue_minor: int, *, drivers: tuple[int, int] | None
    ) -> Figures:
        """Figures out of counts, which have what is over, and the time of ports; ``drivers`` is how many, and how many are new."""
        time = going_on + Time(0, counts["down_ms"], counts["excluded_ms"])
        return Figures(
            begins=begins,
            starts=counts["starts"],
            refused=counts["refused"],
            transactions=counts["transactions"],
            energy_wh=counts["energy_wh"],
            charging_ms=counts["charging_ms"],
            faults=counts["faults"],
            disconnects=counts["disconnects"],
            down_ms=time.down_ms,
            excluded_ms=time.excluded_ms,
            drivers=None if drivers is None else drivers[0],
            new_drivers=None if drivers is None else drivers[1],
            co2_avoided_g=round(counts["energy_wh"] * self.co2_g_per_kwh / 1000),
            utilisation_percent=_percent(counts["charging_ms"], time.known_ms),
            uptime_percent=time.uptime_percent,
            revenue_minor=revenue_minor if self.currency else None,
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
    time = port_time(tx, begin_of(first, stretch.zone), station_id=query.station_id, charger_id=query.charger_id)
    reckoning = Reckoning(co2_g_per_kwh, query.currency or revenue.currency_of_revenue(tx))
    brought = revenue.series(tx, reckoning.currency, query.period, scope, subject, first, stretch.until_day)
    rows = {row["begins"]: row for row in store.series(tx, query.period, scope, subject, first, stretch.until_day)}
    empty = dict.fromkeys(store.COUNTS, 0)
    items = []
    begins = first
    while begins <= stretch.until_day:
        after = next_day(begins) if query.period == DAY else next_month(begins)
        counts = rows.get(begins, empty)
        drivers = (counts["drivers"], counts["new_drivers"]) if of_tenant else None
        going_on = time.within(begin_of(begins, stretch.zone), begin_of(after, stretch.zone))
        items.append(reckoning.figures(begins, going_on, counts, brought.get(begins, 0), drivers=drivers))
        begins = after
    return FigureSeries(
        scope=scope,
        subject=subject,
        from_day=stretch.from_day,
        until_day=stretch.until_day,
        time_zone=stretch.zone,
        period=query.period,
        total=_all_told(tx, stretch, scope, rows.values(), sum(brought.values()), time, reckoning)
        if query.period == DAY and not of_tenant  # whose drivers are counted by month, too
        else total(tx, stretch, scope, subject, time, reckoning),
        items=items,
    )


def total(tx: ReadTx, stretch: Stretch, scope: str, subject: str, time: PortTime, reckoning: Reckoning) -> Figures:
    """Figures of one subject, all told."""
    rows: list[Row] = []
    brought = 0
    for period, first, last in stretch.parts:
        brought += sum(revenue.series(tx, reckoning.currency, period, scope, subject, first, last).values())
        rows += store.series(tx, period, scope, subject, first, last)
    return _all_told(tx, stretch, scope, rows, brought, time, reckoning)


def _all_told(
    tx: ReadTx, stretch: Stretch, scope: str, rows: Collection[Row], brought: int, time: PortTime, reckoning: Reckoning
) -> Figures:
    counts = {name: sum(row[name] for row in rows) for name in store.COUNTS}
    drivers = (store.different_drivers(tx, stretch.parts, counts["drivers"]), counts["new_drivers"]) if scope == TENANT else None
    return reckoning.figures(stretch.from_day, time.within(stretch.from_at, stretch.until_at), counts, brought, drivers=drivers)


def ranked(tx: ReadTx, query: RankingQuery, scope: str, names: Mapping[str, str], co2_g_per_kwh: float) -> list[SubjectFigures]:
    """Stations or chargers beside each other, all of them. ``names`` are those that there are (and that may be seen), by subject."""
    stretch = stretch_of(tx, query)
    sums = store.sums(tx, scope, stretch.sums)
    times = _times(tx, stretch, scope)
    reckoning = Reckoning(co2_g_per_kwh, query.currency or revenue.currency_of_revenue(tx))
    brought = revenue.sums(tx, reckoning.currency, scope, stretch.sums)
    empty = dict.fromkeys(store.COUNTS, 0)
    word = (query.search or "").strip().casefold()
    found = [
        SubjectFigures(
            subject=subject,
            name=name,
            figures=reckoning.figures(
                stretch.from_day, times.get(subject, NO_TIME), sums.get(subject, empty), brought.get(subject, 0), drivers=None
            ),
        )
        for subject, name in names.items()
        if word in subject.casefold() or word in name.casefold()
    ]
    key = attrgetter(query.sort.removeprefix("-"))
    known = [each for each in found if key(each.figures) is not None]
    known.sort(key=lambda each: (key(each.figures), each.subject), reverse=query.sort.startswith("-"))
    return [*known, *(each for each in found if key(each.figures) is None)]  # of which nothing is known come last


def _times(tx: ReadTx, stretch: Stretch, scope: str) -> dict[str, Time]:
    """The time of the ports of each station or charger."""
    times: dict[str, Time] = {}
    until_at = min(stretch.until_at, tx.now)
    for each in lives(tx, stretch.from_at):
        subject = str(each.station_id) if scope == STATION else each.charger_id
        if each.from_at < until_at:
            times[subject] = times.get(subject, NO_TIME) + time_of(each, stretch.from_at, until_at)
    return times


def ranking(tx: ReadTx, query: RankingQuery, scope: str, names: Mapping[str, str], co2_g_per_kwh: float) -> Page[SubjectFigures]:
    """One page of stations or chargers beside each other."""
    found = ranked(tx, query, scope, names, co2_g_per_kwh)
    skipped = (query.page - 1) * query.limit
    return Page(items=found[skipped : skipped + query.limit], page=query.page, limit=query.limit, total=len(found))
