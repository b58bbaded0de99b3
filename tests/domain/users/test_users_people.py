"""The people of a tenant over HTTP: invitations, roles, stations, API keys; nobody gives more than they have."""

from __future__ import annotations

from functools import partial
from typing import Any

from csms.config import IdentityConfig, LimitsConfig
from csms.core.access import DRIVER, ROLES, SUPPORT, SYSTEM_ADMIN, TENANT_OPERATOR, TENANT_OWNER
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.domain.stations import service as stations
from csms.testing.server import TestServer, config_for, running_server

from .conftest import PASSWORD, People, bearer


async def add_station(server: TestServer, name: str, tenant: TenantId = DEFAULT_TENANT) -> int:
    station = await server.ports.database.write(partial(stations.add_station, name=name), tenant=tenant)
    return station.id


async def test_somebody_is_invited_and_comes(people: People) -> None:
    owner = await people.server.login_as(TENANT_OWNER)
    station = await add_station(people.server, "Depot")
    wanted = {"email": "ravi@example.org", "role": TENANT_OPERATOR, "name": "Ravi", "stations": [station]}
    first = await people.post("/users/invitations", wanted, owner)
    assert (first.status_code, first.headers["Location"]) == (201, f"/api/v1/users/invitations/{first.json()['id']}")
    old = (await people.message("ravi@example.org")).split("Accept with ")[1].split()[0]
    second = await people.post("/users/invitations", wanted, owner)
    token = (await people.message("ravi@example.org", 2)).split("Accept with ")[1].split()[0]
    assert token.partition("_")[2] not in str(await people.server.rows("SELECT * FROM invitations"))
    assert (await people.post("/auth/invitations/show", {"token": old})).status_code == 401, "the newer one counts"
    shown = (await people.post("/auth/invitations/show", {"token": token})).json()
    assert (shown["role"], shown["has_account"], shown["email"]) == (TENANT_OPERATOR, False, "ravi@example.org")
    assert (await people.post("/auth/invitations/accept", {"token": token})).status_code == 422, "a password is wanted"
    assert (await people.post("/auth/invitations/accept", {"token": token, "password": PASSWORD})).status_code == 204
    assert (await people.post("/auth/invitations/accept", {"token": token, "password": PASSWORD})).status_code == 401
    account = (await people.get("/me/account", await people.headers("ravi@example.org"))).json()
    assert (account["role"], account["stations"], account["user"]["name"]) == (TENANT_OPERATOR, [station], "Ravi")
    open_ones = (await people.get("/users/invitations?open=true", owner)).json()
    assert open_ones["total"] == 0
    assert (await people.call("DELETE", f"/users/invitations/{second.json()['id']}", headers=owner)).status_code == 409
    again = await people.post("/users/invitations", {"email": "RAVI@example.org", "role": SUPPORT}, owner)
    assert again.status_code == 409, "a member already"
    third = await people.post("/users/invitations", {"email": "new@example.org", "role": SUPPORT}, owner)
    token = (await people.message("new@example.org")).split("Accept with ")[1].split()[0]
    assert (await people.call("DELETE", f"/users/invitations/{third.json()['id']}", headers=owner)).status_code == 204
    assert (await people.post("/auth/invitations/accept", {"token": token, "password": PASSWORD})).status_code == 401
    for wrong in (
        {"email": "x"},
        {"email": "x@y.z", "role": "king"},
        {"email": "x@y.z", "role": TENANT_OWNER, "stations": [station]},
    ):
        assert (await people.post("/users/invitations", {"role": SUPPORT, **wrong}, owner)).status_code == 422


async def test_nobody_gives_more_than_they_have(people: People) -> None:
    admin_id = await people.add("root@example.org", SYSTEM_ADMIN)
    owner, operator = await people.server.login_as(TENANT_OWNER), await people.server.login_as(TENANT_OPERATOR)
    member = await people.add("m@example.org", SUPPORT)
    invite = {"email": "x@example.org", "role": SYSTEM_ADMIN}
    assert (await people.post("/users/invitations", invite, owner)).status_code == 409
    assert (await people.call("PATCH", f"/users/{member}", {"role": SYSTEM_ADMIN}, owner)).status_code == 409
    for method, path, body in (
        ("PATCH", "", {"role": SUPPORT}),
        ("POST", "/disable", None),
        ("POST", "/logout", None),
        ("DELETE", "", None),
    ):
        refused = await people.call(method, f"/users/{admin_id}{path}", body, owner)
        assert refused.status_code == 409, f"an owner does not {method} {path} an administrator"
        assert (await people.call(method, f"/users/{member}{path}", body, operator)).status_code == 403
    assert (await people.call("POST", f"/users/{member}/account/disable", headers=owner)).status_code == 403
    assert (await people.call("PATCH", f"/users/{member}", {"role": "king"}, owner)).status_code == 422


async def test_the_last_owner_stays(people: People) -> None:
    north = await people.add_tenant("north")
    owner_id = await people.add("o@example.org", TENANT_OWNER, tenant=north)
    owner = await people.headers("o@example.org")
    root = {"Authorization": f"Bearer {people.server.operator_key}", "X-Tenant": "north"}
    for who in (owner, root):
        assert (await people.call("DELETE", f"/users/{owner_id}", headers=who)).status_code == 409
        assert (await people.call("PATCH", f"/users/{owner_id}", {"role": SUPPORT}, who)).status_code == 409
        assert (await people.call("POST", f"/users/{owner_id}/disable", headers=who)).status_code == 409
    assert (await people.call("POST", f"/users/{owner_id}/account/disable", headers=root)).status_code == 409
    second = await people.add("p@example.org", TENANT_OWNER, tenant=north)
    assert (await people.call("DELETE", f"/users/{owner_id}", headers=owner)).status_code == 204
    assert (await people.call("DELETE", f"/users/{second}", headers=root)).status_code == 409


async def test_roles_and_stations_count_at_once(people: People) -> None:
    server = people.server
    depot, mall = await add_station(server, "Depot"), await add_station(server, "Mall")
    elsewhere = await add_station(server, "Elsewhere", await people.add_tenant("north"))
    owner, user_id = await server.login_as(TENANT_OWNER), await people.add("m@example.org", TENANT_OPERATOR)
    headers = await people.headers("m@example.org")

    async def mine() -> tuple[Any, Any]:
        account = (await people.get("/me/account", headers)).json()
        return account["role"], account["stations"]

    assert await mine() == (TENANT_OPERATOR, None)
    read = await people.get(f"/users/{user_id}", owner)
    limited = {**owner, "If-Match": read.headers["ETag"]}
    changed = await people.call("PATCH", f"/users/{user_id}", {"stations": [mall, depot, mall]}, limited)
    assert changed.json()["stations"] == sorted([depot, mall])
    assert await mine() == (TENANT_OPERATOR, sorted([depot, mall]))
    assert (await people.call("PATCH", f"/users/{user_id}", {"role": SUPPORT}, limited)).status_code == 412
    assert (await people.call("PATCH", f"/users/{user_id}", {"stations": [elsewhere]}, owner)).status_code == 422
    await people.call("PATCH", f"/users/{user_id}", {"role": SUPPORT}, owner)
    assert await mine() == (SUPPORT, sorted([depot, mall])), "what is not given stays"
    await people.call("PATCH", f"/users/{user_id}", {"every_station": True}, owner)
    assert await mine() == (SUPPORT, None)
    await people.call("PATCH", f"/users/{user_id}", {"role": DRIVER}, owner)
    assert (await people.get("/me/account", headers)).json()["driver_id"] is not None
    assert (await people.post(f"/users/{user_id}/disable", headers=owner)).json()["disabled_at"] is not None
    assert (await people.get("/me/account", headers)).status_code == 401
    await people.post(f"/users/{user_id}/enable", headers=owner)
    assert (await people.get("/me/account", headers)).status_code == 200
    assert (await people.post(f"/users/{user_id}/logout", headers=owner)).status_code == 204
    assert (await people.get("/me/account", headers)).status_code == 401
    root = {"Authorization": f"Bearer {server.operator_key}"}
    headers = await people.headers("m@example.org")
    assert (await people.post(f"/users/{user_id}/account/disable", headers=root)).status_code == 200
    assert (await people.get("/me/account", headers)).status_code == 401
    events = await server.eventually("SELECT payload FROM events WHERE type = 'user_changed'", at_least=5)
    assert [each["payload"].partition('"what":"')[2].partition('"')[0] for each in events][:2] == ["stations", "role"]


async def test_the_people_of_another_tenant_are_not_there(people: People) -> None:
    north = await people.add_tenant("north")
    ours, theirs = await people.add("a@example.org", SUPPORT), await people.add("b@example.org", SUPPORT, tenant=north)
    owner = await people.server.login_as(TENANT_OWNER)
    invitation = await people.post(
        "/users/invitations", {"email": "x@y.z", "role": SUPPORT}, await people.server.login_as(TENANT_OWNER, tenant=north)
    )
    number = invitation.json()["id"]
    for method, path in (
        ("GET", f"/users/{theirs}"),
        ("PATCH", f"/users/{theirs}"),
        ("DELETE", f"/users/{theirs}"),
        ("POST", f"/users/{theirs}/disable"),
        ("POST", f"/users/{theirs}/logout"),
        ("GET", f"/users/invitations/{number}"),
        ("DELETE", f"/users/invitations/{number}"),
    ):
        assert (await people.call(method, path, {} if method == "PATCH" else None, owner)).status_code == 404, f"{method} {path}"
    listed = (await people.get("/users?role=support&search=EXAMPLE&sort=-email", owner)).json()
    assert [each["id"] for each in listed["items"]] == [ours]
    for path in ("/users", f"/users/{ours}", "/users/invitations", "/api-keys", "/me/account"):
        assert (await people.get(path)).status_code == 401


async def test_an_api_key(people: People) -> None:
    server = people.server
    depot = await add_station(server, "Depot")
    maker_id = await people.add("o@example.org", TENANT_OWNER)
    await server.login_as(TENANT_OWNER)
    maker = await people.headers("o@example.org")
    wanted = {"name": "export", "permissions": ["users:read", "audit:read"]}
    made = await people.post("/api-keys", wanted, {**maker, "Idempotency-Key": "once"})
    secret, number = made.json()["secret"], made.json()["api_key"]["id"]
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    assert (await people.post("/api-keys", wanted, {**maker, "Idempotency-Key": "once"})).json()["secret"] == secret
    tables = ("api_keys", "events", "audit_log", "given_answers")
    stored = str([await server.rows(f"SELECT * FROM {table}") for table in tables])
    assert secret.rpartition("_")[2] not in stored, "it stands in clear nowhere"
    key = {"X-API-Key": secret}
    assert (await people.get("/users", key)).json()["total"] == 2
    assert (await people.get("/users", {"Authorization": f"Bearer {secret}"})).status_code == 200
    assert (await people.get("/users", {"X-API-Key": f"{secret}x"})).status_code == 401
    assert (await people.get("/users", {"X-API-Key": f"csms_{number + 1}_{secret.rpartition('_')[2]}"})).status_code == 401
    assert (await people.get("/users", {"Cookie": f"csms_access={secret}"})).status_code == 401, "a key is for no browser"
    assert (await people.get("/alerts", key)).status_code == 403
    assert (await people.get("/me/account", key)).status_code == 403
    assert (await people.get("/users", {**key, "X-Tenant": "default"})).status_code == 200
    await people.add_tenant("north")
    assert (await people.get("/users", {**key, "X-Tenant": "north"})).status_code == 404
    await server.eventually("SELECT * FROM api_keys WHERE last_used_at IS NOT NULL")
    kept = await people.post("/api-keys", {"name": "depot", "permissions": ["users:read"], "stations": [depot]}, maker)
    assert (await people.get("/users", {"X-API-Key": kept.json()["secret"]})).status_code == 403, (
        "people are nothing of one station"
    )
    root = {"Authorization": f"Bearer {server.operator_key}"}
    changed = await people.call("PATCH", f"/users/{maker_id}", {"role": SUPPORT}, root)
    assert changed.status_code == 200
    assert (await people.get("/users", key)).status_code == 200
    for path in ("/me/account", "/me/logins", "/me", "/me/vehicles", "/me/notification-preferences"):
        for mine in (key, root):
            refused = await people.get(path, mine)
            assert refused.status_code == 403, path
            assert "has none: log in as a user" in refused.json()["detail"]
    assert (await people.get("/audit", key)).status_code == 403, "no more than its maker may now"
    assert (await people.call("PATCH", f"/users/{maker_id}", {"role": TENANT_OWNER}, root)).status_code == 200
    assert (await people.get("/audit", key)).status_code == 200
    listed = (await people.get("/api-keys?revoked=false", maker)).json()
    assert ("secret" in str(listed), listed["total"]) == (False, 2)
    assert (await people.get(f"/api-keys/{number}", maker)).json()["name"] == "export"
    assert (await people.get("/api-keys/999", maker)).status_code == 404
    assert (await people.get(f"/api-keys/{number}", {**root, "X-Tenant": "north"})).status_code == 404
    assert (await people.call("DELETE", f"/api-keys/{number}", headers=maker)).status_code == 204
    assert (await people.get("/users", key)).status_code == 401


async def test_who_may_make_no_keys(people: People) -> None:
    body = {"name": "x", "permissions": ["users:read"]}
    for role in set(ROLES) - {SYSTEM_ADMIN, TENANT_OWNER}:
        assert (await people.post("/api-keys", body, await people.server.login_as(role))).status_code == 403
    owner = await people.server.login_as(TENANT_OWNER)
    for wrong in (["tenants:write"], ["me:read"], ["api_keys:write"], ["no:thing"], []):
        answer = await people.post("/api-keys", {"name": "x", "permissions": wrong}, owner)
        assert answer.status_code == (409 if wrong == ["tenants:write"] else 422), wrong
    past = await people.post("/api-keys", {**body, "expires_at": "2020-01-01T00:00:00Z"}, owner)
    assert past.status_code == 422


async def test_roles_that_must_show_a_second_factor(tmp_path: Any) -> None:
    identity = IdentityConfig(
        password_memory_kib=64, password_passes=1, second_factor_roles=(TENANT_OWNER,), first_admin="root@example.org"
    )
    async with running_server(config_for(tmp_path, identity=identity, limits=LimitsConfig(auth_per_min=0))) as server:
        people = People(server, tmp_path)
        await people.add("o@example.org", TENANT_OWNER)
        login = await people.log_in("o@example.org")
        wanted = login.json()["second_factor"]
        assert wanted["factors"] == ["email"]
        code = await people.code("o@example.org")
        assert bearer(await people.post("/auth/second-factor", {"challenge": wanted["challenge"], "code": code}))
        password = (await people.message("root@example.org")).split("the password ")[1].split()[0]
        first = await people.log_in("root@example.org", password)
        assert first.json()["role"] == SYSTEM_ADMIN
        assert first.json()["password_expires_at"] is not None, "to be changed"
        assert (await people.post("/auth/register", {"name": "X", "email": "x@y.z", "password": PASSWORD})).status_code == 409
