"""Certificate signing requests (PKCS #10, RFC 2986), read and checked as far as one can without knowing whose they are."""

from __future__ import annotations

import hashlib

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from csms.core.errors import Invalid

from .certificates import kind_of, only

LONGEST_CSR = 10_000
"""Characters of PEM; OCPP allows 5500."""
_WEAK = (hashes.MD5, hashes.SHA1)


@attrs.frozen(slots=True, kw_only=True)
class SigningRequest:
    """What a charger asks to have signed. ``digest`` is the SHA-256 of the request, ``key`` its kind of key (``EC 256``)."""

    common_name: str
    organization: str
    key: str
    digest: str


def read_request(pem: str) -> SigningRequest:
    """Read a request whose own signature holds and whose key is strong enough (A00.FR.501 to A00.FR.504). Raises ``Invalid``."""
    csr = load_request(pem)
    if isinstance(csr.signature_hash_algorithm, _WEAK):
        raise Invalid(f"signed with {csr.signature_hash_algorithm.name}: SHA-256 or better is wanted", field="csr")
    try:
        key = kind_of(csr.public_key())
        holds = csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Invalid(f"its key cannot be used: {error}", field="csr") from error
    if not holds:
        raise Invalid("its signature is not that of its own key", field="csr")
    names = csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(names) != 1:
        raise Invalid(f"its subject has {len(names)} common names (CN); one is wanted", field="csr")
    return SigningRequest(
        common_name=only(csr.subject, NameOID.COMMON_NAME),
        organization=only(csr.subject, NameOID.ORGANIZATION_NAME),
        key=key,
        digest=hashlib.sha256(csr.public_bytes(Encoding.DER)).hexdigest(),
    )


def load_request(pem: str) -> x509.CertificateSigningRequest:
    """The request of a PEM text. Raises ``Invalid``."""
    if len(pem) > LONGEST_CSR:
        raise Invalid(f"{len(pem)} characters are too long; the most is {LONGEST_CSR}", field="csr")
    try:
        return x509.load_pem_x509_csr(pem.encode())
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise Invalid(f"not a PEM certificate signing request: {error}", field="csr") from error
