"""How things are asked of Razorpay: fields, limits, and what is found again."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from csms.hooks import GatewayAway, GatewayError, MandateWanted, PaymentWanted
from csms.testing.providers import ProviderContract

wanted = ProviderContract.wanted
MANDATE = MandateWanted(reference="M-1", amount_minor=99_900, currency="INR", period="monthly")


def entities(gateway: Any, kind: str) -> list[dict[str, Any]]:
    (book,) = gateway.stub.till.books.values()
    return list(book.entities[kind].values())


async def test_a_checkout_page_is_told_what_it_needs(gateway: Any) -> None:
    asked = wanted("order", customer_name="Asha", customer_email="asha@example.org", customer_phone="+919000000001")
    made = await gateway.provider.offer(gateway.account, asked)
    (order,) = entities(gateway, "order")
    (customer,) = entities(gateway, "customer")
    assert made.checkout == {
        "key": gateway.account.key_id,
        "order_id": made.gateway_id,
        "amount": "50000",
        "currency": "INR",
        "script": f"{gateway.stub.url}/v1/checkout.js",
        "description": "Charging credit",
        "prefill.name": "Asha",
        "prefill.email": "asha@example.org",
        "prefill.contact": "+919000000001",
        "notes.reference": "P-1",
        "customer_id": customer["id"],
        "recurring": "preferred",
    }
    assert (order["receipt"], order["notes"]) == ("P-1", {"reference": "P-1", "way": "order"})
    await gateway.provider.offer(gateway.account, attrs.evolve(asked, reference="P-2"))
    assert len(entities(gateway, "customer")) == 1, "the same person is one customer"


async def test_notes_are_as_many_and_as_long_as_razorpay_takes(gateway: Any) -> None:
    notes = {f"name{number}": "x" * 1000 for number in range(30)} | {"reference": "another"}
    await gateway.provider.offer(gateway.account, wanted("order", notes=notes))
    (order,) = entities(gateway, "order")
    assert order["notes"]["reference"] == "P-1"
    assert len(order["notes"]) == 15


@pytest.mark.parametrize("way", ["link", "qr"])
async def test_what_expires_too_soon_for_razorpay_expires_as_soon_as_it_can(gateway: Any, way: str) -> None:
    now = gateway.provider.context.clock.now()
    await gateway.provider.offer(gateway.account, wanted(way, "P-1", expires_at=now + 60_000))
    await gateway.provider.offer(gateway.account, wanted(way, "P-2", expires_at=now + 3_600_000))
    soon, later = entities(gateway, "payment_link" if way == "link" else "qr_code")
    name = "expire_by" if way == "link" else "close_by"
    assert soon[name] == now // 1000 + 16 * 60
    assert later[name] == now // 1000 + 3600


@pytest.mark.parametrize("way", ["link", "qr"])
async def test_what_expired_is_found_so(gateway: Any, way: str) -> None:
    made = await gateway.provider.offer(gateway.account, wanted(way, expires_at=gateway.provider.context.clock.now()))
    gateway.stub.till.advanced_s = 3600
    gateway.stub.tick()
    found = await gateway.provider.find(gateway.account, way, "P-1")
    assert (found.gateway_id, found.state) == (made.gateway_id, "expired")


async def test_a_link_leads_back(gateway: Any) -> None:
    made = await gateway.provider.offer(gateway.account, wanted("link", return_url="https://app.example.org/paid?id=1"))
    assert made.pay_url.startswith(gateway.stub.url)
    done = gateway.stub.pay(made.gateway_id)
    assert done["next"].startswith("https://app.example.org/paid?id=1&razorpay_payment_id=pay_")


async def test_a_qr_code_is_inr_and_a_mandate_is_no_offer(gateway: Any) -> None:
    with pytest.raises(GatewayError, match="INR only"):
        await gateway.provider.offer(gateway.account, wanted("qr", currency="USD"))
    with pytest.raises(GatewayError, match="mandate"):
        await gateway.provider.offer(gateway.account, wanted("recurring"))


async def test_too_little_is_refused_by_razorpay(gateway: Any) -> None:
    with pytest.raises(GatewayError, match=r"at least INR 1\.00"):
        await gateway.provider.offer(gateway.account, wanted("order", amount_minor=99))


async def test_a_qr_code_among_hundreds_is_found(gateway: Any) -> None:
    first = await gateway.provider.offer(gateway.account, wanted("qr"))
    (book,) = gateway.stub.till.books.values()
    fields = {name: value for name, value in book.find(first.gateway_id).items() if name not in ("id", "entity", "notes")}
    for number in range(150):
        book.add("qr", notes={"reference": f"Q-{number}"}, **fields)
    assert (await gateway.provider.find(gateway.account, "qr", "P-1")).gateway_id == first.gateway_id
    gateway.provider.context.clock.at += 3 * 86_400_000
    assert await gateway.provider.find(gateway.account, "qr", "P-1") is None, "not looked for for ever"


async def test_a_payment_knows_the_link_or_code_that_it_pays(gateway: Any) -> None:
    """Razorpay tells of it only its order, or nothing."""
    for way in ("link", "qr"):
        made = await gateway.provider.offer(gateway.account, wanted(way, f"P-{way}"))
        done = await gateway.pay(made.gateway_id)
        (entity,) = [each for each in entities(gateway, "payment") if each["id"] == done.payment_id]
        assert entity["notes"] == []
        payment = await gateway.provider.payment(gateway.account, done.payment_id)
        assert (payment.gateway_id, payment.reference) == (made.gateway_id, f"P-{way}")


async def test_how_it_was_paid_is_shown_in_part(gateway: Any) -> None:
    shown = {}
    for method in ("card", "upi", "netbanking"):
        made = await gateway.provider.offer(gateway.account, wanted("order", f"P-{method}"))
        done = gateway.stub.pay(made.gateway_id, method=method)
        payment = await gateway.provider.payment(gateway.account, done["payments"][0]["id"])
        shown[payment.method] = payment.shown
        assert (payment.fee_minor, payment.fee_tax_minor) == (1180, 180)
    assert shown == {"card": "•••• 1111", "upi": "dr•••@examplebank", "netbanking": "HDFC"}


async def test_paid_twice_is_two_payments(gateway: Any) -> None:
    made = await gateway.provider.offer(gateway.account, wanted("qr"))
    gateway.stub.pay(made.gateway_id, twice=True)
    payments = await gateway.provider.payments(gateway.account, "qr", made.gateway_id)
    assert [(each.state, each.amount_minor) for each in payments] == [("paid", 50_000)] * 2


# --- refunds --------------------------------------------------------------------------------------------------------------------


async def test_razorpay_itself_refunds_once_under_a_key(gateway: Any, monkeypatch: Any) -> None:
    """Two who look at the same moment both find nothing: the key is what holds then."""
    payment = await ProviderContract.paid(gateway)
    monkeypatch.setattr("csms_razorpay.payments.refunds", lambda desk, payment_id: [])
    made = [await gateway.provider.refund(gateway.account, payment.payment_id, 10_000, "R-1") for _ in range(2)]
    assert made[0].refund_id == made[1].refund_id
    for reference in ("R", "a reference with blanks", "x" * 40):
        await gateway.provider.refund(gateway.account, payment.payment_id, 1_000, reference)
    assert len(entities(gateway, "refund")) == 4


async def test_a_refund_that_takes_its_time(gateway: Any) -> None:
    gateway.stub.till.refund_delay_s = 3600
    payment = await ProviderContract.paid(gateway)
    made = await gateway.provider.refund(gateway.account, payment.payment_id, 10_000, "R-1")
    assert made.state == "pending"
    gateway.stub.till.advanced_s = 3600
    gateway.stub.tick()
    (now,) = await gateway.provider.refunds(gateway.account, payment.payment_id)
    assert (now.state, now.error) == ("refunded", "")


async def test_a_refund_that_fails(gateway: Any) -> None:
    gateway.stub.faults.add("refund_fails")
    payment = await ProviderContract.paid(gateway)
    made = await gateway.provider.refund(gateway.account, payment.payment_id, 50_000, "R-1")
    gateway.stub.tick()
    (now,) = await gateway.provider.refunds(gateway.account, payment.payment_id)
    assert (now.refund_id, now.state) == (made.refund_id, "failed")
    assert now.error
    assert (await gateway.provider.payment(gateway.account, payment.payment_id)).refunded_minor == 0


async def test_instant_refunds_where_they_are_wanted(gateway: Any, make_provider: Any) -> None:
    payment = await ProviderContract.paid(gateway)
    provider = make_provider(instant_refunds=True, allowed_hosts=("127.0.0.1",))
    await provider.refund(gateway.account, payment.payment_id, 10_000, "R-1")
    await gateway.provider.refund(gateway.account, payment.payment_id, 10_000, "R-2")
    assert [each["speed_requested"] for each in entities(gateway, "refund")] == ["optimum", "normal"]
    provider.wire.close()


# --- saved methods and mandates -------------------------------------------------------------------------------------------------


async def test_a_saved_method_that_its_bank_declines(gateway: Any) -> None:
    made = await gateway.provider.offer(
        gateway.account, wanted("order", customer_email="d@example.org", customer_phone="+919000000002")
    )
    done = await gateway.pay(made.gateway_id, save=True)
    saved = (await gateway.provider.payment(gateway.account, done.payment_id)).saved_method
    again = PaymentWanted(reference="P-2", way="recurring", amount_minor=10_000, currency="INR", saved_method=saved)
    assert saved not in repr(again), "what charges without its owner is shown to nobody"
    gateway.stub.faults.add("charge_fails")
    first = await gateway.provider.charge_saved(gateway.account, again)
    assert (first.state, first.error) == ("failed", "Your payment has been declined by the bank.")
    assert await gateway.provider.charge_saved(gateway.account, again) == first, "one reference is tried once"
    found = await gateway.provider.find(gateway.account, "recurring", "P-2")
    assert found.gateway_id == first.gateway_id
    assert await gateway.provider.payments(gateway.account, "recurring", first.gateway_id) == [first]
    with pytest.raises(GatewayError):
        await gateway.provider.charge_saved(gateway.account, attrs.evolve(again, reference="P-3", saved_method="cust_0/token_0"))


async def test_plans_are_shared(gateway: Any) -> None:
    """Razorpay keeps them for ever."""
    first = await gateway.provider.start_mandate(gateway.account, MANDATE)
    second = await gateway.provider.start_mandate(gateway.account, attrs.evolve(MANDATE, reference="M-2"))
    assert first.mandate_id != second.mandate_id
    await gateway.provider.start_mandate(gateway.account, attrs.evolve(MANDATE, reference="M-3", every=3))
    await gateway.provider.start_mandate(gateway.account, attrs.evolve(MANDATE, reference="M-4", amount_minor=10_000))
    assert [(each["interval"], each["item"]["amount"]) for each in entities(gateway, "plan")] == [
        (1, 99_900),
        (3, 99_900),
        (1, 10_000),
    ]


async def test_a_mandate_whose_answer_was_lost_is_found(gateway: Any) -> None:
    gateway.stub.faults.add("lost", "POST /v1/subscriptions")
    with pytest.raises(GatewayAway):
        await gateway.provider.start_mandate(gateway.account, MANDATE)
    made = await gateway.provider.start_mandate(gateway.account, MANDATE)
    assert [each["id"] for each in entities(gateway, "subscription")] == [made.mandate_id]


async def test_charges_that_fail_end_in_a_halt(gateway: Any) -> None:
    mandate = await gateway.provider.start_mandate(gateway.account, MANDATE)
    await gateway.pay(mandate.mandate_id)
    states = []
    for failures in range(4):
        gateway.stub.faults.add("charge_fails")
        gateway.stub.till.advanced_s += 31 * 86_400 if not failures else 86_400
        gateway.stub.tick()
        states.append((await gateway.provider.mandate(gateway.account, mandate.mandate_id)).state)
    assert states == ["pending", "pending", "pending", "halted"]
    payments = await gateway.provider.payments(gateway.account, "recurring", mandate.mandate_id)
    assert sorted(each.state for each in payments) == ["failed"] * 4 + ["paid"]


async def test_a_mandate_that_begins_later(gateway: Any) -> None:
    starts_at = gateway.provider.context.clock.now() + 10 * 86_400_000
    mandate = await gateway.provider.start_mandate(gateway.account, attrs.evolve(MANDATE, starts_at=starts_at))
    gateway.stub.pay(mandate.mandate_id)
    agreed = await gateway.provider.mandate(gateway.account, mandate.mandate_id)
    assert (agreed.state, agreed.paid_count, agreed.next_charge_at) == ("authenticated", 0, starts_at // 1000 * 1000)


async def test_razorpay_charges_daily_plans_weekly_at_the_most(gateway: Any) -> None:
    with pytest.raises(GatewayError, match="at least 7"):
        await gateway.provider.start_mandate(gateway.account, attrs.evolve(MANDATE, period="daily"))
    with pytest.raises(GatewayError, match="pause, resume or cancel"):
        await gateway.provider.change_mandate(gateway.account, "sub_x", "forget")
