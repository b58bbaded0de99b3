"""OCPP 1.6's IdTagInfo: a verdict on a token, in the few words that 1.6 has for it."""

from __future__ import annotations

from csms.core import reports
from csms.ocpp import wording
from csms.ocpp.dialect import Payload

_NARROWED = {
    "Accepted": "Accepted",
    "Blocked": "Blocked",
    "Expired": "Expired",
    "Invalid": "Invalid",
    "ConcurrentTx": "ConcurrentTx",
    "NoCredit": "Blocked",
    "NotAllowedTypeEVSE": "Blocked",
    "NotAtThisLocation": "Blocked",
    "NotAtThisTime": "Blocked",
}
"""AuthorizationStatus (§7.2) for 2.x's richer words: known but not allowed here and now is ``Blocked``, anything else ``Invalid``."""

_MAX_ID_TAG = 20


def id_tag_info(verdict: reports.TokenVerdict | None) -> Payload:
    """IdTagInfo (§7.27). Without a verdict the token counts as unknown. A parent that is too long is left out: cut, it would name
    another group."""
    if verdict is None:
        return {"status": "Invalid"}
    info: Payload = {"status": _NARROWED.get(verdict.status, "Invalid")}
    if verdict.expires_at is not None:
        info["expiryDate"] = wording.instant(verdict.expires_at)
    if 0 < len(verdict.parent) <= _MAX_ID_TAG:
        info["parentIdTag"] = verdict.parent
    return info
