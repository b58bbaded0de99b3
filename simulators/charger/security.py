"""How a charger proves who it is and whom it believes: security profiles 0 to 3, keys that change, events (whitepaper ed. 2)."""

from __future__ import annotations

import ssl
import tempfile
from collections import deque
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from simulators.clock import EPOCH, iso

from .certificates import CENTRAL_SYSTEM, CertificateStore, Identity, pem_of
from .dial import Address
from .outbox import Parcel
from .settings_rows import HEX_DIGITS

if TYPE_CHECKING:
    from .charger import Charger

LOG_LENGTH = 1000
TRIES = 3
"""So many connections must fail before what was changed is changed back (A05.FR.08)."""
CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:AES128-GCM-SHA256:AES256-GCM-SHA384"
"""For TLS 1.2: those of the whitepaper (A00.FR.318), and their like."""

ROUTINE = frozenset({"StartupOfTheDevice", "ResetOrReboot", "SettingSystemTime"})
"""Critical events (§8) that happen every day: sent only where ``Profile.tells_security_events``."""
KEPT = frozenset(
    {"FailedToAuthenticateAtCentralSystem", "CentralSystemFailedToAuthenticate", "ReconfigurationOfSecurityParameters"}
)
"""Events that are not critical and only go into the log (A04.FR.04)."""


@attrs.frozen(slots=True)
class SecurityEvent:
    """A line of the security log."""

    at: int
    kind: str
    info: str

    def __str__(self) -> str:
        return f"{iso(self.at)} {self.kind} {self.info}".rstrip()


class Security:
    """The keys and certificates of one charger, which of them it uses now, and what it falls back on."""

    def __init__(self, charger: Charger, store: CertificateStore) -> None:
        self._charger = charger
        self.store = store
        self.log: deque[SecurityEvent] = deque(maxlen=LOG_LENGTH)
        self._passwords = [] if charger.profile.password is None else [charger.profile.password]
        self._old_profile: int | None = None
        self._failures = self._rejections = 0
        self._complaints: set[str] = set()

    # --- now -------------------------------------------------------------------------------------------------------------------

    @property
    def profile(self) -> int:
        """The security profile in use, 0 to 3."""
        return self._charger.settings.number("security_profile")

    @property
    def password(self) -> bytes | None:
        """What HTTP Basic authentication shows; nothing under profile 3, where the certificate speaks (A00.FR.4xx)."""
        return self._passwords[0] if self._passwords and self.profile < 3 else None

    @property
    def now(self) -> datetime:
        """The charger's time, for the validity of certificates."""
        return EPOCH + timedelta(milliseconds=self._charger.clock.now())

    def address(self) -> Address:
        """Where to connect, and with which TLS context."""
        charger = self._charger
        address = charger.secure_address if self.profile >= 2 and charger.secure_address is not None else charger.address
        if address.tls is None or not (self.store.roots[CENTRAL_SYSTEM] or self.store.identity):
            return address
        return attrs.evolve(address, tls=self.context())

    def context(self) -> ssl.SSLContext:
        """TLS 1.2 or later; trusts the CentralSystemRootCertificates (where there are none, what this machine trusts)."""
        context = _context()
        roots = self.store.roots[CENTRAL_SYSTEM]
        if roots:
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a root may have been replaced by one that it signed
            context.load_verify_locations(cadata=pem_of(roots))
        else:
            context.load_default_certs()
        own = self.store.presentable(self.now) if self.profile == 3 else None
        if own is not None:
            _show(context, own)
        return context

    def web_context(self) -> ssl.SSLContext:
        """For files: trusts what this machine trusts, and the CentralSystemRootCertificates."""
        context = _context()
        context.load_default_certs()
        roots = self.store.roots[CENTRAL_SYSTEM]
        if roots:
            context.load_verify_locations(cadata=pem_of(roots))
        return context

    # --- changes ---------------------------------------------------------------------------------------------------------------

    def set_password(self, value: str) -> None:
        """Take a new AuthorizationKey into use; the old one stays to fall back on until the new one has worked."""
        key = key_bytes(value) if self._charger.tongue.hexadecimal_keys else value.encode()
        self._passwords = [key, *self._passwords[:1]]
        self.event("ReconfigurationOfSecurityParameters", "AuthorizationKey")

    def obstacle(self, wanted: int) -> str | None:
        """What stands against another security profile (A05.FR.01 to 04); None when nothing does."""
        charger = self._charger
        if wanted <= self.profile:
            return f"the security profile is {self.profile} and cannot become {wanted}"
        if wanted in (1, 2) and not self._passwords:
            return "there is no AuthorizationKey"
        if wanted >= 2 and charger.address.tls is None and charger.secure_address is None:
            return "no wss:// address is known (--secure-url)"
        if wanted >= 2 and not self.store.roots[CENTRAL_SYSTEM]:
            return "no CentralSystemRootCertificate is installed"
        if wanted == 3 and self.store.identity is None:
            return "there is no charge point certificate"
        return None

    def set_profile(self, wanted: int) -> None:
        """Take another security profile into use at the next connection; back to this one where that fails (A05.FR.08)."""
        self._old_profile = self.profile
        self._failures = 0
        self._put_profile(wanted)
        self.event("ReconfigurationOfSecurityParameters", f"SecurityProfile {wanted}")

    def _put_profile(self, number: int) -> None:
        for name in ("security_profile", "network_security_profile"):
            self._charger.settings.hear(name, str(number))

    # --- connections -----------------------------------------------------------------------------------------------------------

    def connected(self) -> None:
        """The server took what was shown: nothing else is needed any more."""
        self._failures = self._rejections = 0
        self._old_profile = None
        self._complaints.clear()
        del self._passwords[1:]
        self.store.worked(check_new_roots=self._charger.settings.flag("checks_new_roots"))

    def failed(self, *, reached: bool, refused: bool, event: str = "", info: str = "") -> None:
        """A connection could not be made: the server was ``reached`` at least, or even ``refused`` the password.

        A server that is away says nothing about a certificate; a new security profile has to work.
        """
        if refused:
            self._passwords.reverse()
            event = "FailedToAuthenticateAtCentralSystem"
        if event and event not in self._complaints:
            self._complaints.add(event)
            self.event(event, info)
        self._failures += 1
        self._rejections += reached
        if self._old_profile is not None and self._failures >= TRIES:
            self._charger.say(f"security profile {self.profile} does not work: back to {self._old_profile}")
            self._put_profile(self._old_profile)
            self._old_profile = None
        elif self.store.fallback is not None and self._rejections >= TRIES:
            self._rejections = 0
            self._charger.say("the new certificate does not work: back to the old one")
            self.store.identity, self.store.fallback = self.store.fallback, self.store.identity

    # --- events ----------------------------------------------------------------------------------------------------------------

    def event(self, kind: str, info: str = "", *, tell: bool | None = None) -> None:
        """Write a security event into the log, and tell the server of a critical one (A04); it waits in the outbox while offline."""
        charger = self._charger
        event = SecurityEvent(charger.clock.now(), kind, info[:255])
        self.log.append(event)
        charger.say(f"security event: {kind} {info}".rstrip())
        if tell is None:
            tell = kind not in KEPT and (kind not in ROUTINE or charger.profile.tells_security_events)
        if tell and "Security" not in charger.profile.without:
            charger.queue(Parcel(*charger.tongue.security_event(event.kind, iso(event.at), event.info), keep=True))


def key_bytes(value: str) -> bytes:
    """The password in an AuthorizationKey: hexadecimal digits for 16 to 20 bytes (whitepaper §7.2), or else as it stands."""
    hexadecimal = len(value) >= 32 and len(value) % 2 == 0 and HEX_DIGITS.issuperset(value)
    return bytes.fromhex(value) if hexadecimal else value.encode()


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    return context


def _show(context: ssl.SSLContext, identity: Identity) -> None:
    """Give OpenSSL the certificate and its key, which it reads from a file only."""
    with tempfile.TemporaryDirectory(prefix="simulated-charger-") as folder:
        path = Path(folder) / "identity.pem"
        path.touch(mode=0o600)
        path.write_text(identity.chain_pem() + identity.key_pem(), encoding="ascii")
        context.load_cert_chain(path)
