"""The Razorpay stub as others see it: raw HTTP, the shapes and rules of the real one, kept in a file, and its pages."""

import hashlib
import hmac
import io
import json
import re

import httpx
import pytest
from PIL import Image

from simulators.clock import Clock
from simulators.razorpay import RazorpayStub

AUTH = ("rzp_test_A", "secret")


@pytest.fixture
async def razorpay(nursery, tmp_path):
    stub = RazorpayStub(seed=7, data=tmp_path / "razorpay.json")
    stub.account(*AUTH, "hooks")
    await nursery.start(stub.serve_tcp)
    async with httpx.AsyncClient(base_url=stub.url, auth=AUTH, trust_env=False) as client:
        stub.client = client
        yield stub
    nursery.cancel_scope.cancel()


async def made(stub, path, **body):
    answer = await stub.client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(stub, path, **body):
    answer = await stub.client.post(path, json=body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert error["code"] == "BAD_REQUEST_ERROR"
    return error["description"]


async def order(stub, **more):
    return await made(stub, "/v1/orders", **{"amount": 50_000, "currency": "INR", **more})


async def test_who_may_ask(razorpay):
    for auth in (None, ("rzp_test_A", "wrong"), ("rzp_test_B", "secret")):
        async with httpx.AsyncClient(base_url=razorpay.url, auth=auth, trust_env=False) as client:
            answer = await client.get("/v1/orders")
        assert (answer.status_code, answer.json()["error"]["description"]) == (401, "Authentication failed")
    assert (await razorpay.client.get("/v1/nothing")).status_code == 404


async def test_an_order_from_its_making_to_its_refund(razorpay):
    first = await order(razorpay, receipt="R1", notes={"a": "b"})
    assert re.fullmatch(r"order_[0-9A-Za-z]{14}", first["id"])
    assert (first["status"], first["amount_due"], first["notes"]) == ("created", 50_000, {"a": "b"})
    done = (await razorpay.client.post(f"/stub/pay/{first['id']}", json={"method": "card"})).json()
    (payment,) = done["payments"]
    assert (payment["status"], payment["order_id"], payment["card"]["last4"], payment["fee"]) == (
        "captured",
        first["id"],
        "1111",
        1180,
    )
    signed = hmac.new(b"secret", f"{first['id']}|{payment['id']}".encode(), hashlib.sha256).hexdigest()
    assert done["checkout"]["razorpay_signature"] == signed
    found = (await razorpay.client.get("/v1/orders", params={"receipt": "R1"})).json()
    assert [(each["id"], each["status"], each["amount_paid"]) for each in found["items"]] == [(first["id"], "paid", 50_000)]
    assert (await razorpay.client.get("/v1/orders", params={"receipt": "R2"})).json()["items"] == []
    again = await razorpay.client.post(f"/stub/pay/{first['id']}", json={})
    assert "cannot be paid" in again.json()["error"]["description"]
    refund = await made(razorpay, f"/v1/payments/{payment['id']}/refund", amount=20_000, receipt="F1")
    assert (refund["status"], refund["receipt"], refund["amount"]) == ("processed", "F1", 20_000)
    now = (await razorpay.client.get(f"/v1/payments/{payment['id']}")).json()
    assert (now["status"], now["amount_refunded"], now["refund_status"]) == ("captured", 20_000, "partial")
    assert await refused(razorpay, f"/v1/payments/{payment['id']}/refund", amount=30_001)
    assert await refused(razorpay, f"/v1/payments/{payment['id']}/refund", amount=99) == "The amount must be at least INR 1.00."
    rest = await made(razorpay, f"/v1/payments/{payment['id']}/refund")
    assert rest["amount"] == 30_000
    assert (await razorpay.client.get(f"/v1/payments/{payment['id']}")).json()["status"] == "refunded"
    assert (await razorpay.client.get(f"/v1/payments/{payment['id']}/refunds")).json()["count"] == 2
    assert (await razorpay.client.get(f"/v1/refunds/{rest['id']}")).json()["payment_id"] == payment["id"]


async def test_a_refund_under_a_key_is_made_once(razorpay):
    first = await order(razorpay)
    payment = razorpay.pay(first["id"])["payments"][0]
    key = {"X-Refund-Idempotency": "key-0123456789"}
    answers = [
        await razorpay.client.post(f"/v1/payments/{payment['id']}/refund", json={"amount": amount}, headers=key)
        for amount in (1000, 1000, 2000)
    ]
    assert answers[0].json()["id"] == answers[1].json()["id"]
    assert "Different request" in answers[2].json()["error"]["description"]
    short = await razorpay.client.post(f"/v1/payments/{payment['id']}/refund", headers={"X-Refund-Idempotency": "short"})
    assert short.status_code == 400


async def test_bodies_that_razorpay_refuses(razorpay):
    assert await refused(razorpay, "/v1/orders", currency="INR") == "The amount field is required."
    assert await refused(razorpay, "/v1/orders", amount=99, currency="INR") == "The amount must be at least INR 1.00."
    assert await refused(razorpay, "/v1/orders", amount=1.5, currency="INR") == "The amount must be an integer."
    assert await refused(razorpay, "/v1/orders", amount=100, currency="XXX") == "The currency is not supported."
    assert "40 characters" in await refused(razorpay, "/v1/orders", amount=100, currency="INR", receipt="x" * 41)
    assert "less than or equal to 15" in await refused(
        razorpay, "/v1/orders", amount=100, currency="INR", notes={str(number): "x" for number in range(16)}
    )
    assert await refused(razorpay, "/v1/payments/pay_0/capture", amount=100) == "The id provided does not exist"
    assert "15 minutes" in await refused(razorpay, "/v1/payment_links", amount=100, expire_by=razorpay.till.now + 60)


async def test_authorized_then_captured(razorpay):
    first = await order(razorpay, payment_capture=False)
    payment = razorpay.pay(first["id"])["payments"][0]
    assert (payment["status"], payment["captured"]) == ("authorized", False)
    waiting = (await razorpay.client.get("/v1/orders", params={"authorized": "1"})).json()["items"]
    assert [each["id"] for each in waiting] == [first["id"]]
    assert "equal to the amount" in await refused(razorpay, f"/v1/payments/{payment['id']}/capture", amount=40_000, currency="INR")
    assert await refused(razorpay, f"/v1/payments/{payment['id']}/refund")
    assert (await made(razorpay, f"/v1/payments/{payment['id']}/capture", amount=50_000, currency="INR"))["status"] == "captured"
    assert "already been captured" in await refused(
        razorpay, f"/v1/payments/{payment['id']}/capture", amount=50_000, currency="INR"
    )
    assert (await razorpay.client.get(f"/v1/orders/{first['id']}")).json()["status"] == "paid"


async def test_a_link_has_a_page_and_leads_back_signed(razorpay):
    body = {"amount": 12_345, "reference_id": "L1", "callback_url": "http://back.example/x", "callback_method": "get"}
    link = await made(razorpay, "/v1/payment_links", **body)
    assert "already exists" in await refused(razorpay, "/v1/payment_links", **body)
    assert "123.45" in (await razorpay.client.get(link["short_url"])).text
    clicked = await razorpay.client.post(f"/stub/pay/{link['id']}", data={"method": "upi", "page": "1"})
    assert clicked.status_code == 303
    back = httpx.URL(clicked.headers["location"])
    words = f"{link['id']}|L1|paid|{back.params['razorpay_payment_id']}"
    assert back.params["razorpay_signature"] == hmac.new(b"secret", words.encode(), hashlib.sha256).hexdigest()
    (found,) = (await razorpay.client.get("/v1/payment_links", params={"reference_id": "L1"})).json()["payment_links"]
    assert (found["status"], found["payments"][0]["payment_id"]) == ("paid", back.params["razorpay_payment_id"])
    assert "paid" in await refused(razorpay, f"/v1/payment_links/{link['id']}/cancel")


async def test_a_qr_code_is_a_picture(razorpay):
    code = await made(razorpay, "/v1/payments/qr_codes", type="upi_qr", usage="single_use", fixed_amount=True, payment_amount=500)
    picture = await razorpay.client.get(code["image_url"])
    assert Image.open(io.BytesIO(picture.content)).format == "PNG"
    razorpay.pay(code["id"])
    closed = (await razorpay.client.get(f"/v1/payments/qr_codes/{code['id']}")).json()
    assert (closed["status"], closed["close_reason"], closed["payments_amount_received"]) == ("closed", "paid", 500)


async def test_lists_are_in_pages(razorpay):
    ids = [(await order(razorpay))["id"] for _ in range(12)]
    first = (await razorpay.client.get("/v1/orders")).json()
    assert [each["id"] for each in first["items"]] == ids[:1:-1]
    second = (await razorpay.client.get("/v1/orders", params={"count": 5, "skip": 10})).json()
    assert [each["id"] for each in second["items"]] == ids[1::-1]
    assert (await razorpay.client.get("/v1/orders", params={"count": 101})).status_code == 400
    assert (await razorpay.client.get("/v1/orders", params={"from": razorpay.till.now + 60})).json()["count"] == 0


async def test_faults_with_money(razorpay):
    first, second = await order(razorpay), await order(razorpay)
    for fault in (
        {"kind": "wrong_amount", "match": first["id"]},
        {"kind": "wrong_currency", "match": second["id"], "currency": "EUR"},
    ):
        assert (await razorpay.client.post("/stub/faults", json=fault)).status_code == 201
    assert razorpay.pay(first["id"])["payments"][0]["amount"] == 49_999
    assert razorpay.pay(second["id"])["payments"][0]["currency"] == "EUR"
    third = await order(razorpay)
    assert len(razorpay.pay(third["id"], twice=True)["payments"]) == 2


async def test_time_passes_on_demand(razorpay):
    link = await made(razorpay, "/v1/payment_links", amount=100, expire_by=razorpay.till.now + 1000)
    plan = await made(
        razorpay, "/v1/plans", period="monthly", interval=1, item={"name": "Gold", "amount": 99_900, "currency": "INR"}
    )
    subscription = await made(razorpay, "/v1/subscriptions", plan_id=plan["id"], total_count=3)
    await razorpay.client.post(f"/stub/pay/{subscription['id']}", json={"method": "card"})
    assert (await razorpay.client.post("/stub/clock", json={"advance_s": 70 * 86_400})).status_code == 200
    assert (await razorpay.client.get(f"/v1/payment_links/{link['id']}")).json()["status"] == "expired"
    now = (await razorpay.client.get(f"/v1/subscriptions/{subscription['id']}")).json()
    assert (now["status"], now["paid_count"], now["remaining_count"]) == ("completed", 3, 0)
    invoices = (await razorpay.client.get("/v1/invoices", params={"subscription_id": subscription["id"]})).json()
    assert [each["status"] for each in invoices["items"]] == ["paid"] * 3
    for nonsense in ("soon", "-1", "99999999999"):
        assert (await razorpay.client.post("/stub/clock", json={"advance_s": nonsense})).status_code == 400


async def test_it_goes_on_where_its_file_ends(razorpay, tmp_path):
    first = await order(razorpay, receipt="R1")
    razorpay.pay(first["id"])
    other = RazorpayStub(Clock.start(), data=tmp_path / "razorpay.json")
    other.account(AUTH[0], "another secret", "hooks", "http://127.0.0.1:9/")
    other.till.load()
    book, kept = other.till.whose(first["id"])
    assert (kept["status"], book.key_secret, book.webhook_url) == ("paid", "another secret", "http://127.0.0.1:9/")
    assert book.entities == razorpay.till.books[AUTH[0]].entities
    assert book.new_id("order") == razorpay.till.books[AUTH[0]].new_id("order"), "and its ids go on, too"


async def test_accounts_do_not_see_each_other(razorpay):
    first = await order(razorpay)
    said = {"key_id": "rzp_test_B", "key_secret": "b", "webhook_secret": "b"}
    assert (await razorpay.client.post("/stub/accounts", json=said)).status_code == 201
    assert (await razorpay.client.post("/stub/accounts", json={"key_id": "x"})).status_code == 400
    other = await razorpay.client.get(f"/v1/orders/{first['id']}", auth=("rzp_test_B", "b"))
    assert other.json()["error"]["description"] == "The id provided does not exist"


async def test_pages_show_what_there_is_and_no_scripts_of_others(razorpay):
    first = await order(razorpay, receipt="<script>alert(1)</script>")
    home = (await razorpay.client.get("/")).text
    assert first["id"] in home
    assert "<script>" not in home
    assert "Razorpay" in (await razorpay.client.get("/v1/checkout.js")).text
    state = (await razorpay.client.get("/stub/state")).json()
    assert [each["id"] for each in state["accounts"][0]["orders"]] == [first["id"]]
    assert "secret" not in json.dumps(state)


async def test_the_same_seed_gives_the_same_ids():
    ids = set()
    for _ in range(2):
        book = RazorpayStub(Clock.start(), seed=3).account(*AUTH, "hooks")
        ids.add(tuple(book.new_id(prefix) for prefix in ("order", "pay")))
    assert len(ids) == 1
