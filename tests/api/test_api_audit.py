"""The audit log over HTTP: every change leaves an entry, failures leave none, and nobody can touch one."""

from __future__ import annotations

import pytest

from csms.testing.server import TestServer


async def test_who_did_what_to_what_from_where(server: TestServer) -> None:
    owner = await server.login_as("tenant_owner", email="ada@example.org")
    changed = await server.request("PATCH", "/api/v1/tenant", {"phone": "123"}, headers={**owner, "X-Request-Id": "my-request"})
    assert changed.status_code == 200
    listed = (await server.request("GET", "/api/v1/audit?action=tenants.change_own", headers=owner)).json()
    (entry,) = listed["items"]
    assert (entry["actor_kind"], entry["actor_name"], entry["request_id"]) == ("user", "ada@example.org", "my-request")
    assert (entry["subject_kind"], entry["subject_id"], entry["remote_address"]) == ("tenant", "1", "127.0.0.1")
    assert (entry["before"]["phone"], entry["after"]["phone"]) == ("", "123")
    assert set(entry["after"]) == {"phone", "changed_at"}, "only what changed"
    assert (await server.request("GET", f"/api/v1/audit/{entry['id']}", headers=owner)).json() == entry
    assert (await server.request("PATCH", "/api/v1/tenant", {"email": "nobody"}, headers=owner)).status_code == 422
    assert (
        await server.request("PATCH", "/api/v1/tenant", {"phone": "4"}, headers={**owner, "If-Match": '"x"'})
    ).status_code == 412
    assert len((await server.request("GET", "/api/v1/audit?subject_kind=tenant", headers=owner)).json()["items"]) == 1


async def test_nobody_can_touch_an_entry(server: TestServer) -> None:
    await server.request("PATCH", "/api/v1/tenant", {"phone": "123"})
    before = (await server.request("GET", "/api/v1/audit")).json()
    number = before["items"][0]["id"]
    for path in ("/api/v1/audit", f"/api/v1/audit/{number}"):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert (await server.request(method, path, {})).status_code == 405, f"{method} {path}"
    assert (await server.request("GET", "/api/v1/audit")).json() == before


@pytest.mark.parametrize(("role", "status"), [("tenant_operator", 403), ("support", 403), ("driver", 403)])
async def test_only_owners_read_it(server: TestServer, role: str, status: int) -> None:
    assert (await server.request("GET", "/api/v1/audit", headers=await server.login_as(role))).status_code == status
