"""SQL of revenue: what bills brought, each currency apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.analytics.model import Part
from csms.domain.analytics.periods import DAY, MONTH, Hour, month_of

Subjects = Sequence[tuple[str, str]]


def add_bill(tx: Tx, bill_id: int, *, driver_id: int | None, month: str, currency: str, revenue_minor: int) -> bool:
    """Remember what a bill brought; False where it was counted before."""
    touched = tx.run(
        "INSERT INTO analytics_bills (bill_id, tenant, driver_id, month, currency, revenue_minor)"
        " VALUES (:bill_id, :tenant, :driver_id, :month, :currency, :revenue_minor) ON CONFLICT DO NOTHING",
        bill_id=bill_id,
        driver_id=driver_id,
        month=month,
        currency=currency,
        revenue_minor=revenue_minor,
    )
    return touched == 1


def recount_bill(tx: Tx, bill_id: int, revenue_minor: int) -> int:
    """A counted bill brought so much in all: by how much that is more than was counted of it."""
    known = tx.value("SELECT revenue_minor FROM analytics_bills WHERE tenant = :tenant AND bill_id = :bill_id", bill_id=bill_id)
    if known is None or known == revenue_minor:
        return 0
    tx.run(
        "UPDATE analytics_bills SET revenue_minor = :revenue_minor WHERE tenant = :tenant AND bill_id = :bill_id",
        bill_id=bill_id,
        revenue_minor=revenue_minor,
    )
    return int(revenue_minor - known)


_ADD = """
INSERT INTO analytics_revenue (tenant, currency, period, scope, subject, begins, revenue_minor)
VALUES (:tenant, :currency, :period, :scope, :subject, :begins, :revenue_minor)
ON CONFLICT (tenant, currency, period, scope, subject, begins) DO UPDATE SET
    revenue_minor = analytics_revenue.revenue_minor + excluded.revenue_minor"""

_ADD_HOUR = """
INSERT INTO analytics_hour_revenue (tenant, currency, scope, subject, begins, weekday, hour, revenue_minor)
VALUES (:tenant, :currency, :scope, :subject, :begins, :weekday, :hour, :revenue_minor)
ON CONFLICT (tenant, currency, scope, subject, begins, weekday, hour) DO UPDATE SET
    revenue_minor = analytics_hour_revenue.revenue_minor + excluded.revenue_minor"""


def add(tx: Tx, day: str, subjects: Subjects, currency: str, revenue_minor: int) -> None:
    """Add revenue to a day and its month."""
    tx.many(
        _ADD,
        [
            {
                "currency": currency,
                "period": period,
                "scope": scope,
                "subject": subject,
                "begins": begins,
                "revenue_minor": revenue_minor,
            }
            for scope, subject in subjects
            for period, begins in ((DAY, day), (MONTH, month_of(day)))
        ],
    )


def add_hour(tx: Tx, hour: Hour, subjects: Subjects, currency: str, revenue_minor: int) -> None:
    """Add revenue to an hour of the week."""
    tx.many(
        _ADD_HOUR,
        [
            {
                "currency": currency,
                "scope": scope,
                "subject": subject,
                "begins": hour.month,
                "weekday": hour.weekday,
                "hour": hour.hour,
                "revenue_minor": revenue_minor,
            }
            for scope, subject in subjects
        ],
    )


# --- reading --------------------------------------------------------------------------------------------------------------------


def currency_of_revenue(tx: ReadTx) -> str:
    """The currency of the newest bill that was counted, ``""`` while nothing is billed."""
    found = tx.value("SELECT currency FROM analytics_bills WHERE tenant = :tenant ORDER BY bill_id DESC LIMIT 1")
    return "" if found is None else str(found)


def series(tx: ReadTx, currency: str, period: str, scope: str, subject: str, first: str, last: str) -> dict[str, int]:
    """The revenue of one subject, by the first day of the day or month."""
    rows = tx.all(
        "SELECT begins, revenue_minor FROM analytics_revenue WHERE tenant = :tenant AND currency = :currency AND period = :period"
        " AND scope = :scope AND subject = :subject AND begins >= :first AND begins <= :last",
        currency=currency,
        period=period,
        scope=scope,
        subject=subject,
        first=first,
        last=last,
    )
    return {row["begins"]: int(row["revenue_minor"]) for row in rows}


def sums(tx: ReadTx, currency: str, scope: str, parts: Sequence[Part]) -> dict[str, int]:
    """The revenue of every subject of a scope over ``parts``, by subject."""
    found: dict[str, int] = {}
    for sign, period, first, last in parts:
        rows = tx.all(
            "SELECT subject, sum(revenue_minor) AS revenue FROM analytics_revenue WHERE tenant = :tenant AND currency = :currency"
            " AND period = :period AND scope = :scope AND begins >= :first AND begins <= :last GROUP BY subject",
            currency=currency,
            period=period,
            scope=scope,
            first=first,
            last=last,
        )
        for row in rows:
            found[row["subject"]] = found.get(row["subject"], 0) + sign * int(row["revenue"])
    return found


def hours(tx: ReadTx, currency: str, scope: str, subject: str, first: str, last: str) -> Sequence[Row]:
    """The revenue of hours of the week over months."""
    return tx.remembered(
        "SELECT weekday, hour, sum(revenue_minor) AS revenue_minor FROM analytics_hour_revenue WHERE tenant = :tenant"
        " AND currency = :currency AND scope = :scope AND subject = :subject AND begins >= :first AND begins <= :last"
        " GROUP BY weekday, hour",
        tuple,
        currency=currency,
        scope=scope,
        subject=subject,
        first=first,
        last=last,
    )


def of_driver(tx: ReadTx, driver_id: int, currency: str) -> Mapping[str, int]:
    """What the charges of a driver brought, by the first day of the month."""
    rows = tx.all(
        "SELECT month, sum(revenue_minor) AS revenue FROM analytics_bills"
        " WHERE tenant = :tenant AND driver_id = :driver_id AND currency = :currency GROUP BY month",
        driver_id=driver_id,
        currency=currency,
    )
    return {row["month"]: int(row["revenue"]) for row in rows}
