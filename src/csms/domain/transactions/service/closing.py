"""How transactions end: reckoning their energy, estimating a stop that nobody reported, and making room for the next start."""

from __future__ import annotations

import attrs

from csms.core.ports import Tx
from csms.domain.transactions.clocks import straightened
from csms.domain.transactions.measuring import energy_between
from csms.domain.transactions.model import COMPLETED, ESTIMATED, NEXT_START, REPORTED, Transaction
from csms.domain.transactions.store import readings, rows

from .telling import put


def settle(tx: Tx, subject: Transaction) -> Transaction:
    """The transaction with what follows from its meter values: a start that nobody told, and once it has ended its stop and energy.

    Until the charger reports the stop, the last known meter value stands in for it. A stop before the start is put right (see
    ``clocks``).
    """
    if subject.meter_start_wh is None and subject.last_meter_wh is not None:
        counted = attrs.evolve(subject, meter_start_wh=readings.first(tx, subject.id))
        subject = subject if rows.begins_alike(tx, counted) else counted
    if subject.state != COMPLETED:
        return subject
    if subject.stop_source != REPORTED:
        known = subject.last_meter_wh if subject.last_meter_wh is not None else subject.meter_start_wh
        subject = attrs.evolve(subject, stopped_at=subject.last_known_at, meter_stop_wh=known)
    elif subject.meter_stop_wh is None:
        subject = attrs.evolve(subject, meter_stop_wh=subject.last_meter_wh)
    subject = _straight(tx, subject)
    stopped_at = subject.stopped_at or 0
    last = subject.last_meter_wh if (subject.last_meter_at or 0) <= stopped_at else None
    energy_wh, basis = energy_between(
        subject.meter_start_wh, subject.meter_stop_wh, last, lambda: readings.registers(tx, subject.id, until=stopped_at)
    )
    return attrs.evolve(subject, energy_wh=energy_wh, energy_basis=basis)


def _straight(tx: Tx, subject: Transaction) -> Transaction:
    after = straightened(subject)
    if after.started_at == subject.started_at or not rows.begins_alike(tx, after):
        return after
    return attrs.evolve(subject, stopped_at=max(subject.started_at or 0, subject.stopped_at or 0))


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
