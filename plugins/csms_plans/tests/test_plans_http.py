"""Plans over HTTP and real sockets: bought by a driver, charged on, and billed with a tariff beside them."""

from __future__ import annotations

from functools import partial
from typing import Any

from csms.core.access import SUPPORT, TENANT_OPERATOR
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ledger import GATEWAY, WALLET, AccountRef, Leg, NewMovement
from csms.domain.tenants import service as tenants
from csms.domain.wallets import flows as wallets_flows
from csms.domain.wallets import service as wallets
from csms.hooks import iso
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

from .conftest import DAY_MS, HOUR_MS, VAT

PLANS, SUBSCRIPTIONS, MINE = "/api/v1/plans", "/api/v1/subscriptions", "/api/v1/me/subscriptions"
TERMS: dict[str, Any] = {
    "period": "monthly",
    "price_minor": 118_00,
    "taxes": VAT,
    "energy_wh": 10_000,
    "excess_rate": "10",
    "roll_over": True,
}
FLAT = {"components": [{"kind": "energy", "rate": "20"}]}


async def good(server: TestServer, method: str, path: str, body: Any = None, **more: Any) -> Any:
    answer = await server.request(method, path, body, **more)
    assert answer.status_code in (200, 201, 204), (method, path, answer.status_code, answer.text)
    return answer.json() if answer.content else None


async def status(server: TestServer, method: str, path: str, body: Any = None, **more: Any) -> int:
    return (await server.request(method, path, body, **more)).status_code


async def driver(server: TestServer, name: str, amount: int = 0) -> tuple[int, dict[str, str]]:
    """A driver who may log in, with money; the headers of their requests."""
    email = f"{name.lower()}@example.org"
    headers = await server.login_as("driver", email=email)
    (row,) = await server.rows(
        "SELECT m.driver_id FROM memberships m JOIN users u ON u.id = m.user_id WHERE u.email = :email", email=email
    )
    number = row["driver_id"]
    if amount:
        legs = (
            Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -amount),
            Leg(AccountRef(kind=WALLET, unit="INR", driver_id=number), amount),
        )
        await server.do(wallets.post, NewMovement(kind="TOP_UP", key=f"t:{name}", legs=legs, description="top-up"))
    return number, headers


async def test_the_life_of_a_plan(server: TestServer) -> None:
    added = await server.request("POST", PLANS, {"name": "Commuter", "terms": TERMS})
    assert added.status_code == 201
    path = added.headers["Location"]
    plan = added.json()
    assert (plan["price"]["amount_minor"], plan["price"]["net_minor"], plan["terms"]["energy_kwh"]) == (118_00, 100_00, "10.000")
    assert await status(server, "POST", PLANS, {"name": "Commuter", "terms": TERMS}) == 409
    assert [each["name"] for each in (await good(server, "GET", f"{PLANS}?search=comm&state=active"))["items"]] == ["Commuter"]
    for wrong in (
        {"period": "hourly"},
        {"price_minor": -1},
        {"stations": [4711]},
        {"unlimited": "energy"},
        {"taxes": {"scheme": "vat", "percent": "101"}},
    ):
        assert await status(server, "POST", PLANS, {"name": "Wrong", "terms": {**TERMS, **wrong}}) == 422, wrong
    etag = (await server.request("GET", path)).headers["ETag"]
    assert await status(server, "PATCH", path, {"description": "x"}, headers={"If-Match": '"old"'}) == 412
    assert (await good(server, "PATCH", path, {"description": "x"}, headers={"If-Match": etag}))["description"] == "x"
    version = await good(server, "POST", f"{path}/versions", {"terms": {**TERMS, "price_minor": 236_00}, "note": "dearer"})
    assert (version["number"], version["note"], version["created_by"]) == (2, "dearer", "operator key")
    assert [each["number"] for each in (await good(server, "GET", f"{path}/versions"))["items"]] == [2, 1]
    for asked, wanted in (("sort=number", [1, 2]), ("search=dearer", [2])):
        assert [each["number"] for each in (await good(server, "GET", f"{path}/versions?{asked}"))["items"]] == wanted
    assert (await good(server, "GET", path))["price"]["amount_minor"] == 236_00
    assert (await good(server, "POST", f"{path}/archive"))["state"] == "archived"
    for method, rest, body in (("POST", "/archive", None), ("PATCH", "", {"name": "x"}), ("POST", "/versions", {"terms": TERMS})):
        assert await status(server, method, f"{path}{rest}", body) == 409
    number, headers = await driver(server, "Asha", 500_00)
    assert await status(server, "POST", SUBSCRIPTIONS, {"driver_id": number, "plan_id": plan["id"]}) == 409
    assert (await good(server, "GET", "/api/v1/me/plans", headers=headers))["total"] == 0

    support, operator = await server.login_as(SUPPORT), await server.login_as(TENANT_OPERATOR)
    assert await status(server, "GET", PLANS, headers=support) == 200
    assert await status(server, "POST", PLANS, {"name": "Y", "terms": TERMS}, headers=support) == 403
    assert await status(server, "POST", PLANS, {"name": "Y", "terms": TERMS}, headers=operator) == 201
    assert await status(server, "GET", PLANS, headers=headers) == 403
    assert await status(server, "GET", PLANS, authorized=False) == 401
    other = await server.do(partial(tenants.add, slug="other", name="Other", currency="INR", time_zone="UTC"))
    stranger = await server.login_as(TENANT_OPERATOR, tenant=TenantId(other))
    assert await status(server, "GET", path, headers=stranger) == 404
    actions = [row["action"] for row in await server.rows("SELECT action FROM audit_log WHERE action LIKE 'plans.%' ORDER BY id")]
    assert actions == ["plans.add", "plans.change", "plans.add_version", "plans.archive", "plans.add"]


async def test_bought_charged_on_and_billed(hurried_jobs: None, server: TestServer, charger: ConnectCharger) -> None:
    tariff = await good(server, "POST", "/api/v1/tariffs", {"name": "Flat", "rules": FLAT, "valid_from_at": iso(0)})
    await good(server, "POST", "/api/v1/tariffs/assignments", {"tariff_id": tariff["tariff"]["id"], "level": "tenant"})
    plan = (await good(server, "POST", PLANS, {"name": "Commuter", "terms": TERMS}))["id"]
    number, mine = await driver(server, "Asha", 1000_00)
    await server.add_token("CARD", driver_id=number)
    (offer,) = (await good(server, "GET", "/api/v1/me/plans", headers=mine))["items"]
    assert (offer["name"], offer["price"]["amount_minor"], offer["held"]) == ("Commuter", 118_00, False)
    key = {**mine, "Idempotency-Key": "buy-1"}
    bought = await server.request("POST", MINE, {"plan_id": plan}, headers=key)
    assert (bought.status_code, bought.json()["state"]) == (201, "active")
    assert (await server.request("POST", MINE, {"plan_id": plan}, headers=key)).json() == bought.json()
    assert await status(server, "POST", MINE, {"plan_id": plan}, headers=mine) == 409
    assert (await good(server, "GET", "/api/v1/me/plans", headers=mine))["items"][0]["held"] is True
    assert (await good(server, "GET", "/api/v1/me/plans?held=false&sort=-name", headers=mine))["total"] == 0
    sub = bought.json()["id"]

    say = script(await charger("CP1"))
    for count, (energy, total, left) in enumerate(((4_000, 0, 6_000), (16_000, 100_00, 0), (1_000, 10_00, 0)), 1):
        charge = await say.start("CARD", at=server.ports.clock.now() + 1)
        await say.stop(charge, energy, server.ports.clock.now() + HOUR_MS)
        await server.eventually("SELECT id FROM bills WHERE state = 'SETTLED'", at_least=count)
        bill = (await good(server, "GET", f"/api/v1/transactions/{charge.transaction_id}/bill"))["bills"][0]
        assert (bill["total_minor"], bill["energy_wh"]) == (total, energy), "10 INR beyond the plan, 20 without it"
        assert (await good(server, "GET", f"{MINE}/{sub}", headers=mine))["left_wh"] == left
        detail = await good(server, "GET", f"/api/v1/bills/{bill['id']}")
        uses = [each["amount"] for each in detail["used"]]
        assert uses == ([min(energy, 10_000 if count == 1 else 6_000)] if count < 3 else [])
        lines = [each["description"] for each in detail["lines"] if each["kind"] == "allowance"]
        assert lines == (["Paid by Commuter: Energy"] if count < 3 else [])
    assert (await wallets_flows.check(server.ports.database, DEFAULT_TENANT)).balanced
    told = [row["type"] for row in await server.rows("SELECT type FROM events WHERE type LIKE 'plan_%' ORDER BY sequence")]
    assert told == ["plan_subscribed"]


async def test_subscriptions_over_http(server: TestServer) -> None:
    plans = [
        (await good(server, "POST", PLANS, {"name": name, "terms": {**TERMS, **more}}))["id"]
        for name, more in (("Small", {}), ("Large", {"price_minor": 236_00}), ("Fixed", {"may_pause": False}))
    ]
    number, mine = await driver(server, "Asha", 1000_00)
    other, theirs = await driver(server, "Ben")
    made = await server.request("POST", SUBSCRIPTIONS, {"driver_id": number, "plan_id": plans[0]})
    path = made.headers["Location"]
    own = path.replace(SUBSCRIPTIONS, MINE)
    assert (made.status_code, made.json()["state"], made.json()["plan_name"]) == (201, "active", "Small")
    for body in ({"driver_id": 4711, "plan_id": plans[0]}, {"driver_id": number, "plan_id": 4711}):
        assert await status(server, "POST", SUBSCRIPTIONS, body) == 404
    refused = await server.request("POST", SUBSCRIPTIONS, {"driver_id": other, "plan_id": plans[0]})
    assert (refused.status_code, "cannot be paid" in refused.json()["detail"]) == (409, True), "nobody takes payments here"
    past = iso(server.ports.clock.now() - DAY_MS)
    assert await status(server, "POST", SUBSCRIPTIONS, {"driver_id": number, "plan_id": plans[1], "starts_at": past}) == 422
    detail = await good(server, "GET", path)
    assert (detail["left_kwh"], detail["periods"][0]["state"], detail["terms"]["roll_over"]) == ("10.000", "open", True)
    for rest, wanted in (("/cancel", {}), ("/pause", {}), ("/change", {"plan_id": 2})):
        assert await status(server, "POST", f"{own}{rest}", wanted, headers=theirs) == 404
    assert await status(server, "GET", own, headers=theirs) == 404

    paused = await good(server, "POST", f"{own}/pause", {}, headers=mine)
    assert (paused["state"], paused["resume_at"] is not None) == ("paused", True)
    assert await status(server, "POST", f"{path}/pause", {}) == 409
    assert (await good(server, "POST", f"{path}/resume"))["state"] == "active"
    changed = await good(server, "POST", f"{own}/change", {"plan_id": plans[1], "when": "renewal"}, headers=mine)
    assert (changed["plan_id"], changed["next_plan_id"]) == (plans[0], plans[1])
    changed = await good(server, "POST", f"{path}/change", {"plan_id": plans[1], "when": "now"})
    assert (changed["plan_id"], changed["period"], changed["amount_minor"]) == (plans[1], 2, 236_00)
    fixed = (await good(server, "POST", MINE, {"plan_id": plans[2]}, headers=mine))["id"]
    assert await status(server, "POST", f"{MINE}/{fixed}/pause", {}, headers=mine) == 409
    cancelled = await good(server, "POST", f"{own}/cancel", {}, headers=mine)
    assert (cancelled["state"], cancelled["renews"]) == ("active", False)
    cancelled = await good(server, "POST", f"{path}/cancel", {"when": "now", "credit": False})
    assert (cancelled["state"], cancelled["reason"]) == ("ended", "as wished")
    assert await status(server, "POST", f"{path}/cancel", {}) == 409

    listed = await good(server, "GET", f"{SUBSCRIPTIONS}?driver_id={number}&limit=1")
    assert ([each["id"] for each in listed["items"]], listed["next"]) == ([fixed], str(fixed))
    for path_, headers in ((f"{SUBSCRIPTIONS}?driver_id={number}&", None), (f"{MINE}?", mine)):
        oldest = await good(server, "GET", f"{path_}limit=1&sort=at", headers=headers)
        then = await good(server, "GET", f"{path_}limit=1&sort=at&after={oldest['next']}", headers=headers)
        assert [each["id"] for each in (*oldest["items"], *then["items"])] == [1, fixed]
        assert then["next"] is None
        back = await good(server, "GET", f"{path_}sort=-at&after={fixed}", headers=headers)
        assert [each["id"] for each in back["items"]] == [1]
    after = await good(server, "GET", f"{SUBSCRIPTIONS}?driver_id={number}&after={listed['next']}&state=ended")
    assert [each["state"] for each in after["items"]] == ["ended"]
    assert len((await good(server, "GET", f"{SUBSCRIPTIONS}?search=fix&live=true"))["items"]) == 1
    assert len((await good(server, "GET", MINE, headers=mine))["items"]) == 2
    assert (await good(server, "GET", MINE, headers=theirs))["items"][0]["state"] == "ended"
    assert await status(server, "GET", f"{SUBSCRIPTIONS}?after=x") == 422

    privacy = f"/api/v1/drivers/{number}/privacy"
    held = (await good(server, "POST", f"{privacy}/export?format=json"))["plugins"]
    assert [(each["id"], each["state"], each["plan"]) for each in held["plans"]["subscriptions"]] == [
        (1, "ended", "Large"),
        (fixed, "active", "Fixed"),
    ]
    assert [each["amount_minor"] for each in held["plans"]["periods"] if each["subscription_id"] == 1][-1] == 236_00
    assert held["plans"]["subscriptions"][0]["ended_at"].endswith("Z")
    assert held["tariff"] == {"promo_codes": [], "promo_code_uses": []}
    await good(server, "POST", f"{privacy}/erase")
    (left,) = await server.rows("SELECT driver_id, cancelled_by FROM plugin_plans_subscriptions WHERE id = 1")
    assert left == {"driver_id": number, "cancelled_by": ""}, "what it cost stays, for the books"
    await server.eventually("SELECT id FROM plugin_plans_subscriptions WHERE id = :id AND state = 'ended'", id=fixed)
