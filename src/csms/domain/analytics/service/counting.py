"""Counts transactions as events tell of them: a correction takes the old away, and the same event twice changes nothing."""

from __future__ import annotations

import attrs

from csms.core.ports import ReadTx, Tx
from csms.domain.analytics.model import CHARGER, PORT, STATION, TENANT, Counted, analytics_key, port
from csms.domain.analytics.periods import Hour, by_day, by_hour, day_of, hour_of, month_of
from csms.domain.analytics.store import counts as store
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
        store.add_hours(tx, {hour_of(known.started_at, zone): (1, 0)}, _subjects(known))
    store.save_counted(tx, known)


def _fresh(tx: Tx, told: AboutTransaction, started_at: int) -> Counted:
    charger = stations.charger(tx, told.charger_id)
    return Counted(
        transaction_id=told.transaction_id,
        charger_id=told.charger_id,
        station_id=None if charger is None else charger.station_id,
        evse=told.evse,
        driver_id=told.driver_id,
        refused=told.token_status not in ACCEPTED,
        started_at=started_at,
        ended_at=None,
        energy_wh=0,
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
    hours: dict[Hour, tuple[int, int]] = {}
    if known.ended_at is not None:
        _share(tally, hours, known, zone, -1)
        _count_driver(tx, tally, known, zone, -1)
    _share(tally, hours, after, zone, 1)
    _count_driver(tx, tally, after, zone, 1)
    tally.write(tx)
    store.add_hours(tx, hours, _subjects(after))
    store.save_counted(tx, after)


def billed(tx: Tx, told: BillSettled | BillCorrected) -> None:
    """A transaction was billed, or its bill was corrected: the net of it is revenue of the day on which it ended."""
    tx.claim(analytics_key(tx.tenant))
    fresh = store.add_bill(
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
    subjects = [(TENANT, ""), (CHARGER, told.charger_id)]
    if told.station_id is not None:
        subjects.append((STATION, str(told.station_id)))
    tally = Tally()
    tally.add(day_of(told.ended_at, zone), subjects, revenue_minor=amount_minor)
    tally.write(tx)
    store.add_hour_revenue(tx, hour_of(told.started_at, zone), subjects, amount_minor)


def credited(tx: Tx, told: BillCredited) -> None:
    """A credit note gave back something of a bill: its revenue is what is left of its net. Twice the same changes nothing."""
    tx.claim(analytics_key(tx.tenant))
    change = store.recount_bill(tx, told.bill_id, told.net_minor - told.credited_net_minor)
    if change:
        _add_revenue(tx, told, change)


def _charging_ms(known: Counted) -> int:
    return max(0, (known.ended_at or known.started_at) - known.started_at)


def _share(tally: Tally, hours: dict[Hour, tuple[int, int]], known: Counted, zone: str, sign: int) -> None:
    """Count an ended transaction (``sign`` -1 takes it away): energy on the day it ended, time on the days on which it went on."""
    assert known.ended_at is not None
    subjects = _subjects(known)
    if known.evse:
        subjects = [*subjects, (PORT, port(known.charger_id, known.evse))]
    tally.add(day_of(known.ended_at, zone), subjects, transactions=sign, energy_wh=sign * known.energy_wh)
    for day, part_ms in by_day(known.started_at, known.ended_at, zone):
        tally.add(day, subjects, charging_ms=sign * part_ms)
    for hour, part_ms in by_hour(known.started_at, known.ended_at, zone):
        before = hours.get(hour, (0, 0))
        hours[hour] = (before[0], before[1] + sign * part_ms)


def _count_driver(tx: Tx, tally: Tally, known: Counted, zone: str, sign: int) -> None:
    if known.driver_id is None or known.refused or known.ended_at is None:
        return
    day = day_of(known.ended_at, zone)
    new_in_day, new_in_month, new = store.add_driver(
        tx,
        known.driver_id,
        day,
        transactions=sign,
        energy_wh=sign * known.energy_wh,
        charging_ms=sign * _charging_ms(known),
    )
    if new_in_day or new_in_month:
        tally.add_drivers(day, month_of(day), in_day=new_in_day, in_month=new_in_month, new=new)
