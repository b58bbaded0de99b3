"""Every change of what a charger holds passes here: it is stored whole, and what changed decides which event tells of it."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.charging import ChargingProfile
from csms.core.ports import Tx
from csms.domain.profiles import store
from csms.domain.profiles.model import (
    CLEARED,
    INSTALLED,
    REFUSED,
    REPLACED,
    UNCERTAIN,
    WANTED,
    ChargingProfileCleared,
    ChargingProfileInstalled,
    ChargingProfileRefused,
    Held,
    about,
)


def add(
    tx: Tx,
    charger_id: str,
    evse: int,
    profile: ChargingProfile,
    *,
    template_id: int | None = None,
    assignment_id: int | None = None,
    transaction_id: int | None = None,
    try_at: int | None = None,
) -> Held:
    """A new row, wanted and not sent yet. A profile of id 0 is given a number that no other has at the charger."""
    if not profile.id:
        profile = attrs.evolve(profile, id=_number(tx, charger_id))
    new = Held(
        id=0,
        charger_id=charger_id,
        evse=evse,
        profile=profile,
        sent=None,
        template_id=template_id,
        assignment_id=assignment_id,
        transaction_id=transaction_id,
        state=WANTED,
        status="",
        leaving=False,
        attempts=0,
        try_at=try_at,
        sent_no=0,
        sent_at=None,
        answered_at=None,
        clearing_at=None,
        created_at=tx.now,
    )
    # what it is called is read with it, so that its events can say it
    return store.by_id(tx, store.insert_held(tx, new).id) or new


def _number(tx: Tx, charger_id: str) -> int:
    taken = {each.profile.id for each in store.of_charger(tx, charger_id)}
    while (number := store.next_number(tx, charger_id)) in taken:
        pass
    return number


def put(tx: Tx, before: Held, **changes: Any) -> Held:
    """Store a row with changes, and emit what is news about it."""
    after = attrs.evolve(before, **changes)
    if after == before:
        return after
    store.save_held(tx, after)
    facts: dict[str, Any] = about(after)
    if after.state == INSTALLED != before.state:
        tx.emit(ChargingProfileInstalled(**facts))
    elif after.state == REFUSED != before.state:
        tx.emit(ChargingProfileRefused(**facts, status=after.status))
    elif after.state == CLEARED and before.state in (INSTALLED, UNCERTAIN):
        tx.emit(ChargingProfileCleared(**facts, reason=after.status))
    return after


def gone(tx: Tx, held: Held, why: str) -> Held:
    """It is no longer at the charger, or was never to come there; nothing more is tried."""
    return put(tx, held, state=CLEARED, status=why, try_at=None, clearing_at=None)


def leave(tx: Tx, held: Held, why: str) -> Held:
    """It shall go: what the charger may hold is cleared there as soon as it can be, the rest is over at once."""
    if held.state in (INSTALLED, UNCERTAIN):
        return put(tx, held, leaving=True, try_at=tx.now, attempts=0)
    held = held if held.state == CLEARED else gone(tx, held, why)
    return put(tx, held, leaving=True)


def displace(tx: Tx, installed: Held) -> None:
    """What the charger now holds took the place of whatever was sent before with its id, or for its purpose and stack level at its
    place (1.6 §3.13.2, §5.16.3). What was sent after it is yet to be answered."""
    for other in store.live(tx, installed.charger_id):
        same = other.profile.id == installed.profile.id or other.slot == installed.slot
        if same and other.sent_no < installed.sent_no:
            gone(tx, other, REPLACED)
