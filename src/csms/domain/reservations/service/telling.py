"""Every change of a reservation passes here: it is stored, and what changed decides which events tell of it."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.ports import Tx
from csms.domain.reservations import store
from csms.domain.reservations.model import ACTIVE, TERMS, Reservation, ReservationEnded, ReservationMade


def put(tx: Tx, before: Reservation | None, after: Reservation) -> Reservation:
    """Store a reservation as it is after a change (``before`` None: it is new) and emit what is news about it.

    Made is told when the charger first takes it, and again when it takes other terms; Ended whenever it comes to an end.
    """
    after = _tidy(after, tx.now)
    if before is None:
        after = attrs.evolve(after, created_at=tx.now, updated_at=tx.now)
        return attrs.evolve(after, id=store.insert(tx, after))
    if before == after:
        return after
    after = attrs.evolve(after, updated_at=tx.now)
    store.save(tx, before, after)
    if not after.open and before.state != after.state:
        tx.emit(
            ReservationEnded(
                **_about(after),
                state=after.state,
                previous_state=before.state,
                transaction_id=after.transaction_id,
                note=after.note,
            )
        )
    elif after.state == ACTIVE and (before.made_at is None or (before.replaced and not _differ(before, after))):
        tx.emit(ReservationMade(**_about(after), changed=before.made_at is not None))
    return after


def _tidy(after: Reservation, now: int) -> Reservation:
    """What follows from the state alone."""
    if after.open == (after.ended_at is not None):
        after = attrs.evolve(after, ended_at=None if after.open else now)
    if after.state == ACTIVE:
        return attrs.evolve(after, ask_at=None, replaced="", made_at=now if after.made_at is None else after.made_at)
    return after if after.open else attrs.evolve(after, ask_at=None, replaced="")


def _differ(before: Reservation, after: Reservation) -> bool:
    """Whether a change was taken back, so that the terms are again those from before it."""
    return any(getattr(before, name) != getattr(after, name) for name in TERMS)


def _about(subject: Reservation) -> dict[str, Any]:
    return {
        "reservation_id": subject.id,
        "charger_id": subject.charger_id,
        "evse": subject.evse,
        "connector": subject.connector,
        "token": subject.token,
        "parent": subject.parent,
        "driver_id": subject.driver_id,
        "expires_at": subject.expires_at,
    }
