"""Uptime as regulators reckon it (23 CFR 680.116(b)): excluded time counts as up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csms.core.errors import Invalid, NotFound
from csms.core.ports import ReadTx, Tx
from csms.domain.analytics.model import (
    ComplianceQuery,
    ComplianceReport,
    Exclusion,
    NewExclusion,
    Outage,
    PeriodQuery,
    PortState,
    PortUptime,
    analytics_key,
)
from csms.domain.analytics.store import uptime as store
from csms.domain.stations.service import need_charger

from .figures import stretch_of

Interval = tuple[int, int]


def union(intervals: Sequence[Interval]) -> list[Interval]:
    """Intervals without overlaps, in order."""
    joined: list[Interval] = []
    for begin, end in sorted(intervals):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif begin < end:
            joined.append((begin, end))
    return joined


def overlap_ms(some: Sequence[Interval], others: Sequence[Interval]) -> int:
    """The time that both have; each must be a ``union``."""
    total, first, second = 0, 0, 0
    while first < len(some) and second < len(others):
        total += max(0, min(some[first][1], others[second][1]) - max(some[first][0], others[second][0]))
        if some[first][1] < others[second][1]:
            first += 1
        else:
            second += 1
    return total


def report(tx: ReadTx, query: ComplianceQuery, stations: frozenset[int] | None = None) -> ComplianceReport:
    """The uptime of every port in a stretch of days, the worst first."""
    stretch = stretch_of(tx, query)
    from_at, until_at = stretch.from_at, min(stretch.until_at, tx.now)
    ports = store.ports(tx, query.station_id, query.charger_id, stations)
    excluded = _by_charger(store.excluded_times(tx, from_at, until_at))
    outages = _by_charger(store.outages_of_excluded(tx, from_at, until_at)) if excluded else {}
    down = store.down(tx, from_at, until_at)
    items = [
        _uptime(
            each,
            from_at,
            until_at,
            down,
            excluded.get(each.charger_id, []),
            outages.get(each.charger_id, []),
            query.required_percent,
        )
        for each in ports
        if each.known_since_at < until_at
    ]
    items.sort(key=lambda each: (each.uptime_percent, each.charger_id, each.evse))
    service_ms = sum(each.in_service_ms for each in items)
    down_ms = sum(each.down_ms - each.excluded_ms for each in items)
    return ComplianceReport(
        from_day=stretch.from_day,
        until_day=stretch.until_day,
        required_percent=query.required_percent,
        ports=len(items),
        compliant=sum(each.compliant for each in items),
        uptime_percent=None if not service_ms else round(100 * (1 - down_ms / service_ms), 3),
        items=items,
    )


def _by_charger(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    grouped: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(row["charger_id"], []).append(row)
    return grouped


def _uptime(
    state: PortState,
    from_at: int,
    until_at: int,
    down: Mapping[tuple[str, int], int],
    excluded: Sequence[Mapping[str, Any]],
    outages: Sequence[Mapping[str, Any]],
    required_percent: float,
) -> PortUptime:
    begin = max(from_at, state.known_since_at)
    in_service_ms = max(0, until_at - begin)
    down_ms = down.get((state.charger_id, state.evse), 0)
    now_down: list[Interval] = []
    if state.down_since_at is not None and state.down_since_at < until_at:
        now_down = [(max(begin, state.down_since_at), until_at)]
        down_ms += now_down[0][1] - now_down[0][0]
    excluded_ms = 0
    if excluded:
        mine = [(row["from_at"], row["until_at"]) for row in outages if row["evse"] == state.evse]
        free = [(row["from_at"], row["until_at"]) for row in excluded if row["evse"] in (0, state.evse)]
        cut = [(max(begin, first), min(until_at, last)) for first, last in [*mine, *now_down]]
        excluded_ms = overlap_ms(union(cut), union(free))
    percent = 100.0 if not in_service_ms else round(100 * (1 - (down_ms - excluded_ms) / in_service_ms), 3)
    return PortUptime(
        charger_id=state.charger_id,
        evse=state.evse,
        in_service_ms=in_service_ms,
        down_ms=down_ms,
        excluded_ms=excluded_ms,
        uptime_percent=percent,
        compliant=percent >= required_percent,
    )


def outages(tx: ReadTx, charger_id: str, query: PeriodQuery) -> list[Outage]:
    """When the ports of a charger were down, the oldest first; those that go on are at the end. Raises ``NotFound``."""
    need_charger(tx, charger_id)
    stretch = stretch_of(tx, query)
    known = [Outage(**row) for row in store.outages_of(tx, charger_id, stretch.from_at, stretch.until_at)]
    now = [
        Outage(charger_id=charger_id, evse=each.evse, from_at=each.down_since_at, until_at=None, why=each.why)
        for each in store.ports_of(tx, charger_id)
        if each.down_since_at is not None and each.down_since_at < stretch.until_at
    ]
    return [*known, *now]


def exclude(tx: Tx, new: NewExclusion) -> Exclusion:
    """Exclude a time from what counts as down. Raises ``Invalid`` or ``NotFound``."""
    tx.claim(analytics_key(tx.tenant))
    need_charger(tx, new.charger_id)
    if new.from_at >= new.until_at:
        raise Invalid("until_at must be after from_at", field="until_at")
    return need_exclusion(tx, store.insert_exclusion(tx, new))


def need_exclusion(tx: ReadTx, exclusion_id: int) -> Exclusion:
    """One exclusion. Raises ``NotFound``."""
    found = store.exclusion(tx, exclusion_id)
    if found is None:
        raise NotFound(f"there is no exclusion {exclusion_id}")
    return found


def include(tx: Tx, exclusion_id: int) -> None:
    """Take an exclusion away. Raises ``NotFound``."""
    tx.claim(analytics_key(tx.tenant))
    if not store.delete_exclusion(tx, exclusion_id):
        raise NotFound(f"there is no exclusion {exclusion_id}")
