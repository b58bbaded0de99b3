"""SQL of the rolled-up counts: adding to them, and reading sums."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.analytics.model import Counted, Part
from csms.domain.analytics.periods import DAY, MONTH, Hour, month_of

COUNTS = (
    "starts",
    "refused",
    "transactions",
    "energy_wh",
    "charging_ms",
    "faults",
    "disconnects",
    "down_ms",
    "excluded_ms",
    "drivers",
    "new_drivers",
)

_ADD = f"""
INSERT INTO analytics_counts (tenant, period, scope, subject, begins, {", ".join(COUNTS)})
VALUES (:tenant, :period, :scope, :subject, :begins, {", ".join(f":{name}" for name in COUNTS)})
ON CONFLICT (tenant, period, scope, subject, begins) DO UPDATE SET
    {", ".join(f"{name} = analytics_counts.{name} + excluded.{name}" for name in COUNTS)}"""  # noqa: S608 (names from above)


class Tally:
    """Counts that belong together, gathered before they are added: one row per period and subject."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str, str], dict[str, int]] = {}

    def add(self, day: str, subjects: Iterable[tuple[str, str]], **counts: int) -> None:
        """Count for a day and its month, for each ``(scope, subject)``."""
        for scope, subject in subjects:
            for period, begins in ((DAY, day), (MONTH, month_of(day))):
                row = self._rows.setdefault((period, scope, subject, begins), dict.fromkeys(COUNTS, 0))
                for name, count in counts.items():
                    row[name] += count

    def add_drivers(self, begins: Mapping[str, str], **counts: int) -> None:
        """Count drivers of the tenant, for periods by their first days: ``drivers``, or ``new_drivers``."""
        for period, first in begins.items():
            row = self._rows.setdefault((period, "tenant", "", first), dict.fromkeys(COUNTS, 0))
            for name, count in counts.items():
                row[name] += count

    def write(self, tx: Tx) -> None:
        """Add what was gathered to the store."""
        rows = [
            {"period": period, "scope": scope, "subject": subject, "begins": begins, **counts}
            for (period, scope, subject, begins), counts in sorted(self._rows.items())
            if any(counts.values())
        ]
        tx.many(_ADD, rows)


_ADD_HOUR = """
INSERT INTO analytics_hours (tenant, scope, subject, begins, weekday, hour, starts, charging_ms)
VALUES (:tenant, :scope, :subject, :begins, :weekday, :hour, :starts, :charging_ms)
ON CONFLICT (tenant, scope, subject, begins, weekday, hour) DO UPDATE SET
    starts = analytics_hours.starts + excluded.starts, charging_ms = analytics_hours.charging_ms + excluded.charging_ms"""


def add_hours(tx: Tx, hours: Mapping[Hour, tuple[int, int]], subjects: Sequence[tuple[str, str]]) -> None:
    """Add ``(starts, charging_ms)`` to hours of the week."""
    tx.many(
        _ADD_HOUR,
        [
            {
                "scope": scope,
                "subject": subject,
                "begins": hour.month,
                "weekday": hour.weekday,
                "hour": hour.hour,
                "starts": starts,
                "charging_ms": charging_ms,
            }
            for scope, subject in subjects
            for hour, (starts, charging_ms) in hours.items()
            if starts or charging_ms
        ],
    )


_OF_DRIVER = "FROM analytics_drivers WHERE tenant = :tenant AND period = :period AND begins = :begins AND driver_id = :driver_id"
_ADD_DRIVER = """
INSERT INTO analytics_drivers (tenant, period, begins, driver_id, transactions, energy_wh, charging_ms)
VALUES (:tenant, :period, :begins, :driver_id, :transactions, :energy_wh, :charging_ms)
ON CONFLICT (tenant, period, begins, driver_id) DO UPDATE SET
    transactions = analytics_drivers.transactions + excluded.transactions,
    energy_wh = analytics_drivers.energy_wh + excluded.energy_wh,
    charging_ms = analytics_drivers.charging_ms + excluded.charging_ms"""


def first_day(tx: ReadTx, driver_id: int) -> str | None:
    """The first day on which a driver charged."""
    found = tx.value(
        "SELECT min(begins) FROM analytics_drivers WHERE tenant = :tenant AND driver_id = :driver_id AND period = 'day'",
        driver_id=driver_id,
    )
    return None if found is None else str(found)


def add_driver(tx: Tx, driver_id: int, begins: Mapping[str, str], **counts: int) -> dict[str, int]:
    """Count for a driver, in periods by their first days: by period 1 where they are new in it, -1 where nothing is left of them."""
    changes = {}
    for period, first in begins.items():
        named = {"period": period, "begins": first, "driver_id": driver_id}
        known = tx.value(f"SELECT transactions {_OF_DRIVER}", **named) or 0
        tx.run(_ADD_DRIVER, **named, **counts)
        changes[period] = int(known + counts["transactions"] > 0) - int(known > 0)
        if known + counts["transactions"] <= 0:
            tx.run(f"DELETE {_OF_DRIVER}", **named)
    return changes


def counted(tx: ReadTx, transaction_id: int) -> Counted | None:
    """What was counted of a transaction."""
    row = tx.one(
        "SELECT transaction_id, charger_id, station_id, evse, driver_id, refused, started_at, ended_at, energy_wh, zone"
        " FROM analytics_transactions WHERE transaction_id = :transaction_id AND tenant = :tenant",
        transaction_id=transaction_id,
    )
    return None if row is None else Counted(**{**row, "refused": bool(row["refused"])})


def save_counted(tx: Tx, known: Counted) -> None:
    """Remember what was counted."""
    tx.run(
        """
        INSERT INTO analytics_transactions (transaction_id, tenant, charger_id, station_id, evse, driver_id, refused, started_at,
            ended_at, energy_wh, zone)
        VALUES (:transaction_id, :tenant, :charger_id, :station_id, :evse, :driver_id, :refused, :started_at, :ended_at, :energy_wh,
            :zone)
        ON CONFLICT (transaction_id) DO UPDATE SET station_id = excluded.station_id, evse = excluded.evse,
            driver_id = excluded.driver_id, refused = excluded.refused, started_at = excluded.started_at,
            ended_at = excluded.ended_at, energy_wh = excluded.energy_wh, zone = excluded.zone""",
        transaction_id=known.transaction_id,
        charger_id=known.charger_id,
        station_id=known.station_id,
        evse=known.evse,
        driver_id=known.driver_id,
        refused=int(known.refused),
        started_at=known.started_at,
        ended_at=known.ended_at,
        energy_wh=known.energy_wh,
        zone=known.zone,
    )


# --- reading --------------------------------------------------------------------------------------------------------------------

ROWS_PER_DRIVER = 3
"""From so many rows for each driver on it takes longer to look through the rows than to look for each driver."""
_SUMS = ", ".join(f"sum({name}) AS {name}" for name in COUNTS)


def series(tx: ReadTx, period: str, scope: str, subject: str, from_day: str, until_day: str) -> Sequence[Row]:
    """The counts of one subject, by day or by month."""
    return tx.remembered(
        f"SELECT begins, {', '.join(COUNTS)} FROM analytics_counts"  # noqa: S608 (names from above)
        " WHERE tenant = :tenant AND period = :period AND scope = :scope AND subject = :subject"
        " AND begins >= :from_day AND begins <= :until_day ORDER BY begins",
        tuple,
        period=period,
        scope=scope,
        subject=subject,
        from_day=from_day,
        until_day=until_day,
    )


def sums(tx: ReadTx, scope: str, parts: Sequence[Part]) -> dict[str, dict[str, Any]]:
    """The sums of every subject of a scope over ``parts``, by subject."""
    found: dict[str, dict[str, Any]] = {}
    for sign, period, first, last in parts:
        rows = tx.all(
            f"SELECT subject, {_SUMS} FROM analytics_counts"  # noqa: S608 (names from above)
            " WHERE tenant = :tenant AND period = :period AND scope = :scope AND begins >= :first AND begins <= :last GROUP BY subject",
            period=period,
            scope=scope,
            first=first,
            last=last,
        )
        for row in rows:
            known = found.setdefault(row["subject"], dict.fromkeys(COUNTS, 0))
            for name in COUNTS:
                known[name] += sign * int(row[name] or 0)
    return found


def down(tx: ReadTx, parts: Sequence[Part]) -> dict[str, tuple[int, int]]:
    """How long each port was down over ``parts``, and how much of that is excluded; what is over alone."""
    found: dict[str, tuple[int, int]] = {}
    for sign, period, first, last in parts:
        rows = tx.all(
            "SELECT subject, sum(down_ms) AS down_ms, sum(excluded_ms) AS excluded_ms FROM analytics_counts"
            " WHERE tenant = :tenant AND period = :period AND scope = 'port' AND down_ms > 0 AND begins >= :first AND begins <= :last"
            " GROUP BY subject",
            period=period,
            first=first,
            last=last,
        )
        for row in rows:
            known = found.get(row["subject"], (0, 0))
            found[row["subject"]] = known[0] + sign * int(row["down_ms"]), known[1] + sign * int(row["excluded_ms"])
    return found


_IN_PART = "tenant = :tenant AND period = :period_{0} AND begins >= :first_{0} AND begins <= :last_{0}"


def different_drivers(tx: ReadTx, stretches: Sequence[tuple[str, str, str]], charged: int) -> int:
    """How many different drivers charged in these stretches.

    ``charged`` is how many there are when those of each day and month are added up, which is how many rows tell of them. Of a long time
    these are many times as many as there are drivers: then each driver is looked for, which mostly ends at the first month.
    """
    parts = sorted(stretches, key=lambda each: each[0] != MONTH)
    named: dict[str, Any] = {}
    for number, (period, first, last) in enumerate(parts):
        named |= {f"period_{number}": period, f"first_{number}": first, f"last_{number}": last}
    conditions = [_IN_PART.format(number) for number in range(len(parts))]
    if charged > ROWS_PER_DRIVER * tx.count("SELECT count(*) FROM drivers WHERE tenant = :tenant"):
        looked = [f"EXISTS (SELECT 1 FROM analytics_drivers WHERE {each} AND driver_id = d.id)" for each in conditions]  # noqa: S608
        text = f"SELECT count(*) FROM drivers d WHERE tenant = :tenant AND ({' OR '.join(looked)})"  # noqa: S608 (our own text)
    else:
        text = f"SELECT count(DISTINCT driver_id) FROM analytics_drivers WHERE ({') OR ('.join(conditions)})"  # noqa: S608
    return tx.count(text, **named)


def hours(tx: ReadTx, scope: str, subject: str, first: str, last: str) -> Sequence[Row]:
    """Hours of the week over months."""
    return tx.remembered(
        "SELECT weekday, hour, sum(starts) AS starts, sum(charging_ms) AS charging_ms"
        " FROM analytics_hours"
        " WHERE tenant = :tenant AND scope = :scope AND subject = :subject AND begins >= :first AND begins <= :last"
        " GROUP BY weekday, hour",
        tuple,
        scope=scope,
        subject=subject,
        first=first,
        last=last,
    )


MOST_CHARGES = 2000


def charges_of(tx: ReadTx, driver_id: int) -> Sequence[Row]:
    """The newest charges of a driver that ended."""
    return tx.all(
        "SELECT station_id, started_at, ended_at, energy_wh FROM analytics_transactions"
        " WHERE tenant = :tenant AND driver_id = :driver_id AND ended_at IS NOT NULL AND refused = 0"
        " ORDER BY started_at DESC LIMIT :most",
        driver_id=driver_id,
        most=MOST_CHARGES,
    )


def months_of(tx: ReadTx, driver_id: int) -> Sequence[Row]:
    """The months of a driver, the newest first."""
    return tx.all(
        "SELECT begins, transactions, energy_wh, charging_ms FROM analytics_drivers"
        " WHERE tenant = :tenant AND driver_id = :driver_id AND period = 'month' ORDER BY begins DESC",
        driver_id=driver_id,
    )
