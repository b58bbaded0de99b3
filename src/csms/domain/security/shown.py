"""Chargers' security as people see it: certificates, requests, roots, key rotations, and the queries of their lists; no secrets."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.core.certificates import CSMS_ROOT, ROOT_PURPOSES, CertificateHash
from csms.core.paging import Following, Paged, filter_by, one_of, sorts

from .model import (
    ACCEPTED,
    ACTIVE,
    ASKED,
    BY_CHARGER,
    BY_CSMS,
    CONFIRMED,
    DONE,
    EXPIRED,
    FAILED,
    ISSUED,
    REBOOT,
    REFUSED,
    REJECTED,
    REVOKED,
    ROTATION_ASKED,
    SETTLED,
    SIGNED,
    SUPERSEDED,
    UNCERTAIN,
    WANTED,
    CertificateRequest,
    ChargerCertificate,
    InstalledCertificate,
    KeyRotation,
    ProfileUpgrade,
    RootCertificate,
)

CERTIFICATE_STATES = (ISSUED, ACTIVE, SUPERSEDED, REJECTED, REVOKED, EXPIRED)
REQUEST_STATES = (ASKED, SIGNED, FAILED, REJECTED)
ROTATION_STATES = (ROTATION_ASKED, ACCEPTED, REBOOT, UNCERTAIN, CONFIRMED, SETTLED, REFUSED)
UPGRADE_STATES = (ASKED, WANTED, DONE, REFUSED)
LONGEST_REASON = 500


# --- certificates ---------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class CertificateItem:
    """A charger's certificate. ``origin`` is ``signed`` (through us) or ``shown`` by the charger at the door.

    ``seen_at`` is when its charger first logged in with it, ``deliveries`` how often it was handed over, ``renewals`` how often its
    charger was told to renew, ``renew_at`` when it will be.
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
    not_before_at: int | None
    not_after_at: int | None
    created_at: int
    changed_at: int
    seen_at: int | None
    deliveries: int
    renewals: int
    renew_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class CertificateDetail(CertificateItem):
    """A charger's certificate with its ``chain``, PEM, the certificate itself first; ``""`` where it is not known."""

    chain: str


CERTIFICATE_NAMES = tuple(field.name for field in attrs.fields(CertificateItem))


def item_of(known: ChargerCertificate) -> CertificateItem:
    """A certificate without its PEM."""
    return CertificateItem(**{name: getattr(known, name) for name in CERTIFICATE_NAMES})


def detail_of(known: ChargerCertificate) -> CertificateDetail:
    """A certificate with its PEM."""
    return CertificateDetail(**{name: getattr(known, name) for name in CERTIFICATE_NAMES}, chain=known.chain)


@attrs.frozen(slots=True, kw_only=True)
class CertificatesQuery(Paged):
    """Which certificates of chargers somebody wants."""

    sort: str = sorts("id", "not_after_at", "charger_id", default="-id")
    state: str | None = one_of(*CERTIFICATE_STATES, help="exactly this state")
    origin: str | None = one_of("signed", "shown", help="signed through us, or shown by the charger")
    ends_before_at: int | None = filter_by("issued or in use, and ends before that")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")


@attrs.frozen(slots=True, kw_only=True)
class CertificateRequestItem:
    """What a charger asked to have signed, and what came of it. ``next_at`` is when the authority is asked (again)."""

    id: int
    charger_id: str
    state: str
    reason: str
    key_kind: str
    organization: str
    digest: str
    attempts: int
    next_at: int | None
    requested_at: int
    decided_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class CertificateRequestDetail(CertificateRequestItem):
    """What a charger asked to have signed, with the request itself (PKCS #10, PEM)."""

    csr: str


REQUEST_NAMES = tuple(field.name for field in attrs.fields(CertificateRequestItem))


def request_detail(known: CertificateRequest) -> CertificateRequestDetail:
    """A request with its PEM."""
    return CertificateRequestDetail(**{name: getattr(known, name) for name in REQUEST_NAMES}, csr=known.csr)


def request_item(known: CertificateRequest) -> CertificateRequestItem:
    """A request without its PEM."""
    return CertificateRequestItem(**{name: getattr(known, name) for name in REQUEST_NAMES})


@attrs.frozen(slots=True, kw_only=True)
class RequestsQuery(Paged):
    """Which certificate requests somebody wants."""

    sort: str = sorts("requested_at", default="-requested_at")
    state: str | None = one_of(*REQUEST_STATES, help="what came of it")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")


@attrs.frozen(slots=True, kw_only=True)
class Revocation:
    """Why a certificate is revoked; it is shown where the certificate is refused."""

    reason: str = attrs.field(default="", validator=validators.max_len(LONGEST_REASON))


# --- roots ----------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class RootItem:
    """A root certificate of the library: chargers verify the server by it, or it vouches for a manufacturer's firmware."""

    id: int
    purpose: str
    name: str
    subject: str
    serial: str
    fingerprint: str
    not_before_at: int
    not_after_at: int
    added_at: int


@attrs.frozen(slots=True, kw_only=True)
class RootDetail(RootItem):
    """A root certificate of the library with its PEM, and as OCPP names it."""

    pem: str
    hash: CertificateHash


ROOT_NAMES = tuple(field.name for field in attrs.fields(RootItem))


def root_detail(known: RootCertificate, name: CertificateHash) -> RootDetail:
    """A root certificate with its PEM."""
    return RootDetail(**{each: getattr(known, each) for each in ROOT_NAMES}, pem=known.pem, hash=name)


@attrs.frozen(slots=True, kw_only=True)
class RootsQuery(Paged):
    """Which root certificates of the library somebody wants."""

    sort: str = sorts("id", "name", "not_after_at", default="id")
    purpose: str | None = one_of(*ROOT_PURPOSES, help="what it vouches for")


@attrs.frozen(slots=True, kw_only=True)
class NewRoot:
    """A root certificate, PEM, for the library; without a ``name`` its CN is."""

    pem: str = attrs.field(validator=validators.max_len(200_000))
    purpose: str = attrs.field(default=CSMS_ROOT, validator=validators.in_(ROOT_PURPOSES))
    name: str = attrs.field(default="", validator=validators.max_len(200))


@attrs.frozen(slots=True, kw_only=True)
class PurposeQuery:
    """Which root certificates of a charger somebody wants."""

    purpose: str = attrs.field(default=CSMS_ROOT, validator=validators.in_(ROOT_PURPOSES), metadata={"help": "what they vouch for"})


@attrs.frozen(slots=True, kw_only=True)
class InstalledRoots:
    """The root certificates of a purpose that a charger said it has; ``read_at`` is null where it was never asked."""

    purpose: str
    read_at: int | None
    items: Sequence[InstalledCertificate]


# --- keys, profiles, events -----------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class KeyRotationItem:
    """A change of a charger's key; the key itself is kept nowhere. ``outcome`` is what the charger answered.

    ``settle_at`` is when an accepted key becomes the only one although its charger has not logged in with it.
    """

    id: int
    charger_id: str
    state: str
    outcome: str
    asked_at: int
    changed_at: int
    settle_at: int | None


ROTATION_NAMES = tuple(field.name for field in attrs.fields(KeyRotationItem))


def rotation_item(known: KeyRotation) -> KeyRotationItem:
    """A rotation without the sealed key."""
    return KeyRotationItem(**{name: getattr(known, name) for name in ROTATION_NAMES})


@attrs.frozen(slots=True, kw_only=True)
class RotationsQuery(Paged):
    """Which key rotations somebody wants."""

    sort: str = sorts("asked_at", default="-asked_at")
    state: str | None = one_of(*ROTATION_STATES, help="how far it is")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")


@attrs.frozen(slots=True, kw_only=True)
class UpgradesQuery(Paged):
    """Which chargers' latest profile upgrades somebody wants."""

    sort: str = sorts("asked_at", "charger_id", default="-asked_at")
    state: str | None = one_of(*UPGRADE_STATES, help="how far it is")
    profile: int | None = filter_by("to this security profile")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")


@attrs.frozen(slots=True, kw_only=True)
class SecurityEventsQuery(Following):
    """Which security events somebody wants."""

    charger_id: str | None = filter_by("about this charger")
    station_id: int | None = filter_by("about a charger of this station")
    critical: bool | None = filter_by("whether it is critical")
    kind: str | None = filter_by("what it is, such as TamperDetectionActivated")
    source: str | None = one_of(BY_CHARGER, BY_CSMS, help="who noticed it")
    from_at: int | None = filter_by("received then or later")
    to_at: int | None = filter_by("received before")


@attrs.frozen(slots=True, kw_only=True)
class ChargerSecurity:
    """How a charger is secured. Profiles: 1 a key, 2 that over TLS, 3 a client certificate, 0 none.

    ``profile_required`` is the least that it must use, ``profile_used`` that of its latest connection; ``has_key`` whether there is a
    key, and ``keys_offered`` how many may take its place. The rest is the latest of each kind, null where there is none.
    """

    charger_id: str
    profile_required: int
    profile_used: int | None
    has_key: bool
    keys_offered: int
    certificate: CertificateItem | None
    request: CertificateRequestItem | None
    rotation: KeyRotationItem | None
    upgrade: ProfileUpgrade | None
