"""What a client certificate says of the charger that showed it (1.6 security whitepaper §2.5, §2.6)."""

from __future__ import annotations

import hashlib
import ssl
from typing import Any

import trio


def shown_certificate(stream: trio.abc.Stream) -> dict[str, Any]:
    """The ``certificate_`` fields of ``Handshake``, after the TLS handshake; empty where none was shown.

    TLS has verified it, or there would be no connection. A subject with several CNs names nobody: which one counts would be a guess.
    """
    if not isinstance(stream, trio.SSLStream):
        return {}
    encoded, facts = stream.getpeercert(binary_form=True), stream.getpeercert()
    if not encoded or not facts:
        return {}
    subject = [pair for relative in facts.get("subject", ()) for pair in relative]
    return {
        "certificate_cn": _only("commonName", subject),
        "certificate_organization": _only("organizationName", subject),
        "certificate_serial": f"{int(facts['serialNumber'], 16):x}",
        "certificate_fingerprint": hashlib.sha256(encoded).hexdigest(),
        "certificate_expires_at": ssl.cert_time_to_seconds(facts["notAfter"]) * 1000,
    }


def _only(name: str, subject: list[tuple[str, str]]) -> str | None:
    values = [value for key, value in subject if key == name]
    return values[0] if len(values) == 1 else None


def tls_failure(error: BaseException | None) -> tuple[str, str]:
    """Why a TLS handshake failed: a word for metrics and words for the log; both empty when the connection merely broke."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return "certificate", f"client certificate: {error.verify_message}"
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return "tls", f"TLS: {(error.reason or str(error)).replace('_', ' ').lower()}"
    return "", ""
