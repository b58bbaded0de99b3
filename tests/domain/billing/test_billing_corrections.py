"""What was billed and turned out otherwise: a bill of its own holds the difference, and the first stays as it was."""

from __future__ import annotations

from functools import partial
from typing import Any

from csms.domain.billing import service
from csms.domain.billing.flows import rounds
from csms.domain.transactions import service as transactions
from csms.domain.transactions.model import Wishes
from csms.domain.wallets import service as wallets

Scene = Any
HOUR = 3_600_000


async def estimated(scene: Scene, energy_wh: int, **more: Any) -> int:
    """A charge that an operator ended: its real stop may still come."""
    charge = await scene.start(**more)
    scene.clock.advance(HOUR)
    await scene.meter(charge, energy_wh)
    await scene.do(transactions.force_stop, charge, "lost")
    return int(charge)


async def test_more_is_charged(scene: Scene) -> None:
    await scene.top_up(100_000)
    scene.pricing.tax = True
    charge = await estimated(scene, 3000)
    await scene.bill()
    assert await scene.balances() == {"wallet": 64_600, "revenue": 30_000, "tax": 5_400}
    await scene.stop(charge, 5000)
    await scene.bill()

    first, second = await scene.bills(charge)
    assert (first.total_minor, first.energy_wh, first.state) == (35_400, 3000, "SETTLED")
    assert (second.kind, second.number, second.state) == ("correction", 1, "SETTLED")
    assert (second.net_minor, second.tax_minor, second.total_minor, second.energy_wh) == (20_000, 3_600, 23_600, 2000)
    assert [(each.name, each.taxable_minor, each.amount_minor) for each in second.taxes] == [("GST", 20_000, 3_600)]
    assert second.price is not None
    assert second.price.total_minor == 59_000
    assert await scene.balances() == {"wallet": 41_000, "revenue": 50_000, "tax": 9_000}
    assert len(await scene.told("bill_settled")) == 1
    (told,) = await scene.told("bill_corrected")
    assert (told.number, told.total_minor, told.wallet_minor) == (1, 23_600, 23_600)

    # the same events again change nothing
    scene.heard = 0
    await scene.bill()
    assert len(await scene.bills(charge)) == 2
    assert await scene.balances() == {"wallet": 41_000, "revenue": 50_000, "tax": 9_000}


async def test_less_comes_back_the_last_that_was_taken_first(scene: Scene) -> None:
    await scene.prepay(7, 20_000)
    await scene.top_up(25_000)
    scene.pricing.share_percent = 10
    charge = await estimated(scene, 6000, wishes=Wishes(payment_id=7))
    await scene.bill()
    assert await scene.balances(7) == {"owed": -15_000, "revenue": 54_000, "host": 6_000}
    (bill,) = await scene.bills(charge)
    assert (bill.prepaid_minor, bill.wallet_minor, bill.open_minor) == (20_000, 25_000, 15_000)

    # what is owed becomes less, then the wallet gets its part back, then the payment
    await scene.turned_out(charge, 1000)
    await scene.bill()
    first, second = await scene.bills(charge)
    assert (first.open_minor, first.total_minor) == (0, 60_000)
    assert (second.total_minor, second.owed_minor, second.wallet_minor, second.prepaid_minor) == (
        -50_000,
        -15_000,
        -25_000,
        -10_000,
    )
    assert await scene.balances(7) == {"wallet": 25_000, "prepaid": 10_000, "revenue": 9_000, "host": 1_000}
    assert [each.total_minor for each in await scene.told("bill_corrected")] == [-50_000]
    assert len(await scene.told("bill_paid")) == 1


async def test_nothing_was_taken_after_all(scene: Scene) -> None:
    charge = await estimated(scene, 2000)
    await scene.bill()
    (bill,) = await scene.bills(charge)
    await scene.do(service.write_off, bill.id, reason="goodwill", by="root")
    await scene.turned_out(charge, 0)
    await scene.bill()
    assert await scene.balances() == {}
    second = (await scene.bills(charge))[1]
    assert (second.total_minor, second.owed_minor, second.written_off_minor, second.energy_wh) == (-20_000, -20_000, -20_000, -2000)


async def test_what_was_paid_of_a_debt_comes_to_the_wallet(scene: Scene) -> None:
    charge = await estimated(scene, 2000)
    await scene.bill()
    await scene.top_up(20_000)
    await scene.hear()
    assert await scene.balances() == {"revenue": 20_000}
    await scene.turned_out(charge, 500)
    await scene.bill()
    assert await scene.balances() == {"wallet": 15_000, "revenue": 5_000}
    assert (await scene.bills(charge))[1].wallet_minor == -15_000


async def test_before_it_was_settled_it_is_only_priced_anew(scene: Scene) -> None:
    scene.pricing.fails = True
    charge = await estimated(scene, 3000)
    await scene.bill()
    scene.pricing.fails = False
    await scene.stop(charge, 5000)
    await scene.bill()
    (bill,) = await scene.bills(charge)
    assert (bill.kind, bill.state, bill.total_minor) == ("charge", "SETTLED", 50_000)


async def test_a_stop_between_asking_and_writing(scene: Scene) -> None:
    charge = await estimated(scene, 3000)
    await scene.hear()
    scene.pricing.meanwhile = partial(scene.stop, charge, 5000)
    await rounds.settle_due(scene.ports)
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.attempts) == ("UNBILLED", 1)
    await scene.bill()
    assert [(each.number, each.total_minor) for each in await scene.bills(charge)] == [(0, 50_000)]


async def test_from_nothing_to_something(scene: Scene) -> None:
    charge = await estimated(scene, 0)
    await scene.bill()
    assert [each.state for each in await scene.bills(charge)] == ["NOT_BILLABLE"]
    await scene.stop(charge, 1000)
    await scene.bill()
    assert [(each.number, each.state, each.total_minor) for each in await scene.bills(charge)] == [(0, "SETTLED", 10_000)]


async def test_another_driver_had_charged(scene: Scene) -> None:
    await scene.top_up(50_000)
    charge = await scene.charge(3000)
    await scene.bill()
    await scene.do(_give_to, charge, scene.other)
    await scene.do(service.correct, charge)
    await scene.bill()
    assert await scene.balances() == {"wallet": 50_000, "other_owed": -30_000, "revenue": 30_000}
    bills = await scene.bills(charge)
    assert [(each.driver_id, each.total_minor) for each in bills] == [
        (scene.driver, 30_000),
        (scene.driver, -30_000),
        (scene.other, 30_000),
    ]


def _give_to(tx: Any, transaction_id: int, driver_id: int) -> None:
    tx.run("UPDATE transactions SET driver_id = :driver WHERE tenant = :tenant AND id = :id", id=transaction_id, driver=driver_id)


async def test_allowances_come_back_and_pay_for_more(scene: Scene) -> None:
    granted = await scene.do(
        wallets.grant, scene.driver, unit="WH", amount=8_000, name="plan", key="g", description="plan", expires_at=None
    )
    scene.pricing.plan = (granted.account_id, 8_000)
    less = await estimated(scene, 5000)
    await scene.bill()
    await scene.turned_out(less, 2000)
    scene.pricing.plan = (granted.account_id, 3_000)
    await scene.bill()
    assert await scene.balances() == {"plan": 6_000}
    assert [[each.amount for each in bill.uses] for bill in await scene.bills(less)] == [[5_000], [-3_000]]

    scene.pricing.plan = (granted.account_id, 6_000)
    more = await estimated(scene, 4000)
    await scene.bill()
    assert await scene.balances() == {"plan": 2_000}
    scene.pricing.plan = (granted.account_id, 2_000)
    await scene.stop(more, 9000)
    await scene.bill()
    first, second = await scene.bills(more)
    assert (first.total_minor, second.total_minor) == (0, 30_000)  # 6 of 9 kWh are the plan's
    assert [each.amount for each in second.uses] == [2_000]
    assert await scene.balances() == {"owed": -30_000, "revenue": 30_000}
