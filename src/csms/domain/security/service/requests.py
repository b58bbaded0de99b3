"""Requests of chargers for a certificate: taken or rejected at once, then signed once."""

from __future__ import annotations

from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.core.reports import CertificateRequested, SigningVerdict
from csms.domain.security.model import (
    ASKED,
    FAILED,
    INVALID_REQUEST,
    NOT_SIGNED,
    REJECTED,
    SIGNED,
    TOO_MANY_REQUESTS,
    CertificateRequest,
    NewCertificate,
    RequestReading,
)
from csms.domain.security.store import requests as store
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import clean

from . import certificates
from .events import notice

HOUR_MS = 3_600_000
KEPT = 20
"""Requests of a charger that are kept although nothing came of them."""
FIRST_WAIT_S, LONGEST_WAIT_S = 5, 3600
"""Between two attempts at an authority that is away: twice as long each time."""


def request_certificate(tx: Tx, report: CertificateRequested, decision: RequestReading) -> SigningVerdict:
    """SignCertificate (A02.FR.11, A02.FR.12): what can be signed is stored and accepted; the certificate follows as a command.

    A request that is sent again, because our answer was lost, is the same request. A newer one replaces one that waits. What cannot
    be signed is rejected, and its reason stored as a security event; so is one too many within an hour, which is not stored itself.
    """
    tx.claim(charger_key(report.charger_id))
    if stations_store.approval_of(tx, report.charger_id) is None:
        return SigningVerdict("Rejected")
    known = store.latest(tx, report.charger_id)
    same = known if known is not None and decision.digest and known.digest == decision.digest else None
    if same is not None and (same.state == ASKED or (same.state == SIGNED and certificates.hand_over_again(tx, same))):
        return SigningVerdict("Accepted")
    if store.count_since(tx, report.charger_id, tx.now - HOUR_MS) >= decision.requests_per_hour:
        reason = f"more than {decision.requests_per_hour} requests within an hour (security.requests_per_hour)"
        notice(tx, report.charger_id, TOO_MANY_REQUESTS, reason, at_most_every_ms=HOUR_MS)
        return SigningVerdict("Rejected")
    if not decision.problem:
        store.replace_asked(tx, report.charger_id, "the charger sent a newer request")
    store.insert(
        tx,
        report.charger_id,
        digest=decision.digest,
        csr="" if decision.problem else report.csr,
        organization=clean(decision.organization, 255),
        key_kind=decision.key_kind,
        state=REJECTED if decision.problem else ASKED,
        reason=clean(decision.problem, 500),
        next_at=None if decision.problem else tx.now,
    )
    store.prune(tx, report.charger_id, KEPT)
    if decision.problem:
        notice(tx, report.charger_id, INVALID_REQUEST, decision.problem)
        return SigningVerdict("Rejected")
    return SigningVerdict("Accepted")


def signed(tx: Tx, request_id: int, certificate: NewCertificate, renew_at: int) -> int | None:
    """The authority signed a request: store the certificate, to be handed over; its id, None where the request no longer waits."""
    known = _waiting(tx, request_id)
    if known is None:
        return None
    store.decide(tx, request_id, SIGNED, "")
    return certificates.add_signed(tx, known, certificate, renew_at)


def not_signed(tx: Tx, request_id: int, reason: str) -> None:
    """The authority will never sign this: an operator must look at it (A02, error handling)."""
    known = _waiting(tx, request_id)
    if known is not None:
        store.decide(tx, request_id, FAILED, clean(reason, 500))
        notice(tx, known.charger_id, NOT_SIGNED, reason)


def not_reached(tx: Tx, request_id: int, reason: str) -> None:
    """The authority was away or failed: it is asked again, and the first time an operator is told."""
    known = _waiting(tx, request_id)
    if known is None:
        return
    wait_s = min(FIRST_WAIT_S * 2**known.attempts, LONGEST_WAIT_S)
    store.postpone(tx, request_id, tx.now + wait_s * 1000, clean(reason, 500))
    if known.attempts == 0:
        notice(tx, known.charger_id, NOT_SIGNED, f"to be tried again: {reason}")


def _waiting(tx: Tx, request_id: int) -> CertificateRequest | None:
    known = store.by_id(tx, request_id)
    if known is None:
        return None
    tx.claim(charger_key(known.charger_id))
    return known if known.state == ASKED else None
