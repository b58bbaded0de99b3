"""What every version's answers have in common: times within JSON Schema's calendar, and texts within their limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csms.core.commands import Answered
from csms.core.units import iso

from .frames import json_text, json_value

_LATEST_AT = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, the last instant an RFC 3339 date-time can say

REGISTRATIONS = {"accepted": "Accepted", "pending": "Pending", "rejected": "Rejected"}
DATA_STATUSES = frozenset({"Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"})


def instant(at: int) -> str:
    """An instant as both versions' ``date-time``; one beyond the calendar becomes its nearest end."""
    return iso(min(max(at, 0), _LATEST_AT))


def data_status(status: str) -> str:
    """The status of a DataTransfer answer; what is none of the four is a refusal."""
    return status if status in DATA_STATUSES else "Rejected"


def answered(payload: Mapping[str, Any], **renamed: str) -> Answered:
    """An answer whose ``status`` field says it all; ``renamed`` names further fields to keep, in our words."""
    detail = {ours: payload[theirs] for ours, theirs in renamed.items() if theirs in payload}
    return Answered(payload.get("status", ""), detail)


def data_text(data: Any) -> str:
    """Vendor data that may be any JSON value (2.x) as text: a string as it is, anything else as JSON."""
    return data if isinstance(data, str) else json_text(data)


def data_value(text: str) -> Any:
    """The inverse of ``data_text`` for arrays and objects; any other text stays a string."""
    if text[:1] not in ("{", "["):
        return text
    try:
        return json_value(text)
    except ValueError:
        return text
