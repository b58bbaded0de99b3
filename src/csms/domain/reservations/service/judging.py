"""Whether a place is kept for somebody else."""

from __future__ import annotations

from csms.core.ids import Place
from csms.core.ports import ReadTx
from csms.core.reports import AVAILABLE, CHARGING, RESERVED, SUSPENDED_EV, SUSPENDED_EVSE, Token
from csms.domain.reservations import store
from csms.domain.reservations.model import ACTIVE, PENDING, RESERVED_FOR_ANOTHER, Reservation
from csms.domain.stations import store as stations_store

from .hearing import SKEW_MS

_TAKEN = frozenset({CHARGING, SUSPENDED_EV, SUSPENDED_EVSE})


def objection(
    tx: ReadTx, charger_id: str, place: Place, token: Token, parent: str, *, at: int | None = None, asking: bool = False
) -> str:
    """The verdict that reservations have on a token which is to charge at a place; ``""`` for no objection.

    ``at`` is when it started (None: now): what was reserved later does not count against it. ``asking`` is before we ask for a start
    ourselves: then what the charger has not confirmed counts as well. The whole charger as ``place`` leaves it the choice.
    """
    states = (ACTIVE, PENDING) if asking else (ACTIVE,)
    standing = [each for each in store.open_of(tx, charger_id) if each.state in states and each.expires_at > tx.now]
    if at is not None:
        standing = [each for each in standing if each.created_at <= at + SKEW_MS]
    others = [each for each in standing if not each.fits(token, parent)]
    if not others or any(each.fits(token, parent) and (each.covers(place.evse) or not place.evse) for each in standing):
        return ""
    if place.evse and any(each.evse == place.evse for each in others):
        return RESERVED_FOR_ANOTHER
    return RESERVED_FOR_ANOTHER if _too_few_left(tx, charger_id, place, others) else ""


def _too_few_left(tx: ReadTx, charger_id: str, place: Place, others: list[Reservation]) -> bool:
    """Whether too few connectors would stay free for those who reserved any (1.6 §5.13); False where we know no connectors."""
    anywhere = sum(not each.evse for each in others)
    named = {each.evse for each in others if each.evse}
    status = {each.place.evse: each.status for each in stations_store.list_connectors(tx, charger_id) if each.place.evse}
    if not status:
        return False
    if not place.evse:
        free = [evse for evse, shown in status.items() if evse not in named and shown in (AVAILABLE, RESERVED)]
        return len(free) <= anywhere
    if not anywhere or status.get(place.evse) in _TAKEN:
        return False
    free = [evse for evse, shown in status.items() if evse != place.evse and evse not in named and shown in (AVAILABLE, RESERVED)]
    return len(free) < anywhere
