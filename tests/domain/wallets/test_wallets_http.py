"""Wallets and the ledger over HTTP: a driver's money from the first look to the statement, and who may see it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from functools import partial

import httpx

from csms.core.access import DRIVER, SUPPORT, TENANT_OPERATOR, TENANT_OWNER
from csms.core.ledger import GATEWAY, TOP_UP, WALLET, AccountRef, Leg, NewMovement
from csms.core.ports import Tx
from csms.domain.drivers import service as drivers
from csms.domain.tenants import service as tenants
from csms.domain.wallets import service as wallets
from csms.testing.server import TestServer

As = Callable[..., dict[str, str]]
FROM = "from_at=2020-01-01T00:00:00Z"


def top_up(tx: Tx, driver_id: int, amount: int) -> None:
    legs = (
        Leg(AccountRef(kind=GATEWAY, unit="INR", name="stub"), -amount),
        Leg(AccountRef(kind=WALLET, unit="INR", driver_id=driver_id), amount),
    )
    said = {"description": "=Top-up by UPI", "reference_kind": "payment", "reference_id": "3"}
    wallets.post(tx, NewMovement(kind=TOP_UP, key="t1", legs=legs, **said))


async def test_a_wallets_life(server: TestServer) -> None:
    async def ask(method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await server.request(method, f"/api/v1/{path}", body, headers=headers)

    asha = (await server.do(partial(drivers.add_driver, name="Asha Rao", email="asha@example.org"))).id
    ravi = (await server.do(partial(drivers.add_driver, name="Ravi"))).id
    mine = f"drivers/{asha}/wallet"

    first = await ask("GET", mine)
    assert (first.status_code, first.json()["available_minor"], first.json()["status"]) == (200, 0, "active")
    assert first.json()["id"] > 0, "it is open from the first look on"
    assert (await ask("GET", "drivers/99/wallet")).status_code == 404

    await server.do(top_up, asha, 50_000)
    limited = await ask("PATCH", mine, {"credit_limit_minor": 1_000}, **{"If-Match": first.headers["ETag"]})
    assert (limited.status_code, limited.json()["available_minor"]) == (200, 51_000), "money that moved is no other state"
    stale = await ask("PATCH", mine, {"status": "frozen"}, **{"If-Match": first.headers["ETag"]})
    assert stale.status_code == 412
    assert (await ask("PATCH", mine, {"credit_limit_minor": -1})).status_code == 422
    both = await ask("PATCH", mine, {"credit_limit_minor": 1, "clear": ["credit_limit_minor"]})
    assert (both.status_code, both.json()["errors"][0]["field"]) == (422, "clear")

    body = {"amount_minor": -500, "reason": "Charged twice"}
    once = await ask("POST", f"{mine}/adjustments", body, **{"Idempotency-Key": "a1"})
    again = await ask("POST", f"{mine}/adjustments", body, **{"Idempotency-Key": "a1"})
    assert (once.status_code, again.json()["id"]) == (201, once.json()["id"])
    assert (await ask("GET", once.headers["Location"].removeprefix("/api/v1/"))).json()["by"] == once.json()["by"] != ""
    assert (await ask("POST", f"{mine}/adjustments", {"amount_minor": 5, "reason": ""})).status_code == 422
    assert (await ask("POST", f"{mine}/adjustments", {"amount_minor": 0, "reason": "nothing"})).status_code == 422
    assert (await ask("POST", f"{mine}/adjustments", {**body, "amount_minor": -(10**9)})).status_code == 409
    assert (await ask("POST", "drivers/99/wallet/adjustments", body)).status_code == 404

    await server.do(
        partial(wallets.hold, reference_kind="transaction", reference_id="7", description="a charge", key="h1"), asha, 20_000
    )
    held = (await ask("GET", f"{mine}/holds?open=true")).json()
    assert [(each["left_minor"], each["reference_id"]) for each in held["items"]] == [(20_000, "7")]
    hold = f"{mine}/holds/{held['items'][0]['id']}"
    assert (await ask("GET", f"drivers/{ravi}/wallet/holds/{held['items'][0]['id']}")).status_code == 404
    released = await ask("POST", f"{hold}/release", {"reason": "never charged"})
    assert (released.status_code, released.json()["left_minor"], bool(released.json()["released_at"])) == (200, 0, True)
    assert (await ask("GET", hold)).json() == released.json()

    lines = (await ask("GET", f"{mine}/movements?limit=2")).json()
    assert [(each["kind"], each["balance_after_minor"]) for each in lines["items"]] == [("RELEASE", 49_500), ("HOLD", 49_500)]
    rest = (await ask("GET", f"{mine}/movements?limit=2&after={lines['next']}")).json()
    assert [(each["kind"], each["amount_minor"]) for each in rest["items"]] == [("ADJUSTMENT", -500), ("TOP_UP", 50_000)]
    assert rest["next"] is None
    assert len((await ask("GET", f"{mine}/movements?kind=TOP_UP&search=upi")).json()["items"]) == 1

    table = list(csv.DictReader(io.StringIO((await ask("GET", f"{mine}/movements.csv")).text)))
    assert [row["kind"] for row in table] == ["TOP_UP", "ADJUSTMENT", "HOLD", "RELEASE"]
    assert (table[0]["description"], table[0]["amount"], table[1]["balance_after"]) == ("'=Top-up by UPI", "500.00", "495.00")
    assert (await ask("GET", "drivers/99/wallet/movements.csv")).status_code == 404

    key = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=key, timeout=60) as patient:  # it starts a process
        paper = await patient.get(f"/api/v1/{mine}/statement.pdf?{FROM}")
    assert (paper.status_code, paper.headers["Content-Type"], paper.content[:5]) == (200, "application/pdf", b"%PDF-")
    assert (await ask("GET", f"{mine}/statement.pdf")).status_code == 422
    assert (await ask("GET", f"{mine}/statement.pdf?{FROM}&to_at=2019-01-01T00:00:00Z")).status_code == 422

    listed = (await ask("GET", "wallets?sort=-balance&search=asha&status=active")).json()
    assert [(each["driver_name"], each["available_minor"]) for each in listed["items"]] == [("Asha Rao", 50_500)]
    assert (await ask("GET", "wallets?sort=weight")).status_code == 422

    activity = (await ask("GET", f"drivers/{asha}/activity")).json()["items"]
    assert (await ask("GET", f"drivers/{asha}/activity?kind=wallet&sort=at")).json()["items"] == activity[::-1]
    assert (await ask("GET", f"drivers/{asha}/activity?kind=charge")).json()["items"] == []
    assert (await ask("GET", f"drivers/{asha}/activity?to_at=2020-01-01T00:00:00Z")).json()["items"] == []
    assert [(each["kind"], each["amount_minor"]) for each in activity] == [("wallet", -500), ("wallet", 50_000)]

    said = await server.rows("SELECT action, subject_id, after FROM audit_log WHERE action LIKE 'wallets%' ORDER BY id")
    assert [row["action"] for row in said] == ["wallets.change", "wallets.adjust", "wallets.release"]


async def test_the_ledger_and_its_check(server: TestServer) -> None:
    async def ask(method: str, path: str) -> httpx.Response:
        return await server.request(method, f"/api/v1/ledger/{path}")

    asha = (await server.do(partial(drivers.add_driver, name="Asha Rao"))).id
    await server.do(top_up, asha, 50_000)
    balances = (await ask("GET", "accounts")).json()["items"]
    assert {(each["kind"], each["name"], each["balance"]) for each in balances} == {
        ("gateway", "stub", -50_000),
        ("wallet", "", 50_000),
    }
    gateway = next(each["id"] for each in balances if each["kind"] == "gateway")
    assert (await ask("GET", f"accounts/{gateway}")).json()["balance"] == -50_000
    assert (await ask("GET", "accounts/99")).status_code == 404
    (movement,) = (await ask("GET", f"movements?account_id={gateway}&driver_id={asha}&reference_id=3")).json()["items"]
    assert sum(each["amount"] for each in movement["entries"]) == 0
    assert (await ask("GET", f"movements/{movement['id']}")).json() == movement
    assert (await ask("GET", "movements/99")).status_code == 404
    trial = (await ask("GET", "trial-balance")).json()
    assert trial["totals"] == [{"unit": "INR", "debit": 50_000, "credit": 50_000}]
    assert (await ask("POST", "check")).json()["balanced"]
    await server.do(lambda tx: tx.run("UPDATE wallets SET balance_minor = 1 WHERE tenant = :tenant"))
    found = (await ask("POST", "check")).json()
    assert {each["what"] for each in found["findings"]} == {"wallet"}
    raised = await server.eventually("SELECT severity, message FROM alerts WHERE kind = 'ledger_unbalanced'")
    assert raised[0]["severity"] == "critical"
    assert "does not add up" in raised[0]["message"]


async def test_who_may_do_what(server: TestServer) -> None:
    other = await server.do(partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC"))
    asha = (await server.do(partial(drivers.add_driver, name="Asha Rao"))).id
    await server.do(top_up, asha, 500)
    stranger = await server.login_as(TENANT_OWNER, tenant=other)
    reads = ("wallet", "wallet/movements", "wallet/movements.csv", f"wallet/statement.pdf?{FROM}", "wallet/holds", "allowances")
    for path in reads:
        where = f"/api/v1/drivers/{asha}/{path}"
        assert (await server.request("GET", where, authorized=False)).status_code == 401
        assert (await server.request("GET", where, headers=stranger)).status_code == 404, path
    assert (await server.request("GET", "/api/v1/wallets", headers=stranger)).json()["total"] == 0
    assert (await server.request("GET", "/api/v1/ledger/accounts", headers=stranger)).json()["total"] == 0
    adjust = {"amount_minor": 5, "reason": "because"}
    where = f"/api/v1/drivers/{asha}/wallet/adjustments"
    for role, status in ((TENANT_OWNER, 201), (TENANT_OPERATOR, 403), (SUPPORT, 403), (DRIVER, 403)):
        assert (await server.request("POST", where, adjust, headers=await server.login_as(role))).status_code == status, role
    assert (await server.request("POST", where, adjust, headers=stranger)).status_code == 404
    support = await server.login_as(SUPPORT)
    assert (await server.request("GET", f"/api/v1/drivers/{asha}/wallet", headers=support)).json()["balance_minor"] == 505
    assert (await server.request("GET", "/api/v1/ledger/trial-balance", headers=support)).status_code == 403


async def test_drivers_see_their_own(as_: As, server: TestServer) -> None:
    asha = (await server.do(partial(drivers.add_driver, name="Asha Rao"))).id
    ravi = (await server.do(partial(drivers.add_driver, name="Ravi"))).id
    await server.do(top_up, asha, 500)
    await server.do(partial(wallets.grant, unit="WH", amount=5000, name="s1", key="g1", description="a plan"), asha)
    hers, his = as_(driver_id=asha), as_(driver_id=ravi)
    assert (await server.request("GET", "/api/v1/me/wallet", headers=hers)).json()["balance_minor"] == 500
    assert (await server.request("GET", "/api/v1/me/wallet", headers=his)).json()["balance_minor"] == 0
    (line,) = (await server.request("GET", "/api/v1/me/wallet/movements", headers=hers)).json()["items"]
    assert "by" not in line, "who of the staff did something is not shown"
    assert (await server.request("GET", "/api/v1/me/wallet/movements", headers=his)).json()["items"] == []
    (included,) = (await server.request("GET", "/api/v1/me/allowances", headers=hers)).json()
    assert (included["unit"], included["balance"]) == ("WH", 5000)
    assert (await server.request("GET", "/api/v1/me/allowances", headers=his)).json() == []
    assert [
        each["amount_minor"] for each in (await server.request("GET", "/api/v1/me/activity", headers=hers)).json()["items"]
    ] == [500]
    late = await server.request("GET", f"/api/v1/me/wallet/statement.pdf?{FROM}&to_at=2019-01-01T00:00:00Z", headers=hers)
    assert late.status_code == 422
    for path in ("wallet", "wallet/movements", f"wallet/statement.pdf?{FROM}", "allowances"):
        assert (await server.request("GET", f"/api/v1/me/{path}")).status_code == 403, "a key has no account"


async def test_a_driver_is_handed_out_and_forgotten(server: TestServer) -> None:
    asha = (await server.do(partial(drivers.add_driver, name="Asha Rao"))).id
    await server.do(top_up, asha, 500)
    adjust = {"amount_minor": 5, "reason": "Asha called on Monday"}
    await server.request("POST", f"/api/v1/drivers/{asha}/wallet/adjustments", adjust)
    held = (await server.request("POST", f"/api/v1/drivers/{asha}/privacy/export?format=json")).json()
    assert [each["amount"] for each in held["wallet_movements"]] == [500, 5]
    assert held["wallets"][0]["balance_minor"] == 505
    assert (await server.request("POST", f"/api/v1/drivers/{asha}/privacy/erase")).status_code == 200
    kept = await server.rows("SELECT description, made_by, reference_id FROM ledger_movements ORDER BY id")
    assert [(row["description"], row["made_by"], row["reference_id"]) for row in kept] == [("", "", "3"), ("", "", "")]
    assert (await server.request("GET", f"/api/v1/drivers/{asha}/wallet")).json()["balance_minor"] == 505
    assert (await server.request("POST", "/api/v1/ledger/check")).json()["balanced"]
