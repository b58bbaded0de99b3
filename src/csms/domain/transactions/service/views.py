"""Transactions, charts and quarantined messages as the management API shows them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import attrs
import msgspec

from csms.core.errors import NotFound
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.transactions.charting import lines, thinned
from csms.domain.transactions.model import (
    MEASURANDS,
    LateStop,
    Quarantined,
    QuarantineDetail,
    QuarantineItem,
    ReadingItem,
    ReadingsQuery,
    Series,
    SeriesLine,
    SeriesPoint,
    SeriesQuery,
    TransactionDetail,
    TransactionItem,
)
from csms.domain.transactions.store import audit, lists, series

from .quarantine import quarantined_detail

Stations = Collection[int] | None
"""The stations that somebody may see; None is all."""


def need_item(tx: ReadTx, transaction_id: int, stations: Stations = None, driver_id: int | None = None) -> TransactionItem:
    """A transaction that somebody may see: at their stations, or their own. Raises ``NotFound``."""
    found = lists.one(tx, transaction_id)
    hidden = found is not None and stations is not None and found.station_id not in stations
    if found is None or hidden or driver_id not in (None, found.driver_id):
        raise NotFound(f"there is no transaction {transaction_id}")
    return found


def detail(tx: ReadTx, transaction_id: int, stations: Stations = None, driver_id: int | None = None) -> TransactionDetail:
    """A transaction with what belongs to it, but for its cost. Raises ``NotFound``."""
    known = need_item(tx, transaction_id, stations, driver_id)
    last = series.latest(tx, transaction_id)
    stop = audit.stop_of(tx, transaction_id)
    late = [
        LateStop(**{field.name: row[field.name] for field in attrs.fields(LateStop)})
        for row in audit.late_stops(tx, transaction_id)
    ]
    facts = {field.name: getattr(known, field.name) for field in attrs.fields(TransactionItem)}
    return TransactionDetail(
        **facts,
        power_w=None if last is None else last["power_w"],
        soc_percent=None if last is None else last["soc_percent"],
        measured_at=None if last is None else last["sampled_at"],
        late_stops=late,
        found_stop_id=None if stop is None else stop.id,
    )


def readings_of(
    tx: ReadTx, transaction_id: int, query: ReadingsQuery, stations: Stations = None, driver_id: int | None = None
) -> Stretch[ReadingItem]:
    """What was measured in a transaction, the newest first. Raises ``NotFound``, or ``Invalid`` for the cursor."""
    need_item(tx, transaction_id, stations, driver_id)
    return series.stretch(tx, transaction_id, query)


def chart(tx: ReadTx, transaction_id: int, query: SeriesQuery, stations: Stations = None, driver_id: int | None = None) -> Series:
    """The lines of one measurand. Raises ``NotFound``."""
    known = need_item(tx, transaction_id, stations, driver_id)
    found, some = series.values(tx, transaction_id, query.measurand)
    if query.measurand in series.VALUES:
        base = (known.meter_start_wh or 0) if query.measurand == "energy" else 0
        by_phase = {"": list({at: float(value - base) for at, value in found}.items())} if found else {}
    else:
        by_phase = lines(query.measurand, found)
    drawn = [
        SeriesLine(phase=phase, points=[SeriesPoint(at=at, value=value) for at, value in thinned(points, query.points)])
        for phase, points in by_phase.items()
    ]
    return Series(
        transaction_id=transaction_id, measurand=query.measurand, unit=MEASURANDS[query.measurand], thinned=some, lines=drawn
    )


# --- quarantine -----------------------------------------------------------------------------------------------------------------


def _facts(message: Quarantined) -> dict[str, Any]:
    facts = attrs.asdict(message)
    return facts | {"message": msgspec.json.decode(facts.pop("report"))}


def quarantine_item(message: Quarantined) -> QuarantineItem:
    """A quarantined message as lists show it."""
    return QuarantineItem(**_facts(message))


def need_quarantined(tx: ReadTx, quarantine_id: int, stations: Stations = None) -> QuarantineDetail:
    """A quarantined message of a charger that somebody may see, with the transactions that it may be of. Raises ``NotFound``."""
    if not audit.visible(tx, quarantine_id, stations):
        raise NotFound(f"there is no quarantined message {quarantine_id}")
    found = quarantined_detail(tx, quarantine_id)
    shown = (lists.one(tx, each.id) for each in found.candidates)
    seen = [each for each in shown if each is not None and (stations is None or each.station_id in stations)]
    return QuarantineDetail(**_facts(found.message), candidates=seen)
