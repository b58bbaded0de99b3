"""Signed firmware: whether an image is the one that its manufacturer signed (1.6 security whitepaper L01; 2.0.1 L01)."""

from __future__ import annotations

import base64
import binascii

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from csms.core.errors import Invalid

from .certificates import kind_of, load_all

LONGEST_SIGNATURE = 800
"""Characters of base64 that OCPP allows."""


def verify(signing_certificate_pem: str, signature_b64: str, sha256_digest: bytes) -> None:
    """Check the signature of an image, of which ``sha256_digest`` is the SHA-256 (32 bytes), with the signing certificate's key.

    ECDSA, RSA-PSS (L01.FR.04) and, because manufacturers use it, RSA with PKCS #1 v1.5 padding. Of several certificates the first
    is the signer's. Raises ``Invalid`` with the reason when the signature does not hold. Whether the certificate is to be trusted
    is another question: ``domain.security.service.trusts_firmware_certificate``.
    """
    if len(sha256_digest) != 32:
        raise Invalid("a SHA-256 digest has 32 bytes", field="digest")
    if len(signature_b64) > LONGEST_SIGNATURE:
        raise Invalid(f"a signature has at most {LONGEST_SIGNATURE} characters", field="signature")
    try:
        signature = base64.b64decode("".join(signature_b64.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"the signature is no base64: {error}", field="signature") from error
    prehashed = Prehashed(hashes.SHA256())
    try:
        key = load_all(signing_certificate_pem)[0].public_key()
        kind_of(key)
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, sha256_digest, ec.ECDSA(prehashed))
        elif isinstance(key, rsa.RSAPublicKey):
            _verify_rsa(key, signature, sha256_digest, prehashed)
    except InvalidSignature as error:
        raise Invalid("the signature is not one of this image by this certificate", field="signature") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"the signature cannot be checked: {error}", field="signature") from error


def _verify_rsa(key: rsa.RSAPublicKey, signature: bytes, digest: bytes, prehashed: Prehashed) -> None:
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.AUTO)
    try:
        key.verify(signature, digest, pss, prehashed)
    except InvalidSignature:
        key.verify(signature, digest, padding.PKCS1v15(), prehashed)
