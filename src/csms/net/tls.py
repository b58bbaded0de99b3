"""The TLS context of the charger side."""

from __future__ import annotations

import ssl


def tls_context(certificate: str, key: str) -> ssl.SSLContext | None:
    """A server context for TLS 1.2 or later (OCPP security profile 2), or None without a certificate.

    Raises ``OSError`` or ``ssl.SSLError``, naming the files, when they cannot be used.
    """
    if not certificate:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    try:
        context.load_cert_chain(certificate, key or None)
    except OSError as error:
        raise OSError(f"tls_certificate {certificate!r} with tls_key {key!r}: {error}") from error
    return context
