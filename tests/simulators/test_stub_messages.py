"""The stubs of WhatsApp and SMS as others see them: raw HTTP, outboxes, delivery reports and inbound messages."""

import base64
import hashlib
import hmac
import json
from urllib.parse import parse_qsl

import httpx
import pytest
import trio

from csms.testing.receiver import receiving
from simulators.sms import SmsStub
from simulators.whatsapp import WhatsAppStub

PATH = "/v21.0/100000000000001/messages"
NUMBER = "919000000001"


@pytest.fixture
async def hook():
    async with receiving() as receiver:
        yield receiver


@pytest.fixture
async def whatsapp(hook, nursery):
    stub = WhatsAppStub(seed=1, retry_s=(0.01,))
    stub.webhook_url = hook.url
    await nursery.start(stub.serve_tcp)
    async with httpx.AsyncClient(base_url=stub.url, trust_env=False, headers={"Authorization": f"Bearer {stub.token}"}) as client:
        stub.client = client
        yield stub
        await stub.poster.settled()
    nursery.cancel_scope.cancel()


async def told(stub, hook):
    """What the webhook heard, each with its signature checked."""
    with trio.fail_after(10):
        await stub.poster.settled()
    values = []
    for each in hook.received:
        wanted = hmac.new(stub.app_secret.encode(), each.body, hashlib.sha256).hexdigest()
        assert each.headers["x-hub-signature-256"] == f"sha256={wanted}"
        (entry,) = each.json["entry"]
        (change,) = entry["changes"]
        values.append(change["value"])
    return values


def template(*words, name="receipt", language="en"):
    parameters = [{"type": "text", "text": word} for word in words]
    said = {"name": name, "language": {"code": language}, "components": [{"type": "body", "parameters": parameters}]}
    return {"messaging_product": "whatsapp", "to": f"+{NUMBER}", "type": "template", "template": said}


def free(kind="text", **said):
    return {"messaging_product": "whatsapp", "to": NUMBER, "type": kind, kind: said or {"body": "Hello"}}


async def test_a_template_is_delivered(whatsapp, hook):
    answer = (await whatsapp.client.post(PATH, json=template("₹ 120.00", "CP-1"))).json()
    assert answer["contacts"] == [{"input": f"+{NUMBER}", "wa_id": NUMBER}]
    (message,) = answer["messages"]
    (sent,) = (await whatsapp.client.get("/stub/outbox", params={"to": "0001"})).json()["messages"]
    assert (sent["id"], sent["to"], sent["words"]) == (message["id"], NUMBER, "receipt (en)\nbody: ₹ 120.00, CP-1")
    states = [value["statuses"][0] for value in await told(whatsapp, hook)]
    assert [(each["id"], each["status"], each["recipient_id"]) for each in states] == [
        (message["id"], "sent", NUMBER),
        (message["id"], "delivered", NUMBER),
    ]
    await whatsapp.client.post(f"/stub/read/{message['id']}")
    assert (await told(whatsapp, hook))[-1]["statuses"][0]["status"] == "read"


async def test_free_words_only_to_who_wrote_lately(whatsapp, hook):
    await whatsapp.client.post(PATH, json=free())
    failed = (await told(whatsapp, hook))[-1]["statuses"][0]
    assert (failed["status"], failed["errors"][0]["code"]) == ("failed", 131047)
    asked = {"from": f"+{NUMBER}", "text": "START CP-1-1", "name": "Asha"}
    inbound = (await whatsapp.client.post("/stub/inbound", json=asked)).json()
    heard = (await told(whatsapp, hook))[-1]
    assert heard["contacts"] == [{"profile": {"name": "Asha"}, "wa_id": NUMBER}]
    assert (heard["messages"][0]["id"], heard["messages"][0]["text"]) == (inbound["id"], {"body": "START CP-1-1"})
    await whatsapp.client.post(PATH, json=free())
    assert (await told(whatsapp, hook))[-1]["statuses"][0]["status"] == "delivered"


async def test_pictures_and_buttons(whatsapp):
    files = {"file": ("qr.png", b"\x89PNG\r\n\x00\xff", "image/png")}
    uploaded = await whatsapp.client.post(
        "/v21.0/100000000000001/media", files=files, data={"messaging_product": "whatsapp", "type": "image/png"}
    )
    media_id = uploaded.json()["id"]
    assert (await whatsapp.client.post(PATH, json=free("image", id=media_id, caption="Scan"))).status_code == 200
    (sent,) = (await whatsapp.client.get("/stub/outbox")).json()["messages"]
    picture = await whatsapp.client.get(sent["links"]["media"])
    assert (picture.content, picture.headers["content-type"]) == (b"\x89PNG\r\n\x00\xff", "image/png")
    node = (await whatsapp.client.get(f"/v21.0/{media_id}")).json()
    assert (node["mime_type"], node["file_size"]) == ("image/png", 8)
    button = {"name": "cta_url", "parameters": {"display_text": "Pay", "url": "https://pay.example/1"}}
    said = free("interactive", type="cta_url", body={"text": "Please pay"}, action=button)
    await whatsapp.client.post(PATH, json=said)
    assert (await whatsapp.client.get("/stub/outbox")).json()["messages"][-1]["words"] == "Please pay\n[Pay] https://pay.example/1"
    assert "Please pay" in (await whatsapp.client.get("/")).text
    assert (await whatsapp.client.delete(f"/v21.0/{media_id}")).json() == {"success": True}
    assert (await whatsapp.client.post(PATH, json=free("image", id=media_id))).json()["error"]["code"] == 100


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"to": NUMBER}, 100),
        (free() | {"to": "nobody"}, 100),
        (free("text", body=""), 100),
        (free("text", body="x" * 4097), 100),
        (free("dance", step=1), 131051),
        (free("image", link="http://x", id="1"), 100),
        (
            free(
                "interactive",
                type="cta_url",
                body={"text": "x"},
                action={"name": "cta_url", "parameters": {"display_text": "x" * 21}},
            ),
            100,
        ),
        (template("a", "b", name="other"), 132001),
        (template("a", "b", language="hi"), 132001),
        (template("a"), 132000),
        (template("a", ""), 100),
    ],
)
async def test_bodies_that_whatsapp_refuses(whatsapp, body, code):
    await whatsapp.client.post("/stub/templates", json={"name": "receipt", "language": "en", "parameters": 2})
    answer = await whatsapp.client.post(PATH, json=body)
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["code"] == code
    assert (await whatsapp.client.get("/stub/outbox")).json()["messages"] == []


async def test_who_may_send_and_faults(whatsapp, hook):
    assert (await whatsapp.client.get("/v21.0/100000000000001")).json()["display_phone_number"]
    wrong = await whatsapp.client.post(PATH, json=template("a"), headers={"Authorization": "Bearer wrong"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (401, 190)
    for fault in ({"kind": "error", "status": 429}, {"kind": "error", "status": 500}, {"kind": "undeliverable"}):
        await whatsapp.client.post("/stub/faults", json=fault)
    codes = [(await whatsapp.client.post(PATH, json=template("a"))).json().get("error", {}).get("code") for _ in range(3)]
    assert codes == [130429, 131000, None]
    assert (await told(whatsapp, hook))[-1]["statuses"][0]["errors"][0]["code"] == 131026


async def test_the_webhook_is_verified(whatsapp, nursery):
    asked = []

    async def answering(stream):
        line = (await stream.receive_some()).split(b" ")[1].decode()
        query = dict(parse_qsl(line.partition("?")[2]))
        asked.append(query)
        words = query["hub.challenge"].encode() if query["hub.verify_token"] == "tell me" else b"no"
        await stream.send_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(words), words))
        await stream.aclose()

    (listener,) = await nursery.start(lambda task_status: trio.serve_tcp(answering, 0, host="127.0.0.1", task_status=task_status))
    url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/"
    for token, verified in (("tell me", True), ("another", False)):
        await whatsapp.client.post("/stub/webhook", json={"url": url, "verify_token": token})
        assert (await whatsapp.client.post("/stub/verify")).json() == {"verified": verified}
    assert asked[0]["hub.mode"] == "subscribe"


# --- SMS ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def sms(nursery, hook):
    stub = SmsStub(seed=1, retry_s=(0.01,))
    stub.webhook_url = hook.url
    await nursery.start(stub.serve_tcp)
    async with httpx.AsyncClient(base_url=stub.url, trust_env=False) as client:
        stub.client = client
        yield stub
        await stub.poster.settled()
    nursery.cancel_scope.cancel()


async def outbox(stub):
    return [(each["to"], each["words"], each["state"]) for each in (await stub.client.get("/stub/outbox")).json()["messages"]]


async def test_msg91(sms, hook):
    await sms.client.post("/stub/templates", json={"id": "T1", "text": "Your code is ##code##."})
    key = {"authkey": sms.auth_key}
    body = {"template_id": "T1", "recipients": [{"mobiles": NUMBER, "code": "123456"}]}
    done = (await sms.client.post("/api/v5/flow", json=body, headers=key)).json()
    assert done["type"] == "success"
    otp = await sms.client.post("/api/v5/otp", params={"template_id": "T1", "mobile": NUMBER, "code": "1"}, headers=key)
    assert otp.json()["type"] == "success"
    assert await outbox(sms) == [(NUMBER, "Your code is 123456.", "delivered"), (NUMBER, "Your code is 1.", "delivered")]
    with trio.fail_after(10):
        await sms.poster.settled()
    (report,) = hook.received[0].json
    assert (report["requestId"], report["report"][0]["number"], report["report"][0]["desc"]) == (
        done["message"],
        NUMBER,
        "DELIVERED",
    )
    for wrong, headers in (
        (body, {}),
        ({"template_id": "T2", "recipients": body["recipients"]}, key),
        ({"template_id": "T1"}, key),
    ):
        answer = await sms.client.post("/api/v5/flow", json=wrong, headers=headers)
        assert (answer.status_code in (400, 401), answer.json()["type"]) == (True, "error")


async def test_twilio(sms, hook):
    sid = sms.account_sid
    path, auth = f"/2010-04-01/Accounts/{sid}/Messages.json", (sid, sms.auth_token)
    form = {"To": f"+{NUMBER}", "From": "+15005550006", "Body": "नमस्ते", "StatusCallback": hook.url}
    made = await sms.client.post(path, data=form, auth=auth)
    assert (made.status_code, made.json()["status"], made.json()["body"]) == (201, "queued", "नमस्ते")
    with trio.fail_after(10):
        await sms.poster.settled()
    states = []
    for each in hook.received:
        told = dict(parse_qsl(each.body.decode()))
        words = hook.url + "".join(name + told[name] for name in sorted(told))
        wanted = base64.b64encode(hmac.new(sms.auth_token.encode(), words.encode(), hashlib.sha1).digest()).decode()
        assert each.headers["x-twilio-signature"] == wanted
        states.append((told["MessageSid"], told["MessageStatus"]))
    assert states == [(made.json()["sid"], "sent"), (made.json()["sid"], "delivered")]
    assert (await sms.client.get(f"/2010-04-01/Accounts/{sid}/Messages/{made.json()['sid']}.json", auth=auth)).json()[
        "status"
    ] == "delivered"
    assert (await sms.client.get(f"/2010-04-01/Accounts/{sid}.json", auth=auth)).json()["status"] == "active"
    for wrong, code in (({"To": "12"}, 21211), ({"From": ""}, 21603), ({"Body": ""}, 21602), ({"Body": "x" * 1601}, 21617)):
        answer = await sms.client.post(path, data=form | wrong, auth=auth)
        assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert (await sms.client.post(path, data=form, auth=(sid, "wrong"))).json()["code"] == 20003


async def test_faults_in_the_gateways_own_words(sms):
    sid = sms.account_sid
    for _ in range(2):
        await sms.client.post("/stub/faults", json={"kind": "error", "status": 429})
    twilio = await sms.client.post(f"/2010-04-01/Accounts/{sid}/Messages.json", auth=(sid, sms.auth_token))
    assert (twilio.status_code, twilio.json()["code"]) == (429, 20429)
    msg91 = await sms.client.post("/api/v5/flow", json={})
    assert (msg91.status_code, json.loads(msg91.text)["type"]) == (429, "error")
    await sms.client.post("/stub/faults", json={"kind": "undeliverable"})
    body = {"template_id": "T1", "recipients": [{"mobiles": NUMBER}]}
    await sms.client.post("/api/v5/flow", json=body, headers={"authkey": sms.auth_key})
    assert [state for _, _, state in await outbox(sms)] == ["undelivered"]
