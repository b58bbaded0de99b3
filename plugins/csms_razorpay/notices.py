"""Signatures, and what webhooks say; no I/O."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from razorpay.errors import SignatureVerificationError
from razorpay.utility import Utility

from csms.hooks import Forged, GatewayAccount, GatewayNotice, GatewayPayment, Invalid

from . import reading
from .desk import reference_in, way_in

Json = dict[str, Any]
SDK = Utility()


def check_signature(text: str, signature: str, secret: str) -> None:
    """Whether a signature holds. Raises ``Forged``; without a secret nothing holds."""
    try:
        if not secret or not signature.isascii():
            raise Forged("the signature does not hold")
        SDK.verify_signature(text, signature, secret)
    except SignatureVerificationError:
        raise Forged("the signature does not hold") from None


def check_checkout(account: GatewayAccount, gateway_id: str, payment_id: str, signature: str) -> None:
    """What a checkout page brought back: of an order, or of a subscription. Raises ``Forged``."""
    pair = (payment_id, gateway_id) if gateway_id.startswith("sub_") else (gateway_id, payment_id)
    if any("|" in each for each in pair):
        raise Forged("the signature does not hold")
    check_signature("|".join(pair), signature, account.key_secret)


def read(account: GatewayAccount, body: bytes, headers: Mapping[str, str]) -> GatewayNotice:
    """Check a webhook's signature and read it. Raises ``Forged``, ``Invalid``."""
    named = {name.lower(): value for name, value in headers.items()}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Forged("the signature does not hold") from None  # what Razorpay signs is text
    check_signature(text, named.get("x-razorpay-signature", ""), account.webhook_secret)
    try:
        event = msgspec.json.decode(body)
    except msgspec.DecodeError as error:
        raise Invalid(f"the webhook is no JSON: {error}") from None
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        raise Invalid("the webhook names no event", field="event")
    entities = _entities(event)
    refund, subscription, dispute = (entities.get(name) for name in ("refund", "subscription", "dispute"))
    return GatewayNotice(
        event_id=hashlib.sha256(body).hexdigest(),  # signed, as the header with their id is not
        kind=event["event"],
        occurred_at=reading.instant(event, "created_at"),
        payment=_payment(entities),
        refund=reading.refund(refund) if refund is not None else None,
        mandate=reading.mandate(subscription) if subscription is not None else None,
        dispute=reading.dispute(dispute) if dispute is not None else None,
    )


def _entities(event: Json) -> dict[str, Json]:
    payload = event.get("payload")
    if not isinstance(payload, dict):
        raise Invalid("the webhook has no payload", field="payload")
    found = {}
    for name, wrapped in payload.items():
        entity = wrapped.get("entity") if isinstance(wrapped, dict) else None
        if not isinstance(entity, dict):
            raise Invalid(f"the webhook's {name} is no entity", field=name)
        found[name] = entity
    return found


def _payment(entities: Mapping[str, Json]) -> GatewayPayment | None:
    """The payment that is told of; or, of a link or code that is over, that there is none (without a ``payment_id``)."""
    gateway_id, reference = _paid(entities)
    entity = entities.get("payment")
    if entity is not None:
        read = reading.payment(entity, gateway_id=gateway_id, reference=reference)
        order = entities.get("order")
        if order is not None and way_in(order) == "link" and "payment_link" not in entities:
            return attrs.evolve(read, gateway_id="")  # its order's id means nothing to whoever asked for a link
        return read
    if (link := entities.get("payment_link")) is not None:
        return _nobody(gateway_id, reference, reading.state(reading.LINK_STATES, link), link.get("amount"), link.get("currency"))
    if (code := entities.get("qr_code")) is not None:
        return _nobody(gateway_id, reference, reading.qr_state(code), code.get("payment_amount"), "INR")
    return None


def _nobody(gateway_id: str, reference: str, state: str, amount: Any, currency: Any) -> GatewayPayment:
    asked = amount if isinstance(amount, int) else 0
    return GatewayPayment(
        payment_id="", gateway_id=gateway_id, reference=reference, state=state, amount_minor=asked, currency=str(currency)
    )


def _paid(entities: Mapping[str, Json]) -> tuple[str, str]:
    """What a payment pays, as far as the webhook shows it, and our reference of that."""
    for name in ("payment_link", "qr_code", "subscription"):
        if (entity := entities.get(name)) is not None:
            return reading.text(entity, "id"), reading.text(entity, "reference_id") or reference_in(entity)
    if (invoice := entities.get("invoice")) is not None and invoice.get("subscription_id"):
        return reading.text(invoice, "subscription_id"), ""
    if (order := entities.get("order")) is not None:
        return reading.text(order, "id"), reading.text(order, "receipt")
    return "", ""
