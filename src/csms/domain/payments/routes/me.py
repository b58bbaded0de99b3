"""What drivers do about payments: top up, pay, and keep the methods that they pay with."""

from __future__ import annotations

from functools import partial

import attrs

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import FILE, OWN, Raw, Reply, Routes
from csms.core.paging import Page, Stretch
from csms.core.payments import Forged
from csms.core.ports import ReadTx
from csms.domain.drivers.routes.me import own_driver
from csms.domain.payments import flows, service
from csms.domain.payments.model import (
    TOP_UP,
    ConfirmBody,
    MethodsQuery,
    NewPayment,
    OwnPayment,
    OwnPaymentsQuery,
    Payment,
    SavedMethod,
    TopUpBody,
)
from csms.domain.payments.service import methods as methods_verbs
from csms.domain.payments.store import methods
from csms.domain.payments.store import payments as store

from .asking import GATEWAY_LIMIT_S, WAITS, PictureQuery, key_of, not_refused, picture


def own(known: Payment) -> OwnPayment:
    """A payment as its driver sees it."""
    return OwnPayment(**{field.name: getattr(known, field.name) for field in attrs.fields(OwnPayment)})


def routes() -> Routes:
    """Routes under ``/me``."""
    made = Routes("my_payments", "One's own payments. Who is no driver gets 404.", tag="Me (driver)")

    async def need_own(call: Call, payment_id: int) -> Payment:
        return await call.read(service.own_payment, own_driver(call), payment_id)

    @made.post(
        "/me/wallet/top-ups",
        needs="me:write",
        reach=OWN,
        status=201,
        tells=OwnPayment,
        example={"amount_minor": 50000, "way": "order"},
        errors=WAITS,
        moves=True,
        limit_s=GATEWAY_LIMIT_S,
    )
    async def top_up(call: Call, body: TopUpBody) -> Reply:
        """Put money into one's own wallet.

        Pay at `pay_url` (`way` `link` or `qr`), or with the gateway's checkout page and what is in `checkout` (`order`); that page's answer
        goes to `confirm`. With `method_id` a saved method is charged. Where `state` is `created` the gateway did not answer yet: look again.
        """
        driver_id = own_driver(call)
        await call.read(service.check_top_up, body.amount_minor)
        new = NewPayment(
            purpose=TOP_UP,
            way=body.way if body.method_id is None else "order",
            amount_minor=body.amount_minor,
            key=key_of(call),
            description="wallet top-up",
            driver_id=driver_id,
            method_id=body.method_id,
            return_url=body.return_url,
        )
        known = not_refused(await flows.want(call.ports, new, call.tenant))
        await call.note(_subject(known.id), {"amount_minor": known.amount_minor, "way": known.way})
        return Reply(body=own(known), status=201, headers={"Location": f"/api/v1/me/payments/{known.id}"})

    @made.get("/me/payments", needs="me:read", reach=OWN)
    async def list_(call: Call, query: OwnPaymentsQuery) -> Stretch[OwnPayment]:
        """One's own payments, the newest first."""
        found = await call.read(partial(store.payments, driver_id=own_driver(call)), query)
        return Stretch(items=[own(each) for each in found.items], limit=found.limit, next=found.next)

    @made.get("/me/payments/<int:payment_id>", needs="me:read", reach=OWN)
    async def show(call: Call, payment_id: int) -> OwnPayment:
        """One of one's own payments."""
        return own(await need_own(call, payment_id))

    @made.get("/me/payments/<int:payment_id>/qr", needs="me:read", reach=OWN, produces=FILE)
    async def qr(call: Call, payment_id: int, query: PictureQuery) -> Raw:
        """The QR code by which it is paid."""
        return await picture(call, await need_own(call, payment_id), query.form)

    @made.post(
        "/me/payments/<int:payment_id>/confirm",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        example={
            "payment_ref": "pay_29QQoUBi66xm2f",
            "signature": "9ef4dffbfd84f1318f6739a3ce19f9d85851857ae648f114332d8401e0949a3d",
        },
        errors={400: "the signature does not hold", 409: "it cannot be paid yet"},
        limit_s=GATEWAY_LIMIT_S,
    )
    async def confirm(call: Call, payment_id: int, body: ConfirmBody) -> OwnPayment:
        """Hand on what the gateway's checkout page said. Its signature is checked, and the gateway asked whether it is so."""
        await need_own(call, payment_id)
        try:
            known = await flows.confirm(call.ports, payment_id, body.payment_ref, body.signature, call.tenant)
        except Forged:
            raise Problem(400, "Bad Request", "the signature does not hold") from None
        await call.note(_subject(payment_id), {"payment_ref": body.payment_ref, "state": known.state})
        return own(known)

    @made.post(
        "/me/payments/<int:payment_id>/cancel",
        needs="me:write",
        reach=OWN,
        errors={409: "it is paid or over"},
        limit_s=GATEWAY_LIMIT_S,
    )
    async def cancel(call: Call, payment_id: int) -> OwnPayment:
        """Do not pay it after all."""
        await need_own(call, payment_id)
        known = await flows.cancel(call.ports, payment_id, call.tenant)
        await call.note(_subject(payment_id), {"state": known.state})
        return own(known)

    @made.get("/me/payment-methods", needs="me:read", reach=OWN)
    async def list_methods(call: Call, query: MethodsQuery) -> Page[SavedMethod]:
        """The methods that one paid with and that the gateway saved."""
        return await call.read(methods.methods, own_driver(call), query)

    @made.post("/me/payment-methods/<int:method_id>/prefer", needs="me:write", reach=OWN)
    async def prefer(call: Call, method_id: int) -> SavedMethod:
        """Have a method be the one that one usually pays with."""
        driver_id = own_driver(call)
        return await call.write(methods_verbs.prefer, driver_id, method_id, of=_method_subject(driver_id, method_id))

    @made.delete("/me/payment-methods/<int:method_id>", needs="me:write", reach=OWN)
    async def remove_method(call: Call, method_id: int) -> None:
        """Forget a method."""
        driver_id = own_driver(call)
        await call.write(methods_verbs.remove, driver_id, method_id, of=_method_subject(driver_id, method_id))

    return made


def _subject(payment_id: int) -> Subject:
    return Subject("payment", str(payment_id))


def _method_subject(driver_id: int, method_id: int) -> Subject:
    def view(tx: ReadTx) -> SavedMethod:
        return service.need_method(tx, driver_id, method_id)

    return Subject("payment_method", str(method_id), view)
