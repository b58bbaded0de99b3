"""Sending profiles to chargers: what is noted before, so that a crash leaves the truth, and after their answer."""

from __future__ import annotations

import attrs

from csms.core.charging import TX, ChargingProfile
from csms.core.commands import Answered, CallError, NotSupported, Outcome
from csms.core.errors import Refused
from csms.core.ids import Place, charger_key
from csms.core.outcomes import told
from csms.core.ports import Tx
from csms.core.units import doubled
from csms.domain.profiles import store
from csms.domain.profiles.checking import check, check_place
from csms.domain.profiles.fitting import fitted, misfit
from csms.domain.profiles.model import (
    CLEARED,
    INSTALLED,
    REFUSED,
    TRANSACTION_ENDED,
    UNCERTAIN,
    UNWANTED,
    WANTED,
    Charge,
    Held,
    Limits,
    Rules,
)
from csms.domain.stations import service as stations

from .telling import add, displace, gone, put

LEASE_S = 180
"""How long a profile that is on its way is nobody else's business: longer than a charger's queue and its answer usually take."""
MOST_ATTEMPTS = 8
FIRST_RETRY_S, LAST_RETRY_S = 30, 3600


def keep_limits(tx: Tx, charger_id: str, found: Limits) -> None:
    """Store what a charger said of its limits."""
    tx.claim(charger_key(charger_id))
    store.keep_limits(tx, charger_id, found)


# --- what an operator sends -----------------------------------------------------------------------------------------------------


def request(tx: Tx, charger_id: str, place: Place, profile: ChargingProfile, rules: Rules, template_id: int | None = None) -> Held:
    """Note that a profile is sent now, once; its ``sent`` is what to send. One of id 0 is numbered by us.

    A TxProfile is for the transaction at the EVSE, which 1.6 §5.16 has us name. Raises ``Invalid``; ``NotFound`` for the charger;
    ``Refused`` when no transaction goes on there, or another one, and when the charger said that it cannot hold it.
    """
    tx.claim(charger_key(charger_id))
    stations.need_charger(tx, charger_id)
    check(profile)
    check_place(profile, place)
    if profile.purpose == TX:
        profile = _for_charge(profile, place.evse, _charge(tx, charger_id, place.evse, rules))
    held = add(tx, charger_id, place.evse, profile, template_id=template_id, transaction_id=profile.transaction_id)
    if why := _misfit(tx, held):
        raise Refused(f"{charger_id} cannot hold it: {why}")
    return send(tx, held, rules)


def _charge(tx: Tx, charger_id: str, evse: int, rules: Rules) -> Charge | None:
    return max(
        (each for each in rules.charges(tx, charger_id) if each.evse == evse), key=lambda each: each.started_at, default=None
    )


def _for_charge(profile: ChargingProfile, evse: int, charge: Charge | None) -> ChargingProfile:
    if charge is None:
        raise Refused(f"no transaction goes on at EVSE {evse}: a {TX} is only for one that does (1.6 §3.13.1)")
    if profile.transaction_id not in (None, charge.transaction_id):
        raise Refused(f"transaction {charge.transaction_id} goes on at EVSE {evse}, not {profile.transaction_id}")
    return attrs.evolve(profile, transaction_id=charge.transaction_id, reference=profile.reference or charge.reference)


def send(tx: Tx, held: Held, rules: Rules, *, try_at: int | None = None) -> Held:
    """Note that it is sent now. Until the answer is known it is uncertain."""
    return put(
        tx,
        held,
        sent=fitted(held.profile, store.limits(tx, held.charger_id), rules.voltage_v),
        state=UNCERTAIN,
        status="",
        attempts=held.attempts + 1,
        try_at=try_at,
        sent_no=store.next_send(tx, held.charger_id),
        sent_at=tx.now,
        answered_at=None,
        clearing_at=None,
    )


def _misfit(tx: Tx, held: Held) -> str:
    """Why the charger cannot hold it; ``""`` when it can, as far as it said."""
    others = [
        each
        for each in store.live(tx, held.charger_id)
        if each.id != held.id and each.slot != held.slot and each.profile.id != held.profile.id
    ]
    return misfit(held.profile, store.limits(tx, held.charger_id), len(others))


# --- what is due by itself ------------------------------------------------------------------------------------------------------


def take(tx: Tx, charger_id: str, rules: Rules) -> Held | None:
    """What to do next at a charger, noted as being done: clear it where it is ``leaving``, else send its ``sent``. None: nothing."""
    tx.claim(charger_key(charger_id))
    while (held := store.due(tx, charger_id)) is not None:
        taken = _take_leaving(tx, held) if held.leaving else _take_coming(tx, held, rules)
        if taken is not None:
            return taken
    return None


def _take_leaving(tx: Tx, held: Held) -> Held | None:
    if held.state not in (INSTALLED, UNCERTAIN):
        put(tx, held if held.state == CLEARED else gone(tx, held, UNWANTED), try_at=None)
        return None
    if held.attempts >= MOST_ATTEMPTS:
        put(tx, held, try_at=None)
        return None
    return put(tx, held, clearing_at=tx.now, attempts=held.attempts + 1, try_at=tx.now + LEASE_S * 1000)


def _take_coming(tx: Tx, held: Held, rules: Rules) -> Held | None:
    if held.state not in (WANTED, UNCERTAIN) or held.attempts >= MOST_ATTEMPTS:
        put(tx, held, try_at=None)
        return None
    if held.transaction_id is not None:
        running = {each.transaction_id: each.evse for each in rules.charges(tx, held.charger_id)}
        if held.transaction_id not in running:
            gone(tx, held, TRANSACTION_ENDED)
            return None
    if why := _misfit(tx, held):
        put(tx, held, state=REFUSED, status=why, try_at=None)
        return None
    return send(tx, held, rules, try_at=tx.now + LEASE_S * 1000)


# --- what came of it ------------------------------------------------------------------------------------------------------------


def answered(tx: Tx, held_id: int, sent_no: int, outcome: Outcome) -> Held | None:
    """Note what became of a profile that was sent (1.6 §5.16, §7.11); how it stands now. None: its row is gone.

    What is tried by itself comes back later where nobody answered; the word of the charger holds until it boots.
    """
    held = store.by_id(tx, held_id)
    if held is None:
        return None
    tx.claim(charger_key(held.charger_id))
    if held.sent_no != sent_no or held.state != UNCERTAIN:
        return held  # sent again since, or its transaction ended
    automatic = held.try_at is not None
    again_at = tx.now if held.leaving else None
    if isinstance(outcome, Answered):
        if outcome.accepted:
            held = put(tx, held, state=INSTALLED, status=outcome.status, attempts=0, try_at=again_at, answered_at=tx.now)
            displace(tx, held)
            return held
        return put(tx, held, state=REFUSED, status=outcome.status, try_at=again_at, answered_at=tx.now)
    if isinstance(outcome, CallError | NotSupported):
        return put(tx, held, state=REFUSED, status=told(outcome), try_at=again_at, answered_at=tx.now)
    if not outcome.certain:
        return put(tx, held, status=told(outcome), try_at=again_at or (retry_at(tx, held) if automatic else None))
    if automatic:  # it was not sent after all
        return put(tx, held, state=WANTED, status=told(outcome), try_at=again_at or retry_at(tx, held))
    return put(tx, held, state=REFUSED, status=told(outcome))


def retry_at(tx: Tx, held: Held) -> int | None:
    """When to try again, later each time; None when it was tried often enough, until the charger boots."""
    if held.attempts >= MOST_ATTEMPTS:
        return None
    return tx.now + doubled(FIRST_RETRY_S, held.attempts - 1, LAST_RETRY_S) * 1000
