"""``csms webhook``: what it asks of the server, and what it says of the answer."""

from __future__ import annotations

from .conftest import Run, Stub, facts

ROOT = "/api/v1/webhooks"
HOOK = {
    "id": 3,
    "name": "billing",
    "url": "https://example.com/csms",
    "events": ["transaction_*"],
    "state": "active",
    "failures": 0,
    "last_error": "",
    "delivered_at": "2026-01-31T12:00:00.000Z",
}
DELIVERY = {"id": 7, "event_id": 4711, "event_type": "transaction_ended", "charger_id": "C1", "state": "failed", "attempts": 12}


def test_adding_shows_the_secret_once(run: Run, stub: Stub) -> None:
    stub.answers["POST", ROOT] = (201, {"webhook": HOOK, "secret": "whsec_abc"})
    shown = run("webhook", "add", "billing", "https://example.com/csms", "--event", "transaction_*", "--charger", "C1")
    assert "whsec_abc" in shown.stdout
    body = {"name": "billing", "url": "https://example.com/csms", "events": ["transaction_*"], "stations": [], "chargers": ["C1"]}
    assert stub.asked == [("POST", ROOT, body)]


def test_lists(run: Run, stub: Stub) -> None:
    stub.answers["GET", ROOT] = (200, {"items": [HOOK], "page": 1, "limit": 200, "total": 1})
    assert "2026-01-31 12:00:00Z" in run("webhook", "list").stdout
    stub.answers["GET", f"{ROOT}/3/deliveries"] = (
        200,
        {"items": [{**DELIVERY, "error": "the answer was 500"}], "limit": 50, "next": None},
    )
    assert "the answer was 500" in run("webhook", "deliveries", "3", "--state", "failed").stdout
    assert stub.asked[-1][1] == f"{ROOT}/3/deliveries?limit=50&state=failed"
    assert facts(run("webhook", "deliveries", "3", "--json"))[0]["event_id"] == 4711


def test_sending_again(run: Run, stub: Stub) -> None:
    stub.answers["POST", f"{ROOT}/3/deliveries/7/redeliver"] = (200, {**DELIVERY, "state": "waiting"})
    assert "is sent again" in run("webhook", "redeliver", "3", "--delivery", "7").stdout
    stub.answers["POST", f"{ROOT}/3/redeliver"] = (200, {"deliveries": 12})
    assert "12 deliveries" in run("webhook", "redeliver", "3", "--since", "2026-01-31T12:00Z", "--failed").stdout
    assert stub.asked[-1][2] == {"since_at": "2026-01-31T12:00:00.000Z", "missed": False}
    run("webhook", "redeliver", "3", code=2)


def test_pausing_resuming_and_trying(run: Run, stub: Stub) -> None:
    stub.answers["POST", f"{ROOT}/3/pause"] = (200, {**HOOK, "state": "paused"})
    stub.answers["POST", f"{ROOT}/3/resume"] = (409, {"title": "Refused", "status": 409, "detail": "webhook 3 is not paused"})
    stub.answers["POST", f"{ROOT}/3/test"] = (200, {**DELIVERY, "state": "failed", "error": "the answer was 404", "took_ms": 5})
    assert "is paused" in run("webhook", "pause", "3", "--reason", "rebuilt").stdout
    assert "is not paused" in run("webhook", "resume", "3", code=1).stderr
    assert "the answer was 404" in run("webhook", "test", "3").stdout
