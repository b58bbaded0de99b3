"""Nouns and events of the security slice."""

from __future__ import annotations

from typing import ClassVar, Protocol

import attrs

from csms.core.certificates import CertificateHash
from csms.core.commands import VariableName
from csms.core.events import ChargerEvent, event

ASKED, SIGNED, FAILED, REJECTED = "asked", "signed", "failed", "rejected"
"""States of a request: it waits for the authority, was signed, will never be signed, or was not even taken."""
ISSUED, ACTIVE, SUPERSEDED, REVOKED, EXPIRED = "issued", "active", "superseded", "revoked", "expired"
"""States of a certificate, with ``REJECTED`` by the charger."""
ROTATION_ASKED, ACCEPTED, REBOOT, UNCERTAIN, CONFIRMED, SETTLED, REFUSED = (
    "asked",
    "accepted",
    "reboot",
    "uncertain",
    "confirmed",
    "settled",
    "refused",
)
"""States of a key rotation. Accepted (after a reboot, perhaps) or uncertain, both keys open until the charger logs in with the new one
(confirmed); one that was accepted becomes the only one after a while (settled)."""
WANTED, DONE = "wanted", "done"
"""States of a profile upgrade, with ``ASKED`` and ``REFUSED``: agreed to and not seen yet; seen, and required from then on."""
BY_CHARGER, BY_CSMS = "charger", "csms"
BUILT_IN = "built-in"
"""The authority of csms itself, as configured."""

CONTROLLER = "SecurityCtrlr"
KEY_VARIABLE = VariableName("BasicAuthPassword", CONTROLLER)
PROFILE_VARIABLE = VariableName("SecurityProfile", CONTROLLER)
ORGANIZATION_VARIABLE = VariableName("OrganizationName", CONTROLLER)
CHAIN_LIMIT_VARIABLE = VariableName("MaxCertificateChainSize", CONTROLLER)
"""Variables by their names in 2.0.1 (part 2 appendix, SecurityCtrlr); a dialect that knows them by others says those."""
KEY_NAMES = frozenset({"authorizationkey", "basicauthpassword"})
PROFILE_NAMES = frozenset({"securityprofile"})
"""What operators may call them, folded."""

LONGEST_CHAIN = 10_000
"""Characters of a certificate chain that every version can say."""

CRITICAL_EVENTS = frozenset(
    {
        "FirmwareUpdated",
        "SettingSystemTime",
        "StartupOfTheDevice",
        "ResetOrReboot",
        "SecurityLogWasCleared",
        "MemoryExhaustion",
        "TamperDetectionActivated",
    }
)
"""The critical ones of the whitepaper's list (§8); whatever is not on it, also a vendor's own, is not critical."""

INVALID_REQUEST, NOT_SIGNED, NOT_TAKEN, TOO_MANY_REQUESTS, CERTIFICATE_REFUSED, LOGINS_FAILED = (
    "InvalidCertificateRequest",
    "CertificateNotSigned",
    "CertificateNotTaken",
    "TooManyCertificateRequests",
    "CertificateRefused",
    "LoginsFailed",
)
"""Security events of our own."""
OWN_CRITICAL = frozenset({NOT_SIGNED, NOT_TAKEN, CERTIFICATE_REFUSED, LOGINS_FAILED})


class SecuritySettings(Protocol):
    """What this slice needs of the configuration; ``config.SecurityConfig`` has it."""

    @property
    def organization(self) -> str:
        """The operator's name, O of every certificate; ``""`` takes what the charger asks for."""
        ...

    @property
    def certificate_days(self) -> float:
        """How long a charger's certificate is valid."""
        ...

    @property
    def renew_before_days(self) -> float:
        """How long before its end it is renewed, and never earlier than in its last third."""
        ...

    @property
    def expiring_days(self) -> float:
        """How long before its end an operator is told that it was not renewed."""
        ...

    @property
    def requests_per_hour(self) -> int:
        """Requests of one charger."""
        ...

    @property
    def sign_other_names(self) -> bool:
        """Whether a request for another name is signed, for the charger's id all the same."""
        ...

    @property
    def key_grace_h(self) -> float:
        """How long the old key opens after the charger accepted a new one."""
        ...


@attrs.frozen(slots=True)
class Offered:
    """The security profiles of the installation: the ``least`` that chargers without one of their own must use, and the ``highest``
    that the server can serve (without TLS 1, behind a proxy that ends it 2)."""

    least: int
    highest: int


@attrs.frozen(slots=True, kw_only=True)
class RequestReading:
    """The decision before ``service.request_certificate``: what could be read of the request, or ``problem``, why it will not do."""

    problem: str = ""
    digest: str = ""
    organization: str = ""
    key_kind: str = ""
    requests_per_hour: int = 10


@attrs.frozen(slots=True, kw_only=True)
class CertificateRequest:
    """A charger's request for a certificate. ``next_at`` is when the authority is asked (again), while it is ``asked``."""

    id: int
    charger_id: str
    digest: str
    csr: str = attrs.field(repr=False)
    organization: str
    key_kind: str
    state: str
    reason: str
    attempts: int
    next_at: int | None
    requested_at: int
    decided_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class NewCertificate:
    """A certificate that was just signed. ``chain`` is PEM, the certificate itself first."""

    chain: str = attrs.field(repr=False)
    fingerprint: str
    serial: str
    subject: str
    issuer: str
    not_before_at: int
    not_after_at: int


@attrs.frozen(slots=True, kw_only=True)
class ChargerCertificate:
    """A charger's certificate. ``origin`` is ``signed`` (through us) or ``shown`` by the charger at the door (then little is known of it).

    ``seen_at`` is when its charger first logged in with it, ``deliveries`` how often it was handed over, ``renewals`` how often its charger was told to renew.
    """

    id: int
    charger_id: str
    request_id: int | None
    origin: str
    state: str
    reason: str
    fingerprint: str
    serial: str
    subject: str
    issuer: str
    chain: str = attrs.field(repr=False)
    not_before_at: int | None
    not_after_at: int | None
    created_at: int
    changed_at: int
    seen_at: int | None
    deliveries: int
    renewals: int
    renew_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class RootCertificate:
    """A root certificate of the tenant's library; ``purpose`` is one of ``core.certificates.ROOT_PURPOSES``."""

    id: int
    purpose: str
    name: str
    pem: str = attrs.field(repr=False)
    issuer: str = attrs.field(repr=False)
    fingerprint: str
    serial: str
    subject: str
    not_before_at: int
    not_after_at: int
    added_at: int


@attrs.frozen(slots=True, kw_only=True)
class InstalledCertificate:
    """A root certificate that a charger said is installed; ``root_id`` is ours in the library, None for one we do not know."""

    purpose: str
    certificate: CertificateHash
    read_at: int
    root_id: int | None = None
    name: str = ""


@attrs.frozen(slots=True, kw_only=True)
class KeyRotation:
    """A change of a charger's key; the key itself is kept nowhere."""

    id: int
    charger_id: str
    sealed: str = attrs.field(repr=False)
    state: str
    outcome: str
    asked_at: int
    changed_at: int
    settle_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class ProfileUpgrade:
    """A higher security profile that a charger is wanted on."""

    charger_id: str
    profile: int
    state: str
    outcome: str
    asked_at: int
    changed_at: int


@attrs.frozen(slots=True, kw_only=True)
class SecurityEvent:
    """A security event. ``source`` is ``charger`` or ``csms``; ``occurred_at_raw`` keeps a timestamp that could not be trusted."""

    id: int
    charger_id: str
    source: str
    kind: str
    critical: bool
    info: str
    occurred_at: int
    received_at: int
    occurred_at_raw: str = ""


# --- events ---------------------------------------------------------------------------------------------------------------------


@event
@attrs.frozen(slots=True, kw_only=True)
class SecurityEventNoted(ChargerEvent):
    """A charger reported a security event (A04), or we noticed one about it (``source`` is ``csms``)."""

    type: ClassVar[str] = "security_event_reported"

    source: str
    kind: str
    critical: bool
    info: str
    occurred_at: int


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerCertificateChanged(ChargerEvent):
    """A charger's certificate was issued, became active, superseded, rejected, revoked or expired; ``previous_state`` is ``""`` at first."""

    type: ClassVar[str] = "charger_certificate_changed"

    certificate_id: int
    serial: str
    fingerprint: str
    state: str
    previous_state: str
    reason: str
    expires_at: int | None


@event
@attrs.frozen(slots=True, kw_only=True)
class ChargerCertificateExpiring(ChargerEvent):
    """A charger's certificate ends soon and could not be renewed; its charger was told so ``renewals`` times. Told once."""

    type: ClassVar[str] = "charger_certificate_expiring"

    certificate_id: int
    serial: str
    expires_at: int
    renewals: int
