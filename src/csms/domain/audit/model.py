"""Nouns of the audit slice."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from csms.core.access import AuditEntry
from csms.core.paging import Following, filter_by


@attrs.frozen(slots=True, kw_only=True)
class AuditRecord(AuditEntry):
    """One entry of the audit log, as it was stored."""

    id: int
    at: int


@attrs.frozen(slots=True, kw_only=True)
class GivenAnswer:
    """What was answered under an idempotency key; ``status`` 0 while there is no answer."""

    fingerprint: str
    status: int
    content_type: str
    headers: Mapping[str, str]
    body: str
    at: int


@attrs.frozen(slots=True, kw_only=True)
class AuditQuery(Following):
    """Which entries of the audit log somebody wants."""

    action: str | None = filter_by("the operation, such as stations.change")
    subject_kind: str | None = filter_by("what it was done to, such as station")
    subject_id: str | None = filter_by("the id of what it was done to")
    actor_kind: str | None = filter_by("operator_key, user, api_key or identity_provider")
    actor_id: int | None = filter_by("the user's or the API key's id")
    request_id: str | None = filter_by("done by the request that has this X-Request-Id")
    from_at: int | None = filter_by("not before")
    to_at: int | None = filter_by("before")
