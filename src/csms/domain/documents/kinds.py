"""What a document may be, what it may be about, and what it may contain."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

TENANT, STATION, CHARGER, DRIVER, TICKET, TRANSACTION = "tenant", "station", "charger", "driver", "ticket", "transaction"
SUBJECTS = (TENANT, STATION, CHARGER, DRIVER, TICKET, TRANSACTION)

PNG, JPEG, WEBP, PDF, CSV, TEXT = "image/png", "image/jpeg", "image/webp", "application/pdf", "text/csv", "text/plain"
IMAGES = (PNG, JPEG, WEBP)
PAPERS = (PDF, *IMAGES)
EVERYTHING = (*PAPERS, CSV, TEXT)
"""Every type that is taken at all. Nothing of them is markup: SVG and HTML are programs that run in whoever looks at them."""

INLINE = frozenset(IMAGES)
"""What a browser may show; the rest is downloaded."""


@attrs.frozen(slots=True, kw_only=True)
class Kind:
    """A kind of document: what it may be about, and the content types it may have. ``reviewed``: somebody must approve it."""

    about: str
    subjects: tuple[str, ...]
    types: tuple[str, ...] = PAPERS
    reviewed: bool = False


KINDS: Mapping[str, Kind] = {
    "image": Kind(about="a picture", subjects=(STATION, CHARGER), types=IMAGES),
    "logo": Kind(about="the tenant's sign", subjects=(TENANT,), types=IMAGES),
    "identity": Kind(about="proof of who a person is", subjects=(TENANT, DRIVER), reviewed=True),
    "registration": Kind(about="proof that a company exists", subjects=(TENANT,), reviewed=True),
    "tax": Kind(about="proof of a tax number", subjects=(TENANT,), reviewed=True),
    "bank": Kind(about="proof of a bank account", subjects=(TENANT,), reviewed=True),
    "agreement": Kind(about="a signed agreement", subjects=(TENANT, STATION, DRIVER), reviewed=True),
    "licence": Kind(
        about="leave to run it, such as of an electrical inspector", subjects=(TENANT, STATION, CHARGER), reviewed=True
    ),
    "insurance": Kind(about="an insurance policy", subjects=(TENANT, STATION, CHARGER), reviewed=True),
    "plan": Kind(about="a plan of the site", subjects=(STATION,)),
    "manual": Kind(about="how it is used or serviced", subjects=(CHARGER,)),
    "warranty": Kind(about="a warranty", subjects=(CHARGER,)),
    "service_record": Kind(about="what was done to it", subjects=(CHARGER, STATION), types=EVERYTHING),
    "evidence": Kind(about="what shows what happened", subjects=(TRANSACTION, TICKET), types=EVERYTHING),
    "attachment": Kind(about="what belongs to a message", subjects=(TICKET,), types=EVERYTHING),
    "other": Kind(about="anything else", subjects=SUBJECTS, types=EVERYTHING),
}

READING: Mapping[str, str] = {
    TENANT: "tenant:read",
    STATION: "documents:read",
    CHARGER: "documents:read",
    DRIVER: "drivers:read",
    TICKET: "tickets:read",
    TRANSACTION: "transactions:read",
}
"""The permission that seeing documents about something needs besides ``documents:read``."""

WRITING: Mapping[str, str] = {
    TENANT: "tenant:write",
    STATION: "stations:write",
    CHARGER: "chargers:write",
    DRIVER: "drivers:write",
    TICKET: "tickets:write",
    TRANSACTION: "transactions:write",
}
"""The permission that uploading or removing them needs besides ``documents:write``."""


def is_reviewed(kind: str, subject_kind: str) -> bool:
    """Whether somebody must approve such a document: what a tenant shows of itself."""
    return subject_kind == TENANT and KINDS[kind].reviewed
