"""When a gateway is asked again: soon while somebody may be paying, ever more rarely after it is over, then no more."""

from __future__ import annotations

from csms.core.payments import LINK, ORDER
from csms.core.units import doubled
from csms.domain.payments.model.words import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

LEASE_MS = 60 * SECOND_MS
"""For so long nobody else asks for what somebody is just asking for; longer than its answers may take."""
SAVED_LEASE_MS = 5 * MINUTE_MS
"""The same where a saved method is charged: by then the gateway knows whether it was."""

FIRST_LOOK_MS, LONGEST_LOOK_MS = 15 * SECOND_MS, 15 * MINUTE_MS
FIRST_RETRY_MS, LONGEST_RETRY_MS = 30 * SECOND_MS, 15 * MINUTE_MS
LATE_LOOKS_MS = (10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, 3 * DAY_MS)
"""After the end, one after the other: somebody may pay late, or twice, and no webhook tell of it."""
REFUND_RETRIES_MS = (MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS)
"""A gateway that refuses a refund may only lack the money for it today."""
REFUND_LOOK_MS, LONGEST_REFUND_LOOK_MS = MINUTE_MS, 6 * HOUR_MS
MANDATE_LOOK_MS, LONGEST_MANDATE_LOOK_MS = MINUTE_MS, 6 * HOUR_MS

DISPUTE_LOOK_MS = DAY_MS
"""A dispute takes weeks, and webhooks tell of it; so often it is asked about all the same."""

USUAL_LIFE_MS = {LINK: 7 * DAY_MS, ORDER: 30 * MINUTE_MS}
USUAL_LIFE_ELSE_MS = 30 * MINUTE_MS
"""How long a payment can be paid where nobody says otherwise."""


def life_ms(way: str) -> int:
    """How long a payment of this way can usually be paid."""
    return USUAL_LIFE_MS.get(way, USUAL_LIFE_ELSE_MS)


def open_look(now: int, looks: int, expires_at: int | None) -> int:
    """When to look at an open payment next, having looked so often: never much after it expires."""
    at = now + doubled(FIRST_LOOK_MS, looks, LONGEST_LOOK_MS)
    return at if expires_at is None or expires_at <= now else min(at, expires_at)


def late_look(now: int, looks: int) -> int | None:
    """When to look at a payment that is over, having looked so often since; None: no more."""
    return now + LATE_LOOKS_MS[looks] if looks < len(LATE_LOOKS_MS) else None


def retry(now: int, tries: int, expires_at: int | None) -> int:
    """When to ask again for a payment that the gateway did not answer about."""
    at = now + doubled(FIRST_RETRY_MS, max(tries - 1, 0), LONGEST_RETRY_MS)
    return at if expires_at is None or expires_at <= now else min(at, expires_at)


def refund_retry(now: int, refusals: int) -> int | None:
    """When to ask again for a refund that was refused so often; None: no more."""
    return now + REFUND_RETRIES_MS[refusals - 1] if refusals <= len(REFUND_RETRIES_MS) else None


def refund_look(now: int, tries: int) -> int:
    """When to look at a refund that the gateway works on."""
    return now + doubled(REFUND_LOOK_MS, max(tries - 1, 0), LONGEST_REFUND_LOOK_MS)


def dispute_look(now: int, respond_by_at: int | None, *, over: bool) -> int | None:
    """When to look at a dispute next: also soon after its answer was due; None: it is over."""
    if over:
        return None
    due = respond_by_at + HOUR_MS if respond_by_at is not None and respond_by_at > now else now + DISPUTE_LOOK_MS
    return min(now + DISPUTE_LOOK_MS, due)


def mandate_look(now: int, looks: int) -> int:
    """When to look at a recurring payment next."""
    return now + doubled(MANDATE_LOOK_MS, looks, LONGEST_MANDATE_LOOK_MS)
