"""A charge that ended is billed once, and out of what there is: what was paid for it, what is held, the wallet, a debt."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.errors import Refused
from csms.core.ledger import GATEWAY, RECEIVABLE, AccountRef, Leg, NewMovement
from csms.domain.billing import service
from csms.domain.billing.flows import rounds
from csms.domain.payments.model import PaymentPaid
from csms.domain.transactions.model import Wishes
from csms.domain.wallets import service as wallets
from csms.testing.plugins import example

Scene = Any


async def test_out_of_the_wallet(scene: Scene) -> None:
    await scene.top_up(100_000)
    scene.pricing.tax, scene.pricing.share_percent = True, 20
    charge = await scene.charge(5000)
    await scene.bill()

    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.kind, bill.driver_id, bill.energy_wh) == ("SETTLED", "charge", scene.driver, 5000)
    assert (bill.net_minor, bill.tax_minor, bill.total_minor) == (50_000, 9_000, 59_000)
    assert (bill.wallet_minor, bill.owed_minor, bill.open_minor, bill.paid_at) == (59_000, 0, 0, bill.settled_at)
    assert bill.price is not None
    assert (bill.price.tariff, [each.amount for each in bill.price.lines]) == ("Flat", [500])
    assert await scene.balances() == {"wallet": 41_000, "revenue": 40_000, "host": 10_000, "tax": 9_000}

    # the same events again, and the job again: nothing moves twice
    scene.heard = 0
    await scene.bill()
    assert await scene.balances() == {"wallet": 41_000, "revenue": 40_000, "host": 10_000, "tax": 9_000}
    (told,) = await scene.told("bill_settled")
    assert (told.transaction_id, told.total_minor, told.wallet_minor) == (charge, 59_000, 59_000)
    assert await scene.told("bill_open") == []


async def test_what_is_missing_is_owed_until_it_comes(scene: Scene) -> None:
    await scene.top_up(20_000)
    charge = await scene.charge(5000)
    await scene.bill()
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.wallet_minor, bill.owed_minor, bill.open_minor, bill.paid_at) == (
        "SETTLED",
        20_000,
        30_000,
        30_000,
        None,
    )
    assert await scene.balances() == {"owed": -30_000, "revenue": 50_000}
    (opened,) = await scene.told("bill_open")
    assert opened.open_minor == 30_000

    await scene.top_up(10_000)  # goes to the debt
    await scene.hear()
    assert await scene.balances() == {"owed": -20_000, "revenue": 50_000}
    assert (await scene.bills(charge))[0].open_minor == 20_000
    await scene.top_up(25_000)
    await scene.hear()
    assert await scene.balances() == {"wallet": 5_000, "revenue": 50_000}
    (paid,) = await scene.told("bill_paid")
    assert (paid.open_minor, paid.written_off_minor) == (0, 0)
    (bill,) = await scene.bills(charge)
    assert (bill.open_minor, bill.owed_minor, bill.paid_at is not None) == (0, 30_000, True)


async def test_a_payment_for_a_bill_counts_once(scene: Scene) -> None:
    charge = await scene.charge(1000)
    await scene.bill()
    (bill,) = await scene.bills(charge)

    async def pay(amount: int, payment_id: int) -> None:
        """What the payments slice does: the ledger and the event in one write."""
        debt = AccountRef(kind=RECEIVABLE, unit="INR", driver_id=scene.driver)
        legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -amount), Leg(debt, amount))
        told = example(
            PaymentPaid,
            payment_id=payment_id,
            driver_id=scene.driver,
            purpose="bill",
            reference_kind="bill",
            reference_id=str(bill.id),
            amount_minor=amount,
            currency="INR",
            credited_to="receivable",
            to_wallet_minor=0,
        )

        def verb(tx: Any) -> None:
            wallets.post(tx, NewMovement(kind="PAYMENT", key=f"p{payment_id}", legs=legs, description="paid"))
            tx.emit(told)

        await scene.do(verb)

    await pay(4_000, 1)
    await scene.hear()
    scene.heard = 0
    await scene.hear()
    assert (await scene.bills(charge))[0].open_minor == 6_000
    with pytest.raises(Refused):
        await scene.do(service.retry, bill.id)
    await pay(9_000, 2)  # more than is open
    with pytest.raises(Refused):  # and it is not written off before that is heard
        await scene.do(service.write_off, bill.id, reason="goodwill", by="root")
    await scene.hear()
    (bill,) = await scene.bills(charge)
    assert (bill.open_minor, bill.paid_at is not None) == (0, True)
    assert await scene.balances() == {"wallet": 3_000, "revenue": 10_000}
    assert len(await scene.told("bill_paid")) == 1


async def test_written_off(scene: Scene) -> None:
    charge = await scene.charge(1000)
    await scene.bill()
    (bill,) = await scene.bills(charge)
    await scene.do(service.write_off, bill.id, reason="goodwill", by="root")
    assert await scene.balances() == {"revenue": 10_000, "written_off": -10_000}
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.open_minor, bill.written_off_minor, bill.closed_by) == ("SETTLED", 0, 10_000, "root")
    with pytest.raises(Refused):
        await scene.do(service.write_off, bill.id, reason="again", by="root")
    with pytest.raises(Refused):
        await scene.do(service.retry, bill.id)


async def test_a_payment_that_started_it_pays_first(scene: Scene) -> None:
    await scene.prepay(77, 60_000)
    await scene.top_up(100_000)
    charge = await scene.charge(5000, wishes=Wishes(payment_id=77))
    await scene.bill()
    assert await scene.balances(77) == {"wallet": 100_000, "prepaid": 10_000, "revenue": 50_000}
    (told,) = await scene.told("bill_settled")
    assert (told.payment_id, told.prepaid_minor, told.wallet_minor) == (77, 50_000, 0)
    assert (await scene.bills(charge))[0].payment_id == 77


async def test_a_guest_who_paid_and_took_more_leaves_a_loss(scene: Scene) -> None:
    await scene.prepay(78, 40_000)
    charge = await scene.charge(5000, token="GUEST", wishes=Wishes(payment_id=78))
    await scene.bill()
    assert await scene.balances(78) == {"revenue": 50_000, "written_off": -10_000}
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.prepaid_minor, bill.waived_minor, bill.open_minor) == ("SETTLED", 40_000, 10_000, 0)


async def test_a_guest_who_paid_nothing_is_priced_and_nobody_owes_it(scene: Scene) -> None:
    charge = await scene.charge(5000, token="GUEST")
    await scene.bill()
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.total_minor, bill.due_at) == ("PRICED", 50_000, None)
    assert "nobody" in bill.note
    assert await scene.balances() == {}
    await scene.do(service.write_off, bill.id, reason="free vend", by="root")
    assert (await scene.bills(charge))[0].state == "NOT_BILLABLE"


async def test_without_energy_it_costs_nothing(scene: Scene) -> None:
    await scene.set(hold_minor=5_000)
    await scene.top_up(20_000)
    charge = await scene.start()
    await scene.hear()
    assert await scene.balances() == {"wallet": 15_000, "held": 5_000}
    scene.clock.advance(60_000)
    await scene.stop(charge, 0)
    await scene.bill()
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.note, bill.due_at) == ("NOT_BILLABLE", "no energy was taken", None)
    assert await scene.balances() == {"wallet": 20_000}
    assert scene.pricing.asked == []
    (told,) = await scene.told("bill_not_billable")
    assert told.transaction_id == charge


async def test_allowances_pay_first_and_are_taken_in_the_same_write(scene: Scene) -> None:
    await scene.top_up(100_000)
    granted = await scene.do(
        wallets.grant, scene.driver, unit="WH", amount=8_000, name="plan", key="g1", description="plan", expires_at=None
    )
    scene.pricing.plan = (granted.account_id, 8_000)
    first = await scene.charge(5000)
    await scene.bill()
    assert await scene.balances() == {"wallet": 100_000, "plan": 3_000}
    (bill,) = await scene.bills(first)
    assert (bill.state, bill.total_minor) == ("SETTLED", 0)
    assert [(each.unit, each.amount) for each in bill.uses] == [("WH", 5_000)]

    # what the plugin says is stale by the write: nothing is settled, and it is asked again
    async def meanwhile() -> None:
        scene.pricing.plan = (granted.account_id, 1_000)
        await scene.do(wallets.withdraw, granted.account_id, key="w1", description="taken")
        await scene.do(wallets.grant, scene.driver, unit="WH", amount=1_000, name="plan", key="g2", description="plan")

    scene.pricing.plan = (granted.account_id, 3_000)
    scene.pricing.meanwhile = meanwhile
    second = await scene.charge(5000)
    await scene.hear()
    await rounds.settle_due(scene.ports)
    (bill,) = await scene.bills(second)
    assert (bill.state, bill.attempts) == ("UNBILLED", 1)
    assert await scene.balances() == {"wallet": 100_000, "plan": 1_000}
    await scene.bill()
    (bill,) = await scene.bills(second)
    assert (bill.state, bill.total_minor) == ("SETTLED", 40_000)
    assert await scene.balances() == {"wallet": 60_000, "revenue": 40_000}


async def test_a_hold_pays_and_what_is_left_of_it_comes_back(scene: Scene) -> None:
    await scene.set(hold_minor=30_000)
    await scene.top_up(50_000)
    charge = await scene.start()
    await scene.hear()
    await scene.hear()
    assert await scene.balances() == {"wallet": 20_000, "held": 30_000}
    scene.clock.advance(3_600_000)
    await scene.stop(charge, 2000)
    await scene.bill()
    assert await scene.balances() == {"wallet": 30_000, "revenue": 20_000}
    assert (await scene.bills(charge))[0].wallet_minor == 20_000


async def test_what_would_be_held_is_estimated(scene: Scene) -> None:
    await scene.set(hold_energy_wh=4000)
    await scene.top_up(30_000)  # less than it would cost: as much as there is
    await scene.start()
    await scene.hear()
    assert await scene.balances() == {"held": 30_000}
    assert scene.pricing.asked[-1].purpose == "supposed"
    assert scene.pricing.asked[-1].energy_wh == 4000


async def test_a_lost_event_loses_no_bill(scene: Scene) -> None:
    charge = await scene.charge(1000)
    assert await rounds.make_missing(scene.ports) == 0  # it ended just now: the event may still come
    scene.clock.advance(600_000)
    await rounds.make_missing(scene.ports)
    await rounds.settle_due(scene.ports)
    assert [each.state for each in await scene.bills(charge)] == ["SETTLED"]
    await scene.bill()
    assert len(await scene.bills(charge)) == 1


async def test_nothing_is_billed_where_billing_is_off(scene: Scene) -> None:
    await scene.set(enabled=False)
    charge = await scene.charge(1000)
    await scene.bill()
    scene.clock.advance(600_000)
    await rounds.make_missing(scene.ports)
    await scene.set(enabled=True)
    await rounds.make_missing(scene.ports)
    assert await scene.bills(charge) == []
