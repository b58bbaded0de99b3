"""Every change of a transaction passes here: it is stored whole, and what changed decides which events tell of it."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.ports import Tx
from csms.domain.transactions.model import (
    CLOSED_STATES,
    COMPLETED,
    PENDING_RECONCILIATION,
    PENDING_START,
    Transaction,
    TransactionCorrected,
    TransactionEnded,
    TransactionRemeasured,
    TransactionStarted,
    TransactionUpdated,
)
from csms.domain.transactions.store import rows

_WATCHED = ("state", "charging_state", "token", "token_status")
_BILLED = (
    "evse",
    "token",
    "driver_id",
    "started_at",
    "stopped_at",
    "meter_start_wh",
    "meter_stop_wh",
    "energy_wh",
    "energy_basis",
    "stop_reason",
    "stop_source",
)


def put(tx: Tx, before: Transaction | None, after: Transaction) -> Transaction:
    """Store a transaction as it is after a change (``before`` None: it is new) and emit what is news about it.

    Started is told once, Updated for a state, charging state or token that changed, Ended once, and Corrected for whatever a bill is
    made of that changed after the end.
    """
    after = _tidy(after, tx.now)
    if before is None:
        after = attrs.evolve(after, created_at=tx.now, updated_at=tx.now)
        after = attrs.evolve(after, id=rows.insert(tx, after))
    elif before == after:
        return after
    else:
        after = attrs.evolve(after, updated_at=tx.now)
        rows.save(tx, before, after)
    _tell(tx, before, after)
    return after


def _tidy(after: Transaction, now: int) -> Transaction:
    """What follows from the state alone."""
    closed = after.state in CLOSED_STATES
    if after.state != COMPLETED and after.energy_basis:
        after = attrs.evolve(after, energy_wh=None, energy_basis="")
    if closed != (after.closed_at is not None):
        after = attrs.evolve(after, closed_at=now if closed else None)
    if after.state not in (PENDING_START, PENDING_RECONCILIATION) and after.deadline_at is not None:
        after = attrs.evolve(after, deadline_at=None)
    if after.state != PENDING_RECONCILIATION and after.doubted_at is not None:
        after = attrs.evolve(after, doubted_at=None)
    return after


def _tell(tx: Tx, before: Transaction | None, after: Transaction) -> None:
    if after.started and (before is None or not before.started):
        tx.emit(
            TransactionStarted(
                **_about(after),
                started_at=after.started_at or 0,
                meter_start_wh=after.meter_start_wh,
                remote_start_id=after.remote_start_id,
                reservation_id=after.reservation_id,
                offline=after.offline,
            )
        )
        before = None
    if after.state == COMPLETED:
        if before is None or before.state != COMPLETED:
            tx.emit(TransactionEnded(**_ending(after)))
        elif corrected(before, after):
            tx.emit(
                TransactionCorrected(**_ending(after), previous_energy_wh=before.energy_wh, previous_stop_source=before.stop_source)
            )
    elif before is not None and _differ(before, after, _WATCHED):
        tx.emit(
            TransactionUpdated(**_about(after), previous_state=before.state, charging_state=after.charging_state, note=after.note)
        )


def remeasured(tx: Tx, subject: Transaction) -> None:
    """Tell that more became known of the course of a transaction that had ended before."""
    tx.emit(TransactionRemeasured(**_about(subject), started_at=subject.started_at or 0, stopped_at=subject.stopped_at or 0))


def corrected(before: Transaction, after: Transaction) -> bool:
    """Whether what a bill is made of has changed, so that ``put`` told of it where it had ended."""
    return _differ(before, after, _BILLED)


def _differ(before: Transaction, after: Transaction, names: tuple[str, ...]) -> bool:
    return any(getattr(before, name) != getattr(after, name) for name in names)


def _about(subject: Transaction) -> dict[str, Any]:
    return {
        "transaction_id": subject.id,
        "charger_id": subject.charger_id,
        "evse": subject.evse,
        "connector": subject.connector,
        "reference": subject.reference,
        "state": subject.state,
        "token": subject.token,
        "token_status": subject.token_status,
        "driver_id": subject.driver_id,
    }


def _ending(subject: Transaction) -> dict[str, Any]:
    return _about(subject) | {
        "started_at": subject.started_at or 0,
        "stopped_at": subject.stopped_at or 0,
        "meter_start_wh": subject.meter_start_wh,
        "meter_stop_wh": subject.meter_stop_wh,
        "energy_wh": subject.energy_wh,
        "energy_basis": subject.energy_basis,
        "stop_reason": subject.stop_reason,
        "stop_source": subject.stop_source,
    }
