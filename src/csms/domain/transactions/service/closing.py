"""How transactions end: reckoning their energy, estimating a stop that nobody reported, and making room for the next start."""

from __future__ import annotations

import attrs

from csms.core.ports import Tx
from csms.domain.transactions.measuring import energy_between
from csms.domain.transactions.model import COMPLETED, ESTIMATED, NEXT_START, REPORTED, Transaction
from csms.domain.transactions.store import readings, rows

from .bounds import said
from .telling import put


def settle(tx: Tx, subject: Transaction) -> Transaction:
    """The transaction with what follows from its meter values: a start that nobody told, and once it has ended its stop and energy.

    Until the charger reports the stop, the last known meter value stands in for it. A stop before the start is moved to the last
    known moment; what the charger said stays in ``stopped_at_raw``.
    """
    if subject.meter_start_wh is None and subject.last_meter_wh is not None:
        subject = attrs.evolve(subject, meter_start_wh=readings.first(tx, subject.id))
    if subject.state != COMPLETED:
        return subject
    if subject.stop_source != REPORTED:
        known = subject.last_meter_wh if subject.last_meter_wh is not None else subject.meter_start_wh
        subject = attrs.evolve(subject, stopped_at=subject.last_known_at, meter_stop_wh=known)
    elif subject.meter_stop_wh is None:
        subject = attrs.evolve(subject, meter_stop_wh=subject.last_meter_wh)
    stopped_at = subject.stopped_at or 0
    if subject.started_at is not None and stopped_at < subject.started_at:
        stopped_at = max(subject.started_at, subject.last_meter_at or 0)
        raw = subject.stopped_at_raw or said(subject.stopped_at or 0)
        subject = attrs.evolve(subject, stopped_at=stopped_at, stopped_at_raw=raw)
    last = subject.last_meter_wh if (subject.last_meter_at or 0) <= stopped_at else None
    energy_wh, basis = energy_between(
        subject.meter_start_wh, subject.meter_stop_wh, last, lambda: readings.registers(tx, subject.id, until=stopped_at)
    )
    return attrs.evolve(subject, energy_wh=energy_wh, energy_basis=basis)


def estimate(tx: Tx, subject: Transaction, *, reason: str, source: str = ESTIMATED, note: str = "") -> Transaction:
    """End a transaction without the charger's word, with the last that is known of it. Its reported stop may still come."""
    ended = attrs.evolve(subject, state=COMPLETED, stop_source=source, stop_reason=reason, note=note or subject.note)
    return put(tx, subject, settle(tx, ended))


def make_room(tx: Tx, charger_id: str, evse: int, *, besides: int, until: int | None = None) -> None:
    """End what still seems to go on at an EVSE, because the next transaction started there; ``until`` spares what started later."""
    if not evse:
        return
    for occupant in rows.open_at(tx, charger_id, evse):
        if occupant.id != besides and (until is None or (occupant.started_at or 0) <= until):
            estimate(tx, occupant, reason=NEXT_START)
