"""How OCPP names a certificate: by hashes of its issuer's name and key, and its serial number (RFC 6960 §4.1.1)."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from csms.core.certificates import CertificateHash
from csms.core.errors import Invalid

from .certificates import load

ALGORITHMS: dict[str, type[hashes.HashAlgorithm]] = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}


def hash_of(certificate_pem: str, issuer_pem: str = "", *, algorithm: str = "SHA256") -> CertificateHash:
    """A certificate's name. ``issuer_pem`` is needed unless it is self-issued. Raises ``Invalid``."""
    certificate = load(certificate_pem)
    issuer = load(issuer_pem) if issuer_pem else certificate
    if issuer.subject != certificate.issuer:
        raise Invalid(f"the issuer of this certificate is {certificate.issuer.rfc4514_string()}", field="issuer")
    return CertificateHash(
        algorithm=algorithm,
        issuer_name_hash=_digest(algorithm, certificate.issuer.public_bytes()),
        issuer_key_hash=_digest(algorithm, _key_bits(issuer)),
        serial=f"{certificate.serial_number:x}",
    )


def same(one: CertificateHash, other: CertificateHash) -> bool:
    """Whether two names are of one certificate: chargers differ in case and in leading zeros."""
    return _normal(one) == _normal(other)


def _normal(name: CertificateHash) -> tuple[str, ...]:
    return (
        name.algorithm,
        name.issuer_name_hash.casefold(),
        name.issuer_key_hash.casefold(),
        name.serial.casefold().removeprefix("0x").lstrip("0"),
    )


def _digest(algorithm: str, data: bytes) -> str:
    digest = hashes.Hash(ALGORITHMS[algorithm]())
    digest.update(data)
    return digest.finalize().hex()


def _key_bits(certificate: x509.Certificate) -> bytes:
    """The value of the key's BIT STRING, without tag, length and the count of unused bits: the last field of its SubjectPublicKeyInfo."""
    info = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    _, inside, _ = _element(info)
    _, _, rest = _element(inside)
    _, bits, _ = _element(rest)
    return bits[1:]


def _element(der: bytes) -> tuple[int, bytes, bytes]:
    """The tag and the value of the first DER element, and what comes behind it."""
    length, start = der[1], 2
    if length >= 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(der[2:start], "big")
    return der[0], der[start : start + length], der[start + length :]
