"""Lists of bills, and what they come to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row
from csms.domain.billing.model import (
    BILLING_FAILED,
    NOT_BILLABLE,
    PRICED,
    SETTLED,
    UNBILLED,
    BillFilter,
    BillItem,
    BillsQuery,
    BillSummary,
    BillTotals,
    Owed,
    SpendingMonth,
)
from csms.domain.listing import Listing, conditions, newest, stretch, whether

_OTHERS = frozenset({"driver_name", "station_name"})
_PLAIN = [field.name for field in attrs.fields(BillItem) if field.name not in _OTHERS]
COLUMNS = ", ".join(f"b.{name}" for name in _PLAIN) + ", d.name AS driver_name, s.name AS station_name"
_NAMED = "LEFT JOIN drivers d ON d.id = b.driver_id LEFT JOIN stations s ON s.id = b.station_id"

LISTING = Listing(
    columns=COLUMNS,
    source=f"bills b {_NAMED} WHERE b.tenant = :tenant",
    filters={
        "state": "b.state = :state",
        "kind": "b.kind = :kind",
        "driver_id": "b.driver_id = :driver_id",
        "charger_id": "b.charger_id = :charger_id",
        "station_id": "b.station_id = :station_id",
        "stations": "b.station_id IN ({stations})",
        "transaction_id": "b.transaction_id = :transaction_id",
        "is_open": "b.open_minor > 0",
        "is_paid": "b.open_minor = 0",
        "from_at": "b.ended_at >= :from_at",
        "to_at": "b.ended_at < :to_at",
    },
    search="lower(b.charger_id) LIKE :search ESCAPE '!' OR lower(b.tariff) LIKE :search ESCAPE '!'"
    " OR lower(d.name) LIKE :search ESCAPE '!' OR lower(s.name) LIKE :search ESCAPE '!'",
    unique="b.id",
)


def item(row: Row) -> BillItem:
    """The noun of a row."""
    return BillItem(**row)


def bills(tx: ReadTx, query: BillsQuery, stations: Collection[int] | None = None) -> Stretch[BillItem]:
    """Bills, the newest first. One statement. Raises ``Invalid`` for the cursor."""
    return stretch(tx, LISTING, query, item, stations=stations, **whether(query.open, "is_open", "is_paid"))  # type: ignore[arg-type]


def first_bills(tx: ReadTx, query: BillsQuery, limit: int) -> list[BillItem]:
    """The newest bills of a filter: for the command line."""
    return newest(tx, LISTING, query, item, limit, **whether(query.open, "is_open", "is_paid"))  # type: ignore[arg-type]


def one(tx: ReadTx, bill_id: int) -> BillItem | None:
    """One bill as lists show it."""
    if not 0 < bill_id < 2**63:
        return None
    row = tx.one(f"SELECT {COLUMNS} FROM bills b {_NAMED} WHERE b.tenant = :tenant AND b.id = :id", id=bill_id)  # noqa: S608
    return None if row is None else item(row)


def of_transaction(tx: ReadTx, transaction_id: int) -> list[BillItem]:
    """Every bill of a transaction, its own first."""
    rows = tx.all(
        f"SELECT {COLUMNS} FROM bills b {_NAMED} WHERE b.tenant = :tenant AND b.transaction_id = :id ORDER BY b.number",  # noqa: S608
        id=transaction_id,
    )
    return [item(row) for row in rows]


def _whole(row: Row) -> dict[str, Any]:
    """A row whose sums are integers: PostgreSQL adds up to decimals."""
    return {name: value if isinstance(value, str) else int(value) for name, value in row.items()}


# --- summed up ------------------------------------------------------------------------------------------------------------------

_SUMMED = [field.name for field in attrs.fields(BillTotals) if field.name not in ("currency", "bills", "energy_wh")]
_LESS = {
    "net_minor": "net_minor - ({0}credited_minor - {0}credited_tax_minor)",
    "tax_minor": "tax_minor - {0}credited_tax_minor",
    "total_minor": "total_minor - {0}credited_minor",
}
"""What bills come to: less what credit notes by hand gave back."""
_SUMS = ", ".join(f"COALESCE(sum(b.{_LESS.get(name, name).format('b.')}), 0) AS {name}" for name in _SUMMED)


def summary(tx: ReadTx, which: BillFilter, stations: Collection[int] | None = None) -> BillSummary:
    """What the bills of a filter come to. Two statements; it looks at every one of them."""
    where, values = conditions(LISTING, which, {"stations": stations, **whether(which.open, "is_open", "is_paid")})
    counted = tx.all(f"SELECT b.state, count(*) AS many FROM {LISTING.source}{where} GROUP BY b.state", **values)  # noqa: S608
    many = {row["state"]: int(row["many"]) for row in counted}
    rows = tx.all(
        f"SELECT b.currency, count(*) AS bills, COALESCE(sum(b.energy_wh), 0) AS energy_wh,"  # noqa: S608
        f" {_SUMS} FROM {LISTING.source}{where} AND b.state = 'SETTLED' GROUP BY b.currency ORDER BY b.currency",
        **values,
    )
    return BillSummary(
        totals=[BillTotals(**_whole(row)) for row in rows],
        unbilled=many.get(UNBILLED, 0),
        priced=many.get(PRICED, 0),
        settled=many.get(SETTLED, 0),
        failed=many.get(BILLING_FAILED, 0),
        not_billable=many.get(NOT_BILLABLE, 0),
    )


def spent(tx: ReadTx, driver_id: int) -> Sequence[tuple[str, int]]:
    """What a driver's charges cost in all, per currency."""
    rows = tx.all(
        "SELECT currency, sum(total_minor - credited_minor) AS amount FROM bills WHERE tenant = :tenant AND driver_id = :driver_id AND state = 'SETTLED'"
        " GROUP BY currency ORDER BY currency",
        driver_id=driver_id,
    )
    return [(row["currency"], int(row["amount"])) for row in rows]


def totals_of(tx: ReadTx, transaction_ids: Sequence[int]) -> dict[int, tuple[int, str]]:
    """What transactions were billed, with their corrections, by id: amount and currency. One statement."""
    names = {f"id_{number}": each for number, each in enumerate(transaction_ids)}
    if not names:
        return {}
    rows = tx.all(
        "SELECT transaction_id, sum(total_minor - credited_minor) AS amount, max(currency) AS currency FROM bills"  # noqa: S608 - names of parameters
        f" WHERE tenant = :tenant AND state = 'SETTLED' AND transaction_id IN ({', '.join(f':{name}' for name in names)})"
        " GROUP BY transaction_id",
        **names,
    )
    return {row["transaction_id"]: (int(row["amount"]), row["currency"]) for row in rows}


def months(tx: ReadTx, driver_id: int, stretches: Sequence[tuple[str, int, int]]) -> list[SpendingMonth]:
    """What a driver's charges cost in months, each ``(name, first instant, instant after it)``. One statement."""
    values: dict[str, Any] = {"driver_id": driver_id, "from_at": min(each[1] for each in stretches)}
    which = ""
    for number, (name, from_at, _) in enumerate(sorted(stretches, key=lambda each: each[1], reverse=True)):
        values |= {f"name_{number}": name, f"at_{number}": from_at}
        which += f" WHEN ended_at >= :at_{number} THEN CAST(:name_{number} AS TEXT)"
    rows = tx.all(
        "SELECT month, currency, sum(own) AS charges, sum(energy_wh) AS energy_wh, sum(net_minor) AS net_minor, sum(tax_minor) AS tax_minor,"  # noqa: S608
        f" sum(total_minor) AS total_minor FROM (SELECT CASE{which} END AS month, currency,"
        " CASE WHEN kind = 'charge' THEN 1 ELSE 0 END AS own, energy_wh,"
        f" {', '.join(f'{sql.format(str())} AS {name}' for name, sql in _LESS.items())}"
        " FROM bills WHERE tenant = :tenant AND driver_id = :driver_id AND state = 'SETTLED' AND ended_at >= :from_at) AS told"
        " GROUP BY month, currency ORDER BY month DESC, currency",
        **values,
    )
    return [SpendingMonth(**_whole(row)) for row in rows]


def owed(tx: ReadTx, driver_id: int) -> list[Owed]:
    """What a driver owes for charges, per currency."""
    rows = tx.all(
        "SELECT currency, sum(open_minor) AS open_minor, count(*) AS bills FROM bills"
        " WHERE tenant = :tenant AND driver_id = :driver_id AND open_minor > 0 GROUP BY currency ORDER BY currency",
        driver_id=driver_id,
    )
    return [Owed(currency=row["currency"], open_minor=int(row["open_minor"]), bills=int(row["bills"])) for row in rows]
