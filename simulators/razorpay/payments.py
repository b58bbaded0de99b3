"""Payments: made by customers, authorized, captured; orders and whatever else they pay are moved on with them."""

from __future__ import annotations

from typing import Any

from simulators.web import Json, Request

from .book import Book, listed
from .completing import complete
from .problems import amount_of, currency_of, refused
from .till import Till, shown

UPI, CARD, NETBANKING = "upi", "card", "netbanking"
METHODS = (UPI, CARD, NETBANKING)
CAPTURED, AUTHORIZED, FAILED = "captured", "authorized", "failed"
OUTCOMES = (CAPTURED, AUTHORIZED, FAILED)
FEE_PER_MILLE, TAX_PERCENT = 20, 18
FAILURES = {
    UPI: ("Payment was unsuccessful as you could not complete it in time.", "payment_timed_out"),
    CARD: ("Your payment has been declined by the bank.", "payment_declined"),
    NETBANKING: ("Payment was cancelled by the customer.", "payment_cancelled"),
}


def instrument(method: str) -> Json:
    """What a payment says of how it was made."""
    empty: Json = {"method": method, "card_id": None, "bank": None, "wallet": None, "vpa": None}
    match method:
        case "upi":
            vpa = "driver@examplebank"
            more: Json = {"vpa": vpa, "upi": {"vpa": vpa}, "acquirer_data": {"rrn": "000000000001", "upi_transaction_id": "STUB1"}}
        case "card":
            card = {"id": "card_Stub0000000000", "entity": "card", "name": "", "last4": "1111", "network": "Visa", "type": "debit"}
            more = {
                "card_id": card["id"],
                "card": {**card, "issuer": "UTIB", "international": False, "emi": False},
                "acquirer_data": {"auth_code": "000001", "rrn": "000000000001"},
            }
        case _:
            more = {"bank": "HDFC", "acquirer_data": {"bank_transaction_id": "0000001"}}
    return {**empty, **more}


def attempt(
    till: Till,
    book: Book,
    *,
    subject: str,
    amount: int,
    currency: str,
    method: str,
    order: Json | None = None,
    description: str | None = None,
    notes: Any = None,
    invoice_id: str | None = None,
    customer: Json | None = None,
    token_id: str | None = None,
) -> Json:
    """Somebody begins to pay: the payment, ``created``. ``subject`` is what faults with money match."""
    if (fault := till.fault("wrong_amount", subject)) is not None:
        amount = fault.amount if fault.amount is not None else amount - 1
    if (fault := till.fault("wrong_currency", subject)) is not None:
        currency = fault.currency or "USD"
    payment = book.add(
        "pay",
        amount=amount,
        currency=currency,
        status="created",
        order_id=order["id"] if order is not None else None,
        invoice_id=invoice_id,
        international=False,
        amount_refunded=0,
        refund_status=None,
        captured=False,
        description=description,
        email=(customer or {}).get("email") or "void@razorpay.com",
        contact=(customer or {}).get("contact") or "+919000090000",
        customer_id=(customer or {}).get("id"),
        token_id=token_id,
        notes=notes or [],
        fee=None,
        tax=None,
        error_code=None,
        error_description=None,
        error_source=None,
        error_step=None,
        error_reason=None,
        created_at=till.now,
        **instrument(method),
    )
    if order is not None:
        order["attempts"] += 1
        if order["status"] == "created":
            order["status"] = "attempted"
    return payment


def fail(till: Till, book: Book, payment: Json) -> None:
    """The customer's bank said no, or the customer did."""
    words, reason = FAILURES[payment["method"]]
    payment |= {
        "status": FAILED,
        "error_code": "BAD_REQUEST_ERROR",
        "error_description": words,
        "error_source": "customer",
        "error_step": "payment_authentication",
        "error_reason": reason,
    }
    till.tell(book, "payment.failed", payment=payment)


def authorize(till: Till, book: Book, payment: Json) -> None:
    """The bank keeps the money for us."""
    payment["status"] = AUTHORIZED
    till.tell(book, "payment.authorized", payment=payment)


def take(till: Till, book: Book, payment: Json) -> None:
    """Capture it: the money is ours, and what it was for is paid."""
    fee = payment["amount"] * FEE_PER_MILLE // 1000
    tax = fee * TAX_PERCENT // 100
    payment |= {"status": CAPTURED, "captured": True, "fee": fee + tax, "tax": tax}
    till.tell(book, "payment.captured", payment=payment)
    order = book.entities["order"].get(payment["order_id"] or "")
    if order is not None:
        order["amount_paid"] += payment["amount"]
        order["amount_due"] = max(0, order["amount"] - order["amount_paid"])
        if order["amount_due"] == 0:
            order["status"] = "paid"
            till.tell(book, "order.paid", payment=payment, order=order)
    complete(till, book, payment)


# --- the API: /v1/payments ------------------------------------------------------------------------------------------------------


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/payments``."""
    return listed(map(shown, book.all("payment")), request.query)


def show(till: Till, book: Book, request: Request, payment_id: str) -> Json:
    """``GET /v1/payments/ID``."""
    return shown(book.get("payment", payment_id))


def capture(till: Till, book: Book, request: Request, payment_id: str) -> Json:
    """``POST /v1/payments/ID/capture``: the whole amount, once."""
    payment, body = book.get("payment", payment_id), request.json()
    currency = currency_of(body, default="INR")
    amount = amount_of(body, currency)
    if payment["captured"]:
        raise refused("This payment has already been captured")
    if payment["status"] != AUTHORIZED:
        raise refused("Only payments which have been authorized and not yet captured can be captured")
    if currency != payment["currency"]:
        raise refused("The capture currency must be equal to the currency of the payment", field="currency")
    if amount != payment["amount"]:
        raise refused("Capture amount must be equal to the amount authorized", field="amount")
    take(till, book, payment)
    return shown(payment)
