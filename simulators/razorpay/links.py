"""Payment links: ``/v1/payment_links``."""

from __future__ import annotations

from simulators.web import Json, Request

from .book import Book, whole_number
from .problems import amount_of, currency_of, moment_of, notes_of, refused, text_of, true
from .till import Till, shown


def create(till: Till, book: Book, request: Request) -> Json:
    """``POST /v1/payment_links``. A reference is used once in an account."""
    body = request.json()
    currency = currency_of(body, default="INR")
    reference = text_of(body, "reference_id", most=40)
    if reference is not None and any(each["reference_id"] == reference for each in book.entities["payment_link"].values()):
        raise refused(f"payment link with reference_id ({reference}) already exists", field="reference_id")
    callback_url = text_of(body, "callback_url", most=2048)
    if callback_url is not None and body.get("callback_method") != "get":
        raise refused("callback_method must be get, where there is a callback_url", field="callback_method")
    customer = body.get("customer") or {}
    if not isinstance(customer, dict):
        raise refused("The customer must be an object.", field="customer")
    notify = body.get("notify") if isinstance(body.get("notify"), dict) else {}
    link = book.add(
        "plink",
        accept_partial=False,
        amount=amount_of(body, currency),
        amount_paid=0,
        callback_method="get" if callback_url else "",
        callback_url=callback_url or "",
        cancelled_at=0,
        created_at=till.now,
        currency=currency,
        customer={name: str(customer[name]) for name in ("contact", "email", "name") if customer.get(name)},
        description=text_of(body, "description", most=2048) or "",
        expire_by=moment_of(body, "expire_by", till.now) or 0,
        expired_at=0,
        first_min_partial_amount=0,
        notes=notes_of(body) or None,
        notify={"email": true((notify or {}).get("email")), "sms": true((notify or {}).get("sms")), "whatsapp": False},
        payments=None,
        reference_id=reference or "",
        reminder_enable=true(body.get("reminder_enable")),
        reminders=[],
        short_url="",
        status="created",
        updated_at=till.now,
        upi_link=true(body.get("upi_link")),
        user_id="",
        whatsapp_link=False,
    )
    del link["entity"]  # of these alone Razorpay does not say what they are
    link["short_url"] = f"http://{request.headers.get('host', 'localhost')}/l/{link['id']}"
    return shown(link)


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/payment_links``, perhaps ``?reference_id=`` or ``?payment_id=``."""
    found = book.all("payment_link")
    if reference := request.query.get("reference_id"):
        found = [each for each in found if each["reference_id"] == reference]
    if payment_id := request.query.get("payment_id"):
        found = [each for each in found if any(one["payment_id"] == payment_id for one in each["payments"] or ())]
    count, skip = whole_number(request.query, "count", 10), whole_number(request.query, "skip", 0)
    return {"payment_links": [shown(each) for each in found[skip : skip + count]]}


def show(till: Till, book: Book, request: Request, link_id: str) -> Json:
    """``GET /v1/payment_links/ID``."""
    return shown(book.get("payment_link", link_id))


def cancel(till: Till, book: Book, request: Request, link_id: str) -> Json:
    """``POST /v1/payment_links/ID/cancel``, while nobody has paid."""
    link = book.get("payment_link", link_id)
    if link["status"] != "created":
        raise refused(f"Payment Link cannot be cancelled: it is {link['status']}")
    link |= {"status": "cancelled", "cancelled_at": till.now, "updated_at": till.now}
    till.tell(book, "payment_link.cancelled", payment_link=link)
    return shown(link)


def expire(till: Till, book: Book, link: Json) -> None:
    """Its time is over."""
    link |= {"status": "expired", "expired_at": till.now, "updated_at": till.now}
    till.tell(book, "payment_link.expired", payment_link=link)
