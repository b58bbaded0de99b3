"""Customers and the methods that they let the merchant keep: ``/v1/customers``, their tokens, and charges without them."""

from __future__ import annotations

from simulators.web import Json, Request

from . import payments
from .book import Book, listed
from .problems import amount_of, currency_of, notes_of, refused, text_of, true
from .till import Till, shown


def create(till: Till, book: Book, request: Request) -> Json:
    """``POST /v1/customers``. One with the same address and number is refused, or found with ``fail_existing`` 0."""
    body = request.json()
    email, contact = text_of(body, "email", most=64), text_of(body, "contact", most=15)
    if email is None and contact is None:
        raise refused("At least one of email and contact is required.")
    for known in book.all("customer"):
        if (known["email"], known["contact"]) == (email, contact):
            if true(body.get("fail_existing", "1")):
                raise refused("Customer already exists for the merchant")
            return shown(known)
    name = text_of(body, "name", most=50)
    made = book.add("cust", name=name, email=email, contact=contact, gstin=None, notes=notes_of(body), created_at=till.now)
    return shown(made)


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/customers``."""
    return listed(map(shown, book.all("customer")), request.query)


def show(till: Till, book: Book, request: Request, customer_id: str) -> Json:
    """``GET /v1/customers/ID``."""
    return shown(book.get("customer", customer_id))


def keep_method(till: Till, book: Book, customer: Json, method: str) -> Json:
    """A customer lets the merchant charge a method again."""
    said = payments.instrument(method)
    return book.add(
        "token",
        token=book.new_id("token"),
        method=method,
        bank=said["bank"],
        wallet=None,
        vpa={"username": "driver", "handle": "examplebank"} if method == "upi" else None,
        card=said.get("card"),
        recurring=True,
        recurring_details={"status": "confirmed", "failure_reason": None},
        max_amount=1_500_000,
        created_at=till.now,
        used_at=till.now,
        expired_at=None,
        _customer_id=customer["id"],
    )


def tokens(till: Till, book: Book, request: Request, customer_id: str) -> Json:
    """``GET /v1/customers/ID/tokens``."""
    customer = book.get("customer", customer_id)
    return listed((shown(each) for each in book.all("token") if each["_customer_id"] == customer["id"]), request.query)


def token(till: Till, book: Book, request: Request, customer_id: str, token_id: str) -> Json:
    """``GET /v1/customers/ID/tokens/ID``."""
    return shown(_token(book, customer_id, token_id))


def forget_token(till: Till, book: Book, request: Request, customer_id: str, token_id: str) -> Json:
    """``DELETE /v1/customers/ID/tokens/ID``."""
    del book.entities["token"][_token(book, customer_id, token_id)["id"]]
    return {"deleted": True}


def _token(book: Book, customer_id: str, token_id: str) -> Json:
    found = book.get("token", token_id)
    if found["_customer_id"] != book.get("customer", customer_id)["id"]:
        raise refused("The id provided does not exist")
    return found


def charge(till: Till, book: Book, request: Request) -> Json:
    """``POST /v1/payments/create/recurring``: charge a token for an order. It fails later where a fault says so: ask the payment."""
    body = request.json()
    currency = currency_of(body)
    amount = amount_of(body, currency)
    order = book.get("order", text_of(body, "order_id", most=40, required=True) or "")
    customer = book.get("customer", text_of(body, "customer_id", most=40, required=True) or "")
    kept = _token(book, customer["id"], text_of(body, "token", most=40, required=True) or "")
    for name in ("email", "contact"):
        text_of(body, name, most=64, required=True)
    if not true(body.get("recurring")):
        raise refused("The recurring field is required.", field="recurring")
    if order["status"] == "paid":
        raise refused("Payment already done for this order.")
    if (amount, currency) != (order["amount"], order["currency"]):
        raise refused(
            "Your payment amount is different from your order amount. To pay successfully, please try using right amount."
        )
    payment = payments.attempt(
        till,
        book,
        subject=order["id"],
        amount=amount,
        currency=currency,
        method=kept["method"],
        order=order,
        description=text_of(body, "description", most=255),
        notes=notes_of(body),
        customer=customer,
        token_id=kept["id"],
    )
    kept["used_at"] = till.now
    if till.fault("charge_fails", order["id"]) is not None:
        payments.fail(till, book, payment)
    else:
        payments.authorize(till, book, payment)
        payments.take(till, book, payment)
    signature = book.sign(f"{order['id']}|{payment['id']}")
    return {"razorpay_payment_id": payment["id"], "razorpay_order_id": order["id"], "razorpay_signature": signature}
