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


MADE = (
    ("stations", "station", {"name": "North"}, {"name": "South"}),
    ("station-groups", "station_group", {"name": "Campus"}, {"name": "Town"}),
    ("charger-models", "charger_model", {"vendor": "V", "model": "M"}, {"max_power_w": 22000}),
    ("drivers", "driver", {"name": "Asha"}, {"note": "n"}),
    ("drivers/1/vehicles", "vehicle", {"plate": "KA 01"}, {"plate": "KA 02"}),
    ("tokens", "token", {"value": "CARD"}, {"note": "n"}),
    ("token-groups", "token_group", {"name": "Family"}, {"name": "Firm"}),
    ("webhooks", "webhook", {"name": "w", "url": "https://hooks.example/x", "events": ["transaction_*"]}, {"name": "v"}),
    ("configuration-templates", "configuration_template", {"name": "t", "settings": {"A": "1"}}, {"settings": {"A": "2"}}),
    ("tickets", "ticket", {"driver_id": 1, "title": "Cable stuck", "body": "At 9:15."}, {"priority": "high"}),
    ("tenants", "tenant", {"slug": "south", "name": "South", "currency": "INR", "time_zone": "UTC"}, {"name": "South Charging"}),
    ("api-keys", "api_key", {"name": "nightly", "permissions": ["stations:read"]}, None),
    ("users/invitations", "invitation", {"email": "bo@example.org", "role": "support"}, None),
)


async def test_the_story_of_a_thing_begins_with_who_made_it(server: TestServer) -> None:
    admin = await server.login_as("system_admin")
    for path, kind, body, change in MADE:
        made = await server.request("POST", f"/api/v1/{path}", body, headers=admin)
        assert made.status_code == 201, made.text
        place = made.headers["Location"]
        if change is not None:
            assert (await server.request("PATCH", place, change, headers=admin)).status_code == 200, kind
        else:
            assert (await server.request("DELETE", place, headers=admin)).status_code == 204, kind
        number = place.rpartition("/")[2]
        told = await server.request("GET", f"/api/v1/audit?subject_kind={kind}&subject_id={number}", headers=admin)
        then, first = told.json()["items"]
        assert first["after"], kind
        assert (first["before"], then["before"] is None) == (None, False), kind
        assert made.json().get("secret", "no secret") not in told.text, "what is shown once is not kept"


async def test_events_name_the_request_that_they_came_of(server: TestServer) -> None:
    for request_id in ("one", "two"):
        headers = {**await server.login_as("tenant_owner"), "X-Request-Id": request_id}
        assert (await server.request("POST", "/api/v1/auth/logout", headers=headers)).status_code == 204
    for request_id in ("one", "two"):
        for found in ("audit", "events"):
            items = (await server.request("GET", f"/api/v1/{found}?request_id={request_id}")).json()["items"]
            assert {each["request_id"] for each in items} == {request_id}, found
    shown = (await server.request("GET", f"/api/v1/events/{items[0]['event_id']}")).json()
    assert shown["request_id"] == "two"


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
