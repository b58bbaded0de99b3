"""Taking a reservation back: wanted at once, done when the charger says so."""

from __future__ import annotations

import attrs

from csms.core.commands import Answered, CallError, NotSupported, Outcome
from csms.core.errors import Refused
from csms.core.ids import charger_key
from csms.core.outcomes import told
from csms.core.ports import Tx
from csms.domain.reservations.model import ACTIVE, CANCELLED, CANCELLING, PENDING, RELEASED, Reservation, Settings

from .asking import need_reservation
from .telling import put


def cancel(tx: Tx, reservation_id: int, settings: Settings) -> Reservation:
    """A reservation that the charger is about to be told to forget. Raises ``NotFound``, or ``Refused`` when it has ended."""
    known = need_reservation(tx, reservation_id)
    tx.claim(charger_key(known.charger_id))
    if not known.open:
        raise Refused(f"reservation {reservation_id} has ended: it is {known.state}")
    asked = attrs.evolve(known, state=CANCELLING, asks=known.asks + 1, ask_at=tx.now + settings.retry_s * 1000)
    return put(tx, known, asked)


def cancel_answered(tx: Tx, reservation_id: int, ask: int, outcome: Outcome, settings: Settings) -> Reservation:
    """Note what became of the ``ask``-th question (1.6 §5.1).

    ``Rejected`` says that the charger knows no such reservation: it is gone, though not by our doing. A charger that cannot cancel
    keeps it. One that was not reached, or gave no answer, is told again.
    """
    known = need_reservation(tx, reservation_id)
    tx.claim(charger_key(known.charger_id))
    if known.state != CANCELLING or ask != known.asks:
        return known
    heard = attrs.evolve(known, answer=told(outcome))
    if isinstance(outcome, Answered):
        if outcome.accepted:
            return put(tx, known, attrs.evolve(heard, state=CANCELLED))
        return put(
            tx, known, attrs.evolve(heard, state=RELEASED, note="the charger knew no such reservation when it was cancelled")
        )
    if isinstance(outcome, (CallError, NotSupported)):
        sure = known.made_at is not None and not known.replaced
        return put(tx, known, attrs.evolve(heard, state=ACTIVE if sure else PENDING))
    return put(tx, known, attrs.evolve(heard, ask_at=tx.now + settings.retry_s * 1000))
