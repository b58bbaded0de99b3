"""Verbs and questions of the billing slice. Other slices use ``bill_of``, ``bills_of`` and ``settled_bills``."""

from __future__ import annotations

from .crediting import Credit, credited
from .failing import failed, need_bill, retry, wake_unpriced, write_off
from .funds import begin, objection
from .making import correct, make, make_missing
from .paying import collect, paid
from .settling import settle
from .views import bill_of, bills_of, settled_bills

__all__ = [
    "Credit",
    "begin",
    "bill_of",
    "bills_of",
    "collect",
    "correct",
    "credited",
    "failed",
    "make",
    "make_missing",
    "need_bill",
    "objection",
    "paid",
    "retry",
    "settle",
    "settled_bills",
    "wake_unpriced",
    "write_off",
]
