"""Bringing what a charger shall hold in line with the assignments that concern it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.charging import TX
from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.domain.profiles import store
from csms.domain.profiles.model import CHARGER_REMOVED, CLEARED, UNWANTED, WANTED, Assignment, Held

from .telling import add, gone, leave, put


def align(tx: Tx, charger_ids: Sequence[str]) -> int:
    """Note for each charger what it shall get and what shall go, as the assignments say; how many chargers that were.

    What to send follows from that (see ``sending.take``).
    """
    tx.claim(*sorted(charger_key(charger_id) for charger_id in charger_ids))
    for charger_id in charger_ids:
        align_one(tx, charger_id)
    return len(charger_ids)


def align_one(tx: Tx, charger_id: str) -> None:
    """``align`` one charger, whose key is claimed."""
    known = store.smart(tx, charger_id)
    if known is None:
        return
    if known["charger_created_at"] not in (None, known["created_at"]):  # removed and added again: the box may be another
        for held in store.of_charger(tx, charger_id, history=True):
            put(tx, gone(tx, held, CHARGER_REMOVED) if held.state != CLEARED else held, assignment_id=None)
        store.start_over(tx, charger_id)
    mark = store.mark(tx)  # before the assignments: one that is made meanwhile has the charger looked at again
    assigned = store.wanted_at(tx, charger_id, known["station_id"], known["model"])
    desired = {each.id: each for each in _chosen(assigned, tx.now)}
    mine = {held.assignment_id: held for held in store.of_assignments(tx, charger_id)}
    for held in mine.values():
        if held.assignment_id not in desired:
            left = held if held.leaving else leave(tx, held, UNWANTED)
            if all(held.assignment_id != each.id for each in assigned):
                put(tx, left, assignment_id=None)
    for each in desired.values():
        _want(tx, charger_id, each, mine.get(each.id))
    store.save_alignment(
        tx,
        charger_id,
        mark=mark,
        station_id=known["station_id"],
        model=known["model"],
        created_at=known["created_at"],
    )


def _chosen(assigned: Sequence[Assignment], now: int) -> Sequence[Assignment]:
    """The first for each purpose, stack level and place, of those that go on being valid; TxProfiles go with transactions."""
    slots: dict[tuple[str, int, int], Assignment] = {}
    for each in assigned:
        profile = each.profile
        if profile.purpose != TX and (profile.valid_to_at is None or profile.valid_to_at > now):
            slots.setdefault((profile.purpose, profile.stack_level, each.evse), each)
    return tuple(slots.values())


def _want(tx: Tx, charger_id: str, wanted: Assignment, held: Held | None) -> None:
    if held is None:
        add(tx, charger_id, wanted.evse, wanted.profile, template_id=wanted.template_id, assignment_id=wanted.id, try_at=tx.now)
        return
    profile = attrs.evolve(wanted.profile, id=held.profile.id)
    # what an operator cleared or replaced stays so; what another assignment had the place of comes back
    if profile != held.profile or held.leaving:
        put(tx, held, profile=profile, state=WANTED, status="", leaving=False, attempts=0, try_at=tx.now, clearing_at=None)
