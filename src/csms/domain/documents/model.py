"""Nouns and events of the documents slice."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs
from attrs import validators

from csms.core.checks import Told
from csms.core.events import Event, event
from csms.core.paging import Paged, filter_by, one_of, sorts

from .kinds import KINDS, SUBJECTS

KEPT, SUBMITTED, APPROVED, REJECTED = "", "submitted", "approved", "rejected"
STATES = (SUBMITTED, APPROVED, REJECTED)
LONGEST_NAME = 200


def documents_key(tenant: int) -> str:
    """The write key of how many documents a tenant has."""
    return f"documents:{tenant}"


def document_key(document_id: int) -> str:
    """The write key of one document that is there already."""
    return f"document:{document_id}"


@attrs.frozen(slots=True, kw_only=True)
class DocumentSettings:
    """What this slice needs of the configuration (the section ``[documents]``)."""

    max_bytes: int = 15_728_640
    max_uploads: int = 8
    most_per_subject: int = 100
    tenant_bytes: int = 10_737_418_240
    link_s: int = 900
    expiring_days: int = 30


@attrs.frozen(slots=True, kw_only=True)
class Document:
    """A document, as it is known: its content is apart.

    ``state`` is ``""`` where nobody reviews it. ``expires_at`` is until when what it says holds; ``expired_at`` when that was noticed.
    ``file`` and ``thumbnail`` are names behind the port ``Documents``, and nobody's business.
    """

    id: int
    kind: str
    subject_kind: str
    subject_id: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    width: int | None
    height: int | None
    has_thumbnail: bool
    state: str
    reason: str
    reviewed_by: str
    reviewed_at: int | None
    expires_at: int | None
    expired_at: int | None
    uploaded_by: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class Content:
    """Where a document's content is: what is needed to send it."""

    file: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str


@attrs.frozen(slots=True, kw_only=True)
class DocumentToReview:
    """A document that waits for a review, and whose it is."""

    tenant_id: int
    tenant: str
    document: Document


@attrs.frozen(slots=True, kw_only=True)
class Shown:
    """Links that show a document, and its thumbnail, to whoever has them, until they expire. ``url`` begins at the API's root."""

    url: str
    thumbnail_url: str | None
    expires_at: int


@attrs.frozen(slots=True, kw_only=True)
class KindOfDocument:
    """A kind of document, what it may be about, what it may contain, and whether somebody must approve it."""

    kind: str
    about: str
    subjects: tuple[str, ...]
    content_types: tuple[str, ...]
    reviewed: bool


def _any_name(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if value != value.strip() or not value.isprintable() or len(value) > LONGEST_NAME or "/" in value or "\\" in value:
        raise ValueError(f"a name has at most {LONGEST_NAME} printable characters, none of them a slash, and no space around them")
    if value in (".", ".."):
        raise ValueError("a name is a file's, not a folder's")


def _some_name(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
    if not value:
        raise ValueError("a name has at least one character")
    _any_name(instance, attribute, value)


_NAME_SCHEMA = {"maxLength": LONGEST_NAME, "pattern": r"^[^/\\]*$"}
_NAME = Told(_any_name, _NAME_SCHEMA)
_SOME_NAME = Told(_some_name, {**_NAME_SCHEMA, "minLength": 1})


@attrs.frozen(slots=True, kw_only=True)
class NewDocument:
    """What an upload is: the query of the request whose body is the document."""

    kind: str = attrs.field(validator=validators.in_(tuple(KINDS)), metadata={"help": "what it is, one of GET /documents/kinds"})
    subject_kind: str = attrs.field(validator=validators.in_(SUBJECTS), metadata={"help": "what it is about"})
    subject_id: str = attrs.field(
        default="",
        validator=validators.max_len(255),
        metadata={"help": "the id of what it is about; not needed for one's own tenant"},
    )
    name: str = attrs.field(default="", validator=_NAME, metadata={"help": "its file name; a form brings its own"})
    expires_at: int | None = filter_by("until when what it says holds")


@attrs.frozen(slots=True, kw_only=True)
class DocumentChange:
    """What shall be otherwise; what is not given, or null, stays as it is. ``clear`` may name ``expires_at``."""

    name: str | None = attrs.field(default=None, validator=validators.optional(_SOME_NAME))
    expires_at: int | None = None
    clear: tuple[str, ...] = attrs.field(
        default=(), validator=validators.deep_iterable(validators.in_(("expires_at",)), validators.max_len(1))
    )


@attrs.frozen(slots=True, kw_only=True)
class Rejection:
    """Why a document is rejected; its tenant reads it."""

    reason: str = attrs.field(validator=[validators.min_len(1), validators.max_len(1000)])


@attrs.frozen(slots=True, kw_only=True)
class DocumentsQuery(Paged):
    """Which documents somebody wants."""

    sort: str = sorts("created_at", "name", "expires_at", "size", default="-created_at")
    kind: str | None = one_of(*KINDS, help="what it is")
    subject_kind: str | None = one_of(*SUBJECTS, help="what it is about")
    subject_id: str | None = filter_by("the id of what it is about")
    state: str | None = one_of(*STATES, help="how its review stands")
    expired: bool | None = filter_by("true: only those that expired; false: only others")
    expires_before_at: int | None = filter_by("those that expire before then")


@attrs.frozen(slots=True, kw_only=True)
class ReviewsQuery(Paged):
    """Which documents that wait for a review somebody wants."""

    sort: str = sorts("created_at", "name", "expires_at", "tenant", default="created_at")
    tenant: str | None = filter_by("of the tenant with this slug")
    kind: str | None = one_of(*KINDS, help="what it is")


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class AboutDocument(Event):
    """What every event about a document says."""

    document_id: int
    kind: str
    subject_kind: str
    subject_id: str
    name: str

    @property
    def key(self) -> str:
        """What happens to one document is told in order."""
        return document_key(self.document_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class DocumentReviewed(AboutDocument):
    """A document was approved or rejected, for the ``reason``."""

    type: ClassVar[str] = "document_reviewed"

    state: str
    reason: str


@event
@attrs.frozen(slots=True, kw_only=True)
class DocumentExpiring(AboutDocument):
    """What a document says holds not much longer. Told once per document and expiry."""

    type: ClassVar[str] = "document_expiring"

    expires_at: int


@event
@attrs.frozen(slots=True, kw_only=True)
class DocumentExpired(AboutDocument):
    """What a document says no longer holds."""

    type: ClassVar[str] = "document_expired"

    expires_at: int
