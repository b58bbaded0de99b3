"""What the routes of payments have in common: keys of what is asked for, errors of gateways as problems, QR codes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from attrs import validators

from csms.api.calls import Call
from csms.api.problems import Problem
from csms.api.routes import Raw
from csms.core.errors import NotFound, Refused
from csms.core.payments import GatewayAway, GatewayError
from csms.domain.payments import service
from csms.domain.payments.model import FAILED, Payment
from csms.domain.stations import qr as pictures

GATEWAY_LIMIT_S = 90.0
"""For requests that wait for a gateway: several answers of it, each with its own limit."""
WAITS = {
    409: "there is no payment gateway, it refuses, or has no such way to pay",
    502: "the gateway refused to say",
    503: "the gateway does not answer",
}
PICTURES = frozenset({"image/png", "image/jpeg"})
LARGEST_PICTURE = 1_000_000
PICTURE_LIMIT_S = 10.0


@attrs.frozen(slots=True, kw_only=True)
class PictureQuery:
    """In which form a QR code is wanted; one that the gateway made comes as it is."""

    form: str = attrs.field(default="svg", validator=validators.in_(("svg", "png")))


def key_of(call: Call) -> str:
    """The key under which a request asks for something: the same for its repeats, where they have an ``Idempotency-Key``."""
    given = call.request.headers.get("Idempotency-Key")
    if not given:
        return f"api:{call.request_id}:{call.ports.random.token(9)}"
    said = "\0".join((call.action, call.who.identity, given))
    return f"api:{hashlib.blake2b(said.encode(), digest_size=24).hexdigest()}"


@contextmanager
def gateway_problems() -> Iterator[None]:
    """What a gateway does, as a problem. Raises ``Problem`` 502 or 503."""
    try:
        yield
    except GatewayError as error:
        raise Problem(502, "Bad Gateway", f"the payment gateway refused: {error}") from None
    except GatewayAway as error:
        raise Problem(503, "Service Unavailable", f"the payment gateway does not answer: {error}") from None


def not_refused(known: Payment) -> Payment:
    """A payment that was asked for. Raises ``Refused`` where its gateway did not want to."""
    if known.state == FAILED:
        raise Refused(f"the payment gateway refused it: {known.error}")
    return known


async def picture(call: Call, known: Payment, form: str) -> Raw:
    """The QR code by which a payment is paid: of its address, or the one that the gateway made. Raises ``NotFound``, ``Problem``."""
    if known.pay_url:
        if form == "png":
            return Raw(body=pictures.png(known.pay_url), content_type="image/png")
        return Raw(body=pictures.svg(known.pay_url), content_type="image/svg+xml")
    if not known.image_url:
        raise NotFound(f"payment {known.id} has no QR code")
    gateway = await call.read(service.need_gateway, known.gateway_id)
    public = not gateway.base_url  # another address than the gateway's own is the installation's: a stub, or a proxy
    try:
        answer = await call.ports.http.request("GET", known.image_url, headers={}, timeout_s=PICTURE_LIMIT_S, public_only=public)
    except OSError:
        raise Problem(503, "Service Unavailable", "the payment gateway does not answer") from None
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != 200 or kind not in PICTURES or len(answer.body) > LARGEST_PICTURE:
        raise Problem(502, "Bad Gateway", "the payment gateway gave no picture")
    return Raw(body=answer.body, content_type=kind)
