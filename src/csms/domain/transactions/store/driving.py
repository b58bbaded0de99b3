"""A driver's transactions: summed up, and as entries of a timeline."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx
from csms.domain.drivers.model import Activity, ActivitySpan
from csms.domain.listing import within
from csms.domain.transactions.model import DriverTotals

from .lists import BEGUN, order

_TOTALS = f"""
SELECT count(*) AS transactions, COALESCE(sum(CASE WHEN t.closed_at IS NULL THEN 1 ELSE 0 END), 0) AS charging_now,
    COALESCE(sum(t.energy_wh), 0) AS energy_wh,
    COALESCE(sum(CASE WHEN t.stopped_at > t.started_at THEN t.stopped_at - t.started_at ELSE 0 END), 0) AS duration_ms,
    count(DISTINCT t.station_id) AS stations, min({BEGUN}) AS first_at, max({BEGUN}) AS last_at
FROM transactions t WHERE t.tenant = :tenant AND t.driver_id = :driver_id AND t.started_at IS NOT NULL"""  # noqa: S608 - our own words


def totals(tx: ReadTx, driver_id: int) -> DriverTotals:
    """What a driver charged so far."""
    row = tx.one(_TOTALS, driver_id=driver_id)
    assert row is not None
    facts = {name: None if value is None else int(value) for name, value in row.items()}
    duration_ms = facts.pop("duration_ms") or 0
    return DriverTotals(duration_s=duration_ms // 1000, **facts)  # type: ignore[arg-type]  # only first_at and last_at may be None


_CHARGES = f"""
SELECT t.id, {BEGUN} AS at, t.state, t.station_id, s.name AS station_name, t.charger_id, t.energy_wh, t.last_meter_wh, t.meter_start_wh,
    t.closed_at, t.started_at, t.stopped_at
FROM transactions t LEFT JOIN stations s ON s.id = t.station_id
WHERE t.tenant = :tenant AND t.driver_id = :driver_id"""  # noqa: S608 - our own words


def charges(tx: ReadTx, driver_id: int, span: ActivitySpan) -> Sequence[Activity]:
    """An ``ActivitySource``: what a driver charged."""
    bounds, values = within(BEGUN, "t.id", span.way, from_at=span.from_at, to_at=span.to_at, seen=span.seen)
    sql = " AND ".join((_CHARGES, *bounds))
    rows = tx.all(f"{sql} {order(span.way)} LIMIT :limit", driver_id=driver_id, limit=span.limit, **values)
    found = []
    for row in rows:
        energy_wh = row["energy_wh"]
        if row["closed_at"] is None and row["last_meter_wh"] is not None and row["meter_start_wh"] is not None:
            energy_wh = max(0, row["last_meter_wh"] - row["meter_start_wh"])
        begin, end = row["started_at"], row["stopped_at"]
        found.append(
            Activity(
                kind="charge",
                id=row["id"],
                at=row["at"],
                title=row["station_name"] or row["charger_id"],
                state=row["state"],
                station_id=row["station_id"],
                station_name=row["station_name"],
                charger_id=row["charger_id"],
                energy_wh=energy_wh,
                duration_s=None if begin is None or end is None else max(0, end - begin) // 1000,
            )
        )
    return found
