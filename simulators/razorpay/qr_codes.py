"""QR codes for UPI: ``/v1/payments/qr_codes``."""

from __future__ import annotations

import io

import segno

from simulators.web import Answer, Json, Request

from .book import Book, listed
from .problems import amount_of, choice_of, moment_of, notes_of, refused, text_of, true
from .till import Till, shown


def create(till: Till, book: Book, request: Request) -> Json:
    """``POST /v1/payments/qr_codes``. The currency is INR: UPI has no other."""
    body = request.json()
    choice_of(body, "type", ("upi_qr",))
    usage = choice_of(body, "usage", ("single_use", "multiple_use"))
    fixed = true(body.get("fixed_amount"))
    customer_id = text_of(body, "customer_id", most=40)
    if customer_id is not None:
        book.get("customer", customer_id)
    qr_code = book.add(
        "qr",
        created_at=till.now,
        name=text_of(body, "name", most=255),
        usage=usage,
        type="upi_qr",
        image_url="",
        payment_amount=amount_of(body, "INR", name="payment_amount") if fixed else None,
        status="active",
        description=text_of(body, "description", most=255),
        fixed_amount=fixed,
        payments_amount_received=0,
        payments_count_received=0,
        notes=notes_of(body),
        customer_id=customer_id,
        close_by=moment_of(body, "close_by", till.now),
        closed_at=None,
        close_reason=None,
    )
    qr_code["image_url"] = f"http://{request.headers.get('host', 'localhost')}/qr/{qr_code['id']}.png"
    till.tell(book, "qr_code.created", qr_code=qr_code)
    return shown(qr_code)


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/payments/qr_codes``, perhaps ``?customer_id=`` or ``?payment_id=``."""
    return listed(
        map(shown, book.all("qr_code")),
        request.query,
        customer_id=lambda each, customer_id: each["customer_id"] == customer_id,
        payment_id=lambda each, payment_id: payment_id in book.of_qr.get(each["id"], ()),
    )


def show(till: Till, book: Book, request: Request, qr_id: str) -> Json:
    """``GET /v1/payments/qr_codes/ID``."""
    return shown(book.get("qr_code", qr_id))


def payments(till: Till, book: Book, request: Request, qr_id: str) -> Json:
    """``GET /v1/payments/qr_codes/ID/payments``."""
    made = book.of_qr.get(book.get("qr_code", qr_id)["id"], [])
    return listed((shown(book.get("payment", each)) for each in made[::-1]), request.query)


def close(till: Till, book: Book, request: Request, qr_id: str) -> Json:
    """``POST /v1/payments/qr_codes/ID/close``."""
    qr_code = book.get("qr_code", qr_id)
    if qr_code["status"] == "closed":
        raise refused("QR Code is already closed")
    end(till, book, qr_code, "on_demand")
    return shown(qr_code)


def end(till: Till, book: Book, qr_code: Json, reason: str) -> None:
    """Nobody can pay by it any more."""
    qr_code |= {"status": "closed", "closed_at": till.now, "close_reason": reason}
    till.tell(book, "qr_code.closed", qr_code=qr_code)


def image(till: Till, request: Request, qr_id: str) -> Answer:
    """``GET /qr/ID.png``: what is scanned. A real UPI app finds nobody at the address in it."""
    _, qr_code = till.whose(qr_id)
    amount = qr_code["payment_amount"]
    fixed = f"&am={amount // 100}.{amount % 100:02d}" if amount is not None else ""
    drawn = io.BytesIO()
    segno.make(f"upi://pay?pa=stub@example&pn=Stub&tr={qr_id}&cu=INR{fixed}", error="m").save(drawn, kind="png", scale=6)
    return Answer(200, drawn.getvalue(), "image/png")
