"""What a captured payment was for: a link is paid by it, a QR code credited."""

from __future__ import annotations

from simulators.web import Json

from . import qr_codes
from .book import Book
from .till import Till


def complete(till: Till, book: Book, payment: Json) -> None:
    """Let it reach what it was for."""
    target_id = payment.get("_completes", "")
    if (link := book.entities["payment_link"].get(target_id)) is not None:
        _pay_link(till, book, link, payment)
    elif (qr_code := book.entities["qr_code"].get(target_id)) is not None:
        _credit(till, book, qr_code, payment)


def _pay_link(till: Till, book: Book, link: Json, payment: Json) -> None:
    said = {name: payment[name] for name in ("amount", "created_at", "method", "status")}
    link["payments"] = [*(link["payments"] or ()), {**said, "payment_id": payment["id"]}]
    link |= {"amount_paid": link["amount_paid"] + payment["amount"], "updated_at": till.now}
    if link["amount_paid"] >= link["amount"] and link["status"] != "paid":
        link["status"] = "paid"
        till.tell(book, "payment_link.paid", payment=payment, order=book.get("order", payment["order_id"]), payment_link=link)


def _credit(till: Till, book: Book, qr_code: Json, payment: Json) -> None:
    qr_code["payments_amount_received"] += payment["amount"]
    qr_code["payments_count_received"] += 1
    till.tell(book, "qr_code.credited", payment=payment, qr_code=qr_code)
    if qr_code["usage"] == "single_use" and qr_code["status"] == "active":
        qr_codes.end(till, book, qr_code, "paid")
