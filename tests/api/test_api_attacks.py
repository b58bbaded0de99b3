"""Common attacks, each tried over HTTP on a running server: what they must not get, and that everything still stands afterwards."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from csms import identity
from csms.api.routes import PUBLIC, Route
from csms.api.shapes import fields_of
from csms.api_pages import described
from csms.config import Config, DatabaseConfig
from csms.config.limits import LimitsConfig
from csms.core.access import SYSTEM_ADMIN, TENANT_OPERATOR, TENANT_OWNER
from csms.core.errors import Refused, StoreUnavailable, Undecided
from csms.core.ids import TenantId
from csms.domain.stations import service as stations
from csms.domain.users import keys
from csms.domain.users.routes import ways
from csms.testing.everything import bodies, one_of_everything
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, config_for

API = "/api/v1"
ROUTES: list[tuple[Route, str]] = list(described(Config()).operations())
NO_LIMIT: dict[str, Any] = dict.fromkeys(("address_per_min", "caller_per_min", "tenant_per_min", "auth_per_min"), 0)
SQL = ("' OR '1'='1", "x') OR 1=1 --", "'; DROP TABLE stations; --", '" UNION SELECT key FROM api_keys --', "\\'")
WILDCARDS = ("%", "_", "%%%", "C_", "!%")


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config, limits=LimitsConfig(**NO_LIMIT))


def client_of(server: TestServer, headers: dict[str, str] | None = None) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {server.operator_key}"} if headers is None else headers
    return httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=20)


def queried() -> list[tuple[Route, str, list[str]]]:
    """Lists, each with the texts that its query takes."""
    return [
        (route, path, [field.name for field, kind in fields_of(route.query) if kind in (str, str | None) and field.name != "after"])
        for route, path in ROUTES
        if route.method == "GET" and route.query is not None and not route.path and route.produces == "application/json"
    ]


# --- injection ------------------------------------------------------------------------------------------------------------------


async def test_no_filter_sort_or_search_is_sql(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    await one_of_everything(server, charger, an_hour_ago)
    tried = 0
    admin = await identity.add_user(server.ports.database, role=SYSTEM_ADMIN, email="root@example.org", name="Root")
    async with client_of(server, await server.login_of(admin.id)) as client:
        for route, path, names in queried():
            for number, name in enumerate(names):
                text = SQL[(tried + number) % len(SQL)]
                answer = await client.get(path, params={name: text})
                assert answer.status_code in (200, 403, 404, 409, 422), (route.name, name, answer.text)
                if answer.status_code == 200 and {"items", "limit"} <= set(told := answer.json()):
                    assert told["items"] == [], (route.name, name, text)
                if name == "sort":
                    assert answer.status_code == 422, route.name
                tried += 1
        for text in WILDCARDS:
            for thing in ("stations", "chargers", "drivers", "tokens", "users", "webhooks", "tickets"):
                found = (await client.get(f"{API}/{thing}", params={"search": text})).json()["items"]
                assert found == [], f"{text!r} is a text and no pattern, in {thing}"
        await client.post(f"{API}/stations", json={"name": "100%_!x"})
        for text in ("%_!", "100%", "!X"):
            assert (await client.get(f"{API}/stations", params={"search": text})).json()["total"] == 1, text
        assert (await client.get(f"{API}/stations")).json()["total"] == 2, "all is still there"
    assert tried > 120


# --- paths ----------------------------------------------------------------------------------------------------------------------

TRAVERSALS = (
    "/api/docs/../../../../etc/passwd",
    "/api/docs/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/api/docs/..%2f..%2f..%2f..%2fetc%2fpasswd",
    "/api/docs/..%5c..%5cetc%5cpasswd",
    "/api/docs//etc/passwd",
    "/api/v1/signed-documents/..%2f..%2fcsms.db",
    "/api/v1/signed-documents/%2e%2e%2fcsms.db",
    "/api/v1/documents/..%2f1/content",
    "/api/v1/chargers/..%2f..%2fetc/commands",
    "/api/v1/webhooks/1%00/deliveries",
    "/api/v1/../../operator.key",
)


async def test_no_path_leads_out(server: TestServer, tmp_path: Path) -> None:
    (tmp_path / "csms.db").touch()
    port = int(server.api_url.rsplit(":", 1)[1])
    for path in TRAVERSALS:
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:  # a client would tidy the path up
            key = server.operator_key
            await stream.send_all(
                f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n".encode()
            )
            with trio.fail_after(10):
                heard = b"".join([part async for part in stream])
        status = int(heard.split(b" ", 2)[1])
        assert status in (308, 400, 401, 404, 405, 422), (path, heard[:200])
        assert b"root:" not in heard, path
        assert b"SQLite format" not in heard, path


async def test_a_files_name_is_no_path_and_no_header(server: TestServer) -> None:
    about = f"{API}/documents?kind=other&subject_kind=tenant"
    for name in ("../../etc/cron.d/x", "..", "a\\..\\b", "x\r\nSet-Cookie: a=b", "x\x00.txt", "a/b"):
        refused = await server.send("POST", str(httpx.URL(about).copy_merge_params({"name": name})), b"text")
        assert refused.status_code == 422, name
    kept = await server.send("POST", str(httpx.URL(about).copy_merge_params({"name": 'x";filename=evil.html;é.txt'})), b"text")
    assert kept.status_code == 201, kept.text
    shown = await server.request("GET", f"{kept.headers['Location']}/content")
    told = shown.headers["content-disposition"]
    assert told.startswith("attachment"), told
    assert "filename=evil.html" not in told.replace('\\";filename=evil.html', ""), "it stays within its quotes"
    for injected in ("x\r\nSet-Cookie: a=b", "../x"):
        assert (await server.request("PATCH", kept.headers["Location"], {"name": injected})).status_code == 422


# --- requests of ours to somewhere else -----------------------------------------------------------------------------------------

INSIDE = (
    "https://127.0.0.1/",
    "https://localhost/",
    "https://[::1]/",
    "https://[::ffff:10.0.0.1]/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://10.1.2.3/",
    "https://user:password@192.168.0.1/",
    "http://example.org/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "https://example.org:22\r\nX: y/",
)


async def test_a_webhook_is_no_way_into_the_network(server: TestServer) -> None:
    reached = 0
    for number, url in enumerate(INSIDE):
        made = await server.request("POST", f"{API}/webhooks", {"name": f"w{number}", "url": url})
        if made.status_code == 422:
            continue
        assert made.status_code == 201, (url, made.text)
        tested = await server.request("POST", f"{made.headers['Location']}/test")
        assert tested.status_code == 200, tested.text
        assert tested.json()["state"] != "delivered", url
        assert tested.json()["status"] is None, f"{url}: nobody was asked"
        reached += 1
    assert reached < len(INSIDE)


async def test_what_chargers_fetch_and_send_is_nothing_that_we_fetch(
    server: TestServer, charger: ConnectCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locations go to chargers; the server itself asks nobody, so that they lead nowhere in its own network."""
    asked: list[Any] = []

    async def request(*arguments: Any, **more: Any) -> Any:
        asked.append(arguments)
        raise OSError("not in this test")

    monkeypatch.setattr(type(server.ports.http), "request", request)
    await server.add_charger("C1")
    location = "http://169.254.169.254/latest/meta-data/?token=s3cret"
    image = {"vendor": "Acme", "model": "AC22", "version": "1", "location": location}
    made = await server.request("POST", f"{API}/firmware-images/elsewhere", image)
    assert made.status_code == 201, made.text
    assert "s3cret" not in made.text
    assert (await server.request("POST", f"{API}/firmware-images/elsewhere", {**image, "location": ""})).status_code == 422
    await server.request("POST", f"{API}/chargers/C1/log-uploads", {"location": location})
    await server.command("C1", "GetDiagnostics", location=location, wait="wait_s=1")
    assert asked == []


# --- more than one may say ------------------------------------------------------------------------------------------------------

SNEAKED = {
    "tenant": 2,
    "tenant_id": 2,
    "id": 1,
    "role": "system_admin",
    "permissions": ["system:write"],
    "approved": True,
    "state": "approved",
}


async def test_nothing_is_said_that_is_not_asked_for(server: TestServer) -> None:
    tried = 0
    async with client_of(server, await server.login_as(SYSTEM_ADMIN)) as client:
        for route, path in ROUTES:
            if route.body is None or route.needs == PUBLIC:
                continue
            known = {field.name for field, _ in fields_of(route.body)}
            body = {**bodies().get(path, {}), **{name: value for name, value in SNEAKED.items() if name not in known}}
            names = {name: "1" for name, _ in route.path}
            answer = await client.request(route.method, path.format(**names), json=body)
            assert answer.status_code == 422, (route.name, answer.text)
            told = {each["field"] for each in answer.json()["errors"]}
            assert set(SNEAKED) - known <= told, route.name
            tried += 1
    assert tried > 100
    for role in (TENANT_OPERATOR, TENANT_OWNER):
        headers = await server.login_as(role)
        me = (await server.request("GET", f"{API}/me/account", headers=headers)).json()
        mine = f"{API}/users/{me['user']['id']}"
        for role_wanted in (SYSTEM_ADMIN, TENANT_OWNER):
            if role_wanted != role:
                assert (await server.request("PATCH", mine, {"role": role_wanted}, headers=headers)).status_code in (403, 409)
        key = {"name": f"k{role}", "permissions": ["system:write"]}
        assert (await server.request("POST", f"{API}/api-keys", key, headers=headers)).status_code in (403, 409)
        assert (await server.request("GET", f"{API}/me/account", headers=headers)).json()["role"] == role


# --- tokens ---------------------------------------------------------------------------------------------------------------------


def encoded(part: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_no_token_is_forged(server: TestServer) -> None:
    headers = await server.login_as(TENANT_OWNER)
    head, claims, signature = headers["Authorization"].removeprefix("Bearer ").split(".")
    said = json.loads(base64.urlsafe_b64decode(claims + "=="))
    typ = {"typ": "at+jwt"}

    def signed(header: Any, key: bytes, digest: str = "sha256") -> str:
        text = f"{encoded(header)}.{claims}"
        made = hmac.digest(key, text.encode(), digest)
        return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"

    forged = [
        f"{encoded({'alg': 'none', **typ})}.{claims}.",
        f"{encoded({'alg': 'NONE', **typ})}.{claims}.{signature}",
        f"{encoded({'alg': None, **typ})}.{claims}.{signature}",
        f"{encoded({**typ})}.{claims}.{signature}",
        f"{encoded({'alg': 'RS256', **typ})}.{claims}.{signature}",
        signed({"alg": "HS256", **typ}, b""),
        signed({"alg": "HS512", **typ}, b"", "sha512"),
        signed({"alg": "HS256", "kid": "../../dev/null", **typ}, b""),
        signed({"alg": "HS256", "jwk": {"kty": "oct", "k": ""}, **typ}, b""),
        signed({"alg": "HS256", "jku": "http://127.0.0.1/keys", **typ}, b"x"),
        signed({"alg": "HS256", **typ}, server.operator_key.encode()),
        f"{head}.{encoded({**said, 'tenant': 2})}.{signature}",
        f"{head}.{encoded({**said, 'sub': '1', 'login': 1})}.{signature}",
        f"{head}.{claims}.{signature[:-4]}",
        f"{head}.{claims}.",
        f"{head}.{claims}",
        "..",
        "csmskey_1_",
        f"csmskey_1_{'A' * 5000}",
    ]
    texts = set()
    async with client_of(server, {}) as client:
        for token in forged:
            answer = await client.get(f"{API}/me/account", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, token
            texts.add(answer.json()["detail"])
    assert len(texts) == 1, "and none is told what was wrong with it"
    assert (await server.request("GET", f"{API}/me/account", headers=headers)).status_code == 200


async def test_what_was_good_once_is_not_good_again(server: TestServer) -> None:
    owner = await server.login_as(TENANT_OWNER)
    assert (await server.request("POST", f"{API}/auth/logout", headers=owner)).status_code == 204
    assert (await server.request("GET", f"{API}/me/account", headers=owner)).status_code == 401, "logged out"

    owner = await server.login_as(TENANT_OWNER)
    now = server.ports.clock.now()
    asked = {"name": "script", "permissions": ["stations:read", "webhooks:read"]}
    made = (await server.request("POST", f"{API}/api-keys", asked, headers=owner)).json()
    key = {"Authorization": f"Bearer {made['secret']}"}
    assert (await server.request("GET", f"{API}/stations", headers=key)).status_code == 200
    assert (await server.request("GET", f"{API}/chargers", headers=key)).status_code == 403, "beyond what it is for"
    assert (await server.request("GET", f"{API}/me/account", headers={**key, "X-Tenant": "nobodys"})).status_code == 404

    mine = (await server.request("GET", f"{API}/me/account", headers=owner)).json()["user"]["id"]
    another = await server.login_as(TENANT_OWNER)
    lowered = await server.request("PATCH", f"{API}/users/{mine}", {"role": TENANT_OPERATOR}, headers=another)
    assert lowered.status_code == 200, lowered.text
    assert (await server.request("GET", f"{API}/webhooks", headers=key)).status_code == 403, "its maker may not any more"
    assert (await server.request("GET", f"{API}/webhooks", headers=owner)).status_code == 403, "at once, without another login"
    assert (await server.request("GET", f"{API}/stations", headers=key)).status_code == 200

    path = f"{API}/api-keys/{made['api_key']['id']}"
    assert (await server.request("DELETE", path)).status_code == 204
    assert (await server.request("GET", f"{API}/stations", headers=key)).status_code == 401, "revoked"
    late = await server.request(
        "POST", f"{API}/api-keys", {**asked, "name": "late", "expires_at": "2020-01-01T00:00:00Z"}, headers=another
    )
    assert late.status_code in (409, 422), "a key that has expired already"
    assert now <= server.ports.clock.now()


async def test_another_tenant_is_not_there_by_any_name(server: TestServer) -> None:
    made = await server.request("POST", f"{API}/tenants", bodies()[f"{API}/tenants"])
    slug = made.json()["slug"]
    owner = await server.login_as(TENANT_OWNER)
    answers = [await server.request("GET", f"{API}/stations", headers={**owner, "X-Tenant": name}) for name in (slug, "nobodys")]
    assert [each.status_code for each in answers] == [404, 404]
    first, second = (each.json()["detail"].replace(slug, "?").replace("nobodys", "?") for each in answers)
    assert first == second, "one that there is looks like one that there is not"
    theirs = await server.login_as(TENANT_OWNER, tenant=TenantId(made.json()["id"]))
    await server.add_charger("C1")
    one, none = [await server.request("GET", f"{API}/chargers/{name}", headers=theirs) for name in ("C1", "C9")]
    assert (one.status_code, none.status_code) == (404, 404)
    assert one.json()["detail"].replace("C1", "?") == none.json()["detail"].replace("C9", "?")


# --- browsers -------------------------------------------------------------------------------------------------------------------


async def test_a_change_by_cookie_needs_its_own_logins_token(server: TestServer) -> None:
    mine, others = await server.login_as(TENANT_OWNER), await server.login_as(TENANT_OWNER)

    def login_of(headers: dict[str, str]) -> int:
        claims = headers["Authorization"].split(".")[1]
        return int(json.loads(base64.urlsafe_b64decode(claims + "=="))["login"])

    cookie = {"Cookie": f"csms_access={mine['Authorization'].removeprefix('Bearer ')}"}
    csrf = server.gate.keys.csrf
    async with client_of(server, {}) as client:
        for wrong in ({}, {"X-CSRF-Token": ""}, {"X-CSRF-Token": "x"}, {"X-CSRF-Token": csrf(login_of(others))}):
            for method, path, body in (
                ("POST", "/stations", {"name": "S"}),
                ("PATCH", "/me/account", {"name": "x"}),
                ("DELETE", "/stations/1", None),
            ):
                answer = await client.request(method, f"{API}{path}", json=body, headers={**cookie, **wrong})
                assert answer.status_code == 403, (method, wrong)
        form = await client.post(f"{API}/stations", data={"name": "S"}, headers=cookie)
        assert form.status_code == 403, "what a form of another site could send"
        assert (await client.get(f"{API}/stations", headers=cookie)).json()["total"] == 0
        good = {**cookie, "X-CSRF-Token": csrf(login_of(mine))}
        assert (await client.post(f"{API}/stations", json={"name": "S"}, headers=good)).status_code == 201


async def test_methods_are_not_smuggled(server: TestServer) -> None:
    station = (await server.request("POST", f"{API}/stations", {"name": "Depot"})).headers["Location"]
    for header in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        await server.request("GET", station, headers={header: "DELETE"})
        await server.request("POST", station, {}, headers={header: "DELETE"})
    await server.request("GET", f"{station}?_method=DELETE")
    assert (await server.request("GET", station)).status_code == 200


async def test_what_is_private_is_kept_by_nobody_else(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    ids = await one_of_everything(server, charger, an_hour_ago)
    looked = 0
    async with client_of(server) as client:
        for route, path in ROUTES:
            if route.method != "GET" or route.needs == PUBLIC or route.produces == "text/event-stream":
                continue
            if not {name for name, _ in route.path} <= set(ids):
                continue
            answer = await client.get(path.format(**ids))
            kept = answer.headers.get("cache-control", "")
            assert "no-store" in kept or "private" in kept, (route.name, kept)
            assert answer.headers["x-content-type-options"] == "nosniff", route.name
            looked += answer.status_code == 200
    assert looked > 80


# --- bodies ---------------------------------------------------------------------------------------------------------------------


async def test_bodies_that_are_meant_to_hurt(server: TestServer, server_config: Config) -> None:
    path, named = f"{API}/stations", {"Content-Type": "application/json"}
    for content, status in [
        (b'{"name": ' + b"[" * 200_000, 400),
        (b'{"name": "S", "a": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001, 400),
        (b'{"name": "' + b"A" * server_config.api.max_body_bytes + b'"}', 413),
        (b'{"name": 1e400}', 400),
        (b'{"name": NaN}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": "\xff"}', 400),
        (b'{"name": "a\\u0000b"}', 422),
        (b'{"name": "S",}', 400),
        (b"\xef\xbb\xbf" + b'{"name": "S"}', 400),
        (b"null", 422),
        (b'["name"]', 422),
        (b'{"name": {"$ne": null}}', 422),
        (b'{"name": ["S"]}', 422),
        (b'{"name": "S", "amenities": "wifi"}', 422),
        (b'{"name": "S", "amenities": {"wifi": 1}}', 422),
    ]:
        answer = await server.send("POST", path, content, headers=named)
        assert answer.status_code == status, (content[:60], answer.status_code, answer.text[:200])
    twice = await server.send("POST", path, b'{"name": "first", "name": "second"}', headers=named)
    assert (twice.status_code, twice.json()["name"]) == (201, "second"), "one of the two, and the same everywhere"
    audited = str(await server.rows("SELECT * FROM audit_log WHERE action LIKE 'stations.%'"))
    assert ("second" in audited, "first" in audited) == (True, False)
    assert (await server.request("GET", path)).json()["total"] == 1


async def test_numbers_and_days_that_there_are_not(server: TestServer) -> None:
    async with client_of(server) as client:
        for number in (2**63, 2**64, 10**30, "9" * 4500, "0" * 25):
            for method in ("GET", "PATCH", "DELETE"):
                body: dict[str, Any] | None = {} if method == "PATCH" else None
                answer = await client.request(method, f"{API}/stations/{number}", json=body)
                assert answer.status_code == 404, (method, number)
        assert (await client.get(f"{API}/stations/\u0661")).status_code in (404, 405), "digits are 0 to 9"
        for month in ("0000-01", "0001-01", "1969-12", "9999-12", "2200-01", "2026-13", "\u0662\u0660\u0662\u0666-01"):
            assert (await client.get(f"{API}/analytics/monthly", params={"month": month})).status_code == 422, month
        for day in ("0000-01-01", "0001-01-01", "9999-12-31", "2026-02-30"):
            assert (await client.get(f"{API}/analytics/compliance", params={"until_day": day})).status_code == 422, day
        for month in ("1970-01", "2199-12"):
            assert (await client.get(f"{API}/analytics/monthly", params={"month": month})).status_code == 200, month


async def test_a_packed_body_is_not_unpacked(server: TestServer) -> None:
    bomb = gzip.compress(b" " * 20_000_000 + b'{"name": "S"}')
    for packing in ("gzip", "deflate", "br", "gzip, gzip"):
        headers = {"Content-Type": "application/json", "Content-Encoding": packing}
        answer = await server.send("POST", f"{API}/stations", bomb, headers=headers)
        assert answer.status_code in (400, 415), packing
    assert (await server.request("GET", f"{API}/stations")).json()["total"] == 0


# --- again and again ------------------------------------------------------------------------------------------------------------


async def test_an_idempotency_key_is_one_callers_and_one_things(server: TestServer) -> None:
    path, key = f"{API}/stations", {"Idempotency-Key": "same"}
    mine, others = await server.login_as(TENANT_OWNER), await server.login_as(TENANT_OWNER)
    first = await server.request("POST", path, {"name": "A"}, headers={**mine, **key})
    again = await server.request("POST", path, {"name": "A"}, headers={**mine, **key})
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert (again.status_code, again.headers["Location"]) == (201, first.headers["Location"])
    assert (await server.request("POST", path, {"name": "B"}, headers={**mine, **key})).status_code == 422, "for another body"
    assert (await server.request("POST", f"{API}/station-groups", {"name": "A"}, headers={**mine, **key})).status_code == 422
    theirs = await server.request("POST", path, {"name": "C"}, headers={**others, **key})
    assert (theirs.status_code, theirs.json()["name"]) == (201, "C"), "another caller's key is another key"
    assert "Idempotent-Replayed" not in theirs.headers
    for odd in ("", "x" * 201, "a\tb"):
        assert (await server.request("POST", path, {"name": "D"}, headers={**mine, "Idempotency-Key": odd})).status_code == 422, odd
    assert (await server.request("POST", f"{API}/auth/logout", headers=mine)).status_code == 204
    assert (await server.request("POST", path, {"name": "A"}, headers={**mine, **key})).status_code == 401, (
        "no answer without a login"
    )
    assert (await server.request("GET", path)).json()["total"] == 2


async def test_a_key_is_given_back_only_where_nothing_was_done(server: TestServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(key: str) -> tuple[int, str]:
        answer = await server.request("POST", f"{API}/stations", {"name": key}, headers={"Idempotency-Key": key})
        return answer.status_code, answer.json().get("detail", "")

    for key, error in (("away", StoreUnavailable), ("undecided", Undecided), ("refused", Refused)):
        with monkeypatch.context() as patch:
            patch.setattr(stations, "add_station", partial(_raise, error))
            assert (await ask(key))[0] in (409, 503)
        status, detail = await ask(key)
        assert (status, "no answer (yet)" in detail) == ((409, True) if key == "away" else (201, False)), key


def _raise(error: type[Exception], *_: Any, **__: Any) -> None:
    raise error("as it happens")


async def test_two_at_once_with_one_key_are_one(server: TestServer) -> None:
    statuses: list[int] = []

    async def post() -> None:
        answer = await server.request("POST", f"{API}/stations", {"name": "Once"}, headers={"Idempotency-Key": "one"})
        statuses.append(answer.status_code)

    async with trio.open_nursery() as nursery:
        for _ in range(8):
            nursery.start_soon(post)
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert (await server.request("GET", f"{API}/stations")).json()["total"] == 1


async def test_an_answer_that_is_no_text_is_given_again(server: TestServer) -> None:
    driver = (await server.request("POST", f"{API}/drivers", {**bodies()[f"{API}/drivers"], "name": "Åsa"})).json()["id"]
    path, key = f"{API}/drivers/{driver}/privacy/export", {"Idempotency-Key": "one"}
    first = await server.request("POST", path, headers=key)
    assert (first.status_code, first.content[:2]) == (200, b"PK")
    again = await server.request("POST", path, headers=key)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert "attachment" in again.headers["Content-Disposition"]
    assert again.headers["Content-Disposition"] == first.headers["Content-Disposition"]


async def test_an_etag_is_no_way_round(server: TestServer) -> None:
    station = (await server.request("POST", f"{API}/stations", {"name": "Depot"})).headers["Location"]
    etag = (await server.request("GET", station)).headers["ETag"]
    for wrong in ('"x"', "x", "W/", '""', ",", '"x", "y"', '"\'; --"', etag[:-3] + 'zz"'):
        answer = await server.request("PATCH", station, {"name": "Other"}, headers={"If-Match": wrong})
        assert answer.status_code == 412, wrong
    missing = await server.request("PATCH", f"{API}/stations/99", {"name": "Other"}, headers={"If-Match": "*"})
    assert missing.status_code in (404, 412)
    assert (await server.request("PATCH", station, {"name": "Other"}, headers={"If-Match": etag})).status_code == 200
    assert (await server.request("PATCH", station, {"name": "Third"}, headers={"If-Match": etag})).status_code == 412, (
        "it is used up"
    )


# --- what answers give away -----------------------------------------------------------------------------------------------------


async def test_a_key_that_there_is_costs_what_one_costs_that_there_is_not(
    server: TestServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = await server.login_as(TENANT_OWNER)
    made = await server.request("POST", f"{API}/api-keys", {"name": "k", "permissions": ["stations:read"]}, headers=owner)
    secret = made.json()["secret"]
    prefix, number, _ = secret.split("_", 2)
    work: list[str] = []
    same = keys.same

    def counted(one: str, other: str) -> bool:
        work.append("compared")
        return same(one, other)

    monkeypatch.setattr(ways, "same", counted)
    seen = []
    for shown in (f"{prefix}_{number}_wrong", f"{prefix}_99999_wrong"):
        work.clear()
        answer = await server.request("GET", f"{API}/stations", headers={"Authorization": f"Bearer {shown}"})
        body = {name: each for name, each in answer.json().items() if name != "request_id"}
        seen.append((answer.status_code, body, list(work)))
    assert seen[0] == seen[1]
    assert seen[0][0] == 401
    assert hashlib.sha256(secret.encode()).hexdigest() not in str(seen)


# --- slowness -------------------------------------------------------------------------------------------------------------------


async def test_bodies_that_never_come_keep_nobody_out(server: TestServer) -> None:
    port = int(server.api_url.rsplit(":", 1)[1])
    head = f"POST {API}/stations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.operator_key}\r\n"
    streams = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(100)]
    try:
        for number, stream in enumerate(streams):
            rest = "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{" if number % 2 else "X-Slow: "
            await stream.send_all((head + rest).encode())
        with trio.fail_after(10):
            assert (await server.request("GET", f"{API}/stations")).json()["total"] == 0
            assert (await server.request("POST", f"{API}/stations", {"name": "Depot"})).status_code == 201
    finally:
        for stream in streams:
            await trio.aclose_forcefully(stream)
    assert (await server.request("GET", f"{API}/stations")).json()["total"] == 1
