"""Webhooks by which identity providers tell of their users: the signature judged, the message read. No I/O.

Signed like Svix and Standard Webhooks do it: HMAC-SHA256 over the message's id, its time and its body as it came.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from .bearer import Untrue
from .providers import LONGEST_SUBJECT, Grant, Person, Provider, grant_of, person_of, tidy_email, tidy_name, tidy_phone

TOLERANCE_MS = 300_000
PREFIXES = ("svix", "webhook")
LONGEST_ID = 200
SECRET_PREFIX = "whsec_"  # noqa: S105 (the public beginning of every such secret)
MADE_OR_CHANGED, GONE, DEACTIVATED = ("user.created", "user.updated"), "user.deleted", "user.deactivated"


@attrs.frozen(slots=True, kw_only=True)
class Message:
    """A message that its provider signed: its id, by which a repeat is known, and when it was sent."""

    id: str
    sent_at: int


@attrs.frozen(slots=True, kw_only=True)
class Told:
    """What a message tells of somebody. ``told_at`` is when it became so, by the provider's clock; ``deleted`` is for good."""

    person: Person
    active: bool
    deleted: bool
    told_at: int
    grant: Grant | None


def signed(secrets: Sequence[str], headers: Mapping[str, str], body: bytes, *, now: int) -> Message:
    """The message that a request is, whose signature by one of the secrets was checked. Raises ``Untrue``."""
    prefix = next((each for each in PREFIXES if f"{each}-id" in headers), PREFIXES[0])
    message_id, sent, signatures = (headers.get(f"{prefix}-{name}", "") for name in ("id", "timestamp", "signature"))
    if not 1 <= len(message_id) <= LONGEST_ID or not message_id.isprintable() or not message_id.isascii():
        raise Untrue("no message id")
    if not (sent.isascii() and sent.isdigit() and len(sent) <= 12):
        raise Untrue("no timestamp")
    content = f"{message_id}.{sent}.".encode() + body
    good = [base64.b64encode(hmac.digest(_key(secret), content, "sha256")) for secret in secrets]
    shown = [each.removeprefix("v1,").encode() for each in signatures.split(" ")[:20] if each.startswith("v1,")]
    if not any(hmac.compare_digest(one, other) for one in shown for other in good):
        raise Untrue("another signature")
    if abs(now - int(sent) * 1000) > TOLERANCE_MS:
        raise Untrue("too old, or from the future")
    return Message(id=message_id, sent_at=int(sent) * 1000)


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise Untrue("the configured secret is not base64") from None


def read(provider: Provider, payload: Any, *, sent_at: int, now: int) -> Told | None:
    """What a message tells; None where it is about something else than a user. Raises ``ValueError`` for one that cannot be read.

    Two forms: Clerk's, and a general one whose ``data`` has the standard claims (``sub``, ``email``, ``email_verified``, ``name`` ...)
    with ``active`` besides.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
        raise ValueError("expected a JSON object with a type and data")
    kind, data = payload["type"], payload.get("data")
    if kind not in (*MADE_OR_CHANGED, GONE, DEACTIVATED):
        return None
    if not isinstance(data, dict):
        raise ValueError("data must be an object")
    claims = data if "sub" in data else _claims_of_clerk(data)
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
        raise ValueError("data must say whom it is about, by sub or id")
    changed_at = _instant(data.get("updated_at")) if kind in MADE_OR_CHANGED else None
    told_at = changed_at or _instant(payload.get("timestamp")) or sent_at
    return Told(
        person=person_of(provider, claims),
        active=kind in MADE_OR_CHANGED and claims.get("active") is not False,
        deleted=kind == GONE,
        told_at=min(told_at, now + TOLERANCE_MS),
        grant=grant_of(provider, claims),
    )


def _claims_of_clerk(data: Mapping[str, Any]) -> dict[str, Any]:
    """A user as Clerk shows them, as claims. ``metadata`` is how its session tokens are usually made to show ``public_metadata``."""
    names = [name for each in ("first_name", "last_name") if (name := tidy_name(data.get(each)))]
    metadata = data.get("public_metadata")
    return {
        "sub": data.get("id"),
        "name": " ".join(names) or tidy_name(data.get("username")),
        "email": tidy_email(_primary(data, "email_address", "email_addresses")),
        "email_verified": True,
        "phone_number": tidy_phone(_primary(data, "phone_number", "phone_numbers")),
        "phone_number_verified": True,
        "active": not data.get("banned"),
        "public_metadata": metadata,
        "metadata": metadata,
    }


def _primary(data: Mapping[str, Any], name: str, listed: str) -> Any:
    """The primary address of a kind, if it is verified."""
    wanted, every = data.get(f"primary_{name}_id"), data.get(listed)
    for each in every if isinstance(every, list) else []:
        verification = each.get("verification") if isinstance(each, dict) else None
        if isinstance(verification, dict) and each.get("id") == wanted and verification.get("status") == "verified":
            return each.get(name)
    return None


def _instant(said: Any) -> int | None:
    """An instant as a number of seconds or milliseconds, or as ISO 8601; None for anything else."""
    if isinstance(said, str):
        try:
            parsed = datetime.fromisoformat(said)
        except ValueError:
            return None
        return int(parsed.timestamp() * 1000) if parsed.tzinfo is not None else None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 < said < 1e14:
        return None
    return int(said * 1000) if said < 1e11 else int(said)
