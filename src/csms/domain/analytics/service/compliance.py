"""Ports against a required uptime, and their outages."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ports import ReadTx
from csms.domain.analytics.model import ComplianceQuery, ComplianceReport, Interval, Outage, PeriodQuery, PortUptime, port
from csms.domain.analytics.store import counts
from csms.domain.analytics.store import uptime as store
from csms.domain.stations.service import need_charger

from .excluding import of_text
from .figures import stretch_of
from .uptime import NO_TIME, Time, by_port, lives


def report(tx: ReadTx, query: ComplianceQuery, stations: frozenset[int] | None = None) -> ComplianceReport:
    """The uptime of every port in a stretch of days, the worst first."""
    stretch = stretch_of(tx, query)
    from_at, until_at = stretch.from_at, min(stretch.until_at, tx.now)
    ports = lives(tx, from_at, station_id=query.station_id, charger_id=query.charger_id, stations=stations)
    over = counts.down(tx, stretch.sums)
    items = []
    whole = NO_TIME
    for (charger_id, evse), going_on in by_port(ports, from_at, until_at).items():
        time = going_on + Time(0, *over.get(port(charger_id, evse), (0, 0)))
        whole += attrs.evolve(time, down_ms=time.lost_ms, excluded_ms=0)
        items.append(
            PortUptime(
                charger_id=charger_id,
                evse=evse,
                in_service_ms=time.known_ms,
                down_ms=time.down_ms,
                excluded_ms=time.excluded_ms,
                uptime_percent=100.0 if time.uptime_percent is None else time.uptime_percent,
                compliant=time.complies(query.required_percent),
            )
        )
    items.sort(key=lambda each: (each.uptime_percent, each.charger_id, each.evse))
    return ComplianceReport(
        from_day=stretch.from_day,
        until_day=stretch.until_day,
        required_percent=query.required_percent,
        ports=len(items),
        compliant=sum(each.compliant for each in items),
        uptime_percent=whole.uptime_percent,
        items=items,
    )


def outages(tx: ReadTx, charger_id: str, query: PeriodQuery) -> list[Outage]:
    """When the ports of a charger were down, the oldest first; those that go on are at the end. Raises ``NotFound``."""
    need_charger(tx, charger_id)
    stretch = stretch_of(tx, query)
    known = [
        Outage(**{name: row[name] for name in row if name != "excluded"}, excluded_ms=_sum_ms(of_text(row["excluded"])))
        for row in store.outages_of(tx, charger_id, stretch.from_at, stretch.until_at)
    ]
    excluded = {each.evse: _sum_ms(each.excluded) for each in lives(tx, 0, charger_id=charger_id)}
    now = [
        Outage(
            charger_id=charger_id,
            evse=each.evse,
            from_at=each.down_since_at,
            until_at=None,
            why=each.why,
            excluded_ms=excluded.get(each.evse, 0),
        )
        for each in store.ports_of(tx, charger_id)
        if each.down_since_at is not None and each.down_since_at < stretch.until_at
    ]
    return [*known, *now]


def _sum_ms(parts: Sequence[Interval]) -> int:
    return sum(until_at - from_at for from_at, until_at in parts)
