"""The certificates of one charger: the roots that it trusts, its own with its key, and the request for the next (whitepaper §2.6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Any

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509 import ocsp
from cryptography.x509.oid import NameOID

CENTRAL_SYSTEM, MANUFACTURER = "CentralSystemRootCertificate", "ManufacturerRootCertificate"
USES = (CENTRAL_SYSTEM, MANUFACTURER)
"""Whitepaper §6.4."""
LEAST_RSA_BITS, LEAST_EC_BITS = 2048, 224
"""Whitepaper A00.FR.502, 503."""
HASHES: dict[str, Callable[[], hashes.HashAlgorithm]] = {
    "SHA256": hashes.SHA256,
    "SHA384": hashes.SHA384,
    "SHA512": hashes.SHA512,
}
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class BadCertificate(ValueError):
    """A certificate that cannot be used; the message says why."""


def load(pem: str) -> list[x509.Certificate]:
    """The certificates in a PEM text; raises ``BadCertificate``."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError as wrong:
        raise BadCertificate(f"not a PEM certificate: {wrong}") from None


def new_key(kind: str) -> Key:
    """A private key: ``ec`` (P-256) or ``rsa`` (2048 bits, which takes a while)."""
    return rsa.generate_private_key(65537, LEAST_RSA_BITS) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())


def request_for(key: Key, common_name: str, organization: str) -> str:
    """A certificate signing request as PEM (RFC 2986; whitepaper A00.FR.509, 511)."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
    if organization:
        names.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def pem_of(certificates: list[x509.Certificate]) -> str:
    """Certificates as PEM."""
    return "".join(each.public_bytes(serialization.Encoding.PEM).decode() for each in certificates)


def check_strength(certificate: x509.Certificate) -> None:
    """Raises ``BadCertificate`` for a key that is too short (whitepaper A00.FR.501)."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
        raise BadCertificate(f"its RSA key has only {key.key_size} bits")
    if isinstance(key, ec.EllipticCurvePublicKey) and key.key_size < LEAST_EC_BITS:
        raise BadCertificate(f"its elliptic curve key has only {key.key_size} bits")


def check_period(certificate: x509.Certificate, now: datetime) -> None:
    """Raises ``BadCertificate`` when it has expired."""
    if now > certificate.not_valid_after_utc:
        raise BadCertificate(f"it expired at {certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}")


def issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether one certificate was signed with another's key, and says so."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def hash_data(certificate: x509.Certificate, issuer: x509.Certificate, algorithm: str = "SHA256") -> dict[str, str]:
    """CertificateHashDataType (whitepaper §6.1): hashes of the issuer's name and key as in RFC 6960 §4.1.1, and the serial number."""
    request = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, HASHES[algorithm]()).build()
    return {
        "hashAlgorithm": algorithm,
        "issuerNameHash": request.issuer_name_hash.hex(),
        "issuerKeyHash": request.issuer_key_hash.hex(),
        "serialNumber": f"{certificate.serial_number:x}",
    }


def verifies(certificate: x509.Certificate, signature: bytes, digest: bytes) -> bool:
    """Whether a signature over a file with that SHA-256 is good: RSA-PSS or ECDSA (whitepaper L01.FR.04)."""
    key, algorithm = certificate.public_key(), Prehashed(hashes.SHA256())
    try:
        match key:
            case rsa.RSAPublicKey():
                key.verify(signature, digest, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO), algorithm)
            case ec.EllipticCurvePublicKey():
                key.verify(signature, digest, ec.ECDSA(algorithm))
            case _:
                return False
    except (InvalidSignature, ValueError):
        return False
    return True


@attrs.frozen(slots=True, eq=False)
class Identity:
    """A charger's own certificate, the chain below its root, and the key."""

    chain: tuple[x509.Certificate, ...]
    key: Key

    def chain_pem(self) -> str:
        """The chain, leaf first."""
        return pem_of(list(self.chain))

    def key_pem(self) -> str:
        """The key, unencrypted; it never leaves this process but for the file that OpenSSL reads it from."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()


class CertificateStore:
    """The roots by use, the own identity and its fallback, and the key whose certificate is awaited."""

    __slots__ = ("awaited", "fallback", "identity", "roots")

    def __init__(self, roots: dict[str, list[x509.Certificate]] | None = None, identity: Identity | None = None) -> None:
        self.roots: dict[str, list[x509.Certificate]] = {use: list((roots or {}).get(use, [])) for use in USES}
        self.identity = identity
        self.fallback: Identity | None = None
        """The identity before this one, until this one has worked (whitepaper A02.FR.10)."""
        self.awaited: Key | None = None

    # --- roots -----------------------------------------------------------------------------------------------------------------

    def install(self, use: str, pem: str, *, most: int, check_new_roots: bool, now: datetime) -> None:
        """Trust another root (whitepaper M05); raises ``BadCertificate``."""
        found = load(pem)
        if len(found) != 1:
            raise BadCertificate(f"{len(found)} certificates instead of one")
        (certificate,) = found
        check_strength(certificate)
        check_period(certificate, now)
        if self._issuer(certificate) is None:
            raise BadCertificate("neither a root nor issued by one that is installed")
        if certificate in self.roots[use]:
            return
        if check_new_roots and use == CENTRAL_SYSTEM and self.roots[use]:
            old = self.roots[use][-1]
            if not issued(certificate, old):
                raise BadCertificate("not signed by the root that it is to replace (AdditionalRootCertificateCheck)")
            self.roots[use] = [old, certificate]
            return
        if sum(map(len, self.roots.values())) >= most:
            raise BadCertificate("the store is full (CertificateStoreMaxLength)")
        self.roots[use].append(certificate)

    def worked(self, *, check_new_roots: bool) -> None:
        """A connection was made with what is new: what was kept to fall back on goes (M05.FR.12, A02.FR.10)."""
        self.fallback = None
        if check_new_roots:
            self.roots[CENTRAL_SYSTEM] = self.roots[CENTRAL_SYSTEM][-1:]

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        candidates = [certificate, *self.roots[CENTRAL_SYSTEM], *self.roots[MANUFACTURER]]
        return next((each for each in candidates if issued(certificate, each)), None)

    def hash_data(self, use: str) -> list[dict[str, str]]:
        """The installed roots of a use (M03)."""
        found = []
        for certificate in self.roots[use]:
            issuer = self._issuer(certificate)
            if issuer is not None:
                found.append(hash_data(certificate, issuer))
        return found

    def find(self, wanted: dict[str, Any]) -> tuple[str, x509.Certificate] | None:
        """The root that a CertificateHashDataType names; raises ``KeyError`` for an unknown algorithm or a missing field."""
        algorithm = str(wanted["hashAlgorithm"])
        if algorithm not in HASHES:
            raise KeyError(f"hashAlgorithm {algorithm!r}")
        for use, certificates in self.roots.items():
            for certificate in certificates:
                issuer = self._issuer(certificate)
                if issuer is not None and _same(hash_data(certificate, issuer, algorithm), wanted):
                    return use, certificate
        return None

    def is_own(self, wanted: dict[str, Any]) -> bool:
        """Whether a CertificateHashDataType names the charger's own certificate, which cannot be deleted (M04.FR.05)."""
        own = self.identity
        if own is None:
            return False
        leaf = own.chain[0]
        issuers = [*own.chain[1:], *self.roots[CENTRAL_SYSTEM]]
        return any(_same(hash_data(leaf, each, str(wanted["hashAlgorithm"])), wanted) for each in issuers if issued(leaf, each))

    def delete(self, use: str, certificate: x509.Certificate) -> None:
        """Trust a root no longer."""
        self.roots[use].remove(certificate)

    # --- the own certificate ---------------------------------------------------------------------------------------------------

    def presentable(self, now: datetime) -> Identity | None:
        """The newest identity that is valid already (A02.FR.08, 09)."""
        if self.identity is not None and self.fallback is not None and now < self.identity.chain[0].not_valid_before_utc:
            return self.fallback
        return self.identity

    def accept(self, pem: str, common_name: str, now: datetime) -> Identity:
        """The identity made of a signed certificate and the key that waits for it (A02.FR.06); raises ``BadCertificate``."""
        chain = load(pem)
        leaf = chain[0]
        if self.identity is not None and leaf == self.identity.chain[0]:
            return self.identity  # sent again: its first answer was lost
        if self.awaited is None:
            raise BadCertificate("no certificate was asked for")
        if not same_key(leaf.public_key(), self.awaited.public_key()):
            raise BadCertificate("it belongs to another key")
        check_strength(leaf)
        check_period(leaf, now)
        names = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        if [name.value for name in names] != [common_name]:
            raise BadCertificate(f"it is for {leaf.subject.rfc4514_string()!r}, not for CN={common_name}")
        self._check_chain(chain)
        accepted = Identity(tuple(chain), self.awaited)
        self.fallback, self.identity, self.awaited = self.identity, accepted, None
        return accepted

    def _check_chain(self, chain: list[x509.Certificate]) -> None:
        for certificate, issuer in pairwise(chain):
            if not issued(certificate, issuer):
                raise BadCertificate("its chain is broken")
        roots, last = self.roots[CENTRAL_SYSTEM], chain[-1]
        if roots and last not in roots and not any(issued(last, root) for root in roots):
            raise BadCertificate("it leads to no CentralSystemRootCertificate that is installed")

    def signing_certificate(self, pem: str, now: datetime) -> x509.Certificate:
        """A firmware signing certificate, if it was issued by the manufacturer (L01.FR.12); raises ``BadCertificate``."""
        certificate = load(pem)[0]
        check_strength(certificate)
        check_period(certificate, now)
        if now < certificate.not_valid_before_utc:
            raise BadCertificate("it is not valid yet")
        if not any(issued(certificate, root) for root in self.roots[MANUFACTURER]):
            raise BadCertificate("it was issued by no ManufacturerRootCertificate that is installed")
        return certificate


def _same(ours: dict[str, str], wanted: dict[str, Any]) -> bool:
    return all(
        str(wanted[name]).casefold().lstrip("0" if name == "serialNumber" else "") == value.casefold()
        for name, value in ours.items()
    )


def same_key(one: Any, other: Any) -> bool:
    """Whether two public keys are the same."""
    return _encoded(one) == _encoded(other)


def _encoded(key: Any) -> bytes:
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
