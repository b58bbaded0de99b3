"""X.509 certificates, read into plain facts."""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from csms.core.errors import Invalid
from csms.core.units import from_datetime

LONGEST_PEM = 100_000
"""Characters of PEM that are read at all."""
SMALLEST_RSA, LARGEST_RSA, SMALLEST_EC = 2048, 8192, 256
"""Bits. The security whitepaper wants RSA of 2048 (A00.FR.502) and curves of 224 (A00.FR.503); nobody uses curves below 256."""

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_CERTIFICATE = "CERTIFICATE"
_TROUBLE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    x509.InvalidVersion,
)
"""What ``cryptography`` raises for what it cannot read."""


@attrs.frozen(slots=True, kw_only=True)
class CertificateFacts:
    """What a certificate says. ``serial`` and ``fingerprint`` (SHA-256 of the whole) are lower-case hexadecimal, ``key`` is such as
    ``EC 256`` or ``RSA 2048``, the instants are when it begins and ends to be valid."""

    subject: str
    common_name: str
    organization: str
    issuer: str
    serial: str
    fingerprint: str
    not_before_at: int
    not_after_at: int
    key: str
    is_authority: bool
    is_self_issued: bool


def load(pem: str) -> x509.Certificate:
    """The only certificate of a PEM text. Raises ``Invalid``."""
    found = load_all(pem)
    if len(found) != 1:
        raise Invalid(f"one certificate is wanted, not {len(found)}", field="certificate")
    return found[0]


def load_all(pem: str) -> list[x509.Certificate]:
    """Every certificate of a PEM text, in its order. Raises ``Invalid`` for anything that is none, and for none at all."""
    if len(pem) > LONGEST_PEM:
        raise Invalid(f"a PEM text of {len(pem)} characters is too long; the most is {LONGEST_PEM}", field="certificate")
    blocks = [(match[1], match[0]) for match in _BLOCK.finditer(pem)]
    if not blocks:
        raise Invalid("no PEM: -----BEGIN CERTIFICATE----- is missing", field="certificate")
    if strange := sorted({kind for kind, _ in blocks if kind != _CERTIFICATE}):
        raise Invalid(f"PEM of a certificate is wanted, not of a {strange[0].lower()}", field="certificate")
    try:
        return [x509.load_pem_x509_certificate(text.encode()) for _, text in blocks]
    except _TROUBLE as error:
        raise Invalid(f"not an X.509 certificate: {error}", field="certificate") from error


def read(pem: str) -> CertificateFacts:
    """The facts of a PEM text's only certificate. Raises ``Invalid``."""
    return facts(load(pem))


def facts(certificate: x509.Certificate) -> CertificateFacts:
    """The facts of a certificate. Raises ``Invalid`` for one whose fields contradict X.509."""
    try:
        return CertificateFacts(
            subject=certificate.subject.rfc4514_string(),
            common_name=only(certificate.subject, NameOID.COMMON_NAME),
            organization=only(certificate.subject, NameOID.ORGANIZATION_NAME),
            issuer=certificate.issuer.rfc4514_string(),
            serial=f"{certificate.serial_number:x}",
            fingerprint=certificate.fingerprint(hashes.SHA256()).hex(),
            not_before_at=from_datetime(certificate.not_valid_before_utc),
            not_after_at=from_datetime(certificate.not_valid_after_utc),
            key=kind_of(certificate.public_key()),
            is_authority=may_sign(certificate),
            is_self_issued=certificate.subject == certificate.issuer,
        )
    except _TROUBLE as error:
        raise Invalid(f"not a certificate that can be used: {error}", field="certificate") from error


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether it is an authority's: basic constraints say so, and key usage, where it is there, lets it sign certificates."""
    try:
        if not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid
    except _TROUBLE:
        return False


def only(name: x509.Name, kind: x509.ObjectIdentifier) -> str:
    """The one attribute of its kind that a name has, else ``""``."""
    found = name.get_attributes_for_oid(kind)
    if len(found) != 1:
        return ""
    value = found[0].value
    return value if isinstance(value, str) else ""


def kind_of(key: object) -> str:
    """A public key in two words. Raises ``Invalid`` for one that is too weak or of another kind (A00.FR.501 to A00.FR.503)."""
    if isinstance(key, rsa.RSAPublicKey):
        if not SMALLEST_RSA <= key.key_size <= LARGEST_RSA:
            raise Invalid(f"an RSA key of {key.key_size} bits; {SMALLEST_RSA} to {LARGEST_RSA} are wanted", field="key")
        return f"RSA {key.key_size}"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if key.curve.key_size < SMALLEST_EC:
            raise Invalid(f"an EC key of {key.curve.key_size} bits; at least {SMALLEST_EC} are wanted", field="key")
        return f"EC {key.curve.key_size}"
    raise Invalid(f"a {type(key).__name__.removesuffix('PublicKey')} key; RSA and EC are known", field="key")


def pem_of(certificates: Sequence[x509.Certificate]) -> str:
    """Certificates as PEM, one after the other."""
    return "".join(each.public_bytes(Encoding.PEM).decode() for each in certificates)
