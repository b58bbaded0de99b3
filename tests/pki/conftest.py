from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = 1_767_225_600_000
"""2026-01-01."""


@attrs.frozen
class Signer:
    """A certificate and its key."""

    key: Any
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        secret: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return secret

    def sign(self, name: str, *, ca: bool = False, path: int | None = None, days: int = 365, key: Any = None) -> Signer:
        return make(name, self, ca=ca, path=path, days=days, key=key)


def make(
    name: str, signer: Signer | None = None, *, ca: bool = True, path: int | None = None, days: int = 365, key: Any = None
) -> Signer:
    key = key or ec.generate_private_key(ec.SECP256R1())
    begins = datetime(2025, 6, 1, tzinfo=UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ACME"), x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, path if ca else None), critical=True)
        .sign(signer.key if signer else key, hashes.SHA256())
    )
    return Signer(key, certificate)


def csr(name: str = "CP1", key: Any = None, *, names: int = 1, algorithm: Any = None) -> str:
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)] * names)
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, algorithm or hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture(scope="session")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture(scope="session")
def root() -> Signer:
    return make("root")
