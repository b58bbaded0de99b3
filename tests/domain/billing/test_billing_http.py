"""Billing over HTTP and real sockets: from a wallet that is too low to a bill that everybody sees as they may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from csms import smart_charging
from csms.config import Config, PluginsConfig
from csms.core.commands import StartCharging
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import GATEWAY, WALLET, AccountRef, Leg, NewMovement
from csms.core.reports import Token
from csms.domain.drivers import service as drivers
from csms.domain.payments import flows
from csms.domain.payments.model import NewPayment
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants
from csms.domain.transactions.model import Wishes
from csms.domain.transactions.store import wishes
from csms.domain.wallets import service as wallets
from csms.hooks import Charge, Price, PriceLine, TaxLine, hookimpl
from csms.testing.fixtures import ConnectCharger
from csms.testing.gateways import FakeGateway, PaidGateway
from csms.testing.script import script
from csms.testing.server import TestServer, config_for

MINUTE = 60_000
SHOP = {
    "name": "shop",
    "provider": "fake",
    "key_id": "k",
    "key_secret": "key-secret",
    "webhook_secret": "hook-secret",
    "is_default": True,
}


@pytest.fixture
def engine() -> str:
    return "sqlite"


class Pricing:
    """Ten paise a Wh and 18% on top. It fails while ``broken``."""

    broken = False

    @hookimpl
    async def price_charge(self, charge: Charge) -> Price | None:
        if self.broken:
            raise RuntimeError("the tariff is broken")
        net = 10 * charge.energy_wh
        tax = net * 18 // 100
        line = PriceLine(
            kind="energy",
            description="energy",
            quantity=Decimal(charge.energy_wh) / 1000,
            unit="kWh",
            unit_price=Decimal(100),
            amount=Decimal(net) / 100,
        )
        return Price(
            currency="INR",
            lines=(line,),
            net_minor=net,
            taxes=(TaxLine(name="GST", rate_percent=Decimal(18), taxable_minor=net, amount_minor=tax),),
            total_minor=net + tax,
            tariff="Flat",
            explained=("10 paise a Wh",),
        )


@pytest.fixture
def pricing() -> Pricing:
    return Pricing()


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def server_plugins(pricing: Pricing, gateway: FakeGateway) -> dict[str, object]:
    return {"pricing": pricing, "fake": PaidGateway(gateway)}


@pytest.fixture
def server_config(tmp_path: Path) -> Config:
    """A plugin that fails often is asked all the same."""
    return config_for(tmp_path, plugins=PluginsConfig(breaker_failures=1000))


class Scene:
    def __init__(self, server: TestServer, http: httpx.AsyncClient, as_: Any) -> None:
        self.server, self.http, self.as_ = server, http, as_
        self.since = server.ports.clock.now() - 60 * MINUTE
        self.station = self.driver = 0

    async def __call__(self, line: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        method, path = line.split()
        answer = await self.http.request(method, f"/api/v1{path}", json=body, headers=headers or None)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.headers.get("content-type", "").endswith("json") else answer.text

    async def top_up(self, amount: int) -> None:
        wallet = AccountRef(kind=WALLET, unit="INR", driver_id=self.driver)
        legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -amount), Leg(wallet, amount))
        await self.server.do(wallets.post, NewMovement(kind="TOP_UP", key=f"t:{amount}", legs=legs, description="top-up"))

    def mine(self) -> Any:
        return self.as_("driver", driver_id=self.driver)


@pytest.fixture
async def scene(as_: Any, hurried_jobs: None, server: TestServer) -> AsyncIterator[Scene]:
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=30) as http:
        made = Scene(server, http, as_)
        made.station = (await server.do(partial(stations.add_station, name="Depot"))).id
        made.driver = (await server.do(partial(drivers.add_driver, name="Asha"))).id
        await server.add_token("CARD", driver_id=made.driver)
        yield made


def look_again(tx: Any) -> None:
    """Have the watch look at its next turn, and not when it meant to."""
    tx.run("UPDATE charge_watches SET look_at = 0 WHERE tenant = :tenant")


async def test_from_a_wallet_that_is_too_low_to_a_bill(scene: Scene, server: TestServer, charger: ConnectCharger) -> None:
    wanted = {"prepaid_wallets": True, "minimum_minor": 10000, "hold_minor": 20000, "invoice_mode": "each"}
    assert (await scene("PATCH /billing/settings", wanted)).items() >= wanted.items()
    await scene("PATCH /billing/settings", {"minimum_minor": -1}, 422)
    assert (await scene("GET /billing/settings", **scene.as_("support")))["hold_minor"] == 20000
    await scene("PATCH /billing/settings", {}, 403, **scene.as_("support"))

    say = script(await charger("CP1"))
    await scene("PATCH /chargers/CP1", {"station_id": scene.station})
    assert await say.authorize("CARD") == "Blocked"  # 1.6 knows no NoCredit
    told = await scene("POST /tokens/validate", {"token": "CARD", "charger_id": "CP1"})
    assert (told["status"], told["reason"]) == ("NoCredit", "₹0.00 is available, and ₹100.00 is needed to start")
    refused = await scene("POST /me/transactions", {"charger_id": "CP1"}, 409, **scene.mine())
    assert "₹100.00 is needed" in refused["detail"]

    await scene.top_up(50_000)
    assert await say.authorize("CARD") == "Accepted"
    charge = await say.start("CARD", at=scene.since)
    await server.eventually("SELECT id FROM wallet_holds")
    await say.meter(charge, 2000, scene.since + 30 * MINUTE)
    tid = charge.transaction_id
    cost = (await scene(f"GET /me/transactions/{tid}/cost", **scene.mine()))["cost"]
    assert (cost["amount_minor"], cost["currency"]) == (23_600, "INR")
    dry = await scene(f"POST /transactions/{tid}/price")
    assert (dry["price"]["total_minor"], dry["price"]["lines"][0]["amount"], dry["energy_wh"]) == (23_600, "200", 2000)
    await scene(f"GET /transactions/{tid}/bill", status=404)
    await say.stop(charge, 5000, scene.since + 60 * MINUTE)
    await server.eventually("SELECT id FROM bills WHERE state = 'SETTLED'")

    (bill,) = (await scene(f"GET /bills?driver_id={scene.driver}&state=SETTLED&search=depot"))["items"]
    assert (bill["total_minor"], bill["wallet_minor"], bill["open_minor"]) == (59_000, 50_000, 9_000)
    assert (bill["driver_name"], bill["station_name"], bill["energy_kwh"], bill["tariff"]) == ("Asha", "Depot", "5.000", "Flat")
    detail = await scene(f"GET /bills/{bill['id']}")
    assert {name: detail[name] for name in bill} == bill
    assert [(each["kind"], each["quantity"], each["amount"]) for each in detail["lines"]] == [("energy", "5", "500")]
    assert [(each["name"], each["amount_minor"]) for each in detail["taxes"]] == [("GST", 9_000)]
    assert (detail["explained"], detail["others"]) == (["10 paise a Wh"], [])
    assert (await scene(f"GET /transactions/{tid}/bill"))["open_minor"] == 9_000
    summary = await scene("GET /bills/summary")
    assert (summary["settled"], summary["totals"][0]["total_minor"], summary["totals"][0]["open_minor"]) == (1, 59_000, 9_000)
    await scene("GET /bills/summary?from_at=2020-01-01T00:00:00Z", status=422)
    for filtered, count in (
        ("open=true", 1),
        ("open=false", 0),
        ("kind=correction", 0),
        (f"station_id={scene.station}", 1),
        ("search=x", 0),
    ):
        assert len((await scene(f"GET /bills?{filtered}"))["items"]) == count, filtered

    # its driver, another, staff of this station and of another, another tenant, nobody
    me = scene.mine()
    (mine,) = (await scene("GET /me/bills?open=true", **me))["items"]
    assert (await scene(f"GET /me/bills/{bill['id']}", **me))["lines"][0]["amount"] == "500"
    assert "driver_id" not in mine
    spending = await scene("GET /me/spending", **me)
    assert [(each["total_minor"], each["charges"]) for each in spending["months"]] == [(59_000, 1)]
    assert spending["owed"] == [{"currency": "INR", "open_minor": 9_000, "bills": 1}]
    assert (await scene("GET /me/summary", **me))["spent"] == [{"amount_minor": 59_000, "currency": "INR"}]
    other = await server.do(partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC"))
    stranger, abroad = scene.as_("driver", driver_id=999), scene.as_("tenant_owner", tenant=int(other))
    staff, elsewhere = scene.as_("tenant_operator", stations=[scene.station]), scene.as_("tenant_operator", stations=[999])
    await scene(f"GET /me/bills/{bill['id']}", status=404, **stranger)
    await scene("GET /me/bills", status=404, **staff)
    for path in (f"/bills/{bill['id']}", f"/transactions/{tid}/bill"):
        await scene(f"GET {path}", **staff)
        await scene(f"GET {path}", status=404, **elsewhere)
        await scene(f"GET {path}", status=404, **abroad)
        await scene(f"GET {path}", status=403, **me)
        await scene(f"GET {path}", status=401, Authorization="Bearer nobody")
    assert [len((await scene("GET /bills", **who))["items"]) for who in (staff, elsewhere, abroad)] == [1, 0, 0]
    for what, body in (("retry", None), ("write-off", {"reason": "because"})):
        await scene(f"POST /bills/{bill['id']}/{what}", body, 404, **abroad)
        await scene(f"POST /bills/{bill['id']}/{what}", body, 403, **staff)
    await scene(f"POST /transactions/{tid}/price", status=404, **elsewhere)

    await scene(f"POST /bills/{bill['id']}/retry", status=409)
    await scene(f"POST /bills/{bill['id']}/write-off", {"reason": ""}, 422)
    written = await scene(f"POST /bills/{bill['id']}/write-off", {"reason": "goodwill"})
    assert (written["open_minor"], written["written_off_minor"], written["state"]) == (0, 9_000, "SETTLED")
    await scene(f"POST /bills/{bill['id']}/write-off", {"reason": "again"}, 409)
    (noted,) = (await scene("GET /audit?action=bills.write_off"))["items"]
    assert (noted["detail"], noted["after"]["open_minor"]) == ({"reason": "goodwill"}, 0)
    with trio.fail_after(10):
        while not (figures := (await scene("GET /analytics/figures?charger_id=CP1"))["total"])["revenue_minor"]:
            await trio.sleep(0.02)  # analytics hears of it in its own time
    assert (figures["revenue_minor"], figures["currency"]) == (50_000, "INR")


async def test_pricing_that_fails_and_a_retry_by_hand(
    scene: Scene, server: TestServer, charger: ConnectCharger, pricing: Pricing
) -> None:
    pricing.broken = True
    say = script(await charger("CP1"))
    charge = await say.start("CARD", at=scene.since)
    await say.stop(charge, 1000, scene.since + 60 * MINUTE)
    await server.eventually("SELECT id FROM bills WHERE attempts > 0")
    await scene(f"GET /transactions/{charge.transaction_id}/cost", status=503)
    await scene(f"POST /transactions/{charge.transaction_id}/price", status=503)
    (bill,) = (await scene("GET /bills?state=UNBILLED"))["items"]
    assert "the tariff is broken" in bill["error"]
    assert bill["due_at"] is not None
    again = await scene(f"POST /bills/{bill['id']}/retry")
    assert (again["state"], again["attempts"]) == ("UNBILLED", 1)
    pricing.broken = False
    settled = await scene(f"POST /bills/{bill['id']}/retry")
    assert (settled["state"], settled["total_minor"], settled["error"]) == ("SETTLED", 11_800, "")
    await scene("POST /bills/999/retry", status=404)


async def test_a_driver_starts_with_a_limit_and_the_charger_is_asked_to_stop(
    scene: Scene, server: TestServer, charger: ConnectCharger
) -> None:
    scripted = await charger("CP1")
    say = script(scripted)
    now = server.ports.clock.now
    await say.status(1, "Preparing", now())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scripted.obey, "RemoteStartTransaction", {"status": "Accepted"})
        told = await scene("POST /me/transactions", {"charger_id": "CP1", "amount_minor": 5000}, 201, **scene.mine())
    charge = await say.start(told["transaction"]["token"], at=now())
    assert charge.transaction_id == told["transaction"]["id"]
    await say.meter(charge, 500, now() + 1000)

    async def keep_looking() -> None:
        while True:
            await server.do(look_again)
            await trio.sleep(0.2)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(keep_looking)
        stopped = await scripted.obey("RemoteStopTransaction", {"status": "Accepted"})
        nursery.cancel_scope.cancel()
    assert stopped == {"transactionId": charge.transaction_id}
    (reached,) = await server.eventually("SELECT payload FROM events WHERE type = 'charge_limit_reached'")
    assert '"limit":"amount"' in reached["payload"]
    assert '"most":5000' in reached["payload"]
    await scene("POST /me/transactions", {"charger_id": "CP1", "amount_minor": 0}, 422, **scene.mine())


async def test_what_is_owed_is_paid_by_a_link(
    scene: Scene, server: TestServer, charger: ConnectCharger, gateway: FakeGateway
) -> None:
    await scene("POST /gateways", SHOP, 201)
    say = script(await charger("CP1"))
    charge = await say.start("CARD", at=scene.since)
    await say.stop(charge, 1000, scene.since + 60 * MINUTE)
    await server.eventually("SELECT id FROM bills WHERE open_minor > 0")
    (bill,) = (await scene("GET /me/bills?open=true", **scene.mine()))["items"]
    asked = await scene(f"POST /me/bills/{bill['id']}/pay", {"way": "link"}, 201, **scene.mine())
    assert (asked["amount_minor"], asked["purpose"], asked["state"]) == (11_800, "bill", "open")
    again = await scene(f"POST /bills/{bill['id']}/payment", {"way": "link"}, 201)
    assert (again["id"], again["pay_url"], again["reference_id"]) == (asked["id"], asked["pay_url"], str(bill["id"]))
    await scene(f"POST /bills/{bill['id']}/payment", {"way": "cash"}, 422)
    await scene(f"POST /bills/{bill['id']}/payment", {}, 403, **scene.as_("support"))
    await scene(f"POST /me/bills/{bill['id']}/pay", {}, 404, **scene.as_("driver", driver_id=999))
    gateway.pay(again["reference"])
    await scene(f"POST /payments/{asked['id']}/reconcile")
    await server.eventually("SELECT id FROM bills WHERE open_minor = 0")
    assert (await scene(f"GET /bills/{bill['id']}"))["paid_at"] is not None
    await scene(f"POST /bills/{bill['id']}/payment", {}, 409)


async def test_what_was_paid_before_and_not_used_goes_back(
    scene: Scene, server: TestServer, charger: ConnectCharger, gateway: FakeGateway
) -> None:
    await scene("POST /gateways", SHOP, 201)
    say = script(await charger("CP1"))

    async def prepaid(amount: int, key: str) -> int:
        new = NewPayment(purpose="prepaid", way="qr", amount_minor=amount, key=key, description="a charge")
        paid = await flows.want(server.ports, new, DEFAULT_TENANT)
        gateway.pay(paid.reference)
        await scene(f"POST /payments/{paid.id}/reconcile")
        return paid.id

    # a guest takes less than was paid for: the rest goes back
    payment = await prepaid(20_000, "scan")
    await server.add_token("GUEST")
    charge = await say.start("GUEST", at=scene.since)
    await server.do(wishes.save, charge.transaction_id, Wishes(payment_id=payment))
    await say.stop(charge, 1000, scene.since + 60 * MINUTE)
    await server.eventually("SELECT id FROM refunds WHERE state = 'refunded'")
    assert [each.amount_minor for each in gateway.given_back.values()] == [8_200]
    (bill,) = (await scene(f"GET /bills?transaction_id={charge.transaction_id}"))["items"]
    assert (bill["prepaid_minor"], bill["payment_id"], bill["driver_id"]) == (11_800, payment, None)

    # a start comes to nothing, for the charger is offline: all of it does
    await server.add_charger("CP9")
    command = StartCharging(Token("GUEST"))
    paid_for = Wishes(payment_id=await prepaid(30_000, "scan-2"))
    await smart_charging.start(Config(), server.ports, DEFAULT_TENANT, "CP9", command, wishes=paid_for)
    await server.eventually("SELECT id FROM refunds WHERE state = 'refunded'", at_least=2)
    assert [each.amount_minor for each in gateway.given_back.values()] == [8_200, 30_000]


async def test_a_list_goes_on_from_its_cursor(scene: Scene, server: TestServer, charger: ConnectCharger) -> None:
    say = script(await charger("CP1"))
    for number in range(4):
        charge = await say.start("CARD", at=scene.since + number * MINUTE)
        await say.stop(charge, 1000, scene.since + number * MINUTE + 30_000)
    await server.eventually("SELECT id FROM bills WHERE state = 'SETTLED'", at_least=4)
    first = await scene("GET /bills?limit=3")
    rest = await scene(f"GET /bills?limit=3&after={first['next']}")
    assert [each["transaction_id"] for each in first["items"] + rest["items"]] == [4, 3, 2, 1]
    assert rest["next"] is None
    await scene("GET /bills?after=x", status=422)
