"""Payments as Razorpay has them: what they pay, taking them, giving them back, and charging a saved method."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from csms.hooks import GatewayDispute, GatewayError, GatewayPayment, GatewayRefund, PaymentWanted

from . import reading
from .desk import Desk, Json, every, known, reference_in, way_in
from .offers import find_order, make_order

CHARGES = 24
"""Of a recurring payment so many charges are shown, the latest."""
_KEY = re.compile(r"[A-Za-z0-9_-]{10,40}")
_SAVED = re.compile(r"(cust_[A-Za-z0-9]+)/(token_[A-Za-z0-9]+)")
FURTHEST = ("paid", "authorized", "open", "failed")


def payments(desk: Desk, way: str, gateway_id: str) -> Sequence[GatewayPayment]:
    """Every attempt to pay something."""
    known(gateway_id)
    if way == "qr":
        reference = reference_in(desk.sdk.qrcode.fetch(gateway_id))
        found = list(every(lambda query: desk.sdk.qrcode.fetch_all_payments(gateway_id, query), {}))
    elif way == "recurring" and not gateway_id.startswith("order_"):
        return _charges(desk, gateway_id)
    elif way == "link":
        link = desk.sdk.payment_link.fetch(gateway_id)
        reference, order_id = reading.text(link, "reference_id"), reading.text(link, "order_id")
        if order_id:
            found = desk.sdk.order.payments(known(order_id))["items"]
        else:
            found = [desk.sdk.payment.fetch(known(str(each["payment_id"]))) for each in link.get("payments") or ()]
    else:
        reference = reading.text(desk.sdk.order.fetch(gateway_id), "receipt")
        found = desk.sdk.order.payments(gateway_id)["items"]
    return [reading.payment(each, gateway_id=gateway_id, reference=reference) for each in found]


def _charges(desk: Desk, subscription_id: str) -> Sequence[GatewayPayment]:
    reference = reference_in(desk.sdk.subscription.fetch(subscription_id))
    invoices = desk.sdk.invoice.all({"subscription_id": subscription_id, "count": CHARGES})["items"]
    found = [desk.sdk.payment.fetch(known(str(each["payment_id"]))) for each in invoices if each.get("payment_id")]
    return [reading.payment(each, gateway_id=subscription_id, reference=reference) for each in found]


def payment(desk: Desk, payment_id: str) -> GatewayPayment:
    """One payment, with what it pays."""
    entity: Json = desk.sdk.payment.fetch(known(payment_id))
    gateway_id, reference = _paid_by(desk, entity)
    return reading.payment(entity, gateway_id=gateway_id, reference=reference)


def _paid_by(desk: Desk, entity: Json) -> tuple[str, str]:
    """What a payment pays, and our reference of that: a payment itself only knows its order or invoice, or nothing at all."""
    if invoice_id := reading.text(entity, "invoice_id"):
        subscription_id = reading.text(desk.sdk.invoice.fetch(known(invoice_id)), "subscription_id")
        if subscription_id:
            return subscription_id, reference_in(desk.sdk.subscription.fetch(known(subscription_id)))
    if order_id := reading.text(entity, "order_id"):
        order = desk.sdk.order.fetch(known(order_id))
        if way_in(order) != "link":
            return order_id, reading.text(order, "receipt")
        links = desk.sdk.payment_link.all({"reference_id": reference_in(order)})["payment_links"]
        return (reading.text(links[0], "id") if links else order_id), reference_in(order)
    codes = desk.sdk.qrcode.all({"payment_id": reading.text(entity, "id"), "count": 1})["items"]
    return (reading.text(codes[0], "id"), reference_in(codes[0])) if codes else ("", "")


def capture(desk: Desk, payment_id: str, amount_minor: int, currency: str) -> GatewayPayment:
    """Take an authorized payment. One that was taken before is as good."""
    try:
        desk.sdk.payment.capture(known(payment_id), amount_minor, {"currency": currency})
    except GatewayError:
        found = payment(desk, payment_id)
        if (found.state, found.amount_minor, found.currency) != ("paid", amount_minor, currency):
            raise
        return found
    return payment(desk, payment_id)


# --- refunds --------------------------------------------------------------------------------------------------------------------


def refund(desk: Desk, payment_id: str, amount_minor: int, reference: str) -> GatewayRefund:
    """Give money back, once per reference: it is looked for first, and Razorpay itself is told a key under which it does it once."""
    for made in refunds(desk, payment_id):
        if made.reference == reference:
            return made
    asked: Json = {"amount": amount_minor, "receipt": reference, "notes": {"reference": reference}}
    if desk.settings.instant_refunds:
        asked["speed"] = "optimum"
    return reading.refund(desk.sdk.payment.refund(payment_id, asked, headers={"X-Refund-Idempotency": refund_key(reference)}))


def refund_key(reference: str) -> str:
    """A key such as Razorpay takes it, the same for the same reference."""
    key = f"csms-refund-{reference}"
    return key if _KEY.fullmatch(key) else f"csms-{hashlib.sha256(reference.encode()).hexdigest()[:32]}"


def refunds(desk: Desk, payment_id: str) -> Sequence[GatewayRefund]:
    """Every refund of a payment."""
    known(payment_id)
    return [reading.refund(each) for each in every(lambda query: desk.sdk.payment.fetch_multiple_refund(payment_id, query), {})]


def dispute(desk: Desk, dispute_id: str) -> GatewayDispute:
    """A dispute as it is now."""
    return reading.dispute(desk.sdk.dispute.fetch(known(dispute_id)))


# --- saved methods --------------------------------------------------------------------------------------------------------------


def charge_saved(desk: Desk, wanted: PaymentWanted) -> GatewayPayment:
    """Charge a saved method, once per reference: its order remembers what was tried."""
    saved = _SAVED.fullmatch(wanted.saved_method)
    if saved is None:
        raise GatewayError("that is no saved method", code="saved_method")
    customer_id, token_id = saved.groups()
    order = find_order(desk, wanted.reference)
    if order is None:
        order = make_order(desk, wanted, customer_id=customer_id)
    else:
        tried = payments(desk, "order", str(order["id"]))
        if tried:
            return min(tried, key=lambda each: FURTHEST.index(each.state))
    customer = {"email": wanted.customer_email, "contact": wanted.customer_phone}
    if not all(customer.values()):
        kept = desk.sdk.customer.fetch(customer_id)
        customer = {name: word or str(kept.get(name) or "") for name, word in customer.items()}
    asked = {
        **customer,
        "amount": wanted.amount_minor,
        "currency": wanted.currency,
        "order_id": order["id"],
        "customer_id": customer_id,
        "token": token_id,
        "recurring": "1",
        "description": wanted.description[:255],
        "notes": {"reference": wanted.reference},
    }
    done: Json = desk.sdk.payment.createRecurring(asked)
    return payment(desk, reading.text(done, "razorpay_payment_id"))
