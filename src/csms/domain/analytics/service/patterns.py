"""When people charge: the heat map of a week, and how one driver does."""

from __future__ import annotations

from collections import Counter
from statistics import median

from csms.core.ports import ReadTx
from csms.domain.analytics.model import DriverMonth, DriverPattern, HeatMap, HeatQuery
from csms.domain.analytics.periods import local, month_of
from csms.domain.analytics.store import counts as store
from csms.domain.analytics.store import revenue as revenue_store
from csms.domain.analytics.store import subjects

from .figures import stretch_of, subject_of

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MOST_FAVOURITES = 5


def heat_map(tx: ReadTx, query: HeatQuery) -> HeatMap:
    """The hours of the week over whole months."""
    stretch = stretch_of(tx, query)
    scope, subject = subject_of(query.station_id, query.charger_id)
    first, last = month_of(stretch.from_day), month_of(stretch.until_day)
    starts = [[0] * 24 for _ in range(7)]
    charging = [[0] * 24 for _ in range(7)]
    revenue = [[0] * 24 for _ in range(7)]
    currency = query.currency or revenue_store.currency_of_revenue(tx)
    for row in revenue_store.hours(tx, currency, scope, subject, first, last):
        revenue[row["weekday"]][row["hour"]] = int(row["revenue_minor"])
    rows = store.hours(tx, scope, subject, first, last)
    for row in rows:
        starts[row["weekday"]][row["hour"]] = int(row["starts"])
        charging[row["weekday"]][row["hour"]] = int(row["charging_ms"])
    busiest = sorted((row for row in rows if row["charging_ms"] > 0), key=lambda row: -int(row["charging_ms"]))[:3]
    return HeatMap(
        from_month=first,
        until_month=last,
        time_zone=_zone(tx, query) or stretch.zone,
        starts=starts,
        charging_ms=charging,
        revenue_minor=revenue if currency else None,
        currency=currency,
        busiest=[f"{WEEKDAYS[row['weekday']]} {row['hour']:02d}:00" for row in busiest],
    )


def _zone(tx: ReadTx, query: HeatQuery) -> str:
    if query.charger_id is not None:
        return subjects.zone_of_charger(tx, query.charger_id)
    return subjects.zone_of_station(tx, query.station_id)


def driver(tx: ReadTx, driver_id: int, zone: str) -> DriverPattern:
    """How a driver charges: the newest ``store.MOST_CHARGES`` charges, and every month."""
    charges = store.charges_of(tx, driver_id)
    currency = revenue_store.currency_of_revenue(tx)
    brought = revenue_store.of_driver(tx, driver_id, currency)
    months = [
        DriverMonth(**row, revenue_minor=brought.get(row["begins"], 0) if currency else None, currency=currency)
        for row in store.months_of(tx, driver_id)
        if row["transactions"] > 0
    ]
    hours, weekdays = [0] * 24, [0] * 7
    places: Counter[int] = Counter()
    for row in charges:
        moment = local(row["started_at"], zone)
        hours[moment.hour] += 1
        weekdays[moment.weekday()] += 1
        if row["station_id"] is not None:
            places[row["station_id"]] += 1
    return DriverPattern(
        driver_id=driver_id,
        first_at=charges[-1]["started_at"] if charges else None,
        last_at=charges[0]["started_at"] if charges else None,
        transactions=sum(each.transactions for each in months),
        energy_wh=sum(each.energy_wh for each in months),
        charging_ms=sum(each.charging_ms for each in months),
        usual_energy_wh=int(median(row["energy_wh"] for row in charges)) if charges else None,
        usual_duration_ms=int(median(row["ended_at"] - row["started_at"] for row in charges)) if charges else None,
        hours=hours,
        weekdays=weekdays,
        favourite_station_ids=[station for station, _ in places.most_common(MOST_FAVOURITES)],
        months=months,
    )
