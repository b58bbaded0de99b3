"""Diagnostics and logs: what was asked for, and the files that came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import attrs
from attrs.validators import ge, in_, le, max_len, optional

from csms.core.events import ChargerEvent, event
from csms.core.paging import Paged, filter_by, one_of, sorts

from .locations import without_secrets

DIAGNOSTICS, SECURITY = "diagnostics", "security"
KINDS = (DIAGNOSTICS, SECURITY)

SENDING, ACCEPTED, UPLOADING, UPLOADED = "sending", "accepted", "uploading", "uploaded"
UNAVAILABLE = "unavailable"
"""The charger has nothing to send (1.6 §5.9)."""
FAILED, CANCELLED, UNKNOWN = "failed", "cancelled", "unknown"
OPEN_UPLOAD_STATES = (SENDING, ACCEPTED, UPLOADING)
UPLOAD_STATES = (*OPEN_UPLOAD_STATES, UPLOADED, UNAVAILABLE, FAILED, CANCELLED, UNKNOWN)

STATE_OF = {
    "Uploading": UPLOADING,
    "Uploaded": UPLOADED,
    "UploadFailure": FAILED,
    "BadMessage": FAILED,
    "PermissionDenied": FAILED,
    "NotSupportedOperation": FAILED,
    "AcceptedCanceled": CANCELLED,
}
"""What a status means for an upload (2.0.1 UploadLogStatusEnumType)."""

MOST_VERSIONS = 10
"""Files that one request keeps; an older one makes room."""


@attrs.frozen(slots=True, kw_only=True)
class UploadWish:
    """What to ask a charger for, and where it shall go: ``location`` is of somebody else's, ``""`` our own file server."""

    kind: str = attrs.field(default=DIAGNOSTICS, validator=in_(KINDS))
    oldest_at: int | None = None
    latest_at: int | None = None
    location: str = attrs.field(default="", validator=max_len(512), repr=False)
    retries: int | None = attrs.field(default=None, validator=optional((ge(0), le(1000))))
    retry_interval_s: int | None = attrs.field(default=None, validator=optional((ge(0), le(86_400))))


@attrs.frozen(slots=True, kw_only=True)
class LogUpload:
    """One request for diagnostics or a log. Field names are column names (migration 0011)."""

    id: int = 0
    charger_id: str
    kind: str = DIAGNOSTICS
    asked_by: str = ""
    request_id: int = 0
    state: str = SENDING
    status: str = ""
    file_name: str = ""
    location: str = ""
    oldest_at: int | None = None
    latest_at: int | None = None
    retries: int | None = None
    retry_interval_s: int | None = None
    deadline_at: int | None = None
    note: str = ""
    created_at: int = 0
    updated_at: int = 0
    closed_at: int | None = None

    @property
    def open(self) -> bool:
        """Whether something may still come."""
        return self.state in OPEN_UPLOAD_STATES


@attrs.frozen(slots=True, kw_only=True)
class LogFile:
    """A file that a charger sent: ``file`` is its name among the files that are kept, ``file_name`` what the charger called it."""

    id: int = 0
    upload_id: int
    file: str
    file_name: str
    size_bytes: int
    sha256: str
    address: str
    received_at: int


@attrs.frozen(slots=True, kw_only=True)
class LogFileItem:
    """A file that a charger sent, as people see it."""

    id: int
    file_name: str
    size_bytes: int
    sha256: str
    address: str
    received_at: int


FILE_NAMES = tuple(field.name for field in attrs.fields(LogFileItem))


@attrs.frozen(slots=True, kw_only=True)
class LogUploadItem(LogUpload):
    """A request for diagnostics or a log; ``files`` that came for it, and the size of the newest."""

    files: int = 0
    size_bytes: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class LogUploadDetail(LogUpload):
    """A request for diagnostics or a log, with the files that came for it, the oldest first."""

    files: Sequence[LogFileItem] = ()


def as_shown(upload: LogUpload) -> LogUpload:
    """A request without the secrets in its location."""
    return attrs.evolve(upload, location=without_secrets(upload.location)) if upload.location else upload


@attrs.frozen(slots=True, kw_only=True)
class UploadsQuery(Paged):
    """Which requests for diagnostics and logs somebody wants."""

    sort: str = sorts("created_at", "updated_at", default="-created_at")
    kind: str | None = one_of(*KINDS, help="what was asked for")
    state: str | None = one_of(*UPLOAD_STATES, help="exactly this state")
    open: bool | None = filter_by("true: something may still come; false: over")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")
    from_at: int | None = filter_by("asked for then or later")
    to_at: int | None = filter_by("asked for before")


@event
@attrs.frozen(slots=True, kw_only=True)
class LogUploadChanged(ChargerEvent):
    """A request for diagnostics or a log got into another state. ``file_id`` is the newest file that came, None while there is none."""

    type: ClassVar[str] = "log_upload_changed"

    upload_id: int
    kind: str
    state: str
    previous_state: str
    status: str
    file_id: int | None
    note: str
