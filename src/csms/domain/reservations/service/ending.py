"""Reservations end by themselves when their time has passed."""

from __future__ import annotations

import attrs

from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.domain.reservations import store
from csms.domain.reservations.model import EXPIRED

from .telling import put

SLICE = 50
"""Reservations that one run of the job may end: each run is one short transaction of the writer."""


def expire(tx: Tx) -> int:
    """End reservations whose time has passed, as their chargers do by themselves (1.6 §5.13); how many. Job: run until it says 0."""
    due = store.overdue(tx, SLICE)
    tx.claim(*sorted({charger_key(known.charger_id) for known in due}))
    for known in due:
        put(tx, known, attrs.evolve(known, state=EXPIRED))
    return len(due)
