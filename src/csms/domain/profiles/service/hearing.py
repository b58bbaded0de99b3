"""What follows from what chargers report: a boot, and transactions that start and end."""

from __future__ import annotations

import attrs

from csms.core.charging import TX
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.profiles import store
from csms.domain.profiles.model import CLEARED, INSTALLED, REFUSED, TRANSACTION_ENDED, UNCERTAIN, WANTED, Assignment, Held, Rules

from .aligning import align_one
from .starting import tx_profiles
from .telling import add, displace, gone, put


def booted(tx: Tx, charger_id: str, *, new_firmware: bool) -> None:
    """A charger booted and was accepted: what it lacks is due now, and so is what it is known to forget.

    It should keep its profiles over a boot (1.6 errata 3.37); a refusal is not taken for its last word. New firmware may have other
    limits.
    """
    tx.claim(charger_key(charger_id))
    if new_firmware:
        store.forget_limits(tx, charger_id)
    align_one(tx, charger_id)
    again = {each.id for each in _assigned(tx, charger_id) if each.again_at_boot}
    for held in store.of_charger(tx, charger_id):
        mine = held.assignment_id is not None and held.transaction_id is None
        if held.leaving and held.state in (INSTALLED, UNCERTAIN):
            put(tx, held, attempts=0, try_at=tx.now)
        elif mine and (held.state in (WANTED, UNCERTAIN, REFUSED) or (held.state == INSTALLED and held.assignment_id in again)):
            put(tx, held, state=UNCERTAIN if held.state == UNCERTAIN else WANTED, attempts=0, try_at=tx.now)


def _assigned(tx: ReadTx, charger_id: str) -> list[Assignment]:
    known = store.smart(tx, charger_id)
    return [] if known is None else store.wanted_at(tx, charger_id, known["station_id"], known["model"])


def transaction_started(tx: Tx, charger_id: str, transaction_id: int, rules: Rules, *, recent: bool) -> None:
    """A transaction started: the TxProfiles assigned to it are due, if it is not over and only told now (1.6 §5.16.1).

    What went with its remote start is at its EVSE from now on; where it is not known whether it arrived, it is sent again.
    """
    tx.claim(charger_key(charger_id))
    charge = next((each for each in rules.charges(tx, charger_id) if each.transaction_id == transaction_id), None)
    if charge is None:
        return
    there = store.of_transaction(tx, charger_id, transaction_id)
    for held in there:
        _arrive(tx, held, charge.evse, charge.reference)
    if not recent:
        return
    have = {held.profile.stack_level for held in there if held.state != REFUSED}
    for each in tx_profiles(tx, charger_id, charge.evse):
        if each.profile.stack_level not in have:
            profile = attrs.evolve(each.profile, transaction_id=transaction_id, reference=charge.reference)
            add(
                tx,
                charger_id,
                charge.evse,
                profile,
                template_id=each.template_id,
                assignment_id=each.id,
                transaction_id=transaction_id,
                try_at=tx.now,
            )


def _arrive(tx: Tx, held: Held, evse: int, reference: str) -> None:
    profile = attrs.evolve(held.profile, reference=reference)
    held = put(tx, held, evse=evse, profile=profile, try_at=tx.now if held.state == UNCERTAIN else held.try_at)
    if held.state == INSTALLED:
        displace(tx, held)


def transaction_over(tx: Tx, charger_id: str, transaction_id: int) -> None:
    """A transaction ended, or never came of its remote start: the charger forgets its TxProfiles (1.6 §3.13.1)."""
    tx.claim(charger_key(charger_id))
    for held in store.of_transaction(tx, charger_id, transaction_id):
        if held.state != CLEARED and held.profile.purpose == TX:
            gone(tx, held, TRANSACTION_ENDED)
