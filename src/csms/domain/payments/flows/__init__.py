"""Flows of the payments slice: written before a gateway is asked, asked, written after."""

from __future__ import annotations

from .hearing import Forgeries, receive, understand
from .lines import check
from .looking import cancel, confirm, look
from .mandates import change_mandate, look_at_mandate, mandate_of, start_mandate
from .offering import offer, want
from .refunding import again, refund, send
from .rounds import look_after, look_after_disputes, look_after_mandates, look_after_payments, look_after_refunds

__all__ = [
    "Forgeries",
    "again",
    "cancel",
    "change_mandate",
    "check",
    "confirm",
    "look",
    "look_after",
    "look_after_disputes",
    "look_after_mandates",
    "look_after_payments",
    "look_after_refunds",
    "look_at_mandate",
    "mandate_of",
    "offer",
    "receive",
    "refund",
    "send",
    "start_mandate",
    "understand",
    "want",
]
