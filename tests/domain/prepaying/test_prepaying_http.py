"""Prepaid charges over HTTP and real sockets, in both OCPP versions: a guest from the code to the refund, a driver, and who gets nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from csms.config import Config, PluginsConfig
from csms.domain.drivers import service as drivers
from csms.hooks import Charge, Price, PriceLine, hookimpl
from csms.testing.channels import FakeChannel, plugin_of
from csms.testing.charger import ScriptedCharger
from csms.testing.fixtures import ConnectCharger
from csms.testing.gateways import FakeGateway, PaidGateway
from csms.testing.script import script
from csms.testing.server import PATIENCE_S, TestServer, config_for

SHOP = {"name": "shop", "provider": "fake", "key_id": "k", "key_secret": "key-secret", "webhook_secret": "hook-secret"}
MINUTE = 60_000
PHONE = "+919876543210"
ASKS = {
    "ocpp1.6": ("RemoteStartTransaction", "RemoteStopTransaction"),
    "ocpp2.0.1": ("RequestStartTransaction", "RequestStopTransaction"),
}


class Pricing:
    """Ten paise a Wh; it fails while ``broken``."""

    broken = False

    @hookimpl
    async def price_charge(self, charge: Charge) -> Price | None:
        if self.broken:
            raise RuntimeError("the tariff is broken")
        net = 10 * charge.energy_wh
        kwh = Decimal(charge.energy_wh) / 1000
        line = PriceLine(
            kind="energy", description="energy", quantity=kwh, unit="kWh", unit_price=Decimal(100), amount=Decimal(net) / 100
        )
        return Price(currency="INR", lines=(line,), net_minor=net, total_minor=net, tariff="Flat")


@pytest.fixture
def pricing() -> Pricing:
    return Pricing()


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def mail() -> FakeChannel:
    return FakeChannel("email")


@pytest.fixture
def server_plugins(pricing: Pricing, gateway: FakeGateway, mail: FakeChannel) -> Mapping[str, object]:
    return {"pricing": pricing, "fake": PaidGateway(gateway), "mail": plugin_of(mail)}


@pytest.fixture
def server_config(tmp_path: Path) -> Config:
    return config_for(tmp_path, plugins=PluginsConfig(breaker_failures=1000))


class Street:
    """Whoever comes along: ``street("GET /start/...")`` shows nobody's key."""

    def __init__(self, server: TestServer, http: httpx.AsyncClient, as_: Any) -> None:
        self.server, self.http, self.as_ = server, http, as_
        self.code = ""

    async def __call__(self, line: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        method, path = line.split()
        answer = await self.http.request(method, f"/api/v1{path}", json=body, headers=headers or None)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.headers.get("content-type", "").endswith("json") else answer.content

    async def operator(self, line: str, body: Any = None, status: int = 200) -> Any:
        return await self(line, body, status, Authorization=f"Bearer {self.server.operator_key}")

    async def until(self, token: str, state: str) -> Any:
        with trio.fail_after(PATIENCE_S):
            while (shown := await self(f"GET /start/payments/{token}"))["state"] != state:
                await trio.sleep(0.02)
        return shown

    async def connector(self, charger_id: str) -> None:
        """The charger's first connector, with a code on it."""
        await self.operator("POST /gateways", SHOP, 201)
        await self.operator(f"GET /chargers/{charger_id}/connectors/1/qr.svg")
        self.code = (await self.operator(f"GET /chargers/{charger_id}/connectors/1"))["qr_code"]


@pytest.fixture
async def street(as_: Any, hurried_jobs: None, server: TestServer) -> AsyncIterator[Street]:
    async with httpx.AsyncClient(base_url=server.api_url, timeout=30) as http:
        yield Street(server, http, as_)


async def plugged_in(street: Street, charger: ConnectCharger, protocol: str) -> tuple[ScriptedCharger, Any]:
    box = await charger("CP1", protocol=protocol)
    say = script(box)
    await say.status(1, "Available", street.server.ports.clock.now())
    await street.connector("CP1")
    return box, say


@pytest.mark.parametrize("protocol", list(ASKS))
async def test_a_guest_from_the_code_to_the_refund(
    street: Street, charger: ConnectCharger, gateway: FakeGateway, mail: FakeChannel, protocol: str
) -> None:
    box, say = await plugged_in(street, charger, protocol)
    price = await street(f"GET /start/{street.code.lower()}/price?amount_minor=20000")
    assert (price["prepayable"], price["energy_wh"], price["tariff"]) == (True, 2_000, "Flat")
    assert {"energy_wh": 1000, "energy_kwh": "1.000", "total_minor": 10_000} in price["examples"]
    body = {"amount_minor": 20_000, "phone": PHONE, "email": "guest@example.org"}
    pay, once = f"POST /start/{street.code}/payments", {"Idempotency-Key": "0c1f3d7e-a guest's own"}
    made = await street(pay, body, 201, **once, **{"Accept-Language": "hi-IN,hi;q=0.9,en;q=0.5"})
    assert (made["state"], made["limit_wh"]) == ("waiting", 2_000)
    assert await street(pay, body, 201, **once) == made, "whose answer was lost asks again, and pays once"
    await street(pay, {**body, "phone": "+919876543211"}, 422, **once)
    await street(pay, body, 422, **{"Idempotency-Key": "1"})
    token = made["token"]
    assert "token" not in await street(f"GET /start/payments/{token}")
    assert b"<svg" in await street(f"GET /start/payments/{token}/qr")
    await street(f"POST /start/payments/{token}/stop", status=409)
    (offer,) = gateway.offers.values()
    assert (offer.wanted.customer_phone, offer.wanted.return_url.endswith(f"/start/{street.code}")) == (PHONE, True)
    gateway.pay(offer.gateway_id)
    await street.operator(f"POST /payments/{made['payment_id']}/reconcile")
    asks, stops = ASKS[protocol]
    asked = await box.obey(asks, {"status": "Accepted"})
    shown = asked["idTag"] if protocol == "ocpp1.6" else asked["idToken"]["idToken"]
    await street.until(token, "starting")
    began = street.server.ports.clock.now() - 30 * MINUTE  # so that half a kWh was not drawn in a moment
    charge = await say.start(shown, at=began, remote_start_id=asked.get("remoteStartId"))
    assert charge.token_status == "Accepted"
    await street.until(token, "charging")
    await say.meter(charge, 500, began + 29 * MINUTE)
    with trio.fail_after(PATIENCE_S):
        while (running := await street(f"GET /start/payments/{token}"))["energy_wh"] != 500:
            await trio.sleep(0.02)
    assert running["cost_minor"] == 5_000
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(box.obey, stops, {"status": "Accepted"}))
        await street(f"POST /start/payments/{token}/stop")
    await say.stop(charge, 1_000, began + 30 * MINUTE)
    over = await street.until(token, "finished")
    assert (over["energy_wh"], over["cost_minor"], [each["amount_minor"] for each in over["refunds"]]) == (1_000, 10_000, [10_000])
    with trio.fail_after(PATIENCE_S):
        while gateway.balance() != 10_000:  # the refund is wanted in the write that finishes it, and sent after
            await trio.sleep(0.02)
    assert gateway.balance() == 10_000
    told = {each.template: each for each in await mail.until(5)}
    assert set(told) == {"payment_link", "charging_started", "receipt", "refund", "invoice_issued"}
    assert {(each.recipient, each.language) for each in told.values()} == {("guest@example.org", "hi")}
    assert told["payment_link"].actions[0][1] == made["pay_url"]
    assert all(each in told["receipt"].text for each in ("₹100.00", "1.00 kWh"))
    assert [each.content[:4] for each in told["invoice_issued"].attachments] == [b"%PDF"]
    shown = await street.operator(f"GET /messages?payment_id={made['payment_id']}")
    assert {each["template"] for each in shown["items"]} == set(told)
    assert await street.operator("GET /tokens?search=PRE") == {"items": [], "page": 1, "limit": 20, "total": 0}


async def test_a_driver_pays_with_the_checkout_page(street: Street, charger: ConnectCharger, gateway: FakeGateway) -> None:
    box, _ = await plugged_in(street, charger, "ocpp1.6")
    driver = await street.server.do(partial(drivers.add_driver, name="Asha"))
    me = street.as_("driver", driver_id=driver.id)
    body = {"amount_minor": 20_000, "way": "order"}
    await street(f"POST /me/start/{street.code}/payments", body, 401)
    await street(f"POST /me/start/{street.code}/payments", body, 404, **street.as_("driver", driver_id=999))
    await street(f"POST /me/start/{street.code}/payments", {**body, "token_id": 999}, 404, **me)
    made = await street(f"POST /me/start/{street.code}/payments", body, 201, **me)
    assert (await street(f"GET /me/payments/{made['payment_id']}", **me))["purpose"] == "prepaid"
    order = made["checkout"]["order_id"]
    paid = gateway.pay(order)
    said = {"payment_ref": paid.payment_id, "signature": "forged"}
    await street(f"POST /start/payments/{made['token']}/confirm", said, 400)
    said["signature"] = gateway.checkout_signature(order, paid.payment_id)
    await street(f"POST /start/payments/{made['token']}/confirm", said)
    await box.obey("RemoteStartTransaction", {"status": "Rejected"})
    await street.until(made["token"], "paid")


async def test_who_gets_nothing(street: Street, charger: ConnectCharger, pricing: Pricing) -> None:
    box, _ = await plugged_in(street, charger, "ocpp1.6")
    path = f"POST /start/{street.code}/payments"
    await street("GET /start/NOSUCHCODE/price", status=404)
    await street("POST /start/NOSUCHCODE/payments", {"amount_minor": 20_000, "phone": PHONE}, 404)
    for wrong in (
        {"amount_minor": 20_000},
        {"amount_minor": 0, "phone": PHONE},
        {"amount_minor": 10**11, "phone": PHONE},
        {"amount_minor": 20_000, "phone": "112"},
        {"amount_minor": 20_000, "email": "nobody"},
        {"amount_minor": 20_000, "phone": PHONE, "way": "cash"},
    ):
        await street(path, wrong, 422)
    for line in ("GET /start/payments/x", "GET /start/payments/x/qr", "POST /start/payments/x/stop"):
        await street(line, status=404)
    await street("POST /start/payments/x/confirm", {"payment_ref": "p", "signature": "s"}, 404)
    pricing.broken = True
    await street(path, {"amount_minor": 20_000, "phone": PHONE}, 503)
    pricing.broken = False
    await box.hang_up()
    with trio.fail_after(PATIENCE_S):
        while (await street(f"GET /start/{street.code}"))["startable"]:
            await trio.sleep(0.02)
    refused = await street(path, {"amount_minor": 20_000, "phone": PHONE}, 409)
    assert "offline" in refused["detail"]
