"""Messages over HTTP: what people are told, in which words, and what they choose."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from csms.config import Config, IdentityConfig
from csms.core.access import DRIVER, SUPPORT, TENANT_OPERATOR, TENANT_OWNER
from csms.core.ids import DEFAULT_TENANT
from csms.core.messages import NeverSent, NotSent
from csms.domain.tenants import service as tenants
from csms.hooks import Notice
from csms.testing.channels import FakeChannel, plugin_of
from csms.testing.server import TestServer, config_for

PUBLIC = "https://csms.example.org"


@pytest.fixture
def email() -> FakeChannel:
    return FakeChannel("email")


@pytest.fixture
def sms() -> FakeChannel:
    return FakeChannel("sms")


@pytest.fixture
def server_config(tmp_path: Path) -> Config:
    identity = IdentityConfig(
        password_memory_kib=64, password_passes=1, messages="channels", public_url=PUBLIC, registration="drivers"
    )
    return config_for(tmp_path, identity=identity)


@pytest.fixture
def server_plugins(email: FakeChannel, sms: FakeChannel) -> Mapping[str, object]:
    return {"post": plugin_of(email, sms)}


async def ask(server: TestServer, method: str, path: str, body: Any = None, *, status: int = 200, **more: Any) -> Any:
    answer = await server.request(method, f"/api/v1{path}", body, **more)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content and "json" in answer.headers["Content-Type"] else answer.text


async def tell(server: TestServer, **notice: Any) -> None:
    assert await server.ports.messenger.tell(Notice(**notice), tenant=DEFAULT_TENANT) is not None


async def test_a_message_from_its_notice_to_its_end(server: TestServer, email: FakeChannel, sms: FakeChannel) -> None:
    driver = await ask(server, "POST", "/drivers", {"name": "Asha", "email": "asha@example.org"}, status=201)
    email.answers = [NeverSent("no such mailbox")]
    await tell(server, key="c-1", template="receipt", fields={"amount_minor": "24150"}, driver_id=driver["id"])
    await server.eventually("SELECT 1 FROM messages WHERE state = 'failed'")
    listed = await ask(server, "GET", "/messages?state=failed&template=receipt")
    assert [each["recipient"] for each in listed["items"]] == ["asha@example.org"]
    assert await ask(server, "GET", "/messages?waiting=true") == {"items": [], "limit": 20, "next": None}
    path = f"/messages/{listed['items'][0]['id']}"
    shown = await ask(server, "GET", path)
    assert [each["what"] for each in shown["log"]] == ["queued", "never_sent", "failed"]
    assert (shown["message"]["error"], shown["fields"]) == ("no such mailbox", {"amount_minor": "24150"})

    again = await ask(server, "POST", f"{path}/resend")
    assert again["reference"] != shown["message"]["reference"]
    await server.eventually("SELECT 1 FROM messages WHERE state = 'sent'")
    shown = await ask(server, "GET", path)
    assert "₹241.50" in shown["text"]
    assert shown["message"]["sent_at"].endswith("Z")
    await server.ports.messenger.heard_back("email", "email-1", "read")
    assert (await ask(server, "GET", path))["message"]["state"] == "read"
    audit = await ask(server, "GET", "/audit?subject_kind=message")
    assert [each["action"] for each in audit["items"]] == ["messages.resend"]
    await ask(server, "GET", "/messages/99", status=404)
    await ask(server, "POST", "/messages/99/resend", status=404)
    await ask(server, "GET", "/messages?state=lost", status=422)


async def test_one_time_codes_go_by_channels_and_are_never_shown(server: TestServer, sms: FakeChannel, email: FakeChannel) -> None:
    body = {"email": "ravi@example.org", "name": "Ravi", "password": "a long enough password"}
    await ask(server, "POST", "/auth/register", body, status=202, authorized=False)
    (sent,) = await email.until(1)
    await server.eventually("SELECT 1 FROM messages WHERE state = 'sent'")
    code = next(word for word in sent.text.replace(".", " ").split() if word.isdigit() and len(word) == 6)
    listed = await ask(server, "GET", "/messages")
    (message,) = listed["items"]
    assert (message["kind"], message["is_secret"]) == ("codes", True)
    shown = await server.request("GET", f"/api/v1/messages/{message['id']}")
    assert code not in shown.text
    assert shown.json()["text"] == ""
    await ask(server, "POST", f"/messages/{message['id']}/resend", status=409)
    assert code not in str(await server.rows("SELECT * FROM messages")) + str(await server.rows("SELECT * FROM notices"))
    owner = await server.login_as(TENANT_OWNER)
    seen = await ask(server, "GET", "/messages", headers=owner)
    assert {each["kind"] for each in seen["items"]} <= {"membership"}, "who logs in where is not the tenant's to know"
    await ask(server, "GET", f"/messages/{message['id']}", headers=owner, status=404)


async def test_a_tenants_own_words(server: TestServer, email: FakeChannel) -> None:
    listed = await ask(server, "GET", "/message-templates?kind=charging&search=ended")
    assert [(each["name"], each["languages"], each["own"]) for each in listed["items"]] == [("charging_ended", ["en", "hi"], [])]
    one = "/message-templates/charging_ended/hi"
    shipped = await ask(server, "GET", one)
    assert shipped["version"] == 0
    assert "energy" in shipped["variables"]
    draft = {
        "subject": "{{ energy }} ऊर्जा",
        "text": "{{ name }}: {{ energy }}",
        "approvals": {"whatsapp": {"name": "ended_v1", "parameters": ["energy"]}},
    }
    looks = await ask(server, "POST", "/message-templates/charging_ended/preview", {"language": "hi", "draft": draft})
    assert (looks["subject"], looks["parameters"]) == ("15.34 kWh ऊर्जा", {"whatsapp": ["15.34 kWh"]})
    looks = await ask(server, "POST", "/message-templates/charging_ended/preview", {"fields": {"energy_wh": "1000"}})
    assert "1.00 kWh" in looks["sms"]
    assert looks["sms_encoding"] == "gsm"

    kept = await ask(server, "PUT", one, draft)
    assert (kept["version"], kept["changed_by"]) == (1, "operator key")
    await ask(server, "PUT", one, {**draft, "subject": "{{ energy }}!"})
    versions = await ask(server, "GET", f"{one}/versions")
    assert [each["version"] for each in versions] == [2, 1]
    bad = await server.request("PUT", f"/api/v1{one}", {**draft, "text": "{{ ''.__class__ }}"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "text")
    driver = await ask(server, "POST", "/drivers", {"name": "Asha", "email": "a@example.org", "language": "hi"}, status=201)
    notice = {"template": "charging_ended", "fields": {"energy_wh": "2000"}, "driver_id": driver["id"]}
    await tell(server, key="1", **notice)
    assert (await email.until(1))[0].subject == "2.00 kWh!"
    await ask(server, "DELETE", one, status=204)
    await ask(server, "DELETE", one, status=404)
    await tell(server, key="2", **notice)
    assert (await email.until(2))[1].subject == "चार्जिंग पूरी हुई: 2.00 kWh"
    await ask(server, "GET", "/message-templates/nonsense/hi", status=404)
    await ask(server, "GET", "/message-templates/receipt/no-language-at-all-x", status=404)
    await ask(server, "POST", "/message-templates/receipt/preview", {"fields": {"iban": "1"}}, status=422)


async def test_settings_tests_and_channels(server: TestServer, email: FakeChannel, sms: FakeChannel) -> None:
    shown = await ask(server, "GET", "/messages/settings")
    assert shown["usual_channels"] == ["email", "sms"]
    changed = await ask(
        server, "PATCH", "/messages/settings", {"channels": ["sms", "email"], "off": ["charging"], "quiet_from": "22:00"}
    )
    assert changed["usual_channels"] == ["sms", "email"]
    assert [each["sent"] for each in changed["kinds"] if each["name"] == "charging"] == [False]
    await ask(server, "PATCH", "/messages/settings", {"off": ["codes"]}, status=422)
    await ask(server, "PATCH", "/messages/settings", {"quiet_from": "25:00"}, status=422)

    tried = {"channel": "sms", "recipient": "+919800000001", "template": "low_balance", "language": "hi"}
    made = await ask(server, "POST", "/messages/test", tried, status=201)
    assert made["recipient"] == "+919800000001"
    assert "₹42.00" in (await sms.until(1))[0].text
    await ask(server, "POST", "/messages/test", {**tried, "template": "charging_ended"}, status=409)
    await ask(server, "POST", "/messages/test", {**tried, "recipient": "nobody"}, status=422)
    await ask(server, "POST", "/messages/test", {**tried, "template": "nonsense"}, status=422)

    listed = await ask(server, "GET", "/message-channels")
    assert [(each["name"], each["place"], each["sent"]) for each in listed["items"]] == [("email", 2, 0), ("sms", 1, 1)]
    busiest = await ask(server, "GET", "/message-channels?used=true&sort=-sent")
    assert [each["name"] for each in busiest["items"]] == ["sms", "email"]
    assert (await ask(server, "GET", "/message-channels?used=false"))["items"] == []
    assert await ask(server, "POST", "/message-channels/email/check") == {"name": "email", "ok": True, "found": "all is well"}
    email.found = NotSent("the password is wrong")
    assert (await ask(server, "POST", "/message-channels/email/check"))["found"] == "the password is wrong"
    await ask(server, "POST", "/message-channels/fax/check", status=404)


async def test_people_choose_what_they_are_told(server: TestServer, email: FakeChannel, sms: FakeChannel) -> None:
    asha = await server.login_as(DRIVER, email="asha@example.org")
    await email.until(1)  # welcome
    mine = "/me/notification-preferences"
    shown = await ask(server, "GET", mine, headers=asha)
    assert (shown["channels"], shown["reached_by"]) == (["email", "sms"], ["email"])
    assert "codes" in [each["name"] for each in shown["kinds"]]
    changed = await ask(server, "PATCH", mine, {"off": ["progress"], "quiet_from": "21:00", "quiet_to": "07:00"}, headers=asha)
    assert changed["preferences"]["off"] == ["progress"]
    changed = await ask(server, "PATCH", mine, {"clear": ["quiet_from", "quiet_to"], "language": "hi"}, headers=asha)
    assert (changed["preferences"]["quiet_from"], changed["preferences"]["language"]) == (None, "hi")
    await ask(server, "PATCH", mine, {"off": ["billing"]}, headers=asha, status=422)
    await ask(server, "PATCH", mine, {"time_zone": "Asia/Nowhere"}, headers=asha, status=422)
    await ask(server, "GET", mine, status=403)

    (driver,) = (await ask(server, "GET", "/drivers"))["items"]
    await tell(server, key="r", template="reservation_made", fields={"charger_id": "C1"}, driver_id=driver["id"])
    sent = (await email.until(2))[1]
    token = sent.unsubscribe_url.removeprefix(f"{PUBLIC}/api/v1")
    assert token.startswith("/unsubscribe/")
    assert sent.unsubscribe_url in sent.html
    seen = await server.request("GET", f"/api/v1{token}", authorized=False)
    assert (seen.status_code, seen.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (await ask(server, "GET", mine, headers=asha))["preferences"]["off"] == ["progress"], "looking changes nothing"
    one_click = {"Content-Type": "application/x-www-form-urlencoded"}
    done = await server.send("POST", f"/api/v1{token}", b"List-Unsubscribe=One-Click", headers=one_click)
    assert done.status_code == 200
    assert (await ask(server, "GET", mine, headers=asha))["preferences"]["off"] == ["progress", "reservations"]
    await ask(server, "GET", f"{token[:-4]}AAAA", authorized=False, status=404)

    mail = await ask(server, "GET", "/me/messages", headers=asha)
    assert [each["template"] for each in mail["items"]] == ["reservation_made", "welcome"]
    assert mail["items"][0]["text"].startswith("C1")
    for narrowed, found in (("template=welcome", 1), ("channel=email", 2), ("channel=fax", 0), ("to_at=2020-01-01T00:00:00Z", 0)):
        assert len((await ask(server, "GET", f"/me/messages?{narrowed}", headers=asha))["items"]) == found, narrowed


async def test_who_may_and_whose(server: TestServer, email: FakeChannel) -> None:
    driver = await ask(server, "POST", "/drivers", {"name": "Asha", "email": "asha@example.org"}, status=201)
    await tell(server, key="1", template="receipt", driver_id=driver["id"])
    await email.until(1)
    other = await server.do(partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC"))
    stranger = await server.login_as(TENANT_OWNER, tenant=other)
    (message,) = await server.rows("SELECT id FROM messages WHERE template = 'receipt'")
    await ask(server, "GET", f"/messages/{message['id']}", headers=stranger, status=404)
    await ask(server, "POST", f"/messages/{message['id']}/resend", headers=stranger, status=404)
    assert "receipt" not in str((await ask(server, "GET", "/messages", headers=stranger))["items"])
    support = await server.login_as(SUPPORT)
    await ask(server, "GET", f"/messages/{message['id']}", headers=support)
    await ask(server, "POST", f"/messages/{message['id']}/resend", headers=support, status=403)
    some = await server.login_as(TENANT_OPERATOR, stations=[])
    await ask(server, "GET", "/messages", headers=some, status=403)
    await ask(server, "GET", "/messages", headers=await server.login_as(DRIVER), status=403)
    await ask(server, "GET", "/messages", authorized=False, status=401)
    assert await ask(server, "PUT", "/message-templates/receipt/en", {"subject": "x", "text": "y"}, headers=stranger)
    assert (await ask(server, "GET", "/message-templates/receipt/en"))["version"] == 0
