"""Payments over HTTP: an account at a gateway, a payment's whole life, a driver's own, and webhooks; against a running server."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from csms.testing.gateways import AWAY, REFUSED, WRONG_KEY, FakeGateway, PaidGateway
from csms.testing.server import TestServer, config_for, running_server

API = "/api/v1"
NEW = {"name": "shop", "provider": "fake", "key_id": "key-1", "key_secret": "key-secret", "webhook_secret": "hook-secret"}


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
async def server(tmp_path: Path, gateway: FakeGateway) -> AsyncIterator[TestServer]:
    async with running_server(config_for(tmp_path), plugins={"fake": PaidGateway(gateway)}) as server:
        yield server


async def added(server: TestServer, **more: Any) -> dict[str, Any]:
    answer = await server.request("POST", f"{API}/gateways", {**NEW, **more})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def posted(server: TestServer, path: str, notice: tuple[bytes, dict[str, str]]) -> httpx.Response:
    body, headers = notice
    async with httpx.AsyncClient(base_url=server.api_url) as client:
        return await client.post(path, content=body, headers=headers)


async def in_state(server: TestServer, path: str, state: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    with trio.fail_after(10):
        while True:
            answer = (await server.request("GET", path, headers=headers)).json()
            found: dict[str, Any] = answer.get("payment", answer)
            if found["state"] == state:
                return found
            await trio.sleep(0.02)


async def test_an_account_at_a_gateway(server: TestServer, gateway: FakeGateway) -> None:
    refused = await server.request("POST", f"{API}/gateways", {**NEW, "provider": "paypal"})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "provider")
    made = await added(server)
    assert "secret" not in str({name: value for name, value in made.items() if name != "has_webhook_secret"})
    assert (made["is_default"], made["state"], made["has_webhook_secret"]) == (True, "active", True)
    path = f"{API}/gateways/{made['id']}"
    assert (await server.request("POST", f"{API}/gateways", NEW)).status_code == 409
    second = await added(server, name="other")
    assert second["is_default"] is False
    assert (await server.request("POST", f"{path}/check")).json() == {"works": True, "result": "the keys of key-1 work"}
    await server.request("PATCH", path, {"key_secret": WRONG_KEY, "name": "the shop"})
    checked = (await server.request("POST", f"{path}/check")).json()
    assert checked == {"works": False, "result": "the key is not valid"}
    shown = (await server.request("GET", path)).json()
    assert (shown["name"], shown["check_failed"], shown["check_result"]) == ("the shop", True, "the key is not valid")
    settings = await server.request(
        "PATCH", f"{API}/payments/settings", {"default_gateway_id": second["id"], "least_top_up_minor": 100}
    )
    assert (settings.json()["default_gateway_id"], settings.json()["least_top_up_minor"]) == (second["id"], 100)
    wrong = await server.request("PATCH", f"{API}/payments/settings", {"least_top_up_minor": 10**12})
    assert wrong.status_code == 422
    assert (await server.request("DELETE", f"{API}/gateways/{second['id']}")).status_code == 204
    listed = (await server.request("GET", f"{API}/gateways?state=active")).json()
    assert [each["name"] for each in listed["items"]] == ["the shop"]
    owner = await server.login_as("tenant_owner")
    inside = {**NEW, "name": "inside", "base_url": "http://169.254.169.254/"}
    assert (await server.request("POST", f"{API}/gateways", inside, headers=owner)).status_code == 403
    assert (await server.request("GET", f"{API}/gateways", headers=await server.login_as("support"))).status_code == 403
    log = str(await server.rows("SELECT * FROM audit_log"))
    assert "key-secret" not in log and "hook-secret" not in log  # noqa: PT018


async def test_a_payment_by_link(server: TestServer, gateway: FakeGateway) -> None:
    driver = (await server.request("POST", f"{API}/drivers", {"name": "Asha"})).json()
    body = {"driver_id": driver["id"], "amount_minor": 50_000, "way": "link"}
    assert (await server.request("POST", f"{API}/payments", body)).status_code == 409, "there is no gateway"
    account = await added(server)
    once = {"Idempotency-Key": "one"}
    made = await server.request("POST", f"{API}/payments", body, headers=once)
    again = await server.request("POST", f"{API}/payments", body, headers=once)
    assert (made.status_code, again.json()) == (201, made.json())
    payment = made.json()
    path = f"{API}/payments/{payment['id']}"
    assert made.headers["Location"] == path
    picture = await server.request("GET", f"{path}/qr")
    assert (picture.headers["content-type"], picture.content[:5]) == ("image/svg+xml", b"<?xml")
    assert (await server.request("GET", f"{path}/qr?form=png")).content[:4] == b"\x89PNG"
    paid = gateway.pay(payment["offer_ref"])
    notice = gateway.notice("payment.captured", payment=paid)
    taken = await posted(server, account["notice_path"], notice)
    assert (taken.status_code, taken.json()) == (200, {"again": False})
    assert (await posted(server, account["notice_path"], notice)).json() == {"again": True}
    await in_state(server, path, "paid")
    detail = (await server.request("GET", path)).json()
    assert [each["credited_to"] for each in detail["attempts"]] == ["wallet"]
    (told,) = detail["notices"]
    assert (told["times"], told["outcome"], "asha" in told["body"]) == (2, "paid", False)
    wallet = (await server.request("GET", f"{API}/drivers/{driver['id']}/wallet")).json()
    assert wallet["balance_minor"] == 50_000
    back = await server.request(
        "POST", f"{path}/refunds", {"reason": "too much", "amount_minor": 20_000}, headers={"Idempotency-Key": "2"}
    )
    assert (back.status_code, back.json()["state"], back.json()["wanted_by"]) == (201, "refunded", "operator key")
    too_much = await server.request("POST", f"{path}/refunds", {"reason": "all", "amount_minor": 40_000})
    assert too_much.status_code == 409
    assert [each["id"] for each in (await server.request("GET", f"{API}/refunds?state=refunded")).json()["items"]] == [
        back.json()["id"]
    ]
    assert (await server.request("POST", f"{API}/refunds/{back.json()['id']}/retry")).status_code == 409
    for query, count in (("state=paid", 1), ("state=open", 0), (f"search={paid.payment_id}", 1), ("purpose=bill", 0)):
        assert len((await server.request("GET", f"{API}/payments?{query}")).json()["items"]) == count, query
    assert (await server.request("POST", f"{path}/cancel")).status_code == 409
    other = await server.request("POST", f"{API}/tenants", {"slug": "o", "name": "O", "currency": "EUR", "time_zone": "UTC"})
    stranger = await server.login_as("tenant_owner", tenant=other.json()["id"])
    for method, what in (("GET", ""), ("GET", "/qr"), ("POST", "/cancel"), ("POST", "/reconcile")):
        assert (await server.request(method, f"{path}{what}", headers=stranger)).status_code == 404
    theirs = [
        (f"{path}/refunds", {"reason": "mine"}),
        (f"{API}/refunds/{back.json()['id']}/retry", None),
        (f"{API}/gateways/1/check", None),
    ]
    for what, body_ in theirs:
        assert (await server.request("POST", what, body_, headers=stranger)).status_code == 404
    for what in ("payments", "refunds", "gateways", "payments/notices", "mandates"):
        assert (await server.request("GET", f"{API}/{what}", headers=stranger)).json()["items"] == []
    assert (await server.request("GET", f"{API}/payments/notices?pending=false")).json()["items"][0]["kind"] == "payment.captured"


async def test_gateways_that_fail(server: TestServer, gateway: FakeGateway) -> None:
    await added(server)
    driver = (await server.request("POST", f"{API}/drivers", {"name": "Asha"})).json()
    body = {"driver_id": driver["id"], "amount_minor": 50_000}
    gateway.faults["offer"] = [REFUSED, AWAY]
    refused = await server.request("POST", f"{API}/payments", body)
    assert (refused.status_code, "the gateway refuses" in refused.json()["detail"]) == (409, True)
    later = await server.request("POST", f"{API}/payments", body)
    assert (later.status_code, later.json()["state"]) == (201, "created")
    path = f"{API}/payments/{later.json()['id']}"
    gateway.faults["find"] = [AWAY]
    gateway.faults["payments"] = [AWAY, REFUSED]
    open_one = (await server.request("POST", f"{API}/payments", body)).json()
    for status in (503, 502, 200):
        assert (await server.request("POST", f"{API}/payments/{open_one['id']}/reconcile")).status_code == status
    cancelled = await server.request("POST", f"{path}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert (await server.request("GET", f"{API}/payments/4711")).status_code == 404
    assert (await server.request("POST", f"{API}/payments", {**body, "amount_minor": 0})).status_code == 422
    assert (await server.request("POST", f"{API}/payments", {**body, "driver_id": 4711})).status_code == 404


async def test_a_driver_tops_up(server: TestServer, gateway: FakeGateway) -> None:
    await added(server)
    me = await server.login_as("driver")
    assert (await server.request("POST", f"{API}/me/wallet/top-ups", {"amount_minor": 1}, headers=me)).status_code == 422
    gateway.saves = "tok_secret"
    made = await server.request("POST", f"{API}/me/wallet/top-ups", {"amount_minor": 50_000}, headers=me)
    assert made.status_code == 201, made.text
    payment = made.json()
    offer = payment["checkout"]["order_id"]
    path = f"{API}/me/payments/{payment['id']}"
    paid = gateway.pay(offer, method="card")
    forged = {"payment_ref": paid.payment_id, "signature": "f" * 64}
    assert (await server.request("POST", f"{path}/confirm", forged, headers=me)).status_code == 400
    good = {"payment_ref": paid.payment_id, "signature": gateway.checkout_signature(offer, paid.payment_id)}
    confirmed = await server.request("POST", f"{path}/confirm", good, headers=me)
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "paid")
    assert (await server.request("GET", f"{API}/me/wallet", headers=me)).json()["balance_minor"] == 50_000
    (method,) = (await server.request("GET", f"{API}/me/payment-methods", headers=me)).json()["items"]
    assert (method["method"], method["is_preferred"], "tok" in str(method)) == ("card", True, False)
    assert (await server.request("GET", f"{API}/me/payment-methods?method=upi", headers=me)).json()["total"] == 0
    saved = await server.request(
        "POST", f"{API}/me/wallet/top-ups", {"amount_minor": 30_000, "method_id": method["id"]}, headers=me
    )
    assert (saved.status_code, saved.json()["state"]) == (201, "paid")
    assert len((await server.request("GET", f"{API}/me/payments?state=paid", headers=me)).json()["items"]) == 2
    assert (await server.request("POST", f"{API}/me/payment-methods/{method['id']}/prefer", headers=me)).status_code == 200
    assert (await server.request("DELETE", f"{API}/me/payment-methods/{method['id']}", headers=me)).status_code == 204
    gone = await server.request("POST", f"{API}/me/wallet/top-ups", {"amount_minor": 30_000, "method_id": method["id"]}, headers=me)
    assert gone.status_code == 404
    link = (await server.request("POST", f"{API}/me/wallet/top-ups", {"amount_minor": 30_000, "way": "qr"}, headers=me)).json()
    assert (await server.request("GET", f"{API}/me/payments/{link['id']}/qr", headers=me)).status_code == 200
    assert (await server.request("POST", f"{API}/me/payments/{link['id']}/cancel", headers=me)).json()["state"] == "cancelled"
    stranger = await server.login_as("driver")
    for method_, what in (("GET", path), ("POST", f"{path}/cancel"), ("GET", f"{path}/qr")):
        assert (await server.request(method_, what, headers=stranger)).status_code == 404
    assert (await server.request("POST", f"{path}/confirm", good, headers=stranger)).status_code == 404
    assert (await server.request("GET", f"{API}/me/payments", headers=await server.login_as("support"))).status_code == 404
    assert "tok_secret" not in str(await server.rows("SELECT * FROM saved_methods"))


async def test_forged_webhooks(server: TestServer, gateway: FakeGateway) -> None:
    account = await added(server)
    forged = gateway.notice("payment.captured", secret="guessed")
    assert (await posted(server, f"{API}/payments/notices/nobodys", forged)).status_code == 404
    for _ in range(12):
        assert (await posted(server, account["notice_path"], forged)).status_code == 401
    (alert,) = await server.eventually("SELECT kind, message FROM alerts WHERE kind = 'payment_notices_forged'")
    assert "shop" in alert["message"]
    shown = (await server.request("GET", f"{API}/gateways/{account['id']}")).json()
    assert shown["notices_forged"] >= 10
    assert await server.rows("SELECT 1 FROM payment_notices") == []
    unreadable = gateway.notice("x")
    signed = {**unreadable[1], "x-fake-signature": hmac.digest(b"hook-secret", b"[", "sha256").hex()}
    assert (await posted(server, account["notice_path"], (b"[", signed))).status_code == 400


async def test_lists_take_as_many_statements_however_many_rows(server: TestServer, gateway: FakeGateway) -> None:
    await added(server)
    driver = (await server.request("POST", f"{API}/drivers", {"name": "Asha"})).json()
    for number in range(7):
        await server.request("POST", f"{API}/payments", {"driver_id": driver["id"], "amount_minor": 1000 + number})
    first = (await server.request("GET", f"{API}/payments?limit=5")).json()
    rest = (await server.request("GET", f"{API}/payments?limit=5&after={first['next']}")).json()
    amounts = [each["amount_minor"] for each in (*first["items"], *rest["items"])]
    assert amounts == [1006 - number for number in range(7)]


async def test_two_gateways_of_one_name_stop_the_start(tmp_path: Path) -> None:
    plugins = {"one": PaidGateway(), "two": PaidGateway()}
    with pytest.RaisesGroup(Exception, flatten_subgroups=True) as found:
        async with running_server(config_for(tmp_path), plugins=plugins):
            pass
    assert "bring a payment gateway 'fake' each" in str(found.value.exceptions)
