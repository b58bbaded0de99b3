"""Verbs of the payments slice: what is written before a gateway is asked, and after it answered."""

from __future__ import annotations

from .asking import (
    about,
    cancel,
    create,
    expire,
    fail,
    look_now,
    looking,
    need_asking,
    need_payment,
    offering,
    opened,
    own_payment,
    put_off,
    was_closed,
)
from .crediting import may_capture, paid, told
from .gateways import check_top_up, currency_of, need_gateway, open_account, settings
from .methods import need_method
from .notices import Heard, receive
from .refunding import need_refund, want

__all__ = [
    "Heard",
    "about",
    "cancel",
    "check_top_up",
    "create",
    "currency_of",
    "expire",
    "fail",
    "look_now",
    "looking",
    "may_capture",
    "need_asking",
    "need_gateway",
    "need_method",
    "need_payment",
    "need_refund",
    "offering",
    "open_account",
    "opened",
    "own_payment",
    "paid",
    "put_off",
    "receive",
    "settings",
    "told",
    "want",
    "was_closed",
]
