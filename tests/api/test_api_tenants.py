"""Tenants over HTTP: a tenant's whole life, one's own profile, bank details and settings, and what closing one ends."""

from __future__ import annotations

import json

import pytest
import trio_websocket

from csms.domain.tenants import flows
from csms.testing.charger import connect
from csms.testing.server import TestServer

NORTH = {"slug": "north", "name": "North", "currency": "EUR", "time_zone": "Europe/Berlin"}


async def test_a_tenant_from_its_opening_to_its_closing(server: TestServer) -> None:
    wrong = await server.request("POST", "/api/v1/tenants", {**NORTH, "currency": "Euro", "colour": "red"})
    assert wrong.status_code == 422
    added = await server.request("POST", "/api/v1/tenants", {**NORTH, "kind": "individual"})
    assert added.status_code == 201
    place = added.headers["Location"]
    assert (added.json()["kind"], added.json()["bank"], added.json()["closed_at"]) == ("individual", None, None)
    assert (await server.request("POST", "/api/v1/tenants", NORTH)).status_code == 409
    wrong = await server.request("POST", "/api/v1/tenants", {**NORTH, "slug": "No Slug"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "slug")

    shown = await server.request("GET", place)
    stale = {"If-Match": shown.headers["ETag"]}
    changed = await server.request("PATCH", place, {"name": "Far North", "contacts": [{"name": "Ada", "email": "ada@example.org"}]})
    assert (changed.status_code, changed.json()["name"], changed.json()["currency"]) == (200, "Far North", "EUR")
    assert changed.json()["contacts"] == [{"name": "Ada", "role": "", "email": "ada@example.org", "phone": ""}]
    assert (await server.request("PATCH", place, {"name": "Lost"}, headers=stale)).status_code == 412
    for field, value in {
        "email": "nobody",
        "country": "Germany",
        "website": "javascript:alert(1)",
        "time_zone": "Mars/Base",
    }.items():
        refused = await server.request("PATCH", place, {field: value})
        assert refused.status_code == 422, field

    found = (await server.request("GET", "/api/v1/tenants?search=far&closed=false&kind=individual")).json()
    assert (found["total"], found["items"][0]["slug"]) == (1, "north")
    assert [each["slug"] for each in (await server.request("GET", "/api/v1/tenants?sort=-created_at")).json()["items"]] == [
        "north",
        "default",
    ]

    closed = await server.request("POST", f"{place}/close", {"reason": "contract ended"})
    assert closed.json()["closed_reason"] == "contract ended"
    assert (await server.request("GET", "/api/v1/tenants?closed=true")).json()["total"] == 1
    assert (await server.request("POST", f"{place}/reopen")).json()["closed_at"] is None
    assert (await server.request("POST", "/api/v1/tenants/1/close", {"reason": "x"})).status_code == 409
    assert (await server.request("GET", "/api/v1/tenants/99")).status_code == 404
    assert (await server.request("GET", place, authorized=False)).status_code == 401
    audit = (await server.request("GET", "/api/v1/audit?subject_kind=tenant&action=tenants.change")).json()["items"]
    assert (audit[0]["before"]["name"], audit[0]["after"]["name"]) == ("North", "Far North")


async def test_ones_own_profile_and_bank_details_of_which_only_the_end_is_seen(server: TestServer) -> None:
    assert (await server.request("GET", "/api/v1/tenant/bank")).status_code == 404
    bank = {"holder": "Acme", "account_number": "DE89 3704 0044 0532 0130 00", "routing_code": "COBADEFF"}
    shown = (await server.request("PUT", "/api/v1/tenant/bank", bank)).json()
    assert shown["account_number"] == "•" * 18 + "3000"
    assert "COBADEFF" not in json.dumps(shown)
    own = await server.request("GET", "/api/v1/tenant")
    assert own.json()["bank"] == shown
    (row,) = await server.rows("SELECT * FROM tenants WHERE id = 1")
    assert "0532" not in json.dumps(dict(row)), "encrypted in the store"
    audited = await server.rows("SELECT * FROM audit_log")
    assert "0532" not in json.dumps([dict(each) for each in audited]), "and not in the audit log"
    details = await flows.bank_details(server.ports, own.json()["id"])
    assert details is not None
    assert details.account_number == bank["account_number"]
    taxed = await server.request("PATCH", "/api/v1/tenant", {"tax_ids": [{"kind": "PAN", "value": "AAPFU0939F"}], "country": "IN"})
    assert taxed.json()["tax_ids"] == [{"kind": "PAN", "value": "AAPFU0939F"}]
    assert (await server.request("PUT", "/api/v1/tenant/bank", {**bank, "account_number": "<b>"})).status_code == 422
    assert (await server.request("DELETE", "/api/v1/tenant/bank")).status_code == 204
    assert (await server.request("GET", "/api/v1/tenant")).json()["bank"] is None


async def test_settings_of_a_tenant_are_its_own(server: TestServer) -> None:
    await server.request("POST", "/api/v1/tenants", NORTH)
    north = {"X-Tenant": "north"}
    changed = await server.request("PATCH", "/api/v1/tenant/settings", {"frames_days": 7, "tickets_close_days": 3}, headers=north)
    assert (changed.status_code, changed.json()["frames_days"]) == (200, 7)
    assert (await server.request("GET", "/api/v1/tenant/settings")).json()["frames_days"] is None
    cleared = await server.request("PATCH", "/api/v1/tenant/settings", {"clear": ["frames_days"], "events_days": 2}, headers=north)
    assert (cleared.json()["frames_days"], cleared.json()["events_days"], cleared.json()["tickets_close_days"]) == (None, 2, 3)
    for wrong in ({"audit_days": 1}, {"frames_days": 0}, {"clear": ["colour"]}, {"clear": ["frames_days"], "frames_days": 3}):
        refused = await server.request("PATCH", "/api/v1/tenant/settings", wrong, headers=north)
        assert refused.status_code == 422, wrong


async def test_of_a_closed_tenant_nobody_logs_in_and_no_charger_is_let_in(server: TestServer) -> None:
    added = (await server.request("POST", "/api/v1/tenants", NORTH)).json()
    owner = await server.login_as("tenant_owner", tenant=added["id"])
    assert (await server.request("GET", "/api/v1/tenant", headers=owner)).json()["slug"] == "north"
    key = await server.add_charger("CP1")
    for table in ("chargers", "charger_keys"):
        await server.do(lambda tx, sql=f"UPDATE {table} SET tenant = :other": tx.system("a test").run(sql, other=added["id"]))
    async with connect(server.url, "CP1", password=key) as scripted:
        await server.request("POST", f"/api/v1/tenants/{added['id']}/close", {"reason": "contract ended"})
        await scripted.wait_closed()
    assert (await server.request("GET", "/api/v1/tenant", headers=owner)).status_code == 401
    with pytest.RaisesGroup(trio_websocket.ConnectionRejected, allow_unwrapped=True, flatten_subgroups=True):
        async with connect(server.url, "CP1", password=key):
            pass
    await server.request("POST", f"/api/v1/tenants/{added['id']}/reopen")
    assert (await server.request("GET", "/api/v1/tenant", headers=owner)).status_code == 200
    async with connect(server.url, "CP1", password=key):
        pass


async def test_who_may_see_and_change_tenants(server: TestServer) -> None:
    added = (await server.request("POST", "/api/v1/tenants", NORTH)).json()
    for role, own, every, settings in [
        ("tenant_owner", 200, 403, 200),
        ("tenant_operator", 200, 403, 403),
        ("support", 200, 403, 403),
        ("driver", 403, 403, 403),
    ]:
        who = await server.login_as(role)
        assert (await server.request("GET", "/api/v1/tenant", headers=who)).status_code == own, role
        for method, path in [("GET", "/api/v1/tenants"), ("GET", f"/api/v1/tenants/{added['id']}"), ("POST", "/api/v1/tenants")]:
            assert (await server.request(method, path, headers=who)).status_code == every, (role, path)
        changed = await server.request("PATCH", "/api/v1/tenant/settings", {"frames_days": 3}, headers=who)
        assert changed.status_code == settings, role
        assert (await server.request("GET", "/api/v1/tenant", headers={**who, "X-Tenant": "north"})).status_code in (401, 403, 404)
