"""Accounts at payment gateways, and how the tenant takes payments, over HTTP."""

from __future__ import annotations

from functools import partial

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Reply, Routes
from csms.core.access import SYSTEM_ADMIN
from csms.core.errors import Invalid
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.payments import flows, service
from csms.domain.payments.model import (
    Gateway,
    GatewayChange,
    GatewayCheck,
    GatewaysQuery,
    NewGateway,
    PaymentSettings,
    PaymentSettingsChange,
    SealedSecrets,
    gateway_key,
)
from csms.domain.payments.service import gateways as verbs
from csms.domain.payments.store import gateways as store

from .asking import GATEWAY_LIMIT_S

TOKEN_BYTES, MARK_BYTES = 24, 5
EXAMPLE = {
    "name": "shop",
    "provider": "razorpay",
    "key_id": "rzp_test_abc",
    "key_secret": "...",
    "webhook_secret": "...",
}
TAKEN = {409: "the name is taken"}


def _subject(gateway_id: int) -> Subject:
    return Subject("gateway", str(gateway_id), partial(_view, gateway_id=gateway_id))


def _view(tx: ReadTx, gateway_id: int) -> Gateway:
    return service.need_gateway(tx, gateway_id)


def _only_for_admins(call: Call, base_url: str | None) -> None:
    """Another address than a gateway's own is reached from within the operator's network: no tenant says where to."""
    if base_url and call.who.role != SYSTEM_ADMIN:
        raise Problem(403, "Forbidden", "only system admins give a gateway another address (base_url)")


def routes() -> Routes:
    """Routes of accounts at gateways."""
    made = Routes("gateways", "Accounts at payment gateways. Their secrets are written and never shown.", tag="Payment gateways")

    @made.get("/gateways", needs="gateways:read")
    async def list_(call: Call, query: GatewaysQuery) -> Page[Gateway]:
        """Accounts at payment gateways."""
        return await call.read(store.gateways, query)

    @made.post("/gateways", needs="gateways:write", status=201, tells=Gateway, example=EXAMPLE, errors=TAKEN)
    async def add(call: Call, body: NewGateway) -> Reply:
        """Add an account at a payment gateway.

        `notice_path` of the answer is where the gateway is to send its webhooks, after this server's own address. The first account is
        the tenant's default one. Only system admins can give a `base_url`.
        """
        _only_for_admins(call, body.base_url)
        if body.provider not in call.ports.providers:
            there = ", ".join(sorted(call.ports.providers)) or "none: enable a plugin such as razorpay"
            raise Invalid(f"provider: there is no payment gateway {body.provider!r}; there are {there}", field="provider")
        vault, random = call.ports.vault, call.ports.random
        sealed = SealedSecrets(
            key=vault.seal(body.key_secret), webhook=vault.seal(body.webhook_secret) if body.webhook_secret else ""
        )
        keys = (verbs.gateways_key(call.tenant),)
        token, mark = random.token(TOKEN_BYTES), random.token(MARK_BYTES)
        added = await call.write(verbs.add, body, sealed, token, mark, keys=keys, makes="gateway")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/gateways/{added.id}"})

    @made.get("/gateways/<int:gateway_id>", needs="gateways:read")
    async def show(call: Call, gateway_id: int) -> Gateway:
        """One account at a payment gateway."""
        return await call.read(service.need_gateway, gateway_id)

    @made.patch("/gateways/<int:gateway_id>", needs="gateways:write", example={"live": True}, errors=TAKEN)
    async def change(call: Call, gateway_id: int, body: GatewayChange) -> Gateway:
        """Change an account: its name, its keys, whether it is live or the default one. An empty `webhook_secret` takes no webhooks."""
        _only_for_admins(call, body.base_url)
        seal = call.ports.vault.seal
        sealed = SealedSecrets(
            key=None if body.key_secret is None else seal(body.key_secret),
            webhook=body.webhook_secret and seal(body.webhook_secret),
        )
        keys = (verbs.gateways_key(call.tenant), gateway_key(gateway_id))
        return await call.write(verbs.change, gateway_id, body, sealed, keys=keys, of=_subject(gateway_id))

    @made.delete("/gateways/<int:gateway_id>", needs="gateways:write")
    async def close(call: Call, gateway_id: int) -> None:
        """Close an account: it takes no new payments. Its keys are kept, so that what was paid can be looked after and go back."""
        keys = (verbs.gateways_key(call.tenant), gateway_key(gateway_id))
        await call.write(verbs.close, gateway_id, keys=keys, of=_subject(gateway_id))

    @made.post("/gateways/<int:gateway_id>/check", needs="gateways:write", limit_s=GATEWAY_LIMIT_S)
    async def check(call: Call, gateway_id: int) -> GatewayCheck:
        """Ask the gateway whether the account's keys work."""
        works, result = await flows.check(call.ports, gateway_id, call.tenant)
        await call.note(Subject("gateway", str(gateway_id)), {"works": works, "result": result})
        return GatewayCheck(works=works, result=result)

    @made.get("/payments/settings", needs="gateways:read")
    async def settings(call: Call) -> PaymentSettings:
        """How the tenant takes payments: by which account, and how much a driver may top up at a time."""
        return await call.read(service.settings)

    @made.patch(
        "/payments/settings", needs="gateways:write", example={"least_top_up_minor": 10000}, errors={409: "the account is closed"}
    )
    async def change_settings(call: Call, body: PaymentSettingsChange) -> PaymentSettings:
        """Change how the tenant takes payments. The currency is the tenant's own."""
        of = Subject("payment_settings", str(call.tenant), service.settings)
        return await call.write(verbs.change_settings, body, keys=(verbs.gateways_key(call.tenant),), of=of)

    return made
