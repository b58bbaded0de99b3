"""Webhooks over HTTP: the life of one, what is refused, and who may."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from csms.config import Config
from csms.config.webhooks import WebhooksConfig
from csms.core.ids import TenantId
from csms.core.units import iso
from csms.domain.webhooks.signing import sign
from csms.testing.fixtures import ConnectCharger
from csms.testing.live import listen
from csms.testing.receiver import receiving
from csms.testing.server import TestServer

HOOKS = "/api/v1/webhooks"


@pytest.fixture
def server_config(server_config: Config) -> Config:
    return attrs.evolve(server_config, webhooks=WebhooksConfig(allow_http=True, allowed_networks=("127.0.0.0/8",)))


@pytest.mark.usefixtures("hurried_jobs")
async def test_the_life_of_a_webhook(server: TestServer, charger: ConnectCharger) -> None:
    started_at = server.ports.clock.now()
    async with receiving() as receiver:
        billing, once = {"name": "billing", "url": receiver.url, "events": ["charger_*"]}, {"Idempotency-Key": "a"}
        added = await server.request("POST", HOOKS, billing, headers=once)
        assert added.status_code == 201
        assert (await server.request("POST", HOOKS, billing, headers=once)).json() == added.json()
        made, secret = added.json()["webhook"], added.json()["secret"]
        path = added.headers["Location"]
        assert (path, secret[:6], made["state"]) == (f"{HOOKS}/{made['id']}", "whsec_", "active")
        assert secret not in (await server.request("GET", path)).text
        assert secret not in str(await server.rows("SELECT * FROM webhooks")), "sealed at rest"
        for table in ("audit_log", "given_answers"):
            assert secret not in str(await server.rows(f"SELECT * FROM {table}"))

        tested = (await server.request("POST", f"{path}/test")).json()
        assert (tested["state"], tested["status"], tested["event_id"]) == ("delivered", 200, None)
        assert receiver.received[0].json["type"] == "webhook_test"

        await charger("CP1")
        await receiver.until(4)
        got = next(each for each in receiver.received if each.json["type"] == "charger_booted")
        at = int(got.headers["webhook-timestamp"])
        assert got.headers["webhook-signature"] == sign(secret, got.headers["webhook-id"], at, got.body)
        assert (await server.request("GET", f"/api/v1/events/{got.json['event_id']}")).json() == got.json | {"request_id": ""}
        async with listen(server, f"?last_event_id={got.json['event_id'] - 1}&kinds=connections") as stream:
            assert await stream.next() == ("charger_booted", got.json), "the same everywhere"

        page = (await server.request("GET", f"{path}/deliveries?limit=2&state=delivered")).json()
        assert (len(page["items"]), page["items"][0]["status"], bool(page["next"])) == (2, 200, True)
        older = (await server.request("GET", f"{path}/deliveries?after={page['next']}")).json()["items"]
        assert all(each["id"] < page["items"][-1]["id"] for each in older)
        (one,) = (await server.request("GET", f"{path}/deliveries?event_type=charger_booted")).json()["items"]
        detail = (await server.request("GET", f"{path}/deliveries/{one['id']}")).json()
        assert detail["request"].encode() == got.body
        assert detail["message_id"] == got.headers["webhook-id"]

        count = len(receiver.received)
        again = await server.request("POST", f"{path}/deliveries/{one['id']}/redeliver")
        assert (again.status_code, again.json()["state"]) == (200, "waiting")
        await receiver.until(count + 1)
        assert receiver.received[-1].headers["webhook-id"] == got.headers["webhook-id"]

        changed = await server.request("PATCH", path, {"events": ["transaction_*"], "name": "bills"})
        assert (changed.json()["name"], changed.json()["events"]) == ("bills", ["transaction_*"])
        stale = await server.request("PATCH", path, {"name": "x"}, headers={"If-Match": '"old"'})
        assert stale.status_code == 412
        rotated = (await server.request("POST", f"{path}/secret", {"overlap_s": 60})).json()
        assert rotated["secret"] != secret
        assert rotated["webhook"]["previous_secret_until_at"] is not None

        paused = (await server.request("POST", f"{path}/pause", {"reason": "holidays"})).json()
        assert (paused["state"], paused["pause_reason"]) == ("paused", "holidays")
        assert (await server.request("POST", f"{path}/pause", {})).status_code == 409
        assert [each["id"] for each in (await server.request("GET", f"{HOOKS}?state=paused")).json()["items"]] == [made["id"]]
        await server.request("PATCH", path, {"events": ["*"]})
        count = len(receiver.received)
        await charger("CP2")
        passed = "SELECT 1 FROM cursors WHERE consumer = 'core.webhooks' AND sequence >= (SELECT max(sequence) FROM events)"
        await server.eventually(passed)  # while it is paused, not only once it is resumed
        assert (await server.request("POST", f"{path}/resume")).json()["state"] == "active"
        redelivered = await server.request("POST", f"{path}/redeliver", {"since_at": iso(started_at)})
        assert redelivered.json()["deliveries"] >= 4, "what happened while it was paused"
        await receiver.until(count + redelivered.json()["deliveries"])
        assert "CP2" in {each.json["charger_id"] for each in receiver.received[count:]}

        assert (await server.request("DELETE", path)).status_code == 204
        for method, rest in (("GET", ""), ("GET", "/deliveries"), ("POST", "/test"), ("POST", "/pause")):
            body: Any = {} if rest == "/pause" else None
            assert (await server.request(method, f"{path}{rest}", body)).status_code == 404
    actions = {row["action"] for row in await server.rows("SELECT action FROM audit_log")}
    assert {f"webhooks.{each}" for each in ("add", "test", "change", "rotate", "pause", "resume", "redeliver", "remove")} <= actions


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"url": "https://example.com"}, "name"),
    ({"name": "", "url": "https://example.com"}, "name"),
    ({"name": "x", "url": "ftp://example.com"}, "url"),
    ({"name": "x", "url": "https://me:secret@example.com"}, "url"),
    ({"name": "x", "url": "https://example.com", "events": []}, "events"),
    ({"name": "x", "url": "https://example.com", "events": ["a b"]}, "events"),
    ({"name": "x", "url": "https://example.com", "events": ["transactions"]}, "transaction_ended"),
    ({"name": "x", "url": "https://example.com", "stations": [77]}, "stations"),
    ({"name": "x", "url": "https://example.com", "chargers": ["nobody"]}, "chargers"),
    ({"name": "x", "url": "https://example.com", "secret": "mine"}, "secret"),
]


async def test_what_is_refused(server: TestServer) -> None:
    for body, field in WRONG:
        answer = await server.request("POST", HOOKS, body)
        assert (answer.status_code, field in answer.text) == (422, True), body
    assert (await server.request("GET", HOOKS)).json()["total"] == 0


async def test_who_may(server: TestServer) -> None:
    body = {"name": "mine", "url": "https://example.com/hook"}
    owner = await server.login_as("tenant_owner")
    made = (await server.request("POST", HOOKS, body, headers=owner)).json()["webhook"]
    assert (await server.request("POST", HOOKS, body, headers=owner)).status_code == 409, "the name is taken"
    for role in ("tenant_operator", "support", "driver"):
        login = await server.login_as(role)
        assert (await server.request("GET", HOOKS, headers=login)).status_code == 403
        assert (await server.request("POST", HOOKS, body, headers=login)).status_code == 403
    assert (await server.request("GET", HOOKS, authorized=False)).status_code == 401
    north = {"slug": "north", "name": "North", "currency": "EUR", "time_zone": "Europe/Berlin"}
    tenant = (await server.request("POST", "/api/v1/tenants", north)).json()["id"]
    other = await server.login_as("tenant_owner", tenant=TenantId(tenant))
    for method, rest in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("GET", "/deliveries"),
        ("POST", "/secret"),
        ("POST", "/test"),
    ):
        answer = await server.request(method, f"{HOOKS}/{made['id']}{rest}", {} if method != "GET" else None, headers=other)
        assert answer.status_code == 404, (method, rest)
    assert (await server.request("GET", HOOKS, headers=other)).json()["total"] == 0


class TestRefusedTargets:
    @pytest.fixture
    def server_config(self, server_config: Config) -> Config:
        return attrs.evolve(server_config, webhooks=WebhooksConfig(allow_http=True))

    async def test_no_way_into_the_operators_network(self, server: TestServer) -> None:
        async with receiving() as inside:
            for url in (
                inside.url,
                inside.url.replace("127.0.0.1", "localhost"),
                inside.url.replace("127.0.0.1", "[::ffff:127.0.0.1]"),
                server.api_url,
            ):
                refused = await server.request("POST", HOOKS, {"name": "plain", "url": url})
                assert refused.status_code == 422
                assert "no address of the public network" in refused.text
            for number, name in enumerate(("127.1", "2130706433", "0x7f.0.0.1")):  # names as far as anybody can tell before asking
                added = await server.request("POST", HOOKS, {"name": f"n{number}", "url": inside.url.replace("127.0.0.1", name)})
                tested = (await server.request("POST", f"{added.headers['Location']}/test")).json()
                assert (tested["state"], tested["status"]) == ("failed", None)
                assert "no address of the public network" in tested["error"]
                assert tested["answer"] == ""
        assert not inside.received
