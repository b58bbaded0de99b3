"""The built-in certificate authority: a key of its own, made on first use, or one that the operator brings."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial
from pathlib import Path
from threading import Lock

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from csms.core.errors import CsmsError, Invalid
from csms.core.ports import Blocking, Clock

from .certificates import facts, load_all, may_sign, pem_of
from .issuing import AuthorityKey, issue, make_root

KEY_NAME, CERTIFICATE_NAME = "authority.key", "authority.pem"


class AuthorityUnusable(CsmsError):
    """The authority's files are missing, unreadable or do not belong together; the message says which."""


@attrs.frozen(slots=True)
class Material:
    """An authority's key, and its certificate with those above it."""

    key: AuthorityKey = attrs.field(repr=False)
    chain: tuple[x509.Certificate, ...]

    @property
    def certificate(self) -> x509.Certificate:
        """Its own."""
        return self.chain[0]


class BuiltInAuthority:
    """Implements ``core.ports.CertificateAuthority``.

    Without files it makes itself a root in ``folder`` when it is first asked for anything: ``authority.key`` (mode 0600) and
    ``authority.pem``. With ``certificate`` and ``key`` it signs with the operator's own: a root, or an intermediate with the
    certificates above it behind it in the file. Changed files count after a restart.
    """

    def __init__(
        self, *, folder: Path, certificate: str = "", key: str = "", organization: str, clock: Clock, blocking: Blocking
    ) -> None:
        self._folder = folder
        self._certificate = Path(certificate) if certificate else folder / CERTIFICATE_NAME
        self._key = Path(key) if key else folder / KEY_NAME
        self._makes = not certificate
        self._organization = organization
        self._clock = clock
        self._blocking = blocking
        self._lock = Lock()
        self._material: Material | None = None

    async def sign(self, csr: str, *, charger_id: str, organization: str, lifetime_s: float) -> str:
        """See the port. Raises ``Invalid`` and ``AuthorityUnusable``."""
        work = partial(self._sign, csr, charger_id, organization, lifetime_s, self._clock.now())
        return await self._blocking.run("certificate", work)

    async def trust_anchors(self) -> str:
        """See the port: ``""`` before the root was made. Raises ``AuthorityUnusable``."""
        return await self._blocking.run("certificate", partial(self._anchors, self._clock.now()))

    def _sign(self, csr: str, charger_id: str, organization: str, lifetime_s: float, now: int) -> str:
        material = self._open(now)
        leaf = issue(
            csr,
            material.certificate,
            material.key,
            common_name=charger_id,
            organization=organization,
            now=now,
            lifetime_s=lifetime_s,
        )
        # the root itself is what the charger must have already: it would only make the message longer
        between = [each for each in material.chain if each.subject != each.issuer]
        return pem_of([leaf, *between])

    async def make(self) -> str:
        """Make the root now if there is none yet; PEM of the trust anchors. Raises ``AuthorityUnusable``."""
        return await self._blocking.run("certificate", partial(self._anchors, self._clock.now(), make=True))

    def _anchors(self, now: int, *, make: bool = False) -> str:
        if not make and self._makes and not self._key.exists():
            return ""
        return pem_of(self._open(now).chain)

    def _open(self, now: int) -> Material:
        with self._lock:  # several threads may be first
            if self._material is None:
                if self._makes and not self._key.exists():
                    self._make(now)
                self._material = read_material(self._certificate, self._key)
            return self._material

    def _make(self, now: int) -> None:
        """Make key and root in one step: both are there or neither is, also when another process does the same."""
        key, root = make_root(self._organization, now)
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}-", dir=self._folder.parent))  # mode 0700
            try:
                secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                _write(fresh / KEY_NAME, secret, 0o600)
                _write(fresh / CERTIFICATE_NAME, pem_of([root]).encode(), 0o644)
                _settle(fresh)
                os.rename(fresh, self._folder)
                _settle(self._folder.parent)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
        except OSError as error:
            if not self._key.exists():
                raise AuthorityUnusable(f"no certificate authority could be made in {self._folder}: {error}") from error


def read_material(certificate: Path, key: Path) -> Material:
    """An authority's key and certificate from their files. Raises ``AuthorityUnusable``."""
    try:
        chain = tuple(load_all(certificate.read_text(encoding="ascii", errors="replace")))
        secret = load_pem_private_key(key.read_bytes(), password=None)
    except OSError as error:
        raise AuthorityUnusable(f"the certificate authority cannot be read: {error}") from error
    except (Invalid, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise AuthorityUnusable(f"the certificate authority in {certificate} and {key} cannot be used: {error}") from error
    if not isinstance(secret, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise AuthorityUnusable(f"{key} is neither an EC nor an RSA key")
    try:
        facts(chain[0])
    except Invalid as error:
        raise AuthorityUnusable(f"the certificate authority in {certificate} cannot be used: {error}") from error
    if chain[0].public_key() != secret.public_key():
        raise AuthorityUnusable(f"{key} is not the key of the first certificate in {certificate}")
    if not may_sign(chain[0]):
        raise AuthorityUnusable(f"the first certificate in {certificate} may not sign others (basic constraints, key usage)")
    return Material(secret, chain)


def _write(path: Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Have a folder's entries on disk: a root that is gone after a power failure could vouch for nobody."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
