"""Words of the payments slice: states, purposes, limits, and the keys of writes."""

from __future__ import annotations

from typing import Any

from attrs import validators

from csms.core.checks import Told

CREATED, OPEN, PAID, FAILED, CANCELLED, EXPIRED = "created", "open", "paid", "failed", "cancelled", "expired"
STATES = (CREATED, OPEN, PAID, FAILED, CANCELLED, EXPIRED)
"""``created``: wanted, and the gateway may or may not know of it. ``open``: it can be paid. The others are ends; money may still come late."""
UNPAID = (CREATED, OPEN)

TOP_UP, PREPAID, BILL, PLAN, MANDATE = "top_up", "prepaid", "bill", "plan", "mandate"
PURPOSES = (TOP_UP, PREPAID, BILL, PLAN, MANDATE)
"""What is paid for: ``top_up``, ``plan`` and ``mandate`` go to the driver's wallet, ``prepaid`` to an account of its own, ``bill`` pays
what the driver owes."""

WANTED, ASKED, REFUNDED = "wanted", "asked", "refunded"
REFUND_STATES = (WANTED, ASKED, REFUNDED, FAILED)
"""``wanted``: the money is set aside, and the gateway is to be asked. ``asked``: the gateway may know, or works on it."""

ACTIVE, CLOSED = "active", "closed"
GATEWAY_STATES = (ACTIVE, CLOSED)

TWICE, AMOUNT, CURRENCY, LATE, REFUND = "twice", "amount", "currency", "late", "refund"
ODDITIES = (TWICE, AMOUNT, CURRENCY, LATE, REFUND)
"""What may be odd about money that came: it was paid already, it is another amount or currency than was asked for, it was over; and about
money that went back: it is more than was wanted, or than was paid."""

PAUSE, RESUME, CANCEL = "pause", "resume", "cancel"
CHANGES = (PAUSE, RESUME, CANCEL)

MOST_MINOR = 10**13
"""The largest amount that anybody may ask for; a larger one is a mistake."""
LONGEST_NAME, LONGEST_KEY, LONGEST_TEXT, LONGEST_URL = 100, 200, 300, 1000
LONGEST_REASON = 300
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 60_000, 3_600_000, 86_400_000


def payment_key(payment_id: int) -> str:
    """The write key of a payment, its attempts and its refunds."""
    return f"payment:{payment_id}"


def gateway_key(gateway_id: int) -> str:
    """The write key of an account at a gateway."""
    return f"payment-gateway:{gateway_id}"


def mandate_key(mandate_id: int) -> str:
    """The write key of a recurring payment."""
    return f"payment-mandate:{mandate_id}"


def plain(most: int, least: int = 0) -> Any:
    """A text of one line of printable characters."""

    def check(instance: Any, attribute: Any, value: Any) -> None:
        if not isinstance(value, str) or not least <= len(value) <= most or not value.isprintable():
            raise ValueError(f"{attribute.name} has {least} to {most} printable characters")

    return Told(check, {"minLength": least, "maxLength": most})


def amount() -> Any:
    """An amount of money that somebody asks for."""
    return validators.and_(validators.ge(1), validators.le(MOST_MINOR))
