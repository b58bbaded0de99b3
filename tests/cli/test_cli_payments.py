"""``csms payments``: what it asks of the server, what it says of the answer, and where secrets come from."""

from __future__ import annotations

import pytest

from .conftest import Run, Stub, facts

ROOT, GATEWAYS = "/api/v1/payments", "/api/v1/gateways"
PAYMENT = {
    "id": 12,
    "created_at": "2026-01-31T12:00:00.000Z",
    "state": "paid",
    "purpose": "top_up",
    "way": "link",
    "driver_id": 7,
    "amount_minor": 50000,
    "paid_minor": 50000,
    "refunded_minor": 0,
    "currency": "INR",
    "description": "wallet top-up",
}
REFUND = {"id": 3, "state": "asked", "amount_minor": 15000, "currency": "INR", "error": ""}
GATEWAY = {
    "id": 2,
    "name": "shop",
    "provider": "razorpay",
    "key_id": "rzp_test",
    "live": False,
    "is_default": True,
    "state": "active",
    "notice_path": "/api/v1/payments/notices/abc",
}


def test_lists(run: Run, stub: Stub) -> None:
    stub.answers["GET", ROOT] = (200, {"items": [PAYMENT], "limit": 50, "next": None})
    shown = run("payments", "list", "--state", "paid", "--driver", "7").stdout
    assert "₹500.00" in shown
    assert "wallet top-up" in shown
    assert stub.asked[-1][1] == f"{ROOT}?limit=50&state=paid&driver_id=7"
    assert facts(run("payments", "list", "--json"))[0]["amount_minor"] == 50000


def test_one_with_its_attempts(run: Run, stub: Stub) -> None:
    attempt = {"id": 1, "payment_ref": "pay_1", "state": "paid", "amount_minor": 50000, "currency": "INR", "credited_to": "wallet"}
    stub.answers["GET", f"{ROOT}/12"] = (200, {"payment": PAYMENT, "attempts": [attempt], "refunds": [], "notices": []})
    shown = run("payments", "show", "12").stdout
    assert "pay_1" in shown
    assert "Refunds" not in shown
    stub.answers["POST", f"{ROOT}/12/reconcile"] = (
        503,
        {"title": "x", "status": 503, "detail": "the payment gateway does not answer"},
    )
    assert "does not answer" in run("payments", "reconcile", "12", code=1).stderr


def test_refunds_are_written_as_people_write_money(run: Run, stub: Stub) -> None:
    stub.answers["GET", f"{ROOT}/12"] = (200, {"payment": PAYMENT, "attempts": [], "refunds": [], "notices": []})
    stub.answers["POST", f"{ROOT}/12/refunds"] = (201, REFUND)
    assert "₹150.00 is on its way back" in run("payments", "refund", "12", "--amount", "150.00", "--reason", "late").stdout
    assert stub.asked[-1][2] == {"reason": "late", "amount_minor": 15000}
    run("payments", "refund", "12", "--reason", "all of it")
    assert stub.asked[-1][2] == {"reason": "all of it"}
    run("payments", "refund", "12", "--amount", "1.234", "--reason", "x", code=2)


def test_whether_keys_work(run: Run, stub: Stub) -> None:
    stub.answers["GET", GATEWAYS] = (200, {"items": [GATEWAY], "page": 1, "limit": 200, "total": 1})
    stub.answers["POST", f"{GATEWAYS}/2/check"] = (200, {"works": True, "result": "test mode"})
    assert "test mode" in run("payments", "check").stdout
    stub.answers["GET", f"{GATEWAYS}/2"] = (200, GATEWAY)
    stub.answers["POST", f"{GATEWAYS}/2/check"] = (200, {"works": False, "result": "the key is not valid"})
    assert "the key is not valid" in run("payments", "check", "2", code=1).stdout
    stub.answers["GET", GATEWAYS] = (200, {"items": [], "page": 1, "limit": 200, "total": 0})
    assert "gateway add" in run("payments", "check", code=1).stderr


def test_secrets_come_from_the_environment_or_a_person(run: Run, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.answers["POST", GATEWAYS] = (201, GATEWAY)
    add = ("payments", "gateway", "add", "shop", "--provider", "razorpay", "--key-id", "rzp_test")
    assert "GATEWAY_KEY_SECRET" in run(*add, code=2).stderr, "nobody can be asked here"
    monkeypatch.setenv("GATEWAY_KEY_SECRET", "s3cret")
    shown = run(*add, "--default").stdout
    assert f"{stub.url}/api/v1/payments/notices/abc" in shown
    assert "s3cret" not in shown
    body = stub.asked[-1][2]
    assert (body["key_secret"], body["webhook_secret"], body["is_default"], body["live"]) == ("s3cret", "", True, False)


def test_changing_an_account(run: Run, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.answers["PATCH", f"{GATEWAYS}/2"] = (200, GATEWAY)
    stub.answers["DELETE", f"{GATEWAYS}/2"] = (204, None)
    stub.answers["GET", f"{GATEWAYS}/2"] = (200, {**GATEWAY, "state": "closed"})
    stub.answers["GET", GATEWAYS] = (200, {"items": [GATEWAY], "page": 1, "limit": 200, "total": 1})
    monkeypatch.setenv("GATEWAY_KEY_SECRET", "other")
    assert "is closed" in run("payments", "gateway", "set", "2", "--live", "--key-secret", "--close").stdout
    assert ("PATCH", f"{GATEWAYS}/2", {"live": True, "key_secret": "other"}) in stub.asked
    run("payments", "gateway", "set", "2", code=2)
    assert "rzp_test" in run("payments", "gateway", "list").stdout
