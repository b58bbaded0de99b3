"""Clearing profiles by any criteria, at a charger and in our store alike (1.6 §5.5, errata 3.25, 3.26)."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.commands import Answered, ClearChargingProfile, Outcome
from csms.core.ids import charger_key
from csms.core.outcomes import told
from csms.core.ports import Tx
from csms.domain.profiles import store
from csms.domain.profiles.model import INSTALLED, REFUSED, UNCERTAIN, Held
from csms.domain.stations import service as stations

from .sending import retry_at
from .telling import gone, put

UNKNOWN = "Unknown"
"""The charger's word for "nothing matched" (1.6 §7.19 and its like in 2.x)."""


def clearing(tx: Tx, charger_id: str, criteria: ClearChargingProfile) -> tuple[Held, ...]:
    """Note that what matches is being cleared; what that is, as far as we know. Raises ``NotFound`` for the charger."""
    tx.claim(charger_key(charger_id))
    stations.need_charger(tx, charger_id)
    found = [each for each in store.of_charger(tx, charger_id) if each.state != REFUSED and matches(each, criteria)]
    return tuple(put(tx, each, clearing_at=tx.now) for each in found)


def matches(held: Held, criteria: ClearChargingProfile) -> bool:
    """Whether it meets every criterion given; with an id nothing else counts (errata 3.26)."""
    profile = held.profile
    if criteria.profile_id is not None:
        return profile.id == criteria.profile_id
    return (
        (criteria.place is None or criteria.place.evse == held.evse)
        and criteria.purpose in ("", profile.purpose)
        and criteria.stack_level in (None, profile.stack_level)
    )


def clear_answered(tx: Tx, charger_id: str, asked: Sequence[Held], outcome: Outcome) -> tuple[Held, ...]:
    """Note what became of a clearing: what is over now.

    ``Accepted`` means that what matched is gone, ``Unknown`` that the charger has nothing that matches. What was sent again since
    then is left alone.
    """
    tx.claim(charger_key(charger_id))
    over: list[Held] = []
    for before in asked:
        held = store.by_id(tx, before.id)
        if held is None or held.clearing_at is None:
            continue  # sent again since
        if isinstance(outcome, Answered) and (outcome.accepted or outcome.status == UNKNOWN):
            over.append(gone(tx, held, outcome.status))
            continue
        state = UNCERTAIN if held.state == INSTALLED and not outcome.certain else held.state
        try_at = retry_at(tx, held) if held.leaving else held.try_at
        status = held.status if isinstance(outcome, Answered) else told(outcome)
        put(tx, held, state=state, status=status, clearing_at=None, try_at=try_at)
    return tuple(over)
