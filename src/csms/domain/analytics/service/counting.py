"""Counts transactions as events tell of them: a correction takes the old away, and the same event twice changes nothing."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ports import ReadTx, Tx
from csms.domain.analytics.model import CHARGER, PORT, STATION, TENANT, Counted, analytics_key, port
from csms.domain.analytics.periods import DAY, MONTH, Hour, by_day, by_hour, day_of, hour_of, month_of
from csms.domain.analytics.store import counts as store
from csms.domain.analytics.store import revenue
from csms.domain.analytics.store import subjects as places
from csms.domain.analytics.store.counts import Tally
from csms.domain.billing.model import BillCorrected, BillCredited, BillSettled
from csms.domain.billing.model.events import AboutBill
from csms.domain.stations import store as stations
from csms.domain.tenants import store as tenants
from csms.domain.transactions.model import AboutTransaction, Ending, TransactionStarted

ACCEPTED = ("", "Accepted")


def time_zone(tx: ReadTx) -> str:
    """The tenant's time zone."""
    tenant = tenants.current(tx)
    return "UTC" if tenant is None else tenant.time_zone


def _subjects(known: Counted) -> list[tuple[str, str]]:
    subjects = [(TENANT, ""), (CHARGER, known.charger_id)]
    if known.station_id is not None:
        subjects.append((STATION, str(known.station_id)))
    return subjects


def _places(known: Counted, zone: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Whose hours are counted in which time zone: those of chargers and stations in the station's."""
    subjects = _subjects(known)
    if known.zone in ("", zone):
        return [(zone, subjects)]
    return [(zone, subjects[:1]), (known.zone, subjects[1:])]


def started(tx: Tx, told: TransactionStarted) -> None:
    """A transaction began."""
    tx.claim(analytics_key(tx.tenant))
    if store.counted(tx, told.transaction_id) is not None:
        return
    known = _fresh(tx, told, told.started_at)
    zone = time_zone(tx)
    day = day_of(known.started_at, zone)
    tally = Tally()
    tally.add(day, _subjects(known), starts=1, refused=int(known.refused))
    tally.write(tx)
    if not known.refused:
        for hours_zone, subjects in _places(known, zone):
            store.add_hours(tx, {hour_of(known.started_at, hours_zone): (1, 0)}, subjects)
    store.save_counted(tx, known)


def _fresh(tx: Tx, told: AboutTransaction, started_at: int) -> Counted:
    charger = stations.charger(tx, told.charger_id)
    station_id = None if charger is None else charger.station_id
    return Counted(
        transaction_id=told.transaction_id,
        charger_id=told.charger_id,
        station_id=station_id,
        evse=told.evse,
        driver_id=told.driver_id,
        refused=told.token_status not in ACCEPTED,
        started_at=started_at,
        ended_at=None,
        energy_wh=0,
        zone=places.zone_of_station(tx, station_id),
    )


def ended(tx: Tx, told: Ending) -> None:
    """A transaction ended, or what was said of its end is corrected."""
    tx.claim(analytics_key(tx.tenant))
    known = store.counted(tx, told.transaction_id)
    if known is None:  # its start was told before analytics listened
        known = _fresh(tx, told, told.started_at)
    after = attrs.evolve(
        known,
        started_at=told.started_at,
        ended_at=told.stopped_at,
        energy_wh=told.energy_wh or 0,
        driver_id=told.driver_id if told.driver_id is not None else known.driver_id,
        evse=told.evse,
    )
    if after == known:
        return
    zone = time_zone(tx)
    tally = Tally()
    changes = [(after, 1)] if known.ended_at is None else [(known, -1), (after, 1)]
    for each, sign in changes:
        _share(tally, each, zone, sign)
    _count_drivers(tx, tally, changes, zone)
    tally.write(tx)
    for hours_zone, subjects in _places(after, zone):
        store.add_hours(tx, _hours(changes, hours_zone), subjects)
    store.save_counted(tx, after)


def billed(tx: Tx, told: BillSettled | BillCorrected) -> None:
    """A transaction was billed, or its bill was corrected: the net of it is revenue of the day on which it ended."""
    tx.claim(analytics_key(tx.tenant))
    fresh = revenue.add_bill(
        tx,
        told.bill_id,
        driver_id=told.driver_id,
        month=month_of(day_of(told.ended_at, time_zone(tx))),
        currency=told.currency,
        revenue_minor=told.net_minor,
    )
    if fresh and told.net_minor:
        _add_revenue(tx, told, told.net_minor)


def _add_revenue(tx: Tx, told: AboutBill, amount_minor: int) -> None:
    zone = time_zone(tx)
    known = store.counted(tx, told.transaction_id)
    place = known.zone if known is not None else places.zone_of_station(tx, told.station_id)
    of_place = [(CHARGER, told.charger_id)]
    if told.station_id is not None:
        of_place.append((STATION, str(told.station_id)))
    revenue.add(tx, day_of(told.ended_at, zone), [(TENANT, ""), *of_place], told.currency, amount_minor)
    for hours_zone, subjects in ((zone, [(TENANT, "")]), (place or zone, of_place)):
        revenue.add_hour(tx, hour_of(told.started_at, hours_zone), subjects, told.currency, amount_minor)


def credited(tx: Tx, told: BillCredited) -> None:
    """A credit note gave back something of a bill: its revenue is what is left of its net. Twice the same changes nothing."""
    tx.claim(analytics_key(tx.tenant))
    change = revenue.recount_bill(tx, told.bill_id, told.net_minor - told.credited_net_minor)
    if change:
        _add_revenue(tx, told, change)


def _charging_ms(known: Counted) -> int:
    return max(0, (known.ended_at or known.started_at) - known.started_at)


def _share(tally: Tally, known: Counted, zone: str, sign: int) -> None:
    """Count an ended transaction (``sign`` -1 takes it away): energy on the day it ended, time on the days on which it went on."""
    assert known.ended_at is not None
    subjects = _subjects(known)
    if known.evse:
        subjects = [*subjects, (PORT, port(known.charger_id, known.evse))]
    tally.add(day_of(known.ended_at, zone), subjects, transactions=sign, energy_wh=sign * known.energy_wh)
    for day, part_ms in by_day(known.started_at, known.ended_at, zone):
        tally.add(day, subjects, charging_ms=sign * part_ms)


def _hours(changes: Sequence[tuple[Counted, int]], zone: str) -> dict[Hour, tuple[int, int]]:
    """The charging time of ended transactions by hours of the week."""
    hours: dict[Hour, tuple[int, int]] = {}
    for known, sign in changes:
        assert known.ended_at is not None
        for hour, part_ms in by_hour(known.started_at, known.ended_at, zone):
            hours[hour] = 0, hours.get(hour, (0, 0))[1] + sign * part_ms
    return hours


def _count_drivers(tx: Tx, tally: Tally, changes: Sequence[tuple[Counted, int]], zone: str) -> None:
    """Count who charged on a day and in a month, and as new on the first day on which they ever did."""
    changes = [(known, sign) for known, sign in changes if known.driver_id is not None and not known.refused]
    drivers = sorted({known.driver_id for known, _ in changes if known.driver_id is not None})
    before = {driver_id: store.first_day(tx, driver_id) for driver_id in drivers}
    for known, sign in changes:
        assert known.driver_id is not None
        assert known.ended_at is not None
        begins = _begins(day_of(known.ended_at, zone))
        counts = {"transactions": sign, "energy_wh": sign * known.energy_wh, "charging_ms": sign * _charging_ms(known)}
        for period, change in store.add_driver(tx, known.driver_id, begins, **counts).items():
            tally.add_drivers({period: begins[period]}, drivers=change)
    for driver_id in drivers:
        for day, sign in ((before[driver_id], -1), (store.first_day(tx, driver_id), 1)):
            if day is not None:
                tally.add_drivers(_begins(day), new_drivers=sign)


def _begins(day: str) -> dict[str, str]:
    return {DAY: day, MONTH: month_of(day)}
