"""Identity providers over HTTP: their tokens open the API, and their webhooks change users, on a running server."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

from csms.config import IdentityConfig
from csms.config.providers import ProviderConfig
from csms.core.access import DRIVER, TENANT_OPERATOR, TENANT_OWNER
from csms.testing.receiver import Received, Receiver, receiving
from csms.testing.server import TestServer, config_for, running_server

from .conftest import API
from .provider_kit import AUDIENCE, SECRET, Key, claims, ec_key, public, signed, token

KEY, NEXT = ec_key(), ec_key()


@attrs.define
class Outside:
    """A server and a provider that it trusts."""

    server: TestServer
    receiver: Receiver
    issuer: str
    keys: list[dict[str, Any]]

    @property
    def now(self) -> int:
        return self.server.ports.clock.now()

    def token(self, *, key: Key = KEY, kid: str = "one", **more: Any) -> str:
        return token(key, claims(now=self.now, issuer=self.issuer, **more), kid=kid)

    async def get(self, path: str, text: str, **headers: str) -> httpx.Response:
        headers["Authorization"] = f"Bearer {text}"
        return await self.server.request("GET", f"{API}{path}", authorized=False, headers=headers)

    async def tell(self, payload: Any, *, message_id: str, at: int | None = None, signature: str = "") -> int:
        """The status of a webhook message."""
        body = json.dumps(payload).encode()
        named = signed(body, at=self.now if at is None else at, message_id=message_id)
        named["svix-signature"] = signature or named["svix-signature"]
        async with httpx.AsyncClient(base_url=self.server.api_url) as client:
            return (await client.post(f"{API}/auth/webhooks/clerk", content=body, headers=named)).status_code


@asynccontextmanager
async def outside(folder: Path, **more: Any) -> AsyncIterator[Outside]:
    keys = [public(KEY, "one")]

    def judge(asked: Received) -> int:
        found = {
            "/.well-known/openid-configuration": {"issuer": issuer, "jwks_uri": f"{issuer}/jwks"},
            "/jwks": {"keys": keys},
        }.get(asked.path)
        receiver.answer = json.dumps(found).encode()
        return 200 if found else 404

    async with receiving(judge=judge) as receiver:
        issuer = receiver.url.removesuffix("/hook")
        provider = ProviderConfig(
            issuer=issuer,
            audiences=(AUDIENCE,),
            role_claim="metadata.role",
            roles={"boss": TENANT_OWNER, "crew": TENANT_OPERATOR},
            webhook_secrets=(SECRET,),
            **more,
        )
        config = config_for(
            folder, identity=IdentityConfig(password_memory_kib=64, password_passes=1, providers={"clerk": provider})
        )
        async with running_server(config) as server:
            yield Outside(server, receiver, issuer, keys)


def clerk(kind: str, at: int, **more: Any) -> dict[str, Any]:
    """A message of Clerk's about the user ``u1``."""
    return {"type": kind, "data": {"id": "u1", "object": "user", "first_name": "Asha", "updated_at": at, **more}}


async def test_tokens_of_a_provider_open_the_api(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with outside(tmp_path) as known:
        boss: Any = {"metadata": {"role": "boss"}}
        first = known.token(name="Asha", email="asha@example.org", email_verified=True, **boss)
        account = await known.get("/me/account", first)
        assert account.status_code == 200, account.text
        shown = account.json()
        assert (shown["role"], shown["memberships"][0]["tenant"]) == (TENANT_OWNER, "default")
        assert (await known.get("/users", first)).json()["items"][0]["email"] == "asha@example.org"
        asked = len(known.receiver.received)
        for _ in range(3):
            assert (await known.get("/users", first)).status_code == 200
        assert len(known.receiver.received) == asked

        crew = known.token(metadata={"role": "crew"}, iat=known.now // 1000 + 1)
        assert (await known.get("/me/account", crew)).json()["role"] == TENANT_OPERATOR
        assert (await known.get("/audit", first)).status_code == 403, "the older token is worth what the newer said"
        assert len(await known.server.rows("SELECT id FROM users")) == 1

        assert (await known.get("/me/account", known.token(sub="u2"))).status_code == 403, "no role, and no default"
        assert (await known.get("/me/account", known.token(key=NEXT))).status_code == 401
        assert (await known.get("/me/account", known.token(aud="other", **boss))).status_code == 401
        assert (await known.get("/me/account", first, **{"X-Tenant": "default"})).status_code == 200
        assert (await known.get("/me/account", first, **{"X-Tenant": "other"})).status_code == 404
        cookie = await known.server.request(
            "GET", f"{API}/me/account", authorized=False, headers={"Cookie": f"csms_access={first}"}
        )
        assert cookie.status_code == 401, "these tokens are shown in a header only"

        user_id = shown["user"]["id"]
        assert (await known.server.request("POST", f"{API}/users/{user_id}/disable")).status_code == 200
        again = known.token(**boss, iat=known.now // 1000 + 2)
        for text in (first, crew, again):
            assert (await known.get("/me/account", text)).status_code == 403
        seen = [
            each["type"] for each in await known.server.rows("SELECT type FROM events WHERE type LIKE 'user_%' ORDER BY sequence")
        ]
        assert seen == ["user_joined", "user_changed", "user_changed"]
        for secret in (first, crew, first.split(".")[2]):
            assert secret not in caplog.text
            for file in tmp_path.glob("csms.db*"):
                assert secret.encode() not in file.read_bytes()


async def test_the_first_requests_of_somebody_may_come_at_once(tmp_path: Path) -> None:
    async with outside(tmp_path, default_role=DRIVER) as known:
        statuses: list[int] = []

        async def ask(number: int) -> None:
            statuses.append((await known.get("/me/account", known.token(jti=str(number)))).status_code)

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(ask, number)
        assert statuses == [200] * 8
        assert len(await known.server.rows("SELECT id FROM users")) == 1
        assert [each.path for each in known.receiver.received] == ["/.well-known/openid-configuration", "/jwks"]


async def test_a_provider_that_is_away(tmp_path: Path) -> None:
    async with outside(tmp_path, default_role=DRIVER) as known:
        known.receiver.judge = lambda _: 500
        answer = await known.get("/me/account", known.token())
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert (await known.server.request("GET", f"{API}/users")).status_code == 200, "others are let in as ever"


async def test_webhooks_make_change_and_deactivate_users(tmp_path: Path) -> None:
    async with outside(tmp_path, default_role=DRIVER) as known:
        at = known.now - 60_000
        email = {"id": "e1", "email_address": "asha@example.org", "verification": {"status": "verified"}}
        made = clerk("user.created", at, email_addresses=[email], primary_email_address_id="e1")
        assert await known.tell(made, message_id="m1") == 204
        members = (await known.server.request("GET", f"{API}/users")).json()["items"]
        assert [(each["name"], each["email"], each["role"]) for each in members] == [("Asha", "asha@example.org", DRIVER)]
        user_id = members[0]["id"]
        early = known.token(iat=at // 1000 + 1)
        assert (await known.get("/me/account", early)).json()["user"]["id"] == user_id, "it is who the token names, too"

        newer = clerk("user.updated", at + 2000, first_name="Asha Rao", public_metadata={"role": "boss"})
        assert await known.tell(newer, message_id="m3") == 204
        assert await known.tell(clerk("user.updated", at + 1000, first_name="Late"), message_id="m2") == 204
        assert await known.tell(clerk("user.updated", at + 9000, first_name="Twice"), message_id="m3") == 204
        member = (await known.server.request("GET", f"{API}/users/{user_id}")).json()
        assert (member["name"], member["role"]) == ("Asha Rao", TENANT_OWNER)

        login = await known.server.login_of(user_id)
        text = known.token(metadata={"role": "boss"})
        assert (await known.get("/me/account", text)).status_code == 200
        gone = {"type": "user.deleted", "data": {"id": "u1", "deleted": True}}
        assert await known.tell(gone, message_id="f1", signature="v1,AAAA") == 401
        assert await known.tell(gone, message_id="f2", at=known.now - 400_000) == 401
        assert (await known.get("/me/account", text)).status_code == 200
        assert await known.tell(gone, message_id="m4") == 204
        assert (await known.get("/me/account", text)).status_code == 403
        assert (await known.get("/me/account", known.token(metadata={"role": "boss"}, jti="2"))).status_code == 403
        assert (await known.server.request("GET", f"{API}/me/account", authorized=False, headers=login)).status_code == 401
        assert await known.tell(clerk("user.updated", known.now), message_id="m5") == 204
        assert (await known.get("/me/account", text)).status_code == 403, "who was deleted does not come back"

        assert await known.tell({"type": "session.created", "data": {"id": "s1"}}, message_id="m6") == 204
        assert await known.tell(["no message"], message_id="m7") == 400
        nowhere = await known.server.send("POST", f"{API}/auth/webhooks/other", b"{}")
        assert nowhere.status_code == 404
        entries = (await known.server.request("GET", f"{API}/audit?action=identity_providers.hear")).json()["items"]
        assert [each["detail"]["what"] for each in entries] == ["deleted", "changed", "made"]
        assert {(each["actor_kind"], each["actor_name"]) for each in entries} == {("identity_provider", "identity provider clerk")}
