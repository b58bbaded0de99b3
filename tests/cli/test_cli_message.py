"""``csms message``: what it asks of the server, and what it says of the answer."""

from __future__ import annotations

from .conftest import Run, Stub, facts

ROOT = "/api/v1/messages"
MESSAGE = {
    "id": 12,
    "template": "receipt",
    "recipient": "asha@example.org",
    "channel": "email",
    "state": "failed",
    "attempts": 3,
    "error": "no such mailbox",
    "is_secret": False,
    "created_at": "2026-01-31T12:00:00.000Z",
    "sent_at": None,
}


def test_lists_and_details(run: Run, stub: Stub) -> None:
    stub.answers["GET", ROOT] = (200, {"items": [MESSAGE], "limit": 50, "next": None})
    assert "no such mailbox" in run("message", "list", "--state", "failed", "--driver", "7").stdout
    assert stub.asked[-1][1] == f"{ROOT}?limit=50&state=failed&driver_id=7"
    assert facts(run("message", "list", "--json"))[0]["id"] == 12
    log = [{"at": "2026-01-31T12:00:01.000Z", "what": "never_sent", "channel": "email", "detail": "no such mailbox", "took_ms": 9}]
    detail = {"message": MESSAGE, "subject": "Receipt", "text": "It is paid.", "log": log}
    stub.answers["GET", f"{ROOT}/12"] = (200, detail)
    shown = run("message", "show", "12").stdout
    assert "It is paid." in shown
    assert "never_sent" in shown
    assert "2026-01-31 12:00:01Z" in shown
    stub.answers["GET", f"{ROOT}/12"] = (200, {**detail, "message": {**MESSAGE, "is_secret": True}})
    assert "(secret)" in run("message", "show", "12").stdout


def test_sending(run: Run, stub: Stub) -> None:
    stub.answers["POST", f"{ROOT}/12/resend"] = (200, {**MESSAGE, "state": "queued"})
    assert "is sent again by email" in run("message", "resend", "12").stdout
    stub.answers["POST", f"{ROOT}/test"] = (409, {"title": "Refused", "status": 409, "detail": "no channel carries messages here"})
    assert "no channel" in run("message", "test", "sms", "+919800000001", code=1).stderr
    stub.answers["POST", f"{ROOT}/test"] = (201, {**MESSAGE, "state": "queued"})
    assert "Message 12 is queued" in run("message", "test", "sms", "+919800000001", "--language", "hi").stdout
    assert stub.asked[-1][2] == {"channel": "sms", "recipient": "+919800000001", "template": "plain", "language": "hi"}


def test_words(run: Run, stub: Stub) -> None:
    item = {"name": "receipt", "kind": "billing", "about": "what it cost", "languages": ["en", "hi"], "own": [], "sent": True}
    stub.answers["GET", "/api/v1/message-templates"] = (200, {"items": [item], "page": 1, "limit": 200, "total": 1})
    assert "what it cost" in run("message", "templates", "--kind", "billing").stdout
    looks = {
        "subject": "Receipt",
        "text": "Hello",
        "html": "<p>",
        "sms": "paid",
        "sms_parts": 1,
        "sms_encoding": "gsm",
        "whatsapp": "w",
    }
    stub.answers["POST", "/api/v1/message-templates/receipt/preview"] = (200, looks)
    assert run("message", "preview", "receipt", "--field", "station=Pune", "--field", "ended_at=0").stdout == "Receipt\n\nHello\n"
    assert stub.asked[-1][2] == {"language": "en", "fields": {"station": "Pune", "ended_at": "0"}}
    assert "1 part(s), gsm" in run("message", "preview", "receipt", "--form", "sms").stdout
    run("message", "preview", "receipt", "--field", "station", code=2)
