"""Firmware: images, and the updates that bring one to a charger."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from attrs import validators

from csms.core.events import ChargerEvent, event
from csms.core.paging import Paged, filter_by, one_of, sorts

from .locations import without_secrets

SENDING = "sending"
"""We are asking the charger, or its answer was lost: it may know of it."""
ACCEPTED = "accepted"
DOWNLOADING, DOWNLOADED, INSTALLING = "downloading", "downloaded", "installing"
INSTALLED, FAILED = "installed", "failed"
CANCELLED = "cancelled"
"""Another one took its place."""
UNKNOWN = "unknown"
"""Nothing was heard of it in time."""

OPEN_UPDATE_STATES = (SENDING, ACCEPTED, DOWNLOADING, DOWNLOADED, INSTALLING)
"""In the order in which an update goes through them."""
UPDATE_STATES = (*OPEN_UPDATE_STATES, INSTALLED, FAILED, CANCELLED, UNKNOWN)

STATE_OF = {
    "DownloadScheduled": ACCEPTED,
    "Downloading": DOWNLOADING,
    "DownloadPaused": DOWNLOADING,
    "Downloaded": DOWNLOADED,
    "SignatureVerified": DOWNLOADED,
    "CertificateVerified": ACCEPTED,
    "InstallScheduled": DOWNLOADED,
    "Installing": INSTALLING,
    "InstallRebooting": INSTALLING,
    "Installed": INSTALLED,
    "DownloadFailed": FAILED,
    "InstallationFailed": FAILED,
    "InstallVerificationFailed": FAILED,
    "InvalidSignature": FAILED,
    "InvalidCertificate": FAILED,
    "RevokedCertificate": FAILED,
}
"""What a firmware status means for an update (2.0.1 FirmwareStatusEnumType; 1.6 §7.25 and its security whitepaper have subsets)."""
IDLE = "Idle"
"""The charger is doing nothing of the kind; said only when asked (1.6 §4.5)."""


def image_key(tenant: int) -> str:
    """The write key of a tenant's firmware images."""
    return f"firmware-images:{tenant}"


def same_version(one: str, other: str) -> bool:
    """Whether two versions are the same, however they are written: ``v1.4.0`` is ``1.4.0``."""

    def plain(text: str) -> str:
        return text.strip().casefold().removeprefix("v")

    return bool(plain(one)) and plain(one) == plain(other)


@attrs.frozen(slots=True, kw_only=True)
class Image:
    """Firmware for chargers of a vendor, and of a model unless that is ``""``. ``version`` is what they say at boot when they run it.

    It is a ``file`` of ours or, where that is ``""``, something at a ``location`` of somebody else's.
    """

    id: int = 0
    vendor: str
    model: str = ""
    version: str
    file: str = ""
    file_name: str = ""
    size_bytes: int | None = None
    sha256: str = ""
    location: str = ""
    signing_certificate: str = ""
    signature: str = ""
    note: str = ""
    created_at: int = 0
    removed_at: int | None = None

    @property
    def signed(self) -> bool:
        """Whether it comes with its manufacturer's signature."""
        return self.signature != ""

    def fits(self, vendor: str, model: str) -> bool:
        """Whether it is for such a charger."""
        return self.vendor.casefold() == vendor.casefold() and self.model.casefold() in ("", model.casefold())


@attrs.frozen(slots=True, kw_only=True)
class FirmwareImage:
    """Firmware, as people see it: ``size_bytes`` and ``sha256`` are of a file of ours, ``location`` is somebody else's."""

    id: int
    vendor: str
    model: str
    version: str
    file_name: str
    size_bytes: int | None
    sha256: str
    location: str
    signed: bool
    note: str
    created_at: int

    @property
    def name(self) -> str:
        """What people call it."""
        return " ".join(filter(None, (self.vendor, self.model, self.version)))


@attrs.frozen(slots=True, kw_only=True)
class FirmwareImageDetail(FirmwareImage):
    """Firmware with its manufacturer's certificate (PEM) and signature (base64)."""

    signing_certificate: str
    signature: str


def shown(image: Image) -> FirmwareImageDetail:
    """An image without where its file lies, and without the secrets in a location."""
    return FirmwareImageDetail(**_facts(image), signing_certificate=image.signing_certificate, signature=image.signature)


def listed(image: Image) -> FirmwareImage:
    """The same in short."""
    return FirmwareImage(**_facts(image))


def _facts(image: Image) -> dict[str, Any]:
    facts = {field.name: getattr(image, field.name) for field in attrs.fields(FirmwareImage)}
    return facts | {"location": without_secrets(image.location)}


@attrs.frozen(slots=True, kw_only=True)
class ImagesQuery(Paged):
    """Which firmware somebody wants."""

    sort: str = sorts("id", "vendor", "version", "created_at", default="id")
    vendor: str | None = filter_by("of this vendor, in any case")
    model: str | None = filter_by("for this model, in any case; also what is for every model of its vendor")
    version: str | None = filter_by("exactly this version")
    signed: bool | None = filter_by("whether it has its manufacturer's signature")


@attrs.frozen(slots=True, kw_only=True)
class UpdateWish:
    """How an update is to be done. ``signed`` False sends a signed image as unsigned, for chargers that know no better.

    ``force`` lets a charger of another vendor or model have it, and one that has it already.
    """

    retrieve_at: int | None = None
    install_at: int | None = None
    retries: int | None = attrs.field(default=None, validator=validators.optional((validators.ge(0), validators.le(1000))))
    retry_interval_s: int | None = attrs.field(
        default=None, validator=validators.optional((validators.ge(0), validators.le(86_400)))
    )
    signed: bool = True
    force: bool = False


@attrs.frozen(slots=True, kw_only=True)
class FirmwareUpdate:
    """One request to one charger to update its firmware. Field names are column names (migration 0011)."""

    id: int = 0
    charger_id: str
    image_id: int | None = None
    campaign_id: int | None = None
    request_id: int = 0
    state: str = SENDING
    status: str = ""
    version: str = ""
    previous_version: str = ""
    location: str = ""
    signed: bool = attrs.field(default=False, converter=bool)
    retrieve_at: int = 0
    install_at: int | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    fetch_began_at: int | None = None
    fetched_at: int | None = None
    asked_again_at: int | None = None
    deadline_at: int | None = None
    note: str = ""
    created_at: int = 0
    updated_at: int = 0
    closed_at: int | None = None

    @property
    def open(self) -> bool:
        """Whether it may still come to something."""
        return self.state in OPEN_UPDATE_STATES


def as_shown(update: FirmwareUpdate) -> FirmwareUpdate:
    """An update without the secrets in its location."""
    return attrs.evolve(update, location=without_secrets(update.location)) if update.location else update


@attrs.frozen(slots=True, kw_only=True)
class UpdatesQuery(Paged):
    """Which firmware updates somebody wants."""

    sort: str = sorts("created_at", "updated_at", default="-created_at")
    state: str | None = one_of(*UPDATE_STATES, help="exactly this state")
    open: bool | None = filter_by("true: under way; false: over")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")
    image_id: int | None = filter_by("with this image")
    campaign_id: int | None = filter_by("of this campaign")
    from_at: int | None = filter_by("asked for then or later")
    to_at: int | None = filter_by("asked for before")


@event
@attrs.frozen(slots=True, kw_only=True)
class FirmwareUpdateChanged(ChargerEvent):
    """A firmware update got into another state. ``status`` is what the charger said, ``note`` what else is known of why."""

    type: ClassVar[str] = "firmware_update_changed"

    update_id: int
    campaign_id: int | None
    state: str
    previous_state: str
    status: str
    version: str
    previous_version: str
    note: str
