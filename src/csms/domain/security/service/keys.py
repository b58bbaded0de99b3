"""Keys that chargers are told over OCPP (A01), and the higher security profiles they are wanted on (A05)."""

from __future__ import annotations

from csms.core.commands import Answered, CallError, NotSupported, Outcome
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.outcomes import told
from csms.core.ports import ReadTx, Tx
from csms.domain.security.model import (
    ACCEPTED,
    ACTIVE,
    CONFIRMED,
    DONE,
    REBOOT,
    REFUSED,
    ROTATION_ASKED,
    SETTLED,
    UNCERTAIN,
    WANTED,
    KeyRotation,
    Offered,
    ProfileUpgrade,
)
from csms.domain.security.store import certificates as certificates_store
from csms.domain.security.store import keys as store
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store

SLICE = 200
UNHEARD_MS = 600_000
"""How long the answer to a new key may take; no command waits that long."""


def begin_rotation(tx: Tx, charger_id: str, sealed: str, *, forget: bool = False) -> int:
    """Offer a charger a new key, before it is told: from now on both open. The rotation's id.

    ``forget`` withdraws what was offered before. Raises ``NotFound``, and ``Refused`` when too many offers stand.
    """
    tx.claim(charger_key(charger_id))
    if forget:
        stations.withdraw_key(tx, charger_id)
    stations.offer_key(tx, charger_id, sealed)
    return store.insert_rotation(tx, charger_id, sealed)


def key_told(tx: Tx, rotation_id: int, outcome: Outcome, grace_ms: int) -> KeyRotation:
    """What a charger said to its new key.

    Accepted: it shows it at its next log-in, and after ``grace_ms`` it must (A01.FR.03). After a reboot: until then either opens.
    Refused, or not sent at all: the offer is withdrawn (A01.FR.04). Nobody knows: both open, and its next log-in tells.
    """
    known = _need(tx, rotation_id)
    if known.state == CONFIRMED:
        return known  # it was faster than its answer
    words = told(outcome)
    if isinstance(outcome, Answered) and outcome.status == "RebootRequired":
        store.change_rotation(tx, rotation_id, REBOOT, outcome=words)
    elif isinstance(outcome, Answered) and outcome.accepted:
        store.change_rotation(tx, rotation_id, ACCEPTED, outcome=words, settle_at=tx.now + grace_ms)
    elif not outcome.certain:
        store.change_rotation(tx, rotation_id, UNCERTAIN, outcome=words)
    elif isinstance(outcome, (Answered, CallError, NotSupported)) or outcome.certain:
        stations.withdraw_key(tx, known.charger_id, known.sealed)
        store.change_rotation(tx, rotation_id, REFUSED, outcome=words)
    return _need(tx, rotation_id)


def settle_rotations(tx: Tx, after: int = 0) -> int:
    """Look at open rotations: which the charger has confirmed by logging in, and which have waited long enough.

    Returns the id to go on after, 0 when that were all.
    """
    found = store.open_rotations(tx, SLICE, after=after)
    if found:
        tx.claim(*sorted({charger_key(known.charger_id) for known in found}))
    for known in found:
        if store.present_key(tx, known.charger_id) == known.sealed:
            store.change_rotation(tx, known.id, CONFIRMED)
        elif not any(offer.sealed == known.sealed for offer in stations_store.list_offers(tx, known.charger_id)):
            # another key was given or confirmed since, or the charger was removed
            store.change_rotation(tx, known.id, REFUSED, outcome="the key was withdrawn")
        elif known.state == ROTATION_ASKED and known.asked_at < tx.now - UNHEARD_MS:
            # we stopped between telling the charger and noting its answer
            store.change_rotation(tx, known.id, UNCERTAIN, outcome="its answer was not noted")
        elif known.settle_at is not None and known.settle_at <= tx.now:
            stations.confirm_key(tx, known.charger_id, known.sealed)
            store.change_rotation(tx, known.id, SETTLED)
    return found[-1].id if len(found) == SLICE else 0


def _need(tx: Tx, rotation_id: int) -> KeyRotation:
    known = store.rotation(tx, rotation_id)
    if known is None:
        raise NotFound(f"there is no key rotation {rotation_id}")
    tx.claim(charger_key(known.charger_id))
    return known


# --- profile upgrades -----------------------------------------------------------------------------------------------------------


def check_upgrade(tx: ReadTx, charger_id: str, profile: int, offered: Offered) -> None:
    """Whether a charger can be told to use a higher profile (A05, prerequisites; A05.FR.01 to A05.FR.05).

    Raises ``NotFound``, ``Invalid``, or ``Refused`` with what is missing.
    """
    known = stations_store.charger(tx, charger_id)
    if known is None:
        raise NotFound(f"there is no charger {charger_id!r}")
    if profile not in (1, 2, 3):
        raise Invalid(f"a security profile to upgrade to is 1, 2 or 3, not {profile}", field="profile")
    required = offered.least if known.security_profile is None else known.security_profile
    used = 0 if known.security_profile_used is None else known.security_profile_used
    if profile <= used:
        raise Refused(f"charger {charger_id} uses security profile {used} already; OCPP lets none be lowered")
    if profile < required:
        raise Refused(f"security profile {required} is required of charger {charger_id}, so it cannot be sent to {profile}")
    if profile in (1, 2) and not known.key_origin and not known.keys_offered:
        raise Refused(f"charger {charger_id} has no key: csms security rotate-keys {charger_id}")
    if profile > offered.highest:
        raise Refused(f"this server serves security profiles up to {offered.highest}; {profile} needs ocpp.tls_certificate")
    if profile == 3:
        good = [each for each in certificates_store.of_charger(tx, charger_id) if each.state == ACTIVE]
        if not any(each.not_after_at is None or each.not_after_at > tx.now for each in good):
            raise Refused(f"charger {charger_id} has no certificate: csms certificate renew {charger_id}")


def begin_upgrade(tx: Tx, charger_id: str, profile: int) -> None:
    """Note that a charger is about to be told."""
    tx.claim(charger_key(charger_id))
    store.put_upgrade(tx, charger_id, profile)


def upgrade_told(tx: Tx, charger_id: str, outcome: Outcome) -> ProfileUpgrade:
    """What a charger said: it is wanted on the profile, also where nobody knows, or it refused."""
    tx.claim(charger_key(charger_id))
    known = store.upgrade(tx, charger_id)
    if known is None:
        raise NotFound(f"charger {charger_id!r} was not told to upgrade")
    if known.state != DONE:
        agreed = outcome.accepted if isinstance(outcome, Answered) else not outcome.certain
        store.change_upgrade(tx, charger_id, WANTED if agreed else REFUSED, told(outcome))
    return store.upgrade(tx, charger_id) or known


def settle_upgrades(tx: Tx, default: int) -> int:
    """Chargers that have logged in with the profile they were wanted on must use it from now on (A05.FR.09); how many."""
    found = store.reached_upgrades(tx, SLICE)
    if found:
        tx.claim(*sorted({charger_key(known.charger_id) for known in found}))
    for known in found:
        charger = stations_store.charger(tx, known.charger_id)
        if charger is not None and (charger.security_profile is None or charger.security_profile < known.profile):
            stations.set_security_profile(
                tx, known.charger_id, known.profile, default=default, force=charger.security_profile is None
            )
        store.change_upgrade(tx, known.charger_id, DONE)
    return len(found)
