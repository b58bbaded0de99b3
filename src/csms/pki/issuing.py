"""Building certificates: an authority's own, and those that it signs for chargers."""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from csms.core.errors import Invalid
from csms.core.units import to_datetime

from .requests import load_request

AuthorityKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

ROOT_YEARS = 25
EARLIER = timedelta(hours=1)
"""How long before it was made a certificate is valid: chargers whose clock is behind shall not refuse it (A02.FR.08)."""
LONGEST_NAME = 64
"""Characters of a CN or O (RFC 5280 appendix A: ub-common-name, ub-organization-name)."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def make_root(organization: str, now: int) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """A fresh P-256 key and the self-signed root of a new authority, valid for ``ROOT_YEARS``."""
    key = ec.generate_private_key(ec.SECP256R1())
    moment = to_datetime(now)
    name = _name(f"{organization[:40] or 'CSMS'} charger root {moment.year}", organization)
    public = key.public_key()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - EARLIER)
        .not_valid_after(moment + timedelta(days=365 * ROOT_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def issue(
    csr_pem: str, issuer: x509.Certificate, key: AuthorityKey, *, common_name: str, organization: str, now: int, lifetime_s: float
) -> x509.Certificate:
    """A charger's certificate over the public key of its request (A00.FR.505 to A00.FR.512): the subject is ours to say.

    It never outlives its issuer. Raises ``Invalid`` for a request or a name that cannot be, or an issuer that has expired.
    """
    csr = load_request(csr_pem)
    check_name(common_name)
    moment = to_datetime(now)
    ends = min(moment + timedelta(seconds=lifetime_s), issuer.not_valid_after_utc)
    if ends <= moment:
        raise Invalid(f"the authority's own certificate expired at {issuer.not_valid_after_utc:%Y-%m-%d %H:%M}Z")
    public = csr.public_key()
    usage = _usage(digital_signature=True, key_encipherment=isinstance(public, rsa.RSAPublicKey))
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(common_name, organization))
        .issuer_name(issuer.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(max(moment - EARLIER, issuer.not_valid_before_utc))
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(_authority_key(issuer), critical=False)
    )
    if isinstance(key, rsa.RSAPrivateKey):
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        return builder.sign(key, hashes.SHA256(), rsa_padding=pss)
    return builder.sign(key, hashes.SHA256())


def check_name(common_name: str) -> None:
    """A charger's CN must not look like a server's (A00.FR.511), and must fit. Raises ``Invalid``."""
    if not 1 <= len(common_name) <= LONGEST_NAME:
        raise Invalid(f"a common name (CN) has 1 to {LONGEST_NAME} characters, not {len(common_name)}", field="common_name")
    try:
        ipaddress.ip_address(common_name)
    except ValueError:
        if _URL.match(common_name) is None:
            return
    raise Invalid(f"the common name {common_name!r} looks like a server's: a URL or an IP address", field="common_name")


def _name(common_name: str, organization: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _authority_key(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:
        identifier = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key())  # type: ignore[arg-type]  # _usable saw its key
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _usage(
    *, digital_signature: bool = False, key_encipherment: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
