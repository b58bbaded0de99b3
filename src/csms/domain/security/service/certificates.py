"""The life of a charger's certificate: issued, handed over, in use, superseded, renewed, revoked, expired."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from csms.core.commands import Answered, CallError, NotSupported, Outcome
from csms.core.errors import Conflict, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.outcomes import told
from csms.core.ports import Handshake, ReadTx, Tx
from csms.domain.security.model import (
    ACTIVE,
    CERTIFICATE_REFUSED,
    EXPIRED,
    ISSUED,
    NOT_TAKEN,
    REJECTED,
    REVOKED,
    SUPERSEDED,
    CertificateRequest,
    ChargerCertificate,
    ChargerCertificateChanged,
    ChargerCertificateExpiring,
    NewCertificate,
)
from csms.domain.security.store import certificates as store
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import clean

from .events import notice

SLICE = 200
MOST_DELIVERIES = 5
"""How often a certificate is handed over to a charger that does not take it, or does not say so."""
UNSURE_WAIT_MS, BUSY_WAIT_MS = 300_000, 10_000
"""Until it is handed over again: where no answer came, and where it could not even be sent."""
REFUSED_EVERY_MS = 600_000
OVERDUE_MS = 3_600_000
"""How long a renewal may take before it counts as failed."""
RENEWAL_WAITS_MS = (60_000, 43_200_000)
"""Shortest and longest wait between two renewals that came to nothing: an eighth of what is left, within these."""


def add_signed(tx: Tx, request: CertificateRequest, certificate: NewCertificate, renew_at: int) -> int:
    """Store a fresh certificate, to be handed over; one that still waits for that is superseded. Raises ``Conflict`` for a known one."""
    for older in store.of_charger(tx, request.charger_id):
        if older.state == ISSUED:
            change(tx, older, SUPERSEDED, "a newer one was issued")
    found = store.insert(
        tx,
        request.charger_id,
        request_id=request.id,
        origin="signed",
        state=ISSUED,
        fingerprint=certificate.fingerprint,
        serial=certificate.serial,
        subject=certificate.subject,
        issuer=certificate.issuer,
        chain=certificate.chain,
        not_before_at=certificate.not_before_at,
        not_after_at=certificate.not_after_at,
        seen_at=None,
        deliver_at=tx.now,
        renew_at=renew_at,
    )
    if found is None:
        raise Conflict(f"the authority gave a certificate that exists: {certificate.serial}")
    tell(tx, need(tx, found), "")
    return found


def hand_over_again(tx: Tx, request: CertificateRequest) -> bool:
    """The charger asked again for what was signed: it has not got it. False where it had taken it, or may not have it."""
    waiting = [
        known for known in store.of_charger(tx, request.charger_id) if known.request_id == request.id and known.state == ISSUED
    ]
    for known in waiting:
        store.deliver_again(tx, known.id, tx.now)
    return bool(waiting)


def handing_over(tx: Tx, certificate_id: int, connection_id: str) -> ChargerCertificate | None:
    """Note that a certificate is about to be sent, before it is: a crash then counts as an attempt. None when it no longer waits."""
    known = need(tx, certificate_id)
    if known.state != ISSUED:
        return None
    store.tried(tx, certificate_id, connection_id, tx.now + UNSURE_WAIT_MS)
    return known


def handed_over(tx: Tx, certificate_id: int, outcome: Outcome) -> str:
    """What became of handing a certificate over; the state it is in now.

    Accepted, it is active. Refused or unanswered, it is tried again: on the charger's next connection, or where no answer came also
    after a while; after ``MOST_DELIVERIES`` it counts as rejected, and an operator is told.
    """
    known = need(tx, certificate_id)
    if known.state != ISSUED:
        return known.state  # revoked meanwhile, or the charger has logged in with it already
    if isinstance(outcome, Answered) and outcome.accepted:
        change(tx, known, ACTIVE, "")
        return ACTIVE
    reason = told(outcome)
    refused = isinstance(outcome, (Answered, CallError))
    if isinstance(outcome, NotSupported) or (known.deliveries >= MOST_DELIVERIES and (refused or not outcome.certain)):
        change(tx, known, REJECTED, reason)
        notice(tx, known.charger_id, NOT_TAKEN, f"certificate {known.serial}: {reason}")
        return REJECTED
    if refused:
        store.deliver_again(tx, certificate_id, None)
    elif outcome.certain:
        store.deliver_again(tx, certificate_id, tx.now + BUSY_WAIT_MS, undo=True)
    return ISSUED


# --- at the door ----------------------------------------------------------------------------------------------------------------


def objection(tx: ReadTx, handshake: Handshake, *, strangers: bool) -> tuple[str, bool]:
    """Why a certificate that TLS verified is no longer good, ``""`` when it is; and whether its use is news (``logged_in``).

    ``strangers``: one that nobody here issued counts, because an authority that the operator trusts vouches for it.
    """
    known = store.by_fingerprint(tx, handshake.certificate_fingerprint or "")
    if known is None:
        return ("", True) if strangers else ("the client certificate was not issued here", False)
    if known.charger_id != handshake.charger_id:
        return f"the client certificate was issued to {known.charger_id!r}", False
    if known.state in (REVOKED, EXPIRED):
        return f"the client certificate is {known.state}", False
    return "", known.state in (ISSUED, REJECTED) or known.seen_at is None


def logged_in(tx: Tx, handshake: Handshake) -> None:
    """A charger proved that it has a certificate: that is active, and those that came before it are superseded (A02.FR.08 to .10)."""
    tx.claim(charger_key(handshake.charger_id))
    fingerprint = handshake.certificate_fingerprint or ""
    known = store.by_fingerprint(tx, fingerprint)
    if known is None:
        if stations_store.approval_of(tx, handshake.charger_id) is None:
            return  # it is only about to be added; at its next log-in it is known
        ends = handshake.certificate_expires_at
        found = store.insert(
            tx,
            handshake.charger_id,
            request_id=None,
            origin="shown",
            state=ACTIVE,
            fingerprint=fingerprint,
            serial=handshake.certificate_serial or "",
            subject=_subject(handshake),
            issuer="",
            chain="",
            not_before_at=None,
            not_after_at=ends,
            seen_at=tx.now,
            deliver_at=None,
            renew_at=None if ends is None else ends - (ends - tx.now) // 3,
        )
        if found is not None:
            tell(tx, need(tx, found), "")
        return
    if known.charger_id != handshake.charger_id or known.state in (REVOKED, EXPIRED):
        return
    store.saw(tx, known.id)
    if known.state in (ISSUED, REJECTED):
        change(tx, known, ACTIVE, "the charger logged in with it")
    for other in store.of_charger(tx, known.charger_id):
        if other.id < known.id and other.state in (ACTIVE, ISSUED):
            change(tx, other, SUPERSEDED, f"the charger logged in with certificate {known.serial}")


def refused_at_door(tx: Tx, charger_id: str, reason: str) -> None:
    """A client certificate was refused: a security event (A00.FR.408), not more often than every ten minutes."""
    if stations_store.approval_of(tx, charger_id) is not None:
        notice(tx, charger_id, CERTIFICATE_REFUSED, reason, at_most_every_ms=REFUSED_EVERY_MS)


# --- what operators do ----------------------------------------------------------------------------------------------------------


def revoke(tx: Tx, certificate_id: int, reason: str) -> ChargerCertificate:
    """Revoke a certificate: it opens no connection from now on (A00.FR.702). Raises ``NotFound``, or ``Refused`` when that is done."""
    known = need(tx, certificate_id)
    if known.state == REVOKED:
        raise Refused(f"certificate {known.serial} was revoked already")
    change(tx, known, REVOKED, reason or "revoked by an operator")
    return need(tx, certificate_id)


def need(tx: Tx, certificate_id: int) -> ChargerCertificate:
    """A certificate of the tenant, its charger claimed. Raises ``NotFound``."""
    known = store.by_id(tx, certificate_id)
    if known is None:
        raise NotFound(f"there is no certificate {certificate_id}")
    tx.claim(charger_key(known.charger_id))
    return known


# --- time passes ----------------------------------------------------------------------------------------------------------------


def renewing(tx: Tx, certificate_id: int) -> bool:
    """Note that a charger is about to be told to renew this; False when that is no longer wanted."""
    known = need(tx, certificate_id)
    if known.state != ACTIVE or known.not_after_at is None or known.not_after_at <= tx.now:
        return False
    shortest, longest = RENEWAL_WAITS_MS
    wait_ms = min(max((known.not_after_at - tx.now) // 8, shortest), longest)
    store.renewing(tx, certificate_id, tx.now + wait_ms)
    return True


def expire(tx: Tx) -> int:
    """Note which certificates have expired; how many. Job: run until it says 0."""
    return _each(tx, store.ending(tx, tx.now, SLICE), lambda known: change(tx, known, EXPIRED, ""))


def revoke_removed(tx: Tx) -> int:
    """Revoke the certificates of chargers that were removed (whitepaper §2.6.3, note 2); how many. Job: run until it says 0."""
    return _each(tx, store.of_removed_chargers(tx, SLICE), lambda known: change(tx, known, REVOKED, "the charger was removed"))


def warn_of_ends(tx: Tx, expiring_ms: int) -> int:
    """Tell, once, of certificates in use that end soon and could not be renewed, also because their charger is away; how many."""

    def warn(known: ChargerCertificate) -> None:
        store.warned(tx, known.id)
        tx.emit(
            ChargerCertificateExpiring(
                charger_id=known.charger_id,
                certificate_id=known.id,
                serial=known.serial,
                expires_at=known.not_after_at or 0,
                renewals=known.renewals,
            )
        )

    return _each(tx, store.to_warn(tx, tx.now + expiring_ms, tx.now - OVERDUE_MS, SLICE), warn)


def _each(tx: Tx, found: Sequence[ChargerCertificate], act: Callable[[ChargerCertificate], None]) -> int:
    if found:
        tx.claim(*sorted({charger_key(known.charger_id) for known in found}))
    for known in found:
        act(known)
    return len(found)


def change(tx: Tx, known: ChargerCertificate, state: str, reason: str) -> None:
    """Bring a certificate into another state, and tell."""
    store.set_state(tx, known.id, state, clean(reason, 500))
    after = store.by_id(tx, known.id)
    if after is not None:
        tell(tx, after, known.state)


def tell(tx: Tx, known: ChargerCertificate, previous_state: str) -> None:
    """Emit that a certificate is in its state."""
    tx.emit(
        ChargerCertificateChanged(
            charger_id=known.charger_id,
            certificate_id=known.id,
            serial=known.serial,
            fingerprint=known.fingerprint,
            state=known.state,
            previous_state=previous_state,
            reason=known.reason,
            expires_at=known.not_after_at,
        )
    )


def _subject(handshake: Handshake) -> str:
    organization = handshake.certificate_organization
    return clean(f"CN={handshake.certificate_cn}" + (f",O={organization}" if organization else ""), 500)
