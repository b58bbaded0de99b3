"""What time does: validity passes, and what is long over is forgotten."""

from __future__ import annotations

from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.domain.profiles import store
from csms.domain.profiles.model import EXPIRED

from .telling import leave

SLICE = 50
KEPT_MS = 30 * 86_400_000
"""How long a row is kept that nothing depends on any more."""


def tidy(tx: Tx) -> int:
    """Have what is past its validity cleared at the chargers, whose memory is small, and forget old history; how much it did.

    Job: run until it says 0.
    """
    past = store.expired(tx, SLICE)
    tx.claim(*sorted({charger_key(held.charger_id) for held in past}))
    for held in past:
        leave(tx, held, EXPIRED)
    old = store.ended_before(tx, tx.now - KEPT_MS, SLICE)
    store.forget(tx, old)
    return len(past) + len(old)
