"""Firmware: images, and the updates that bring one to a charger."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import Event, event
from csms.core.ids import charger_key

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
class UpdateWish:
    """How an update is to be done. ``signed`` False sends a signed image as unsigned, for chargers that know no better.

    ``force`` lets a charger of another vendor or model have it, and one that has it already.
    """

    retrieve_at: int | None = None
    install_at: int | None = None
    retries: int | None = attrs.field(
        default=None, validator=attrs.validators.optional((attrs.validators.ge(0), attrs.validators.le(1000)))
    )
    retry_interval_s: int | None = attrs.field(
        default=None, validator=attrs.validators.optional((attrs.validators.ge(0), attrs.validators.le(86_400)))
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


@event
@attrs.frozen(slots=True, kw_only=True)
class FirmwareUpdateChanged(Event):
    """A firmware update got into another state. ``status`` is what the charger said, ``note`` what else is known of why."""

    type: ClassVar[str] = "firmware_update_changed"

    update_id: int
    charger_id: str
    campaign_id: int | None
    state: str
    previous_state: str
    status: str
    version: str
    previous_version: str
    note: str

    @property
    def key(self) -> str:
        """Ordered with everything else of the charger."""
        return charger_key(self.charger_id)
