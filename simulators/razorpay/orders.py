"""Orders: ``/v1/orders``."""

from __future__ import annotations

from simulators.web import Json, Request

from .book import Book, listed
from .problems import amount_of, currency_of, notes_of, text_of, true
from .till import Till, shown


def make(
    till: Till, book: Book, *, amount: int, currency: str, receipt: str | None = None, notes: object = None, **more: object
) -> Json:
    """A new order."""
    return book.add(
        "order",
        amount=amount,
        amount_paid=0,
        amount_due=amount,
        currency=currency,
        receipt=receipt,
        offer_id=None,
        status="created",
        attempts=0,
        notes=notes or [],
        created_at=till.now,
        **more,
    )


def create(till: Till, book: Book, request: Request) -> Json:
    """``POST /v1/orders``. A receipt may come twice: it is the merchant's business that it does not."""
    body = request.json()
    currency = currency_of(body)
    amount = amount_of(body, currency)
    receipt = text_of(body, "receipt", most=40)
    customer_id = text_of(body, "customer_id", most=40)
    if customer_id is not None:
        book.get("customer", customer_id)
    order = make(
        till,
        book,
        amount=amount,
        currency=currency,
        receipt=receipt,
        notes=notes_of(body),
        _customer_id=customer_id,
        _captures=true(body.get("payment_capture", True)),
    )
    return shown(order)


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/orders``, perhaps ``?receipt=``, ``?authorized=1`` (those with a payment that waits for its capture)."""

    def authorized(order: Json, wanted: str) -> bool:
        return (wanted == "1") == any(payment["status"] == "authorized" for payment in book.payments_of(order["id"]))

    return listed(
        map(shown, book.all("order")),
        request.query,
        receipt=lambda order, receipt: order["receipt"] == receipt,
        authorized=authorized,
    )


def show(till: Till, book: Book, request: Request, order_id: str) -> Json:
    """``GET /v1/orders/ID``."""
    return shown(book.get("order", order_id))


def payments(till: Till, book: Book, request: Request, order_id: str) -> Json:
    """``GET /v1/orders/ID/payments``."""
    order = book.get("order", order_id)
    items = [shown(payment) for payment in book.payments_of(order["id"])]
    return {"entity": "collection", "count": len(items), "items": items}
