"""From a certificate to a root that is trusted: path validation as far as these hierarchies need it (RFC 5280 §6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from csms.core.errors import Invalid
from csms.core.units import to_datetime

from .certificates import facts, may_sign

LONGEST_CHAIN = 5
"""Certificates between the first one and its root, both counted."""


def trust(chain: Sequence[x509.Certificate], roots: Iterable[x509.Certificate], at: int) -> x509.Certificate:
    """The root that vouches for the first certificate of a chain at an instant; the rest of the chain may help to find the way.

    Raises ``Invalid`` with the reason where there is none: a link is missing, expired, too weak, or not allowed to sign.
    """
    anchors = list(roots)
    between = list(chain[1:])
    current, passed = chain[0], 0
    while True:
        _valid(current, at)
        if current in anchors:
            return current
        anchor = next((each for each in anchors if _signed(current, each, passed)), None)
        if anchor is not None:
            _valid(anchor, at)
            return anchor
        issuer = next((each for each in between if each != current and _signed(current, each, passed)), None)
        passed += 1
        if issuer is None or passed >= LONGEST_CHAIN:
            raise Invalid(f"nobody trusted vouches for {current.issuer.rfc4514_string()}", field="certificate")
        between.remove(issuer)
        current = issuer


def _valid(certificate: x509.Certificate, at: int) -> None:
    known, moment = facts(certificate), to_datetime(at)
    if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
        when = "has expired" if moment > certificate.not_valid_after_utc else "is not valid yet"
        raise Invalid(f"the certificate of {known.subject} {when}", field="certificate")


def _signed(certificate: x509.Certificate, issuer: x509.Certificate, passed: int) -> bool:
    """Whether an authority signed this; ``passed`` authorities lie between it and the chain's first certificate."""
    if not may_sign(issuer):
        return False
    longest = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    if longest is not None and passed > longest:
        return False
    return issued_by(certificate, issuer)


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether the issuer's name and key are those that signed it."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
