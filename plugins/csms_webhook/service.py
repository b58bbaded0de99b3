"""Makes the signed message of an event; no I/O."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from csms.hooks import Delivered, iso

from .model import Message


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The value of ``X-CSMS-Signature``: HMAC-SHA256, keyed with the secret, over the timestamp, a full stop and the body."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"sha256={digest}"


def message(delivery: Delivered, *, secret: str, now: int) -> Message:
    """The event as JSON, signed at the instant ``now``. The idempotency key is the event's id, the same at every attempt."""
    body = msgspec.json.encode(
        {
            "id": delivery.event_id,
            "type": delivery.event.type,
            "tenant": delivery.tenant,
            "occurred_at": iso(delivery.occurred_at),
            "attempt": delivery.attempt,
            "data": delivery.event,
        }
    )
    timestamp = str(now // 1000)
    return Message(
        body=body,
        headers={
            "Content-Type": "application/json",
            "User-Agent": "csms-webhook",
            "Idempotency-Key": str(delivery.event_id),
            "X-CSMS-Timestamp": timestamp,
            "X-CSMS-Signature": sign(secret, timestamp, body),
        },
    )
