"""Readings that come after a charge was billed and leave its energy as it was: where they change its price, a correction follows, once."""

from __future__ import annotations

from functools import partial
from typing import Any

from csms.core.ports import Tx
from csms.domain.billing import service
from csms.domain.billing.flows import looking as flows
from csms.domain.billing.flows import rounds
from csms.domain.billing.model import Bill
from csms.domain.billing.service import looking
from csms.domain.transactions.model import Wishes
from csms.domain.wallets import service as wallets

Scene = Any
MINUTE = 60_000
HOUR = 60 * MINUTE
EVENLY, LATER = 120_000, 80_000
"""What 6 kWh cost that flowed evenly over the hour, half of it at the peak; and where but 1 kWh of it did."""


async def charged(scene: Scene, **more: Any) -> tuple[int, int]:
    """A charge of 6 kWh in an hour that was billed, the first half of it at the peak; and when the peak ended."""
    begin = scene.clock.now()
    scene.pricing.peak_until_at = begin + HOUR // 2
    charge = await scene.charge(6000, **more)
    await scene.bill()
    return charge, begin + HOUR // 2


async def bills(scene: Scene, charge: int) -> list[tuple[int, str, int]]:
    found: list[Bill] = await scene.bills(charge)
    return [(each.number, each.state, each.total_minor) for each in found]


async def waiting(scene: Scene) -> list[tuple[int, int]]:
    """What is to be looked at: by how many messages, and in how many minutes."""
    found = await scene.read(lambda tx: tx.all("SELECT times, look_at FROM bill_looks WHERE tenant = :tenant"))
    return [(row["times"], (row["look_at"] - scene.clock.now()) // MINUTE) for row in found]


async def test_energy_moves_from_the_peak_to_later(scene: Scene) -> None:
    await scene.top_up(200_000)
    scene.pricing.share_percent = 10
    charge, half = await charged(scene)
    assert await bills(scene, charge) == [(0, "SETTLED", EVENLY)]
    asked = len(scene.pricing.asked)

    # a charger that was away tells bit by bit: it is looked at when it is done, once
    for minute, energy_wh in ((30, 1000), (10, 300), (20, 700)):
        await scene.meter(charge, energy_wh, at=half + (minute - 30) * MINUTE)
        await scene.bill()
        await flows.look_again(scene.ports)
        scene.clock.advance(MINUTE)
    assert await waiting(scene) == [(3, 4)]
    assert len(scene.pricing.asked) == asked
    await scene.look()
    assert await bills(scene, charge) == [(0, "SETTLED", EVENLY), (1, "SETTLED", LATER - EVENLY)]
    assert len(scene.pricing.asked) == asked + 1
    assert await waiting(scene) == []
    assert await scene.balances() == {"wallet": 200_000 - LATER, "revenue": LATER * 9 // 10, "host": LATER // 10}
    (told,) = await scene.told("bill_corrected")
    assert (told.number, told.total_minor, told.wallet_minor, told.energy_wh) == (1, LATER - EVENLY, LATER - EVENLY, 0)

    # the same again, from the charger or from the spine, changes nothing and asks nobody
    await scene.meter(charge, 1000, at=half)
    await scene.bill()
    assert await waiting(scene) == []
    scene.heard = 0
    await scene.bill()
    assert len(await waiting(scene)) == 1
    await scene.look()
    assert (len(await scene.bills(charge)), len(scene.pricing.asked), await waiting(scene)) == (2, asked + 1, [])

    # and back again, so that more is owed
    await scene.meter(charge, 4000, at=half - 5 * MINUTE)
    await scene.look()
    assert len(await scene.bills(charge)) == 3
    assert sum(each.total_minor for each in await scene.bills(charge)) > LATER


async def test_a_price_that_does_not_depend_on_time(scene: Scene) -> None:
    charge = await scene.charge(6000)
    await scene.bill()
    before, told = await scene.balances(), await scene.read(bill_events)
    await scene.meter(charge, 1000, at=scene.clock.now() - HOUR // 2)
    await scene.look()
    assert await bills(scene, charge) == [(0, "SETTLED", 60_000)]
    assert (await scene.balances(), await scene.read(bill_events), await waiting(scene)) == (before, told, [])

    # it is known by now that this reading changes nothing
    asked = len(scene.pricing.asked)
    await scene.do(looking.heard, charge)
    await scene.look()
    assert (len(scene.pricing.asked), await waiting(scene)) == (asked, [])


def bill_events(tx: Any) -> int:
    found: int = tx.value("SELECT count(*) FROM events WHERE tenant = :tenant AND type LIKE 'bill%'")
    return found


async def test_who_goes_on_telling_is_looked_at_by_the_hour(scene: Scene) -> None:
    charge, half = await charged(scene)
    await scene.meter(charge, 1000, at=half)
    await scene.bill()
    for minute in range(1, 15):
        scene.clock.advance(4 * MINUTE)
        await scene.meter(charge, 1000 + minute, at=half + minute * MINUTE)
        await scene.bill()
        await flows.look_again(scene.ports)
    assert (await bills(scene, charge), await waiting(scene)) == ([(0, "SETTLED", EVENLY)], [(15, 4)])
    scene.clock.advance(4 * MINUTE)
    await flows.look_again(scene.ports)
    assert [each[1:] for each in await bills(scene, charge)] == [("SETTLED", EVENLY), ("SETTLED", LATER - EVENLY)]


async def test_what_was_paid_for_a_charge_comes_back_where_it_came_from(scene: Scene) -> None:
    await scene.prepay(7, 150_000)
    charge, half = await charged(scene, wishes=Wishes(payment_id=7))
    await scene.meter(charge, 1000, at=half)
    await scene.look()
    first, second = await scene.bills(charge)
    assert (first.prepaid_minor, second.prepaid_minor, second.payment_id) == (EVENLY, LATER - EVENLY, 7)
    assert await scene.balances(7) == {"prepaid": 150_000 - LATER, "revenue": LATER}


async def test_allowances_pay_what_they_paid(scene: Scene) -> None:
    granted = await scene.do(
        wallets.grant, scene.driver, unit="WH", amount=9_000, name="plan", key="g", description="plan", expires_at=None
    )
    without, half = await charged(scene)
    scene.pricing.plan = (granted.account_id, 1_000)  # from now on there is a plan
    covered, later = await charged(scene)
    scene.pricing.plan = (granted.account_id, 8_000)
    scene.pricing.peak_until_at = half
    await scene.meter(without, 1000, at=half)
    await scene.look()
    scene.pricing.peak_until_at = later
    await scene.meter(covered, 1000, at=later)
    await scene.look()

    assert await bills(scene, without) == [(0, "SETTLED", EVENLY), (1, "SETTLED", LATER - EVENLY)]
    first, second = await scene.bills(covered)
    assert (first.total_minor, first.total_minor + second.total_minor) == (EVENLY - 10_000, LATER - 10_000)
    assert ([each.amount for each in first.uses], second.uses) == ([1_000], ())
    assert (await scene.balances())["plan"] == 8_000


async def test_readings_that_come_while_it_is_priced(scene: Scene) -> None:
    begin = scene.clock.now()
    scene.pricing.peak_until_at = half = begin + HOUR // 2
    charge = await scene.charge(6000)
    await scene.hear()
    scene.pricing.meanwhile = partial(scene.meter, charge, 1000, at=half)
    await rounds.settle_due(scene.ports)
    assert await bills(scene, charge) == [(0, "SETTLED", EVENLY)]
    scene.pricing.meanwhile = partial(more, scene, charge, half)
    await scene.look()
    assert [each[2] for each in await bills(scene, charge)] == [EVENLY, LATER - EVENLY]
    await scene.look()  # for what came while it was looked at
    assert [each[2] for each in await bills(scene, charge)] == [EVENLY, LATER - EVENLY, 20_000]


async def more(scene: Scene, charge: int, half: int) -> None:
    await scene.meter(charge, 2000, at=half - MINUTE)
    await scene.meter(charge, 2000, at=half)
    await scene.hear()


async def test_it_waits_for_what_is_just_being_settled_and_leaves_alone_what_was_closed(scene: Scene) -> None:
    scene.pricing.fails = True
    charge, half = await charged(scene)
    await scene.meter(charge, 1000, at=half)
    await scene.look()  # its bill was tried twice meanwhile, and goes on waiting
    assert [each[:2] for each in await bills(scene, charge)] == [(0, "UNBILLED")]
    assert [times for times, _ in await waiting(scene)] == [1]
    scene.pricing.fails = False
    scene.clock.advance(HOUR)
    await scene.look()
    assert (await bills(scene, charge), await waiting(scene)) == ([(0, "SETTLED", LATER)], [])

    # a plugin that fails then: the correction waits for it as any bill does
    scene.pricing.fails = True
    await scene.meter(charge, 3000, at=half - MINUTE)
    await scene.look()
    assert [each[:2] for each in await bills(scene, charge)] == [(0, "SETTLED"), (1, "UNBILLED")]
    assert "Undecided" in (await scene.bills(charge))[1].error
    scene.pricing.fails = False
    scene.clock.advance(HOUR)
    await scene.bill()
    assert [each[:2] for each in await bills(scene, charge)] == [(0, "SETTLED"), (1, "SETTLED")]

    # what was given up is not taken up again by itself
    scene.pricing.fails = True
    await scene.meter(charge, 3500, at=half - 2 * MINUTE)
    await scene.look()
    await scene.do(write_off, (await scene.bills(charge))[2].id)
    scene.pricing.fails = False
    await scene.meter(charge, 3600, at=half - 3 * MINUTE)
    await scene.look()
    assert ([each[1] for each in await bills(scene, charge)][2:], await waiting(scene)) == (["NOT_BILLABLE"], [])


def write_off(tx: Tx, bill_id: int) -> None:
    service.write_off(tx, bill_id, reason="goodwill", by="root")


async def test_what_nobody_owes_is_priced_anew(scene: Scene) -> None:
    charge, half = await charged(scene, token="")
    await scene.meter(charge, 1000, at=half)
    await scene.look()
    assert (await bills(scene, charge), await waiting(scene)) == ([(0, "PRICED", LATER)], [])


async def test_a_reading_that_turns_out_to_be_of_the_next_charge(scene: Scene) -> None:
    begin = scene.clock.now()
    scene.pricing.peak_until_at = half = begin + HOUR // 2
    first = await scene.start()
    await scene.meter(first, 1000, at=half)
    scene.clock.advance(HOUR)
    await scene.stop(first, 6000)
    await scene.bill()
    assert await bills(scene, first) == [(0, "SETTLED", LATER)]
    second = await scene.start()
    await scene.do(give_away, first)  # it was guessed by its place and time
    await scene.meter(second, 1000, at=half)
    await scene.look()
    assert [each[2] for each in await bills(scene, first)] == [LATER, EVENLY - LATER]


def give_away(tx: Tx, transaction_id: int) -> None:
    tx.run("UPDATE meter_readings SET guessed = 2 WHERE tenant = :tenant AND transaction_id = :id", id=transaction_id)


async def test_one_that_cannot_be_read_keeps_no_other_waiting(scene: Scene) -> None:
    odd = await scene.charge(1000)
    charge, half = await charged(scene)
    await scene.do(looking.heard, odd)
    await scene.do(garble, odd)
    await scene.meter(charge, 1000, at=half)
    await scene.look()
    assert [each[2] for each in await bills(scene, charge)] == [EVENLY, LATER - EVENLY]
    assert await waiting(scene) == [(1, 6 * 60)]


def garble(tx: Tx, transaction_id: int) -> None:
    tx.run("UPDATE bills SET price = '{' WHERE tenant = :tenant AND transaction_id = :id", id=transaction_id)


async def test_bills_of_before_and_of_long_ago(scene: Scene) -> None:
    older, half = await charged(scene)
    await scene.do(forget_course, older)
    await scene.do(looking.heard, older)
    asked = len(scene.pricing.asked)
    await scene.look()
    await scene.do(looking.heard, older)
    await scene.look()
    assert (len(await scene.bills(older)), len(scene.pricing.asked)) == (1, asked + 1)
    scene.clock.advance(looking.OLDEST_MS)
    await scene.meter(older, 1000, at=half)
    await scene.look()
    assert (len(await scene.bills(older)), len(scene.pricing.asked), await waiting(scene)) == (1, asked + 1, [])


def forget_course(tx: Tx, transaction_id: int) -> None:
    """As bills are that were settled before this was kept."""
    tx.run("UPDATE bills SET course = '' WHERE tenant = :tenant AND transaction_id = :id", id=transaction_id)
