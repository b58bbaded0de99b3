"""Profiles that go with a remote start (1.6 §5.11, §5.16.2)."""

from __future__ import annotations

import attrs

from csms.core.charging import TX, ChargingProfile
from csms.core.commands import Outcome
from csms.core.errors import Invalid, Refused
from csms.core.ids import Place, charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.profiles import store
from csms.domain.profiles.checking import check
from csms.domain.profiles.fitting import misfit
from csms.domain.profiles.model import Assignment, Rules

from .sending import answered, send
from .telling import add


def for_start(
    tx: Tx,
    transaction_id: int,
    charger_id: str,
    place: Place | None,
    rules: Rules,
    given: ChargingProfile | None = None,
    *,
    assigned: bool = True,
) -> ChargingProfile | None:
    """The TxProfile that goes with a remote start, noted as sent: the one ``given``, else the assigned one of the highest stack level.

    ``assigned`` False leaves those out. Raises ``Invalid`` for a given one that makes no sense, ``Refused`` when the charger said
    that it cannot hold it.
    """
    tx.claim(charger_key(charger_id))
    evse = place.evse if place is not None else 0
    assignment: Assignment | None = None
    if given is None:
        for each in tx_profiles(tx, charger_id, evse) if assigned else ():
            if not misfit(each.profile, store.limits(tx, charger_id), 0):
                assignment = each
                break
        if assignment is None:
            return None
        profile = assignment.profile
    else:
        profile = check(attrs.evolve(given, transaction_id=None))
        if profile.purpose != TX:
            raise Invalid(f"a remote start takes a {TX}, not a {profile.purpose} (1.6 §5.16.2)", field="profile.purpose")
        if why := misfit(profile, store.limits(tx, charger_id), 0):
            raise Refused(f"{charger_id} cannot hold the profile: {why}")
    held = add(
        tx,
        charger_id,
        evse,
        attrs.evolve(profile, transaction_id=transaction_id),
        template_id=None if assignment is None else assignment.template_id,
        assignment_id=None if assignment is None else assignment.id,
        transaction_id=transaction_id,
    )
    return send(tx, held, rules).sent


def tx_profiles(tx: ReadTx, charger_id: str, evse: int) -> list[Assignment]:
    """The TxProfiles assigned to transactions at an EVSE (0: at whichever), one for each stack level, the highest first."""
    known = store.smart(tx, charger_id)
    if known is None:
        return []
    levels: dict[int, Assignment] = {}
    for each in store.wanted_at(tx, charger_id, known["station_id"], known["model"]):
        profile = each.profile
        valid = profile.valid_to_at is None or profile.valid_to_at > tx.now
        if profile.purpose == TX and each.evse in (0, evse) and valid:
            levels.setdefault(profile.stack_level, each)
    return [levels[level] for level in sorted(levels, reverse=True)]


def start_answered(tx: Tx, charger_id: str, transaction_id: int, outcome: Outcome) -> None:
    """Note what became of the profile that went with a remote start: accepted with it (1.6 §7.10), or not at all."""
    tx.claim(charger_key(charger_id))
    for held in store.of_transaction(tx, charger_id, transaction_id):
        answered(tx, held.id, held.sent_no, outcome)
