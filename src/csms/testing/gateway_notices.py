"""Webhooks of the gateway for tests: how they are written, signed and read."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from csms.core.errors import Invalid
from csms.core.payments import Forged, GatewayAccount, GatewayDispute, GatewayNotice, GatewayPayment, GatewayRefund, Mandate

SIGNATURE, EVENT_ID = "x-fake-signature", "x-fake-event-id"


def signed(kind: str, about: Mapping[str, Any], event_id: str, secret: str) -> tuple[bytes, dict[str, str]]:
    """A webhook: its body, and the headers with its signature."""
    told = {name: None if each is None else attrs.asdict(each) for name, each in about.items()}
    body = msgspec.json.encode({"kind": kind, **told, "email": "asha@example.org"})
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    return body, {SIGNATURE: signature, EVENT_ID: event_id, "content-type": "application/json"}


def read(account: GatewayAccount, body: bytes, headers: Mapping[str, str]) -> GatewayNotice:
    """Check a webhook's signature and read it. Raises ``Forged``, ``Invalid``."""
    good = hmac.digest(account.webhook_secret.encode(), body, "sha256").hex()
    if not hmac.compare_digest(good.encode(), headers.get(SIGNATURE, "").encode()):
        raise Forged("the signature does not hold")
    try:
        said = msgspec.json.decode(body)
        return GatewayNotice(
            event_id=headers.get(EVENT_ID, ""),
            kind=said["kind"],
            payment=GatewayPayment(**said["payment"]) if said["payment"] else None,
            refund=GatewayRefund(**said["refund"]) if said["refund"] else None,
            mandate=Mandate(**said["mandate"]) if said["mandate"] else None,
            dispute=GatewayDispute(**said["dispute"]) if said["dispute"] else None,
        )
    except (msgspec.DecodeError, KeyError, TypeError, ValueError) as error:
        raise Invalid(f"no notice: {error}") from None
