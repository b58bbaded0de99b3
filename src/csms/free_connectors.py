"""Which connector a remote start takes that names none: what stations, reservations, upkeep and transactions know, put together."""

from __future__ import annotations

from csms.core.errors import Refused
from csms.core.ids import Place
from csms.core.ports import ReadTx
from csms.core.reports import AVAILABLE, OCCUPIED, PREPARING, RESERVED, Token
from csms.domain.reservations.model import ACTIVE
from csms.domain.reservations.store import open_of as reservations_of
from csms.domain.stations import store as stations
from csms.domain.transactions.store import rows as transactions
from csms.domain.upkeep.model.availability import covers
from csms.domain.upkeep.store import availability

_RANKS = {PREPARING: 1, AVAILABLE: 2, OCCUPIED: 3}
"""The sooner the likelier that the driver stands there: the cable is in (1.6), then free, then (2.x) something is plugged in."""
_RESERVED_FOR_IT = 0


def choose(tx: ReadTx, charger_id: str, token: Token) -> Place | None:
    """A connector where a token may start now; None leaves it to a charger of which no connector is known.

    What counts is the connectors' last status, that nothing goes on or waits to start there, that nobody took it out of service, and that
    it is not kept for somebody else: one that is kept for this token comes first. Whether the token may charge at all is judged later,
    with the transaction. Raises ``Refused`` where connectors are known and none is free.
    """
    known = [each for each in stations.list_connectors(tx, charger_id) if not each.place.is_whole_charger]
    if not known:
        return None
    taken = transactions.taken(tx, charger_id)
    closed = [each.place for each in availability.of_charger(tx, charger_id) if not each.operative]
    standing = [each for each in reservations_of(tx, charger_id) if each.state == ACTIVE and each.evse and each.expires_at > tx.now]
    own = {each.evse for each in standing if each.token.casefold() == token.value.casefold()}
    others = {each.evse for each in standing} - own
    free: list[tuple[int, int, int]] = []
    for each in known:
        place = each.place
        if place.evse in taken or place.evse in others or any(covers(outer, place) for outer in closed):
            continue
        if place.evse in own and each.status in (RESERVED, *_RANKS):
            free.append((_RESERVED_FOR_IT, place.evse, place.connector))
        elif each.status in _RANKS:
            free.append((_RANKS[each.status], place.evse, place.connector))
    if not free:
        shown = ", ".join(f"{each.place} is {each.status}" for each in known[:8])
        raise Refused(f"no connector of {charger_id} is free: {shown}")
    _, evse, connector = min(free)
    return Place(evse, connector)
