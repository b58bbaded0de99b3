"""A first guess at which ports will fail next: how often they were at fault, offline, down, or weaker than they used to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from math import exp, prod
from typing import Any

import attrs

from csms.core.paging import Page, Paged, filter_by, sorts
from csms.core.ports import ReadTx, Row
from csms.domain.analytics.periods import day_of
from csms.domain.analytics.service.counting import time_zone
from csms.domain.analytics.store import uptime

DAYS = 30
"""How far back one looks; what was usual is taken from the 90 days before that."""
BEFORE_DAYS = 90
USUAL_FAULTS = 5.0
USUAL_DISCONNECTS = 30.0
"""With so many in ``DAYS`` the risk is 63 percent."""
WEAK = 0.8
"""The share of its usual power below which a port counts as weak."""
ENOUGH = 5
"""Transactions that it takes, then and now, to speak of a port's power."""
DAY_MS = 86_400_000
GOOD, WATCH, POOR = "good", "watch", "poor"


@attrs.frozen(slots=True, kw_only=True)
class PortHealth:
    """How likely a port goes on working: ``score`` 100 is nothing to be seen, 0 certain trouble; ``reasons`` says why, worst first."""

    charger_id: str
    evse: int
    score: int
    level: str
    reasons: Sequence[str]
    faults: int
    disconnects: int
    down_percent: float
    power_w: int | None
    usual_power_w: int | None


@attrs.frozen(slots=True, kw_only=True)
class HealthQuery(Paged):
    """Which ports, the worst first unless asked otherwise."""

    station_id: int | None = filter_by("of one station")
    level: str | None = filter_by("good, watch or poor")
    sort: str = sorts("score", default="score")


@attrs.frozen(slots=True)
class Signs:
    """What was counted of one port."""

    faults: int
    disconnects: int
    down_share: float
    power_w: float | None
    usual_power_w: float | None


def judged(charger_id: str, evse: int, signs: Signs) -> PortHealth:
    """A score out of signs. Each sign is a risk by itself; together they are the risk that any of them comes true."""
    risks: list[tuple[float, str]] = []
    if signs.faults:
        risks.append((1 - exp(-signs.faults / USUAL_FAULTS), f"{signs.faults} faults in {DAYS} days"))
    if signs.disconnects:
        risks.append(
            (
                1 - exp(-signs.disconnects / USUAL_DISCONNECTS),
                f"its charger lost its connection {signs.disconnects} times in {DAYS} days",
            )
        )
    if signs.down_share > 0.01:
        risks.append((min(0.9, signs.down_share * 3), f"it was down {100 * signs.down_share:.1f} % of the time"))
    if signs.power_w is not None and signs.usual_power_w:
        share = signs.power_w / signs.usual_power_w
        if share < WEAK:
            words = f"it gives {signs.power_w / 1000:.1f} kW on average, where {signs.usual_power_w / 1000:.1f} kW was usual"
            risks.append((min(0.9, (WEAK - share) / WEAK + 0.2), words))
    score = round(100 * prod(1 - risk for risk, _ in risks))
    return PortHealth(
        charger_id=charger_id,
        evse=evse,
        score=score,
        level=GOOD if score >= 80 else WATCH if score >= 50 else POOR,
        reasons=[words for _, words in sorted(risks, key=lambda each: -each[0])],
        faults=signs.faults,
        disconnects=signs.disconnects,
        down_percent=round(100 * signs.down_share, 3),
        power_w=None if signs.power_w is None else round(signs.power_w),
        usual_power_w=None if signs.usual_power_w is None else round(signs.usual_power_w),
    )


_COUNTS = """
SELECT subject, sum(faults) AS faults, sum(disconnects) AS disconnects, sum(transactions) AS transactions, sum(energy_wh) AS energy_wh,
    sum(charging_ms) AS charging_ms
FROM analytics_counts
WHERE tenant = :tenant AND period = 'day' AND scope = :scope AND begins >= :first AND begins < :after {of_one} GROUP BY subject"""
_OF_PORTS = "AND subject >= :prefix AND subject < :past"
_OF_CHARGER = "AND subject = :charger_id"


def _counts(tx: ReadTx, scope: str, first: str, after: str, charger_id: str | None) -> dict[str, Row]:
    named: dict[str, Any] = {"scope": scope, "first": first, "after": after}
    text = ""
    if charger_id is not None and scope == "port":
        text = _OF_PORTS
        named |= {"prefix": f"{charger_id}/", "past": f"{charger_id}0"}  # "0" follows "/"
    elif charger_id is not None:
        text = _OF_CHARGER
        named["charger_id"] = charger_id
    return {row["subject"]: row for row in tx.all(_COUNTS.format(of_one=text), **named)}


def _power_w(row: Mapping[str, Any] | None) -> float | None:
    if row is None or int(row["transactions"] or 0) < ENOUGH or not row["charging_ms"]:
        return None
    return float(row["energy_wh"]) * 3_600_000 / float(row["charging_ms"])


def scores(
    tx: ReadTx, *, station_id: int | None = None, charger_id: str | None = None, stations: frozenset[int] | None = None
) -> list[PortHealth]:
    """The score of every port of the tenant, of a station or of a charger. Five statements, however many ports."""
    today = date.fromisoformat(day_of(tx.now, time_zone(tx)))
    tomorrow = (today + timedelta(days=1)).isoformat()
    recent = (today - timedelta(days=DAYS)).isoformat()
    before = (today - timedelta(days=DAYS + BEFORE_DAYS)).isoformat()
    ports = uptime.ports(tx, station_id, charger_id, stations)
    now_ports = _counts(tx, "port", recent, tomorrow, charger_id)
    usual_ports = _counts(tx, "port", before, recent, charger_id)
    now_chargers = _counts(tx, "charger", recent, tomorrow, charger_id)
    from_at = tx.now - DAYS * DAY_MS
    down = uptime.down(tx, from_at, tx.now)
    found = []
    for port in ports:
        subject = f"{port.charger_id}/{port.evse}"
        begin = max(from_at, port.known_since_at)
        down_ms = down.get((port.charger_id, port.evse), 0)
        if port.down_since_at is not None:
            down_ms += tx.now - max(begin, port.down_since_at)
        mine, charger = now_ports.get(subject), now_chargers.get(port.charger_id)
        signs = Signs(
            faults=int(mine["faults"]) if mine is not None else 0,
            disconnects=int(charger["disconnects"]) if charger is not None else 0,
            down_share=down_ms / (tx.now - begin) if tx.now > begin else 0.0,
            power_w=_power_w(mine),
            usual_power_w=_power_w(usual_ports.get(subject)),
        )
        found.append(judged(port.charger_id, port.evse, signs))
    return found


def page(tx: ReadTx, query: HealthQuery, stations: frozenset[int] | None) -> Page[PortHealth]:
    """Ports by their score, without those of chargers that were removed."""
    word = (query.search or "").strip().casefold()
    gone = {row["id"] for row in tx.all("SELECT id FROM chargers WHERE tenant = :tenant AND removed_at IS NOT NULL")}
    found = [
        each
        for each in scores(tx, station_id=query.station_id, stations=stations)
        if each.charger_id not in gone and (query.level is None or each.level == query.level) and word in each.charger_id.casefold()
    ]
    found.sort(key=lambda each: (each.score, each.charger_id, each.evse), reverse=query.sort.startswith("-"))
    skipped = (query.page - 1) * query.limit
    return Page(items=found[skipped : skipped + query.limit], page=query.page, limit=query.limit, total=len(found))
