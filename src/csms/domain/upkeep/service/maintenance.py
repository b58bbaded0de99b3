"""Windows of maintenance: planned by operators, begun and ended by the clock."""

from __future__ import annotations

import attrs

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import Place, charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import service as stations
from csms.domain.upkeep.model.availability import BY_OPERATOR, BY_SCHEDULE, CANCELLED, OVER, PLANNED, RUNNING, Window
from csms.domain.upkeep.store import availability as store

from .availability import check_place, check_text, recompute

SLICE = 25
LONGEST_MS = 366 * 86_400_000


def need_window(tx: ReadTx, window_id: int) -> Window:
    """A window. Raises ``NotFound``."""
    found = store.window(tx, window_id)
    if found is None:
        raise NotFound(f"there is no maintenance {window_id}")
    return found


def plan(
    tx: Tx, charger_id: str, place: Place, from_at: int, until_at: int, *, reason: str = "", set_by: str = BY_OPERATOR
) -> Window:
    """Take a place out of service from one instant until another. Raises ``NotFound`` or ``Invalid``."""
    tx.claim(charger_key(charger_id))
    stations.need_charger(tx, charger_id)
    check_place(place)
    if not from_at < until_at or until_at <= tx.now or until_at - from_at > LONGEST_MS:
        raise Invalid("maintenance begins before it ends, ends in the future, and lasts a year at most", field="until_at")
    new = Window(
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
        from_at=from_at,
        until_at=until_at,
        reason=check_text(reason, "reason"),
        set_by=check_text(set_by, "set_by"),
        next_at=from_at,
        created_at=tx.now,
    )
    window_id = store.WINDOWS.insert(tx, new)
    assert window_id is not None
    return need_window(tx, window_id)


def cancel(tx: Tx, window_id: int) -> Window:
    """Call maintenance off, or end it now. Raises ``NotFound``, or ``Refused`` when it is over."""
    known = need_window(tx, window_id)
    tx.claim(charger_key(known.charger_id))
    if known.next_at is None:
        raise Refused(f"maintenance {window_id} is {known.state} already")
    changed = attrs.evolve(known, state=CANCELLED, next_at=None)
    store.WINDOWS.save(tx, known, changed)
    recompute(tx, known.charger_id, known.place, reason=f"maintenance {window_id} was cancelled", set_by=BY_OPERATOR)
    return changed


def turn(tx: Tx) -> int:
    """Begin and end windows whose time has come; how many. Job. One whose whole time went by while nobody looked is just over."""
    turning = store.turning(tx, SLICE)
    tx.claim(*sorted({charger_key(each.charger_id) for each in turning}))
    for known in turning:
        begins = known.state == PLANNED and known.until_at > tx.now
        changed = attrs.evolve(known, state=RUNNING if begins else OVER, next_at=known.until_at if begins else None)
        store.WINDOWS.save(tx, known, changed)
        reason = known.reason if begins else f"maintenance {known.id} is over"
        recompute(tx, known.charger_id, known.place, reason=reason, set_by=BY_SCHEDULE)
    return len(turning)
