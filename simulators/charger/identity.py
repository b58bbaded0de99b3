"""A charger's own certificate and key, from files."""

from __future__ import annotations

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from .certificates import BadCertificate, Identity, load, same_key


def load_identity(certificate: Path, key: Path) -> Identity:
    """The identity in two PEM files; raises ``ValueError`` naming the file that is wrong."""
    try:
        chain = load(certificate.read_text(encoding="utf-8"))
    except (BadCertificate, OSError, UnicodeDecodeError) as wrong:
        raise ValueError(f"{certificate}: {wrong}") from None
    try:
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, TypeError, OSError, UnsupportedAlgorithm) as wrong:
        raise ValueError(f"{key}: not an unencrypted PEM key: {wrong}") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError(f"{key}: neither an EC nor an RSA key")
    if not same_key(chain[0].public_key(), private.public_key()):
        raise ValueError(f"{key} is not the key of {certificate}")
    return Identity(tuple(chain), private)
