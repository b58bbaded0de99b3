"""Payments over HTTP, for operators."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import FILE, Raw, Reply, Routes
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.payments import flows, service
from csms.domain.payments.model import (
    KeptMandate,
    MandatesQuery,
    NewPayment,
    NoticesQuery,
    Payment,
    PaymentBody,
    PaymentDetail,
    PaymentNotice,
    PaymentsQuery,
)
from csms.domain.payments.store import attempts, disputes, mandates, notices, refunds
from csms.domain.payments.store import payments as store

from .asking import GATEWAY_LIMIT_S, WAITS, PictureQuery, gateway_problems, key_of, not_refused, picture

EXAMPLE = {"driver_id": 1, "amount_minor": 50000, "way": "link", "description": "for your wallet"}


def detail(tx: ReadTx, payment_id: int) -> PaymentDetail:
    """A payment with all that is known of it. Raises ``NotFound``."""
    return PaymentDetail(
        payment=service.need_payment(tx, payment_id),
        attempts=attempts.attempts(tx, payment_id),
        disputes=disputes.of_payment(tx, payment_id),
        refunds=refunds.of_payment(tx, payment_id),
        notices=notices.of_payment(tx, payment_id),
    )


def routes() -> Routes:
    """Routes of payments."""
    made = Routes("payments", "Payments through gateways: asked for, paid, looked after.")

    @made.get("/payments", needs="payments:read")
    async def list_(call: Call, query: PaymentsQuery) -> Stretch[Payment]:
        """Payments, the newest first."""
        return await call.read(store.payments, query)

    @made.post(
        "/payments",
        needs="payments:write",
        status=201,
        tells=Payment,
        example=EXAMPLE,
        errors=WAITS,
        moves=True,
        limit_s=GATEWAY_LIMIT_S,
    )
    async def ask(call: Call, body: PaymentBody) -> Reply:
        """Ask a driver for a payment, by a link, a QR code, or an order that a checkout page pays.

        `state` is `open` as a rule; `created` where the gateway did not answer: it is asked again until the payment expires.
        """
        expires_at = None if body.expires_in_s is None else call.ports.clock.now() + body.expires_in_s * 1000
        new = NewPayment(
            purpose=body.purpose,
            way=body.way,
            amount_minor=body.amount_minor,
            key=key_of(call),
            description=body.description or "payment",
            driver_id=body.driver_id,
            reference_kind=body.reference_kind,
            reference_id=body.reference_id,
            gateway_id=body.gateway_id,
            expires_at=expires_at,
            return_url=body.return_url,
        )
        known = not_refused(await flows.want(call.ports, new, call.tenant))
        await call.note(_subject(known.id), {"driver_id": known.driver_id, "amount_minor": known.amount_minor})
        return Reply(body=known, status=201, headers={"Location": f"/api/v1/payments/{known.id}"})

    @made.get("/payments/<int:payment_id>", needs="payments:read")
    async def show(call: Call, payment_id: int) -> PaymentDetail:
        """One payment, with every attempt to pay it, its refunds and disputes, and what the gateway told of it."""
        return await call.read(detail, payment_id)

    @made.get("/payments/<int:payment_id>/qr", needs="payments:read", produces=FILE)
    async def qr(call: Call, payment_id: int, query: PictureQuery) -> Raw:
        """The QR code by which it is paid."""
        return await picture(call, await call.read(service.need_payment, payment_id), query.form)

    @made.post(
        "/payments/<int:payment_id>/cancel", needs="payments:write", errors={409: "it is paid or over"}, limit_s=GATEWAY_LIMIT_S
    )
    async def cancel(call: Call, payment_id: int) -> Payment:
        """Have nobody pay it any more. What was paid by then counts, and what comes later goes where it belongs."""
        known = await flows.cancel(call.ports, payment_id, call.tenant)
        await call.note(_subject(payment_id), {"state": known.state})
        return known

    @made.post(
        "/payments/<int:payment_id>/reconcile",
        needs="payments:write",
        errors={502: WAITS[502], 503: WAITS[503]},
        limit_s=GATEWAY_LIMIT_S,
    )
    async def reconcile(call: Call, payment_id: int) -> Payment:
        """Ask the gateway now what became of a payment, instead of waiting for its webhook or the next round."""
        with gateway_problems():
            known = await flows.look_after(call.ports, payment_id, call.tenant)
        await call.note(_subject(payment_id), {"state": known.state})
        return known

    @made.get("/payments/notices", needs="payments:read")
    async def notices_(call: Call, query: NoticesQuery) -> Stretch[PaymentNotice]:
        """What gateways told by their webhooks, the newest first, without personal data."""
        return await call.read(notices.notices, query)

    @made.get("/mandates", needs="payments:read")
    async def mandates_(call: Call, query: MandatesQuery) -> Stretch[KeptMandate]:
        """Recurring payments that drivers agreed to, the newest first."""
        return await call.read(mandates.mandates, query)

    return made


def _subject(payment_id: int) -> Subject:
    return Subject("payment", str(payment_id))
