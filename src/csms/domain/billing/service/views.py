"""Bills as others see them: other slices whole, the management API by what somebody may see."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import attrs

from csms.core.errors import Invalid, NotFound
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.billing.model import (
    Bill,
    BillDetail,
    BillFilter,
    BillItem,
    BillsQuery,
    BillSummary,
    MyBill,
    MyBillDetail,
    MyBillsQuery,
    Spending,
    TransactionBills,
)
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import lists
from csms.domain.drivers.model import Activity, ActivitySpan
from csms.domain.tenants import store as tenants
from csms.domain.transactions.model import Spent
from csms.domain.transactions.store import driving

from . import crediting

LONGEST_SUMMARY_MS = 400 * 86_400_000
USUAL_SUMMARY_MS = 31 * 86_400_000
MONTHS = 24
AT_A_TIME = 200

Stations = Collection[int] | None
"""The stations that somebody may see; None is all."""


# --- for other slices -----------------------------------------------------------------------------------------------------------


def bill_of(tx: ReadTx, transaction_id: int) -> Bill | None:
    """The bill of a transaction, without its corrections; None while there is none."""
    return next(iter(store.of_transaction(tx, transaction_id)), None)


def bills_of(tx: ReadTx, transaction_id: int) -> Sequence[Bill]:
    """Every bill of a transaction, its own first."""
    return store.of_transaction(tx, transaction_id)


def settled_bills(
    tx: ReadTx, *, from_at: int, to_at: int, driver_id: int | None = None, after: int = 0, limit: int = AT_A_TIME
) -> Sequence[Bill]:
    """Settled bills, corrections among them, of charges that ended in a stretch of time: by id, ``limit`` after the bill ``after``."""
    return store.settled(tx, driver_id=driver_id, from_at=from_at, to_at=to_at, after=after, limit=limit)


# --- for the management API -----------------------------------------------------------------------------------------------------


def _need(tx: ReadTx, bill_id: int, stations: Stations, driver_id: int | None) -> BillItem:
    found = lists.one(tx, bill_id)
    hidden = found is not None and stations is not None and found.station_id not in stations
    if found is None or hidden or driver_id not in (None, found.driver_id):
        raise NotFound(f"there is no bill {bill_id}")
    return found


def detail(tx: ReadTx, bill_id: int, stations: Stations = None) -> BillDetail:
    """A bill that somebody may see, with what it is made of. Raises ``NotFound``."""
    item = _need(tx, bill_id, stations, None)
    bill = store.by_id(tx, bill_id)
    assert bill is not None
    price = bill.price
    facts: dict[str, Any] = {field.name: getattr(item, field.name) for field in attrs.fields(BillItem)}
    return BillDetail(
        **facts,
        lines=() if price is None else price.lines,
        taxes=bill.taxes,
        shares=bill.shares,
        used=bill.uses,
        tax_inclusive=price is not None and price.tax_inclusive,
        tax_code="" if price is None else price.tax_code,
        place_of_supply="" if price is None else price.place_of_supply,
        reference="" if price is None else price.reference,
        electricity_minor=None if price is None else price.electricity_minor,
        notes=() if price is None else price.notes,
        explained=() if price is None else price.explained,
        others=[each for each in lists.of_transaction(tx, item.transaction_id) if each.id != bill_id],
    )


def of_transaction(tx: ReadTx, transaction_id: int, stations: Stations = None, driver_id: int | None = None) -> TransactionBills:
    """What was billed for a transaction that somebody may see. Raises ``NotFound``, also while there is no bill."""
    found = [
        each
        for each in lists.of_transaction(tx, transaction_id)
        if (stations is None or each.station_id in stations) and driver_id in (None, each.driver_id)
    ]
    if not found:
        raise NotFound(f"transaction {transaction_id} has no bill")
    shown = {each.id for each in found}
    whole = [each for each in store.of_transaction(tx, transaction_id) if each.id in shown]
    back = crediting.given(whole)
    return TransactionBills(
        transaction_id=transaction_id,
        currency=max(each.currency for each in found),
        net_minor=sum(each.net_minor for each in whole) - back.net_minor,
        tax_minor=sum(each.tax_minor for each in whole) - back.total_minor + back.net_minor,
        total_minor=sum(each.total_minor for each in whole) - back.total_minor,
        open_minor=sum(each.open_minor for each in found),
        credited_minor=back.total_minor,
        bills=found,
    )


def summary(tx: ReadTx, which: BillFilter, stations: Stations = None) -> BillSummary:
    """What the bills of a filter come to: of the last 31 days unless it says otherwise. Raises ``Invalid`` for more than 400 days."""
    to_at = tx.now + 1 if which.to_at is None else which.to_at
    from_at = to_at - USUAL_SUMMARY_MS if which.from_at is None else which.from_at
    if to_at - from_at > LONGEST_SUMMARY_MS:
        raise Invalid("at most 400 days are summed up at once", field="from_at")
    return lists.summary(tx, attrs.evolve(which, from_at=from_at, to_at=to_at), stations)


# --- for drivers ----------------------------------------------------------------------------------------------------------------


def _mine(item: BillItem) -> dict[str, Any]:
    return {field.name: getattr(item, field.name) for field in attrs.fields(MyBill)}


def my_bills(tx: ReadTx, driver_id: int, query: MyBillsQuery) -> Stretch[MyBill]:
    """A driver's bills, the newest first. Raises ``Invalid`` for the cursor."""
    wanted = BillsQuery(
        driver_id=driver_id,
        open=query.open,
        from_at=query.from_at,
        to_at=query.to_at,
        search=query.search,
        limit=query.limit,
        after=query.after,
        sort=query.sort,
    )
    found = lists.bills(tx, wanted)
    return Stretch(items=[MyBill(**_mine(each)) for each in found.items], limit=found.limit, next=found.next)


def my_bill(tx: ReadTx, bill_id: int, driver_id: int) -> MyBillDetail:
    """One of a driver's bills. Raises ``NotFound``."""
    item = _need(tx, bill_id, None, driver_id)
    bill = store.by_id(tx, bill_id)
    assert bill is not None
    others = [
        MyBill(**_mine(each))
        for each in lists.of_transaction(tx, item.transaction_id)
        if each.id != bill_id and each.driver_id == driver_id
    ]
    return MyBillDetail(
        **_mine(item),
        lines=() if bill.price is None else bill.price.lines,
        taxes=bill.taxes,
        used=bill.uses,
        notes=() if bill.price is None else bill.price.notes,
        others=others,
    )


def spent(tx: ReadTx, driver_id: int) -> Sequence[Spent]:
    """What a driver's charges cost in all, per currency: ``transactions.routes.Spending``."""
    return [Spent(amount_minor=amount, currency=currency) for currency, amount in lists.spent(tx, driver_id)]


def charges(tx: ReadTx, driver_id: int, span: ActivitySpan) -> Sequence[Activity]:
    """What a driver charged, with what it cost: an ``ActivitySource``."""
    found = driving.charges(tx, driver_id, span)
    amounts = lists.totals_of(tx, [each.id for each in found])
    return [
        each if each.id not in amounts else attrs.evolve(each, amount_minor=-amounts[each.id][0], currency=amounts[each.id][1])
        for each in found
    ]


def spending(tx: ReadTx, driver_id: int) -> Spending:
    """What a driver's charges cost by month, in the tenant's time zone, and what is owed."""
    tenant = tenants.current(tx)
    zone = ZoneInfo("UTC" if tenant is None else tenant.time_zone)
    return Spending(months=lists.months(tx, driver_id, _months(tx.now, zone)), owed=lists.owed(tx, driver_id))


def _months(now: int, zone: ZoneInfo) -> list[tuple[str, int, int]]:
    """The last months up to now, each with when it begins and ends."""
    today = datetime.fromtimestamp(now / 1000, UTC).astimezone(zone)
    stretches: list[tuple[str, int, int]] = []
    year, month, end = today.year, today.month, now + 1
    for _ in range(MONTHS):
        begin = int(datetime(year, month, 1, tzinfo=zone).timestamp() * 1000)
        stretches.append((f"{year:04}-{month:02}", begin, end))
        year, month, end = (year - 1, 12, begin) if month == 1 else (year, month - 1, begin)
    return stretches
