"""Razorpay's JSON in the words of csms. Whatever does not fit raises ``Invalid``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csms.hooks import GatewayDispute, GatewayPayment, GatewayRefund, Invalid, Mandate, PaymentOffer

from .desk import reference_in

Json = Mapping[str, Any]

PAYMENT_STATES = {"created": "open", "authorized": "authorized", "captured": "paid", "refunded": "paid", "failed": "failed"}
ORDER_STATES = {"created": "open", "attempted": "open", "paid": "paid"}
LINK_STATES = {"created": "open", "partially_paid": "open", "paid": "paid", "cancelled": "cancelled", "expired": "expired"}
CLOSED_STATES = {"paid": "paid", "expired": "expired"}
REFUND_STATES = {"pending": "pending", "processed": "refunded", "failed": "failed"}
DISPUTE_STATES = {each: each for each in ("open", "under_review", "won", "lost", "closed")}
MANDATE_STATES = frozenset({"created", "authenticated", "active", "pending", "halted", "paused", "cancelled", "completed"})


def text(entity: Json, name: str) -> str:
    """A text that may be absent."""
    value = entity.get(name)
    if value is not None and not isinstance(value, str):
        raise Invalid(f"Razorpay's {name} is no text", field=name)
    return value or ""


def number(entity: Json, name: str) -> int:
    """A whole number."""
    value = entity.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"Razorpay's {name} is no whole number", field=name)
    return value


def instant(entity: Json, name: str) -> int | None:
    """Milliseconds since 1970, for Razorpay's seconds; 0 and null are none."""
    return number(entity, name) * 1000 if entity.get(name) else None


def state(table: Mapping[str, str], entity: Json) -> str:
    """A state of ours for one of theirs."""
    theirs = text(entity, "status")
    if theirs not in table:
        raise Invalid(f"Razorpay's status {theirs!r} is not known", field="status")
    return table[theirs]


def payment(entity: Json, *, gateway_id: str = "", reference: str = "") -> GatewayPayment:
    """A payment; ``gateway_id`` and ``reference`` are of what it pays, where that is known better than it says itself."""
    now = state(PAYMENT_STATES, entity)
    at_home = text(entity, "base_currency") in ("", text(entity, "currency"))  # what it keeps is in its own currency
    customer_id, token_id = text(entity, "customer_id"), text(entity, "token_id")
    return GatewayPayment(
        payment_id=text(entity, "id"),
        gateway_id=gateway_id or text(entity, "order_id"),
        reference=reference or reference_in(entity),
        state=now,
        amount_minor=number(entity, "amount"),
        currency=text(entity, "currency"),
        method=text(entity, "method"),
        shown=shown(entity),
        saved_method=f"{customer_id}/{token_id}" if customer_id and token_id else "",
        fee_minor=number(entity, "fee") if entity.get("fee") is not None and at_home else None,
        fee_tax_minor=number(entity, "tax") if entity.get("tax") is not None and at_home else None,
        refunded_minor=number(entity, "amount_refunded") if entity.get("amount_refunded") is not None else 0,
        error=text(entity, "error_description"),
        paid_at=instant(entity, "created_at") if now == "paid" else None,
    )


def shown(entity: Json) -> str:
    """By what people recognise how they paid."""
    card = entity.get("card")
    if isinstance(card, dict) and card.get("last4"):
        return f"•••• {card['last4']}"
    name, at, bank = text(entity, "vpa").partition("@")
    if at:
        return f"{name[:2]}•••@{bank}"
    return text(entity, "bank") or text(entity, "wallet")


def refund(entity: Json) -> GatewayRefund:
    """A refund."""
    now = state(REFUND_STATES, entity)
    return GatewayRefund(
        refund_id=text(entity, "id"),
        payment_id=text(entity, "payment_id"),
        reference=text(entity, "receipt") or reference_in(entity),
        state=now,
        amount_minor=number(entity, "amount"),
        error="Razorpay could not refund it" if now == "failed" else "",
    )


def dispute(entity: Json) -> GatewayDispute:
    """A dispute."""
    return GatewayDispute(
        dispute_id=text(entity, "id"),
        payment_id=text(entity, "payment_id"),
        state=state(DISPUTE_STATES, entity),
        amount_minor=number(entity, "amount"),
        currency=text(entity, "currency"),
        phase=text(entity, "phase"),
        reason=text(entity, "reason_code"),
        deducted_minor=number(entity, "amount_deducted") if entity.get("amount_deducted") is not None else 0,
        respond_by_at=instant(entity, "respond_by"),
        raised_at=instant(entity, "created_at"),
    )


def order(entity: Json, checkout: Mapping[str, str]) -> PaymentOffer:
    """An order."""
    return PaymentOffer(gateway_id=text(entity, "id"), state=state(ORDER_STATES, entity), checkout=checkout)


def link(entity: Json) -> PaymentOffer:
    """A payment link."""
    return PaymentOffer(gateway_id=text(entity, "id"), state=state(LINK_STATES, entity), pay_url=text(entity, "short_url"))


def qr_code(entity: Json) -> PaymentOffer:
    """A QR code."""
    return PaymentOffer(gateway_id=text(entity, "id"), state=qr_state(entity), image_url=text(entity, "image_url"))


def qr_state(entity: Json) -> str:
    """The state of a QR code: one for a single payment that was paid is paid."""
    if text(entity, "status") == "active":
        return "open"
    if entity.get("payments_count_received"):
        return "paid"
    return CLOSED_STATES.get(text(entity, "close_reason"), "cancelled")


def mandate(entity: Json) -> Mandate:
    """A subscription. One that nobody agreed to in time is cancelled."""
    theirs = text(entity, "status")
    return Mandate(
        mandate_id=text(entity, "id"),
        reference=reference_in(entity),
        state=theirs if theirs in MANDATE_STATES else "cancelled",
        pay_url=text(entity, "short_url"),
        paid_count=number(entity, "paid_count") if entity.get("paid_count") is not None else 0,
        next_charge_at=instant(entity, "charge_at"),
        ends_at=instant(entity, "end_at"),
    )
