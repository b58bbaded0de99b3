"""Refunds: ``/v1/payments/ID/refund`` and ``/v1/refunds``."""

from __future__ import annotations

import hashlib
import json
import re

from simulators.web import Json, Request

from .book import Book, listed
from .problems import amount_of, choice_of, notes_of, refused, text_of
from .till import Till, shown

KEY = re.compile(r"[A-Za-z0-9_-]{10,}")
"""What ``X-Refund-Idempotency`` may look like."""


def create(till: Till, book: Book, request: Request, payment_id: str = "") -> Json:
    """``POST /v1/payments/ID/refund`` (and ``POST /v1/refunds``): all that is left, or a part.

    With ``X-Refund-Idempotency`` the same request gives the same refund again; another one under the same key is refused.
    """
    body = request.json()
    key = request.headers.get("x-refund-idempotency", "")
    asked = hashlib.sha256(json.dumps([payment_id, body], sort_keys=True).encode()).hexdigest()
    if key and KEY.fullmatch(key) is None:
        raise refused("The idempotency key must have at least 10 letters, digits, hyphens or underscores.")
    if key in book.refund_keys:
        before, refund_id = book.refund_keys[key]
        if before != asked:
            raise refused("Different request with the same idempotency key has already been processed.")
        return shown(book.get("refund", refund_id))
    payment = book.get("payment", payment_id or str(body.get("payment_id", "")))
    refund = _refund(till, book, payment, body)
    if key:
        book.refund_keys[key] = (asked, refund["id"])
    return shown(refund)


def _refund(till: Till, book: Book, payment: Json, body: Json) -> Json:
    if not payment["captured"]:
        raise refused("The payment status should be captured for action to be taken")
    left = payment["amount"] - payment["amount_refunded"]
    if left == 0:
        raise refused("The payment has been fully refunded already")
    amount = left if body.get("amount") is None else amount_of(body, payment["currency"])
    if amount > left:
        raise refused("The total refund amount is greater than the refund payment amount", field="amount")
    speed = choice_of(body, "speed", ("normal", "optimum"), default="normal")
    refund = book.add(
        "rfnd",
        amount=amount,
        currency=payment["currency"],
        payment_id=payment["id"],
        notes=notes_of(body),
        receipt=text_of(body, "receipt", most=40),
        acquirer_data={"arn": None},
        batch_id=None,
        status="pending",
        speed_requested=speed,
        speed_processed="normal" if speed == "normal" else "instant",
        created_at=till.now,
        _due_at=till.now + till.refund_delay_s,
        _fails=till.fault("refund_fails", payment["id"]) is not None,
    )
    _count(payment, amount)
    till.tell(book, "refund.created", refund=refund, payment=payment)
    if till.refund_delay_s <= 0 and not refund["_fails"]:
        process(till, book, refund)
    return refund


def _count(payment: Json, amount: int) -> None:
    refunded = payment["amount_refunded"] = payment["amount_refunded"] + amount
    payment["refund_status"] = None if not refunded else "full" if refunded == payment["amount"] else "partial"
    payment["status"] = "refunded" if refunded == payment["amount"] else "captured"


def process(till: Till, book: Book, refund: Json) -> None:
    """The bank has sent the money back; or it has not, where a fault was asked for."""
    if refund["status"] != "pending":
        return
    payment = book.get("payment", refund["payment_id"])
    if refund["_fails"]:
        refund["status"] = "failed"
        _count(payment, -refund["amount"])
        till.tell(book, "refund.failed", refund=refund, payment=payment)
        return
    if refund["speed_requested"] == "optimum" and refund["speed_processed"] == "instant" and payment["method"] == "netbanking":
        refund["speed_processed"] = "normal"  # not every bank can do it at once
        till.tell(book, "refund.speed_changed", refund=refund, payment=payment)
    refund |= {"status": "processed", "acquirer_data": {"arn": "00000000000001"}}
    till.tell(book, "refund.processed", refund=refund, payment=payment)


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/refunds``."""
    return listed(map(shown, book.all("refund")), request.query)


def of_payment(till: Till, book: Book, request: Request, payment_id: str) -> Json:
    """``GET /v1/payments/ID/refunds``."""
    payment = book.get("payment", payment_id)
    return listed((shown(each) for each in book.all("refund") if each["payment_id"] == payment["id"]), request.query)


def show(till: Till, book: Book, request: Request, refund_id: str, payment_id: str = "") -> Json:
    """``GET /v1/refunds/ID``, ``GET /v1/payments/ID/refunds/ID``."""
    return shown(book.get("refund", refund_id))
