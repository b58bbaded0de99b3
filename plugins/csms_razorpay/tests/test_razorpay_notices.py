"""What Razorpay's webhooks tell, each kind of them, and what is wrong with those of others."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import httpx
import pytest

from csms.hooks import Forged, Invalid, MandateWanted
from csms.testing.providers import ProviderContract

wanted = ProviderContract.wanted


async def told(gateway: Any) -> dict[str, Any]:
    """What was posted, the latest of each kind."""
    posted = await gateway.posted()
    read = [gateway.provider.read_notice(gateway.account, each.body, each.headers) for each in posted]
    return {notice.kind: notice for notice in read}


async def test_of_an_order(gateway: Any) -> None:
    made = await gateway.provider.offer(gateway.account, wanted("order"))
    await gateway.pay(made.gateway_id, outcome="failed")
    await gateway.pay(made.gateway_id)
    notices = await told(gateway)
    assert set(notices) == {"payment.failed", "payment.authorized", "payment.captured", "order.paid"}
    assert {kind: notice.payment.state for kind, notice in notices.items()} == {
        "payment.failed": "failed",
        "payment.authorized": "authorized",
        "payment.captured": "paid",
        "order.paid": "paid",
    }
    assert all(notice.payment.gateway_id == made.gateway_id for notice in notices.values())
    assert notices["order.paid"].payment.reference == "P-1"


async def test_of_links(gateway: Any) -> None:
    made = {name: await gateway.provider.offer(gateway.account, wanted("link", name)) for name in ("paid", "closed", "late")}
    await gateway.pay(made["paid"].gateway_id)
    await gateway.provider.close(gateway.account, "link", made["closed"].gateway_id)
    gateway.stub.till.whose(made["late"].gateway_id)[1]["expire_by"] = gateway.stub.till.now - 1
    gateway.stub.tick()
    notices = await told(gateway)
    paid = notices["payment_link.paid"].payment
    assert (paid.gateway_id, paid.reference, paid.state) == (made["paid"].gateway_id, "paid", "paid")
    assert notices["order.paid"].payment.gateway_id == "", "of an order that we did not ask for"
    assert notices["order.paid"].payment.reference == "paid"
    for kind, name, state in (("cancelled", "closed", "cancelled"), ("expired", "late", "expired")):
        over = notices[f"payment_link.{kind}"].payment
        assert (over.payment_id, over.gateway_id, over.reference, over.state) == ("", made[name].gateway_id, name, state)


async def test_of_qr_codes(gateway: Any) -> None:
    paid = await gateway.provider.offer(gateway.account, wanted("qr"))
    await gateway.pay(paid.gateway_id)
    notices = await told(gateway)
    credited = notices["qr_code.credited"].payment
    assert (credited.gateway_id, credited.reference, credited.state, credited.method) == (paid.gateway_id, "P-1", "paid", "upi")
    assert notices["qr_code.closed"].payment.state == "paid"
    other = await gateway.provider.offer(gateway.account, wanted("qr", "P-2"))
    await gateway.provider.close(gateway.account, "qr", other.gateway_id)
    over = (await told(gateway))["qr_code.closed"].payment
    assert (over.payment_id, over.reference, over.state, over.amount_minor) == ("", "P-2", "cancelled", 50_000)


async def test_of_refunds(gateway: Any) -> None:
    payment = await ProviderContract.paid(gateway)
    gateway.stub.till.refund_delay_s = 60
    gateway.stub.faults.add("refund_fails", after=1)
    await gateway.provider.refund(gateway.account, payment.payment_id, 10_000, "R-1")
    await gateway.provider.refund(gateway.account, payment.payment_id, 10_000, "R-2")
    gateway.stub.till.advanced_s = 60
    gateway.stub.tick()
    notices = await told(gateway)
    assert (notices["refund.processed"].refund.reference, notices["refund.processed"].refund.state) == ("R-1", "refunded")
    assert (notices["refund.failed"].refund.reference, notices["refund.failed"].refund.state) == ("R-2", "failed")
    assert notices["refund.created"].refund.state == "pending"
    assert notices["refund.processed"].payment.payment_id == payment.payment_id


async def test_of_a_refund_that_could_not_be_instant(gateway: Any, make_provider: Any) -> None:
    made = await gateway.provider.offer(gateway.account, wanted("order"))
    done = gateway.stub.pay(made.gateway_id, method="netbanking")
    provider = make_provider(instant_refunds=True, allowed_hosts=("127.0.0.1",))
    await provider.refund(gateway.account, done["payments"][0]["id"], 10_000, "R-1")
    assert (await told(gateway))["refund.speed_changed"].refund.reference == "R-1"
    provider.wire.close()


async def test_of_subscriptions(gateway: Any) -> None:
    asked = MandateWanted(reference="M-1", amount_minor=99_900, currency="INR", period="monthly", times=2)
    mandate = await gateway.provider.start_mandate(gateway.account, asked)
    await gateway.pay(mandate.mandate_id)
    await gateway.provider.change_mandate(gateway.account, mandate.mandate_id, "pause")
    await gateway.provider.change_mandate(gateway.account, mandate.mandate_id, "resume")
    await gateway.charge(mandate.mandate_id)
    notices = await told(gateway)
    kinds = {kind.removeprefix("subscription."): notice for kind, notice in notices.items() if kind.startswith("subscription.")}
    assert set(kinds) == {"authenticated", "activated", "charged", "paused", "resumed", "completed"}
    assert all((notice.mandate.mandate_id, notice.mandate.reference) == (mandate.mandate_id, "M-1") for notice in kinds.values())
    assert kinds["completed"].mandate.state == "completed"
    charged = kinds["charged"].payment
    assert (charged.gateway_id, charged.reference, charged.amount_minor) == (mandate.mandate_id, "M-1", 99_900)
    assert notices["invoice.paid"].payment.gateway_id == mandate.mandate_id


async def test_of_disputes(gateway: Any) -> None:
    made = await gateway.provider.offer(gateway.account, wanted("order"))
    paid = await gateway.pay(made.gateway_id)
    async with httpx.AsyncClient(base_url=gateway.stub.url, trust_env=False) as people:
        path = f"/stub/payments/{paid.payment_id}/dispute"
        raised = (await people.post(path, json={"amount": 20_000, "reason": "fraud", "respond_by_s": 3600})).json()
        assert (await people.post(path, json={"amount": 50_001})).status_code == 400
        open_ = await gateway.provider.dispute(gateway.account, raised["id"])
        await people.post(f"/stub/disputes/{raised['id']}", json={"outcome": "lost"})
        assert (await people.post(f"/stub/disputes/{raised['id']}", json={"outcome": "won"})).status_code == 400
    lost = await gateway.provider.dispute(gateway.account, raised["id"])
    assert (open_.state, open_.amount_minor, open_.deducted_minor, open_.reason) == ("open", 20_000, 0, "fraud")
    assert open_.respond_by_at - open_.raised_at == 3_600_000
    assert (lost.state, lost.deducted_minor, lost.payment_id, lost.phase) == ("lost", 20_000, paid.payment_id, "chargeback")
    notices = await told(gateway)
    kinds = {kind: notice for kind, notice in notices.items() if kind.startswith("payment.dispute.")}
    assert {kind: notice.dispute.state for kind, notice in kinds.items()} == {
        "payment.dispute.created": "open",
        "payment.dispute.lost": "lost",
    }
    assert all(notice.payment.payment_id == paid.payment_id for notice in kinds.values())


async def test_sent_twice_it_has_the_same_id_and_forged_it_does_not_hold(gateway: Any) -> None:
    gateway.stub.faults.add("duplicate", "payment.authorized")
    gateway.stub.faults.add("forge", "payment.captured")
    await ProviderContract.paid(gateway)
    ids, forged = [], 0
    for each in await gateway.posted():
        try:
            notice = gateway.provider.read_notice(gateway.account, each.body, each.headers)
        except Forged:
            forged += 1
        else:
            ids.append((notice.kind, notice.event_id))
    assert forged == 1
    assert [kind for kind, _ in ids] == ["payment.authorized", "payment.authorized", "order.paid"]
    assert len(set(ids)) == 2


def signed(gateway: Any, body: bytes) -> dict[str, str]:
    return {"X-Razorpay-Signature": hmac.new(gateway.account.webhook_secret.encode(), body, hashlib.sha256).hexdigest()}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"nonsense",
        b"{}",
        b'{"event": 1, "payload": {}}',
        b'{"event": "payment.captured"}',
        b'{"event": "payment.captured", "payload": []}',
        b'{"event": "payment.captured", "payload": {"payment": 1}}',
        b'{"event": "payment.captured", "payload": {"payment": {"entity": {}}}}',
        b'{"event": "payment.captured", "payload": {"payment": {"entity": {"status": "captured", "amount": "1"}}}}',
        b'{"event": "payment.captured", "created_at": "now", "payload": {}}',
        b'{"event": "refund.created", "payload": {"refund": {"entity": {"status": "lost", "amount": 1}}}}',
        b'{"event": "payment.dispute.created", "payload": {"dispute": {"entity": {"status": "odd", "amount": 1}}}}',
    ],
)
async def test_what_cannot_be_read(gateway: Any, body: bytes) -> None:
    with pytest.raises(Invalid):
        gateway.provider.read_notice(gateway.account, body, signed(gateway, body))


async def test_what_is_nothing_to_us_is_read_all_the_same(gateway: Any) -> None:
    """Accounts are asked to send some kinds, and send others, too."""
    body = json.dumps(
        {"event": "payment.downtime.started", "created_at": 1_700_000_000, "payload": {"payment.downtime": {"entity": {}}}}
    )
    headers = signed(gateway, body.encode())
    first, again = (gateway.provider.read_notice(gateway.account, body.encode(), headers) for _ in range(2))
    assert (first.kind, first.payment, first.refund, first.mandate) == ("payment.downtime.started", None, None, None)
    assert first.occurred_at == 1_700_000_000_000
    assert first.event_id == again.event_id != "", "without a header the body is its own name"
