"""Signing in over HTTP: tokens, tenants, cookies, refresh, and what thieves try."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from csms.core.access import DRIVER, SYSTEM_ADMIN, TENANT_OPERATOR, TENANT_OWNER
from csms.core.ids import DEFAULT_TENANT
from csms.domain.users.keys import AccessToken, Keys

from .conftest import API, PASSWORD, People, bearer


async def test_a_login_and_what_it_may(people: People) -> None:
    await people.add("Owner@Example.org", TENANT_OWNER)
    answer = await people.log_in(" owner@example.ORG ", device="laptop")
    assert answer.headers["Cache-Control"] == "no-store"
    shown, headers = answer.json(), bearer(answer)
    assert (shown["role"], shown["tenant"], shown["user"]["email"]) == (TENANT_OWNER, "default", "Owner@Example.org")
    account = (await people.get("/me/account", headers)).json()
    assert (account["kind"], account["role"], account["memberships"][0]["tenant"]) == ("user", TENANT_OWNER, "default")
    entries = (await people.get("/audit", headers)).json()["items"]
    assert [(each["action"], each["actor_name"]) for each in entries] == [("auth.login", "Owner@Example.org")]
    assert PASSWORD not in str(entries)
    assert (await people.get("/system", headers)).status_code in (403, 404), "an owner owns one tenant, not the installation"
    operator = await people.server.login_as(TENANT_OPERATOR)
    assert (await people.get("/audit", operator)).status_code == 403


async def test_every_wrong_login_gets_the_same_answer_after_the_same_work(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    disabled = await people.add("b@example.org", TENANT_OPERATOR)
    assert (await people.server.request("POST", f"{API}/users/{disabled}/account/disable")).status_code == 200
    worked: list[str] = []
    hasher = people.server.gate.passwords._hasher
    verify = type(hasher).verify

    def counted(self: Any, hashed: str, password: str) -> Any:
        worked.append(hashed.rpartition("$")[0].rpartition("$")[0])
        return verify(self, hashed, password)

    monkeypatch.setattr(type(hasher), "verify", counted)
    answers = [
        await people.log_in("a@example.org", "not the password"),
        await people.log_in("nobody@example.org"),
        await people.log_in("b@example.org"),
        await people.log_in("what's this?"),
        await people.log_in("+491701234567"),
    ]
    told = [{name: value for name, value in each.json().items() if name != "request_id"} for each in answers]
    assert {each.status_code for each in answers} == {401}
    assert all(each == told[0] for each in told)
    assert len(worked) == len(answers), "whoever is unknown costs a hash, too"
    assert len(set(worked)) == 1, "with the same costs"


async def test_tries_are_slowed_down_per_account(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    for _ in range(5):
        assert (await people.log_in("a@example.org", "wrong")).status_code == 401
    answer = await people.log_in("A@example.org")
    assert answer.status_code == 429, "even with the right password"
    assert int(answer.headers["Retry-After"]) >= 1
    await people.add("c@example.org", TENANT_OPERATOR)
    assert (await people.log_in("c@example.org")).status_code == 200, "others are let in"


async def test_several_tenants(people: People) -> None:
    north, south = await people.add_tenant("north"), await people.add_tenant("south")
    user_id = await people.add("a@example.org", DRIVER)
    await people.add("x@example.org", TENANT_OWNER, tenant=south)
    owner = await people.server.login_as(TENANT_OWNER, tenant=north)
    invited = await people.call("POST", "/users/invitations", {"email": "a@example.org", "role": TENANT_OPERATOR}, owner)
    token = (await people.message("a@example.org")).split("Accept with ")[1].split()[0]
    assert invited.status_code == 201, invited.text
    assert (await people.post("/auth/invitations/accept", {"token": token})).status_code == 204
    usual = (await people.log_in("a@example.org")).json()
    assert (usual["tenant"], usual["role"]) == ("north", TENANT_OPERATOR), "staff before drivers"
    chosen = await people.log_in("a@example.org", tenant="default")
    assert chosen.json()["role"] == DRIVER
    headers = bearer(chosen)
    there = (await people.get("/me/account", {**headers, "X-Tenant": "north"})).json()
    assert (there["role"], there["driver_id"], there["user"]["id"]) == (TENANT_OPERATOR, None, user_id)
    for slug in ("south", "nowhere"):
        refused = await people.get("/me/account", {**headers, "X-Tenant": slug})
        assert refused.status_code == 404, "a stranger's tenant is as if it did not exist"
        assert refused.json()["detail"] == f"X-Tenant: there is no tenant '{slug}'"
        assert (await people.log_in("a@example.org", tenant=slug)).status_code == 404
    await people.add("root@example.org", SYSTEM_ADMIN)
    root = await people.headers("root@example.org", tenant="south")
    assert len((await people.get("/users", root)).json()["items"]) == 1
    assert (await people.get("/users", {**root, "X-Tenant": "north"})).json()["total"] == 2


async def test_refresh_tokens_work_once(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    first = (await people.log_in("a@example.org")).json()
    second = await people.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert second.json()["refresh_token"] != first["refresh_token"]
    lost = await people.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert lost.json()["refresh_token"] == second.json()["refresh_token"], "an answer may be lost; at once it comes again"
    third = await people.post("/auth/refresh", {"refresh_token": second.json()["refresh_token"]})
    headers = bearer(third)
    assert (await people.get("/me/account", headers)).status_code == 200
    thief = await people.post("/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert thief.status_code == 401
    assert (await people.get("/me/account", headers)).status_code == 401, "two had it: the login has ended, at once"
    assert (await people.post("/auth/refresh", {"refresh_token": third.json()["refresh_token"]})).status_code == 401
    assert "from two places" in await people.message("a@example.org")
    await people.server.eventually("SELECT * FROM events WHERE type = 'login_ended' AND payload LIKE '%reused%'")


async def test_an_invented_refresh_token_ends_nobodys_login(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    login = (await people.log_in("a@example.org")).json()
    kind, number, _ = login["refresh_token"].split("_", 2)
    for text in (f"{kind}_{number}_invented", f"{kind}_{number}_x.y", f"{kind}_x_y", "", "x" * 1999):
        assert (await people.post("/auth/refresh", {"refresh_token": text})).status_code == 401
    assert (await people.post("/auth/refresh", {"refresh_token": login["refresh_token"]})).status_code == 200


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_forged_and_stale_access_tokens(people: People) -> None:
    server = people.server
    user_id = await people.add("a@example.org", TENANT_OWNER)
    good = (await people.log_in("a@example.org")).json()["access_token"]
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    now = server.ports.clock.now()
    login = AccessToken(user_id=user_id, login_id=claims["login"], tenant=DEFAULT_TENANT, expires_at=now + 60_000)
    assert (
        await people.get("/me/account", {"Authorization": f"Bearer {server.gate.keys.access_token(login, now=now)}"})
    ).status_code == 200
    other_login = AccessToken(user_id=user_id + 1, login_id=claims["login"], tenant=DEFAULT_TENANT, expires_at=now + 60_000)
    expired = AccessToken(user_id=user_id, login_id=claims["login"], tenant=DEFAULT_TENANT, expires_at=now - 1)
    forged = [
        f"{encoded({'alg': 'none'})}.{body}.",
        f"{encoded({'alg': 'none', 'typ': 'at+jwt'})}.{body}.{signature}",
        f"{head}.{encoded({**claims, 'sub': '1', 'tenant': 2})}.{signature}",
        Keys("another secret").access_token(login, now=now),
        server.gate.keys.access_token(expired, now=now),
        server.gate.keys.access_token(other_login, now=now),
        good[:-2],
        f"{good}x",
        "a.b.c",
        "ey" * 900,
    ]
    for text in forged:
        assert (await people.get("/me/account", {"Authorization": f"Bearer {text}"})).status_code == 401, text


async def test_a_token_is_worth_nothing_in_a_tenant_that_was_left(people: People) -> None:
    north = await people.add_tenant("north")
    await people.add("o@example.org", TENANT_OWNER, tenant=north)
    user_id = await people.add("a@example.org", TENANT_OPERATOR, tenant=north)
    owner, headers = await people.headers("o@example.org"), await people.headers("a@example.org")
    assert (await people.get("/me/account", headers)).status_code == 200
    assert (await people.call("DELETE", f"/users/{user_id}", headers=owner)).status_code == 204
    assert (await people.get("/me/account", headers)).status_code == 401
    assert (await people.log_in("a@example.org")).status_code == 409


async def test_logging_out(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    phone, laptop, tablet = [await people.headers("a@example.org", device=each) for each in ("phone", "laptop", "tablet")]
    listed = (await people.get("/me/logins?sort=created_at", laptop)).json()
    assert [(each["device"], each["is_current"]) for each in listed["items"]] == [
        ("phone", False),
        ("laptop", True),
        ("tablet", False),
    ]
    assert (await people.get("/me/logins?sort=shoe", laptop)).status_code == 422
    assert (await people.get("/me/logins?used_before_at=2020-01-01T00:00:00Z", laptop)).json()["total"] == 0
    assert (await people.call("DELETE", f"/me/logins/{listed['items'][0]['id']}", headers=laptop)).status_code == 204
    assert (await people.get("/me/account", phone)).status_code == 401
    assert (await people.call("DELETE", "/me/logins/999", headers=laptop)).status_code == 404
    assert (await people.post("/auth/logout", headers=laptop)).status_code == 204
    assert [(await people.get("/me/account", each)).status_code for each in (laptop, tablet)] == [401, 200]
    assert (await people.call("DELETE", "/me/logins", headers=tablet)).status_code == 204
    assert (await people.get("/me/account", tablet)).status_code == 401
    stranger = await people.server.login_as(TENANT_OPERATOR)
    mine = (await people.get("/me/logins", stranger)).json()["items"]
    assert len(mine) == 1, "one sees one's own"
    assert (await people.server.request("POST", f"{API}/auth/logout")).status_code == 403, "the operator key is no login"


async def test_cookies_for_browsers(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    async with httpx.AsyncClient(base_url=people.server.api_url) as browser:
        body = {"login": "a@example.org", "password": PASSWORD, "cookies": True}
        foreign = await browser.post(f"{API}/auth/login", json=body, headers={"Sec-Fetch-Site": "cross-site"})
        assert foreign.status_code == 403, "another site cannot log people in"
        answer = await browser.post(f"{API}/auth/login", json=body)
        assert answer.json()["access_token"] is None
        assert answer.json()["refresh_token"] is None
        set_by = {each.partition("=")[0]: each for each in answer.headers.get_list("set-cookie")}
        assert set(set_by) == {"csms_access", "csms_refresh", "csms_csrf"}
        assert all("Secure" in each and "SameSite=Strict" in each for each in set_by.values())
        assert ["HttpOnly" in set_by[name] for name in ("csms_access", "csms_refresh", "csms_csrf")] == [True, True, False]
        assert "Path=/api/v1/auth;" in set_by["csms_refresh"] + ";"
        jar = {name: each.partition("=")[2].partition(";")[0] for name, each in set_by.items()}
        csrf = {"X-CSRF-Token": jar["csms_csrf"]}
        access = {"Cookie": f"csms_access={jar['csms_access']}"}
        assert (await browser.get(f"{API}/me/account", headers=access)).status_code == 200
        change = {"name": "Asha"}
        for wrong in ({}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": people.server.gate.keys.csrf(999)}):
            assert (await browser.patch(f"{API}/me/account", json=change, headers={**access, **wrong})).status_code == 403
        changed = await browser.patch(f"{API}/me/account", json=change, headers={**access, **csrf})
        assert changed.json()["user"]["name"] == "Asha"
        refresh = {"Cookie": f"csms_refresh={jar['csms_refresh']}"}
        assert (await browser.post(f"{API}/auth/refresh", json={}, headers=refresh)).status_code == 403
        renewed = await browser.post(f"{API}/auth/refresh", json={}, headers={**refresh, **csrf})
        assert (renewed.status_code, renewed.json()["refresh_token"]) == (200, None)
        out = await browser.post(f"{API}/auth/logout", headers={**access, **csrf})
        assert all("Max-Age=0" in each for each in out.headers.get_list("set-cookie"))
        assert (await browser.get(f"{API}/me/account", headers=access)).status_code == 401


async def test_the_usual_request_costs_no_look_into_the_database(people: People) -> None:
    await people.add("a@example.org", TENANT_OPERATOR)
    headers = await people.headers("a@example.org")
    assert (await people.get("/me/account", headers)).status_code == 200
    standings, looked = people.server.gate.standings, 0

    async def look() -> None:
        nonlocal looked
        looked += 1

    login = (await people.server.rows("SELECT id, user_id, at_tenant FROM logins"))[0]
    found = await standings.get(login["user_id"], ("login", login["id"], login["at_tenant"], ""), look)
    assert found is not None
    assert (found.role, looked) == (TENANT_OPERATOR, 0)
