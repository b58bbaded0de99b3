"""What a customer does: pays an order, a link or a QR code, or agrees to a subscription; once, twice, too late, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from simulators.web import Json

from . import customers, links, orders, payments, qr_codes, refunds, subscriptions
from .book import Book
from .problems import refused
from .till import Till, shown

PAYABLE = {"order": ("created", "attempted"), "payment_link": ("created",), "qr_code": ("active",)}


def pay(till: Till, some_id: str, said: Mapping[str, Any]) -> Json:
    """Pay whatever has this id.

    ``method``: upi, card, netbanking. ``outcome``: captured, authorized, failed; by default what the merchant asked for. ``amount`` and
    ``currency``: others than what was asked. ``twice``: the customer pays two times. ``force``: although it is paid, closed or over.
    ``save``: the method is kept, where the order names a customer. The answer holds the payments, what a checkout page would hand to the
    merchant, and where the customer's browser would go (``next``).
    """
    book, target = till.whose(some_id)
    kind = "payment_link" if some_id.startswith("plink_") else str(target["entity"])
    method = str(said.get("method") or payments.UPI)
    outcome = str(said.get("outcome") or "")
    if method not in payments.METHODS or outcome not in ("", *payments.OUTCOMES):
        raise refused(f"method is one of {', '.join(payments.METHODS)}; outcome one of {', '.join(payments.OUTCOMES)}")
    if kind == "subscription":
        made = subscriptions.agree(till, book, target, method, outcome)
        signed = _signed(book, target, made, f"{{payment}}|{target['id']}", "razorpay_subscription_id")
        return {"payments": [shown(each) for each in made], **signed, "next": ""}
    if kind not in PAYABLE:
        raise refused(f"{some_id} is nothing that customers pay")
    if target["status"] not in PAYABLE[kind] and not _flag(said, "force"):
        raise refused(f"{some_id} cannot be paid: it is {target['status']}")
    times = 2 if _flag(said, "twice") else 1
    made = [_pay(till, book, kind, target, method, outcome, said) for _ in range(times)]
    if kind == "order":
        return {
            "payments": [shown(each) for each in made],
            **_signed(book, target, made, f"{target['id']}|{{payment}}", "razorpay_order_id"),
            "next": "",
        }
    return {"payments": [shown(each) for each in made], "next": _back(book, target, made[-1]) if kind == "payment_link" else ""}


def _flag(said: Mapping[str, Any], name: str) -> bool:
    return str(said.get(name, "")).lower() in ("1", "true", "yes")


def _signed(book: Book, target: Json, made: list[Json], words: str, name: str) -> Json:
    paid = [each for each in made if each["status"] != payments.FAILED]
    if not paid:
        return {"checkout": None}
    payment_id = paid[-1]["id"]
    signature = book.sign(words.replace("{payment}", payment_id))
    return {"checkout": {"razorpay_payment_id": payment_id, name: target["id"], "razorpay_signature": signature}}


def _back(book: Book, link: Json, payment: Json) -> str:
    if not link["callback_url"] or link["status"] != "paid":
        return ""
    signed = book.sign(f"{link['id']}|{link['reference_id']}|{link['status']}|{payment['id']}")
    words = {
        "razorpay_payment_id": payment["id"],
        "razorpay_payment_link_id": link["id"],
        "razorpay_payment_link_reference_id": link["reference_id"],
        "razorpay_payment_link_status": link["status"],
        "razorpay_signature": signed,
    }
    return f"{link['callback_url']}{'&' if '?' in link['callback_url'] else '?'}{urlencode(words)}"


def _pay(till: Till, book: Book, kind: str, target: Json, method: str, outcome: str, said: Mapping[str, Any]) -> Json:
    asked, currency = _asked(target, kind)
    order = target if kind == "order" else _order_of(till, book, target) if kind == "payment_link" else None
    customer = book.entities["customer"].get((order or {}).get("_customer_id") or "")
    keeps = customer is not None and _flag(said, "save")
    payment = payments.attempt(
        till,
        book,
        subject=target["id"],
        amount=_amount(said, asked),
        currency=str(said.get("currency") or currency),
        method=payments.UPI if kind == "qr_code" else method,
        order=order,
        description={"payment_link": f"#{target['id'][6:]}", "qr_code": "QRv2 Payment"}.get(kind),
        customer=customer or target.get("customer"),
        token_id=customers.keep_method(till, book, customer, method)["id"] if customer is not None and keeps else None,
    )
    payment["_completes"] = target["id"]
    if kind == "qr_code":
        book.of_qr.setdefault(target["id"], []).append(payment["id"])
    if outcome == payments.FAILED:
        payments.fail(till, book, payment)
        return payment
    payments.authorize(till, book, payment)
    if outcome == payments.CAPTURED or kind == "qr_code" or (not outcome and (order or {}).get("_captures", True)):
        payments.take(till, book, payment)
    return payment


def _amount(said: Mapping[str, Any], asked: int) -> int:
    amount = str(said.get("amount") or asked)
    if not amount.isdigit():
        raise refused("amount is a number of minor units", field="amount")
    return int(amount)


def _asked(target: Json, kind: str) -> tuple[int, str]:
    if kind == "qr_code":
        return target["payment_amount"] or 10_000, "INR"
    return target["amount"], target["currency"]


def _order_of(till: Till, book: Book, link: Json) -> Json:
    if link["id"] not in book.of_link:
        order = orders.make(
            till, book, amount=link["amount"], currency=link["currency"], receipt=link["reference_id"] or None, notes=link["notes"]
        )
        book.of_link[link["id"]] = link["order_id"] = order["id"]
    return book.get("order", book.of_link[link["id"]])


def tick(till: Till) -> None:
    """Do what is due by now, in every account: links and codes end, refunds are processed, subscriptions are charged."""
    if till.ticked_at == till.now:
        return
    till.ticked_at = till.now
    for book in list(till.books.values()):
        for link in list(book.entities["payment_link"].values()):
            if link["status"] == "created" and 0 < link["expire_by"] <= till.now:
                links.expire(till, book, link)
        for qr_code in list(book.entities["qr_code"].values()):
            if qr_code["status"] == "active" and qr_code["close_by"] is not None and qr_code["close_by"] <= till.now:
                qr_codes.end(till, book, qr_code, "expired")
        for refund in list(book.entities["refund"].values()):
            if refund["status"] == "pending" and refund["_due_at"] <= till.now:
                refunds.process(till, book, refund)
        for subscription in list(book.entities["subscription"].values()):
            subscriptions.tick(till, book, subscription)
