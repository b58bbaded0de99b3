"""Charges that are paid for before they start, by whoever scanned a connector's code: guests without a login, drivers under ``/me``."""

from __future__ import annotations

import re
from functools import partial

import attrs

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import FILE, OWN, PUBLIC, Raw, Reply, Routes
from csms.core.errors import NotFound, Refused, Undecided
from csms.core.ids import TenantId
from csms.core.payments import Forged
from csms.core.ports import ReadTx
from csms.domain.billing.flows import prepaying as flows
from csms.domain.billing.model.prepaying import (
    CHARGING,
    LANGUAGE,
    DriverPrepaidBody,
    GuestPrepaidBody,
    Prepaid,
    PrepaidMade,
    PrepaidStatus,
    PriceQuery,
    StartPrice,
)
from csms.domain.billing.service import following, prepaying
from csms.domain.billing.store import prepaying as store
from csms.domain.drivers.routes.me import own_driver
from csms.domain.payments import flows as payments
from csms.domain.payments import service as payments_service
from csms.domain.payments.model import ConfirmBody, Payment
from csms.domain.payments.routes.asking import GATEWAY_LIMIT_S, WAITS, PictureQuery, key_of, picture
from csms.domain.stations.qr import read_code
from csms.domain.transactions import flows as transactions
from csms.domain.transactions.flows import CommandFlow

CHARGER_WAIT_S = 150.0
ASKED = {
    **WAITS,
    409: "nothing can be started or paid there now",
    503: "a plugin that prices failed, or the gateway does not answer",
}


def routes(start_url: str, *, stop: CommandFlow) -> Routes:
    """Routes of prepaid charges. ``start_url`` is where a connector's code leads, with ``{code}`` in it; ``stop`` the flow of
    ``StopCharging``."""
    made = Routes(
        "prepaid",
        "Charging without an account: scan the connector's code, pay, charge; the rest goes back.",
        tag="Prepaid charging",
    )

    @made.get("/start/<code>/price", needs=PUBLIC, limited_by="auth", errors={503: "a plugin that prices failed"})
    async def price(call: Call, code: str, query: PriceQuery) -> StartPrice:
        """What charging costs at the connector whose code was scanned, how much can be paid before, and how much energy an amount does for."""
        return await flows.price(call.ports, read_code(code), query)

    @made.post(
        "/start/<code>/payments",
        needs=PUBLIC,
        limited_by="auth",
        status=201,
        tells=PrepaidMade,
        audit=False,
        moves=True,
        errors=ASKED,
        limit_s=GATEWAY_LIMIT_S,
        example={"amount_minor": 20000, "way": "link", "phone": "+919876543210"},
    )
    async def pay(call: Call, code: str, body: GuestPrepaidBody) -> Reply:
        """Pay for a charge at the connector whose code was scanned, without an account.

        Pay at `pay_url` (`link`), by the QR code (`qr`), or with the gateway's checkout page and what is in `checkout` (`order`). The charger
        is asked to start as soon as the money is there, with what it does for as the limit; the rest goes back to where it came from.
        The payer is told of all that at `phone` or `email`: the link, that charging began, what it cost, what goes back.
        `token` is how the payer follows all that, at `/start/payments/TOKEN`. A request that is repeated makes another payment, unless both
        have the same `Idempotency-Key`, of 16 characters at least; what nobody pays expires.
        """
        key = f"start:{call.request_id}:{call.ports.random.token(9)}"
        body = attrs.evolve(body, language=body.language or _spoken(call.request.headers.get("Accept-Language", "")))
        found = await flows.want(call.ports, read_code(code), body, key, start_url=start_url)
        return await _made(call, *found)

    @made.post(
        "/me/start/<code>/payments",
        needs="me:write",
        reach=OWN,
        limited_by="auth",
        status=201,
        tells=PrepaidMade,
        moves=True,
        errors=ASKED,
        limit_s=GATEWAY_LIMIT_S,
        example={"amount_minor": 20000, "way": "link"},
    )
    async def pay_own(call: Call, code: str, body: DriverPrepaidBody) -> Reply:
        """Pay for a charge of one's own at the connector whose code was scanned: it takes nothing from the wallet.

        As for guests; what is too little for the gateway to give back goes to the wallet.
        """
        known = await flows.want(
            call.ports,
            read_code(code),
            body,
            key_of(call),
            start_url=start_url,
            tenant=call.tenant,
            driver_id=own_driver(call),
            token_id=body.token_id,
            method_id=body.method_id,
        )
        await call.note(Subject("payment", str(known[1].payment_id)), {"amount_minor": body.amount_minor, "code": known[1].code})
        return await _made(call, *known)

    @made.get("/start/payments/<token>", needs=PUBLIC)
    async def show(call: Call, token: str) -> PrepaidStatus:
        """How far a charge that one paid for has come: what is to be paid, whether it starts, what was charged and costs so far, what went
        back."""
        tenant, prepaid_id = await _find(call, token)
        return await _shown(call, tenant, prepaid_id)

    @made.get("/start/payments/<token>/qr", needs=PUBLIC, produces=FILE)
    async def qr(call: Call, token: str, query: PictureQuery) -> Raw:
        """The QR code by which it is paid."""
        tenant, prepaid_id = await _find(call, token)
        return await picture(call, await _payment(call, tenant, prepaid_id), query.form)

    @made.post(
        "/start/payments/<token>/confirm",
        needs=PUBLIC,
        limited_by="auth",
        audit=False,
        example={
            "payment_ref": "pay_29QQoUBi66xm2f",
            "signature": "9ef4dffbfd84f1318f6739a3ce19f9d85851857ae648f114332d8401e0949a3d",
        },
        errors={400: "the signature does not hold", 409: "it cannot be paid yet"},
        limit_s=GATEWAY_LIMIT_S,
    )
    async def confirm(call: Call, token: str, body: ConfirmBody) -> PrepaidStatus:
        """Hand on what the gateway's checkout page said. Its signature is checked, and the gateway asked whether it is so."""
        tenant, prepaid_id = await _find(call, token)
        known = await _payment(call, tenant, prepaid_id)
        try:
            await payments.confirm(call.ports, known.id, body.payment_ref, body.signature, tenant)
        except Forged:
            raise Problem(400, "Bad Request", "the signature does not hold") from None
        return await _shown(call, tenant, prepaid_id)

    @made.post(
        "/start/payments/<token>/stop",
        needs=PUBLIC,
        limited_by="auth",
        audit=False,
        moves=True,
        errors={409: "it does not charge"},
        limit_s=CHARGER_WAIT_S,
    )
    async def stop_(call: Call, token: str) -> PrepaidStatus:
        """Ask the charger to stop the charge that one paid for. It has ended when the charger says so."""
        tenant, prepaid_id = await _find(call, token)

        def query(tx: ReadTx) -> int | None:
            known = following.transaction_of(tx, prepaying.need(tx, prepaid_id))
            return None if known is None or known.started_at is None or known.stopped_at is not None else known.id

        running = await call.ports.database.read(query, tenant=tenant)
        if running is None:
            raise Refused("it does not charge")
        await transactions.stop(call.ports, running, tenant=tenant, stop=stop)
        return await _shown(call, tenant, prepaid_id)

    return made


def _spoken(accepted: str) -> str:
    """The language that a browser likes most, where it says so as they do: the first."""
    first = accepted.split(",")[0].split(";")[0].strip()
    return first if re.fullmatch(LANGUAGE, first) else ""


async def _find(call: Call, token: str) -> tuple[TenantId, int]:
    """Whose and which. Raises ``NotFound``: nobody guesses a word of 192 bits."""
    found = await call.read(store.by_secret, flows.hashed(token))
    if found is None:
        raise NotFound("there is no such payment for a charge")
    return found


async def _payment(call: Call, tenant: TenantId, prepaid_id: int) -> Payment:
    def query(tx: ReadTx) -> Payment:
        return payments_service.need_payment(tx, prepaying.need(tx, prepaid_id).payment_id)

    return await call.ports.database.read(query, tenant=tenant)


async def _shown(call: Call, tenant: TenantId, prepaid_id: int) -> PrepaidStatus:
    """As it is now; of a charge that goes on with what it costs by now, where that can be said."""
    shown = await call.ports.database.read(following.status, prepaid_id, tenant=tenant)
    if shown.state != CHARGING or shown.transaction_id is None:
        return shown

    query = partial(following.transaction_of, known=await call.ports.database.read(prepaying.need, prepaid_id, tenant=tenant))
    known = await call.ports.database.read(query, tenant=tenant)
    try:
        cost = None if known is None else await transactions.cost_so_far(call.ports, known, tenant)
    except Undecided:
        cost = None
    return shown if cost is None else attrs.evolve(shown, cost_minor=cost.amount_minor)


async def _made(call: Call, tenant: TenantId, known: Prepaid, secret: str) -> Reply:
    shown = await call.ports.database.read(following.status, known.id, tenant=tenant)
    body = PrepaidMade(token=secret, **{field.name: getattr(shown, field.name) for field in attrs.fields(PrepaidStatus)})
    return Reply(body=body, status=201, headers={"Location": f"/api/v1/start/payments/{secret}"})
