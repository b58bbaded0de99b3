"""Asking for payments: orders, payment links, QR codes; finding what was asked for, and taking it back."""

from __future__ import annotations

from csms.hooks import GatewayError, PaymentOffer, PaymentWanted

from . import reading
from .desk import Desk, Json, every, known, notes, reference_in

SOON_S = 16 * 60
"""What expires does so no sooner than in a quarter of an hour: Razorpay wants that, and clocks differ."""

NOTHING: dict[str, str] = {}


def offer(desk: Desk, wanted: PaymentWanted) -> PaymentOffer:
    """Ask for a payment."""
    match wanted.way:
        case "order":
            return _order(desk, wanted)
        case "link":
            return _link(desk, wanted)
        case "qr":
            return _qr_code(desk, wanted)
    raise GatewayError("a recurring payment is set up as a mandate", code="way")


def find(desk: Desk, way: str, reference: str) -> PaymentOffer | None:
    """What was asked for under a reference."""
    match way:
        case "order" | "recurring" if (order := find_order(desk, reference)) is not None:
            return reading.order(order, _checkout(desk, order, NOTHING))  # also that of a saved method that was charged
        case "order":
            return None
        case "link":
            link = _find_link(desk, reference)
            return None if link is None else reading.link(link)
        case "qr":
            codes = every(desk.sdk.qrcode.all, {"from": desk.since})
            return next((reading.qr_code(each) for each in codes if reference_in(each) == reference), None)
    subscriptions = every(desk.sdk.subscription.all, {"from": desk.since})
    for each in subscriptions:
        if reference_in(each) == reference:
            return PaymentOffer(gateway_id=each["id"], pay_url=str(each.get("short_url") or ""))
    return None


def close(desk: Desk, way: str, gateway_id: str) -> None:
    """Let nobody pay it any more. Of orders there is no end at Razorpay: what is paid late comes in, and is for the payments to judge."""
    known(gateway_id)
    try:
        if way == "link":
            desk.sdk.payment_link.cancel(gateway_id)
        elif way == "qr":
            desk.sdk.qrcode.close(gateway_id)
        elif gateway_id.startswith("sub_"):
            desk.sdk.subscription.cancel(gateway_id, {"cancel_at_cycle_end": 0})
    except GatewayError:
        if _is_open(desk, way, gateway_id):
            raise


def _is_open(desk: Desk, way: str, gateway_id: str) -> bool:
    if way == "link":
        return reading.link(desk.sdk.payment_link.fetch(gateway_id)).state == "open"
    if way == "qr":
        return reading.qr_state(desk.sdk.qrcode.fetch(gateway_id)) == "open"
    return reading.mandate(desk.sdk.subscription.fetch(gateway_id)).state not in ("cancelled", "completed")


# --- orders ---------------------------------------------------------------------------------------------------------------------


def find_order(desk: Desk, reference: str) -> Json | None:
    """The first order with our reference as its receipt."""
    found: list[Json] = [*every(desk.sdk.order.all, {"receipt": reference}, at_most=100)]
    return found[-1] if found else None


def make_order(desk: Desk, wanted: PaymentWanted, **more: object) -> Json:
    """A new order; what is authorized for it is captured by Razorpay itself."""
    asked = {
        "amount": wanted.amount_minor,
        "currency": wanted.currency,
        "receipt": wanted.reference,
        "payment_capture": True,
        "notes": notes(wanted.reference, "order", wanted.notes),
        **more,
    }
    made: Json = desk.sdk.order.create(asked)
    return made


def _order(desk: Desk, wanted: PaymentWanted) -> PaymentOffer:
    order = find_order(desk, wanted.reference)
    more: dict[str, str] = {}
    if desk.settings.save_methods and (wanted.customer_email or wanted.customer_phone):
        more = {"customer_id": _customer(desk, wanted)}
    if order is None:
        order = make_order(desk, wanted, **more)
    if more:
        more["recurring"] = "preferred"  # ask for a mandate where the method can have one, and take the payment where it cannot
    prefilled = {
        "description": wanted.description,
        "prefill.name": wanted.customer_name,
        "prefill.email": wanted.customer_email,
        "prefill.contact": wanted.customer_phone,
        "notes.reference": wanted.reference,
    }
    return reading.order(order, _checkout(desk, order, {**prefilled, **more}))


def _checkout(desk: Desk, order: Json, more: dict[str, str]) -> dict[str, str]:
    words = {
        "key": desk.account.key_id,
        "order_id": str(order["id"]),
        "amount": str(order["amount"]),
        "currency": str(order["currency"]),
        "name": desk.settings.merchant_name,
        "script": desk.checkout_script,
        **more,
    }
    return {name: word for name, word in words.items() if word}


def _customer(desk: Desk, wanted: PaymentWanted) -> str:
    asked = {
        "name": wanted.customer_name[:50],
        "email": wanted.customer_email,
        "contact": wanted.customer_phone,
        "fail_existing": "0",
    }
    made: Json = desk.sdk.customer.create({name: word for name, word in asked.items() if word})
    return str(made["id"])


# --- payment links --------------------------------------------------------------------------------------------------------------


def _find_link(desk: Desk, reference: str) -> Json | None:
    found: list[Json] = desk.sdk.payment_link.all({"reference_id": reference})["payment_links"]
    return next((each for each in found if each.get("reference_id") == reference), None)


def _link(desk: Desk, wanted: PaymentWanted) -> PaymentOffer:
    customer = {"name": wanted.customer_name, "email": wanted.customer_email, "contact": wanted.customer_phone}
    asked: Json = {
        "amount": wanted.amount_minor,
        "currency": wanted.currency,
        "accept_partial": False,
        "description": wanted.description[:2048],
        "reference_id": wanted.reference,
        "customer": {name: word for name, word in customer.items() if word},
        "notify": {"sms": False, "email": False},  # csms tells them itself
        "reminder_enable": False,
        "notes": notes(wanted.reference, wanted.way, wanted.notes),
    }
    if wanted.return_url:
        asked |= {"callback_url": wanted.return_url, "callback_method": "get"}
    if wanted.expires_at is not None:
        asked["expire_by"] = _expiry(desk, wanted.expires_at)
    try:
        return reading.link(desk.sdk.payment_link.create(asked))
    except GatewayError:
        made = _find_link(desk, wanted.reference)  # a reference is taken once
        if made is None:
            raise
        return reading.link(made)


# --- QR codes -------------------------------------------------------------------------------------------------------------------


def _qr_code(desk: Desk, wanted: PaymentWanted) -> PaymentOffer:
    if wanted.currency != "INR":
        raise GatewayError("a UPI QR code takes INR only", code="currency")
    asked: Json = {
        "type": "upi_qr",
        "usage": "single_use",
        "fixed_amount": True,
        "payment_amount": wanted.amount_minor,
        "description": wanted.description[:255],
        "notes": notes(wanted.reference, wanted.way, wanted.notes),
    }
    if desk.settings.merchant_name:
        asked["name"] = desk.settings.merchant_name
    if wanted.expires_at is not None:
        asked["close_by"] = _expiry(desk, wanted.expires_at)
    return reading.qr_code(desk.sdk.qrcode.create(asked))


def _expiry(desk: Desk, expires_at: int) -> int:
    return max(expires_at // 1000, desk.now // 1000 + SOON_S)
