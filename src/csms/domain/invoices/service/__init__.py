"""Verbs and questions of the invoices slice."""

from __future__ import annotations

from .crediting import credit
from .issuing import collect, issue, take
from .paying import need_invoice, paid_outside, refresh, refresh_stale, refresh_transaction
from .receipts import charge_fee, receive
from .settlements import pay_out, settlement, settlements
from .statements import statement
from .taxes import summary

__all__ = [
    "charge_fee",
    "collect",
    "credit",
    "issue",
    "need_invoice",
    "paid_outside",
    "pay_out",
    "receive",
    "refresh",
    "refresh_stale",
    "refresh_transaction",
    "settlement",
    "settlements",
    "statement",
    "summary",
    "take",
]
