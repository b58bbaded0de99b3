"""Webhooks, saved methods and mandates: forged, replayed, out of order, about nothing of ours; and what is kept of them."""

from __future__ import annotations

import attrs
import msgspec
import pytest

from csms.core.errors import Conflict, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.payments import Forged, GatewayAway, MandateWanted
from csms.domain.drivers import service as drivers
from csms.domain.payments import flows, personal, service
from csms.domain.payments.flows.hearing import masked
from csms.domain.payments.model import (
    MandatesQuery,
    MethodsQuery,
    NoticesQuery,
    PaymentsQuery,
    RefundsQuery,
)
from csms.domain.payments.service import gateways, methods, notices
from csms.domain.payments.store import mandates as mandates_store
from csms.domain.payments.store import methods as methods_store
from csms.domain.payments.store import notices as notices_store
from csms.domain.payments.store import payments as payments_store
from csms.domain.payments.store import refunds as refunds_store
from csms.testing.gateways import AWAY, LOST, REFUSED, FakeGateway

from .conftest import Till

WANTED = MandateWanted(reference="sub-7", amount_minor=9_900, currency="INR", period="monthly")


async def test_webhooks_in_any_order_and_again(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    failed = gateway.pay(payment.offer_ref, state="failed", error="no money")
    paid = gateway.pay(payment.offer_ref)
    told = [gateway.notice("payment.captured", payment=paid), gateway.notice("payment.failed", payment=failed)]
    for notice in (*told, *told):
        await till.post(notice)
    await till.hear()
    assert (await till.payment(payment.id)).state == "paid"
    assert await till.wallet() == 50_000
    rows = await till.rows("SELECT kind, times, outcome, payment_id FROM payment_notices ORDER BY id")
    assert [(row["times"], row["outcome"], row["payment_id"]) for row in rows] == [(2, "paid", payment.id)] * 2
    await till.check_money()


async def test_a_webhook_before_the_answer_to_our_own_question(till: Till, gateway: FakeGateway) -> None:
    gateway.faults["offer"] = [LOST]
    payment = await till.want()
    assert payment.state == "created"
    paid = gateway.pay(payment.reference)
    await till.post(gateway.notice("payment.captured", payment=paid))
    await till.hear()
    assert (await till.payment(payment.id)).state == "paid"
    await till.check_money()


async def test_a_lie_is_not_believed(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    paid = gateway.pay(payment.offer_ref, state="failed")
    told = gateway.notice("payment.captured", payment=attrs.evolve(paid, state="paid"))
    await till.post(told)
    await till.hear()
    assert (await till.payment(payment.id)).state == "open"
    assert await till.wallet() == 0


async def test_forged_and_foreign_webhooks(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    paid = gateway.pay(payment.offer_ref)
    with pytest.raises(Forged):
        await till.post(gateway.notice("payment.captured", payment=paid, secret="guessed"))
    with pytest.raises(NotFound):
        await flows.receive(till.ports, till.forgeries, "elsewhere", *gateway.notice("payment.captured", payment=paid))
    for _ in range(10):
        with pytest.raises(Forged):
            await till.post(gateway.notice("payment.captured", payment=paid, secret="guessed"))
    (told,) = await till.events("payment_notices_forged")
    assert (told["name"], await till.rows("SELECT 1 FROM payment_notices")) == (gateway.name, [])
    (row,) = await till.rows("SELECT notices_forged FROM payment_gateways")
    assert row["notices_forged"] >= 9, "those of the last second may be to come"
    foreign = attrs.evolve(paid, payment_id="pay_x", gateway_id="link_x", reference="another-installation-p1")
    await till.post(gateway.notice("payment.captured", payment=foreign))
    await till.hear()
    (row,) = await till.rows("SELECT outcome FROM payment_notices")
    assert row["outcome"] == "nothing of ours"


async def test_a_notice_waits_for_its_gateway(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    await till.post(gateway.notice("payment.captured", payment=gateway.pay(payment.offer_ref)))
    gateway.faults["payments"] = [AWAY, REFUSED]
    with pytest.raises(GatewayAway):
        await till.hear()
    await till.hear()
    (row,) = await till.rows("SELECT outcome FROM payment_notices")
    assert row["outcome"] == "the gateway refused: the gateway refuses (payments)"
    await till.rounds(60_000)
    assert await till.wallet() == 50_000, "and a round finds it"


def test_what_tells_of_people_is_not_kept() -> None:
    body = {
        "event": "x",
        "payload": {
            "email": "asha@example.org",
            "vpa": "asha@upi",
            "amount": 5,
            "card": {"last4": "1111", "name": "Asha"},
            "order_id": "o1",
        },
    }
    kept = msgspec.json.decode(masked(msgspec.json.encode(body)))
    assert kept["payload"] == {
        "email": "***",
        "vpa": "***",
        "amount": 5,
        "card": {"last4": "1111", "name": "***"},
        "order_id": "o1",
    }
    assert masked(b"\xff[") == ""


async def test_old_notices_are_forgotten(till: Till, gateway: FakeGateway) -> None:
    payment = await till.want()
    await till.post(gateway.notice("a", payment=gateway.pay(payment.offer_ref)))
    await till.hear()
    await till.post(gateway.notice("b", payment=next(iter(gateway.attempts.values()))))
    till.clock.advance(181 * 86_400_000)
    assert await till.do(notices.tidy) == 1, "what was never processed stays"


async def test_lists_on_both_engines(till: Till, gateway: FakeGateway) -> None:
    gateway.saves = "tok_1"
    payment = await till.want(description="100% of it")
    ref = gateway.pay(payment.offer_ref).payment_id
    await till.post(gateway.notice("paid", payment=gateway.attempts[ref]))
    await till.hear()
    refund = await flows.refund(till.ports, payment.id, 1_000, "some", "r1", DEFAULT_TENANT)
    mandate = await flows.start_mandate(till.ports, till.driver_id, WANTED, "subscription", "7", DEFAULT_TENANT)

    async def ids(store: object, query: object) -> list[int]:
        found = await till.do(store, query)
        return [each.id for each in found.items]

    everything = PaymentsQuery(
        state="paid",
        purpose="top_up",
        way="link",
        driver_id=till.driver_id,
        gateway_id=till.gateway_id,
        reference_kind="",
        reference_id="",
        from_at=0,
        to_at=till.clock.now() + 1,
    )
    for query in (everything, PaymentsQuery(search="100%"), PaymentsQuery(search=ref.upper())):
        assert await ids(payments_store.payments, query) == [payment.id]
    assert await ids(payments_store.payments, PaymentsQuery(search="100_")) == []
    assert await ids(refunds_store.refunds, RefundsQuery(state="refunded", payment_id=payment.id, search="some")) == [refund.id]
    assert await ids(mandates_store.mandates, MandatesQuery(state="created", search="sub-7")) == [mandate.id]
    assert len(await ids(notices_store.notices, NoticesQuery(pending=False, kind="paid", search=ref))) == 1
    assert await ids(notices_store.notices, NoticesQuery(pending=True)) == []
    (method,) = (await till.do(methods_store.methods, till.driver_id, MethodsQuery(sort="-used_at", search="upi"))).items
    assert (method.shown, method.is_preferred) == ("a•••@upi", True)


# --- saved methods --------------------------------------------------------------------------------------------------------------


async def test_a_saved_method_is_charged_and_forgotten(till: Till, gateway: FakeGateway) -> None:
    for token in ("tok_1", "tok_1", "expired"):
        gateway.saves = token
        payment = await till.want()
        gateway.pay(payment.offer_ref)
        await till.look(payment.id)
    first, expired = (await till.do(methods_store.methods, till.driver_id, MethodsQuery(sort="created_at"))).items
    charged = await till.want(way="order", method_id=first.id)
    assert (charged.state, charged.method) == ("paid", "card")
    failed = await till.want(way="order", method_id=expired.id)
    assert (failed.state, failed.error) == ("failed", "the card has expired")
    assert (await till.do(methods.prefer, till.driver_id, expired.id)).is_preferred
    assert not (await till.do(service.need_method, till.driver_id, first.id)).is_preferred
    await till.do(methods.remove, till.driver_id, first.id)
    with pytest.raises(NotFound):
        await till.want(way="order", method_id=first.id)
    assert await till.rows("SELECT 1 FROM saved_methods WHERE removed_at IS NOT NULL AND sealed <> ''") == []
    other = await till.do(drivers.add_driver, "Ravi")
    with pytest.raises(NotFound):
        await till.want(way="order", method_id=expired.id, driver_id=other.id)
    await till.check_money()


@pytest.mark.parametrize("fault", [AWAY, LOST])
async def test_a_charge_whose_answer_got_lost_is_not_made_twice(till: Till, gateway: FakeGateway, fault: str) -> None:
    gateway.saves = "tok_1"
    payment = await till.want()
    gateway.pay(payment.offer_ref)
    await till.look(payment.id)
    gateway.faults["charge_saved"] = [fault]
    (method,) = await till.rows("SELECT id FROM saved_methods")
    charged = await till.want(way="order", method_id=method["id"])
    assert charged.state == "created"
    await till.rounds(301_000)
    assert (await till.payment(charged.id)).state == "paid"
    assert await till.wallet() == 100_000
    await till.check_money()


# --- mandates -------------------------------------------------------------------------------------------------------------------


async def start(till: Till, wanted: MandateWanted = WANTED) -> str:
    return (await flows.start_mandate(till.ports, till.driver_id, wanted, "subscription", "7", DEFAULT_TENANT)).mandate_ref


async def test_a_mandate_is_charged_whether_or_not_a_webhook_tells(till: Till, gateway: FakeGateway) -> None:
    ref = await start(till)
    assert await start(till) == ref, "one reference, one mandate"
    with pytest.raises(Conflict):
        await start(till, MandateWanted(reference="sub-7", amount_minor=1, currency="INR", period="monthly"))
    gateway.pay_mandate(ref, amount_minor=9_900)
    await till.rounds(61_000)
    assert await till.wallet() == 9_900
    again = gateway.pay_mandate(ref, amount_minor=9_900)
    await till.post(gateway.notice("subscription.charged", payment=again, mandate=gateway.agreed[ref]))
    await till.hear()
    assert await till.wallet() == 19_800
    assert [each["reference_id"] for each in await till.events("payment_paid")] == ["7", "7"]
    changes = await till.events("mandate_changed")
    assert [(each["state"], each["paid_count"], each["mandate_ref"]) for each in changes] == [
        ("created", 0, ref),
        ("active", 1, ref),
        ("active", 2, ref),
    ]
    await till.check_money()


async def test_a_change_is_made_when_the_gateway_is_back(till: Till, gateway: FakeGateway) -> None:
    ref = await start(till)
    gateway.faults["change_mandate"] = [AWAY]
    waiting = await flows.change_mandate(till.ports, ref, "cancel", DEFAULT_TENANT)
    assert waiting.wanted_change == "cancel"
    await till.rounds(61_000)
    assert gateway.agreed[ref].state == "cancelled"
    with pytest.raises(Refused, match="cancelled"):
        await flows.change_mandate(till.ports, ref, "resume", DEFAULT_TENANT)
    other = await start(till, MandateWanted(reference="sub-8", amount_minor=1, currency="INR", period="daily"))
    gateway.faults["change_mandate"] = [REFUSED]
    with pytest.raises(Refused, match="refuses"):
        await flows.change_mandate(till.ports, other, "pause", DEFAULT_TENANT)


async def test_a_mandate_that_the_gateway_does_not_set_up(till: Till, gateway: FakeGateway) -> None:
    gateway.faults["start_mandate"] = [AWAY, REFUSED]
    with pytest.raises(Refused, match="does not answer"):
        await start(till)
    for _ in range(2):
        with pytest.raises(Refused, match="refuses"):
            await start(till)
    with pytest.raises(Refused, match="currency"):
        await start(till, MandateWanted(reference="sub-9", amount_minor=1, currency="USD", period="daily"))


# --- who is forgotten -----------------------------------------------------------------------------------------------------------


async def test_a_driver_is_handed_out_and_forgotten(till: Till, gateway: FakeGateway) -> None:
    gateway.saves = "tok_1"
    payment = await till.want()
    gateway.pay(payment.offer_ref)
    await till.look(payment.id)
    waiting = await till.want()
    ref = await start(till)
    held = await till.do(personal.holdings, till.driver_id)
    assert "asha" not in str(held["payment_methods"])
    assert (len(held["payments"]), len(held["payment_methods"]), len(held["mandates"])) == (2, 1, 1)
    assert "+919999999999" in str(held["payments"])
    await till.do(personal.erase, till.driver_id)
    await till.rounds(61_000)
    assert gateway.offers[waiting.offer_ref].closed
    assert gateway.agreed[ref].state == "cancelled"
    left = str(await till.do(personal.holdings, till.driver_id))
    assert "+919999999999" not in left
    assert "a•••@upi" not in left
    assert await till.wallet() == 50_000, "money stays"


async def test_what_is_lacking_is_said(till: Till, gateway: FakeGateway) -> None:
    till.ports.providers.clear()  # type: ignore[attr-defined]  # a dict, as a server has it
    with pytest.raises(Refused, match="no enabled plugin"):
        await till.want()
    assert await flows.check(till.ports, till.gateway_id, DEFAULT_TENANT) == (
        False,
        f"no enabled plugin brings the payment gateway {gateway.name!r}",
    )
    with pytest.raises(NotFound):
        await till.do(gateways.need_account, 4711)
    with pytest.raises(GatewayAway):
        await till.post(gateway.notice("x"))
