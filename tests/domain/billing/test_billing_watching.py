"""Running charges are priced now and then, and stopped when they come to a limit: by what is stored, so that a restart loses nothing."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from csms.core.commands import Offline
from csms.core.pricing import Charge, MeterPoint
from csms.domain.billing.limits import MARGIN_MS, Limit, look_again_ms, pace, reached
from csms.domain.transactions.model import Wishes
from csms.domain.wallets import service as wallets

Scene = Any
SECOND, MINUTE = 1000, 60_000


async def minutes(scene: Scene, charge: int, count: int, *, power_w: int = 6000, every_s: int = 60) -> None:
    """The charge goes on: its meter is read, and the watch looks as often as its job does."""
    for _ in range(count):
        for _ in range(every_s // 5):
            scene.clock.advance(5 * SECOND)
            await scene.watch()
        (row,) = await scene.read(
            lambda tx: tx.all("SELECT started_at FROM transactions WHERE tenant = :tenant AND id = :id", id=charge)
        )
        elapsed = scene.clock.now() - row["started_at"]
        await scene.meter(charge, power_w * elapsed // 3_600_000, power_w=power_w)


@pytest.mark.parametrize(
    ("wishes", "limit", "energy_wh"),
    [
        (Wishes(energy_wh=1000), "energy", (950, 1000)),
        (Wishes(amount_minor=10_000), "amount", (950, 1000)),  # 10 paise a Wh
        (Wishes(duration_s=600), "duration", (1000, 1020)),
        (Wishes(payment_id=5), "amount", (950, 1000)),
    ],
)
async def test_a_limit_stops_it_just_before(scene: Scene, wishes: Wishes, limit: str, energy_wh: tuple[int, int]) -> None:
    await scene.prepay(5, 10_000)
    charge = await scene.start(wishes=wishes)
    await scene.hear()
    began = scene.clock.now()
    while not scene.stops:
        await minutes(scene, charge, 1)
        assert scene.clock.now() - began < 15 * MINUTE
    (told,) = await scene.told("charge_limit_reached")
    assert (told.transaction_id, told.limit) == (charge, limit)
    assert told.whose == ("payment" if wishes.payment_id else "driver")
    # between two readings a minute apart it was known how far it had come
    (row,) = await scene.read(lambda tx: tx.all("SELECT asked_at FROM charge_watches WHERE tenant = :tenant"))
    drawn = 6000 * (row["asked_at"] - began) // 3_600_000
    assert energy_wh[0] <= drawn <= energy_wh[1]


async def test_the_tenants_limits_hold_for_everybody(scene: Scene) -> None:
    await scene.set(limit_energy_wh=500)
    charge = await scene.start(token="GUEST")
    await minutes(scene, charge, 6)
    assert set(scene.stops) == {charge}
    (told,) = await scene.told("charge_limit_reached")
    assert (told.whose, told.most) == ("tenant", 500)


async def test_a_charger_that_does_not_stop_is_asked_again(scene: Scene) -> None:
    charge = await scene.start(wishes=Wishes(energy_wh=100))
    scene.stop_outcome = Offline()
    scene.clock.advance(MINUTE)
    await scene.meter(charge, 200)
    times = []
    for _ in range(4 * 60 // 5):
        before = len(scene.stops)
        await scene.watch()
        if len(scene.stops) > before:
            times.append(scene.clock.now())
        scene.clock.advance(5 * SECOND)
    assert [second - first for first, second in pairwise(times)] == [30_000, 60_000, 120_000]
    assert len(await scene.told("charge_limit_reached")) == 1
    await scene.stop(charge, 300)
    await scene.bill()
    scene.clock.advance(MINUTE * 20)
    before = len(scene.stops)
    await scene.watch()
    assert len(scene.stops) == before
    assert await scene.read(lambda tx: tx.all("SELECT * FROM charge_watches WHERE tenant = :tenant")) == []


async def test_it_is_stopped_when_the_wallet_is_used_up_and_told_before(scene: Scene) -> None:
    await scene.set(stop_at_funds=True, hold_minor=5_000, low_balance_minor=4_000)
    await scene.top_up(12_000)
    charge = await scene.start()
    await scene.hear()
    while not scene.stops:
        await minutes(scene, charge, 1)
        assert scene.clock.now() < 1_800_000_000_000 + 20 * MINUTE
    assert [(each.limit, each.whose, each.most) for each in await scene.told("charge_limit_reached")] == [
        ("funds", "wallet", 12_000)
    ]
    (low,) = await scene.told("wallet_low")
    assert (low.driver_id, low.threshold_minor, low.transaction_id) == (scene.driver, 4_000, charge)
    assert low.available_minor < 4_000

    # it took more than there was while nobody could stop it: a debt, which is never lost
    await scene.stop(charge, 1500)
    await scene.bill()
    assert await scene.balances() == {"owed": -3_000, "revenue": 15_000}
    assert len(await scene.told("wallet_low")) == 1
    await scene.top_up(50_000)
    await scene.hear()
    await scene.top_up(100)
    await scene.hear()
    again = await scene.charge(4500)
    await scene.bill()
    assert (await scene.bills(again))[0].state == "SETTLED"
    assert len(await scene.told("wallet_low")) == 2


async def test_who_has_an_allowance_is_not_stopped_for_money(scene: Scene) -> None:
    await scene.set(stop_at_funds=True)
    await scene.do(wallets.grant, scene.driver, unit="TX", amount=1, name="plan", key="g", description="plan")
    charge = await scene.start()
    await minutes(scene, charge, 3)
    assert scene.stops == []


async def test_what_it_costs_is_told_now_and_then(scene: Scene) -> None:
    heard: list[Any] = []
    scene.database.on_volatile = lambda tenant, now, event: heard.append(event) if event.type == "cost_updated" else None
    charge = await scene.start()
    await minutes(scene, charge, 3)
    assert 2 <= len(heard) <= 6
    assert (heard[-1].transaction_id, heard[-1].currency, heard[-1].amount_minor) == (charge, "INR", 10 * heard[-1].energy_wh)
    scene.pricing.silent = True
    before = len(scene.pricing.asked)
    await minutes(scene, charge, 3)
    assert len(scene.pricing.asked) - before <= 2  # where nobody prices, hardly anybody is asked


async def test_a_pricing_plugin_that_fails_stops_nothing_and_hides_no_other_limit(scene: Scene) -> None:
    scene.pricing.fails = True
    charge = await scene.start(wishes=Wishes(amount_minor=100, energy_wh=300))
    await minutes(scene, charge, 2)
    assert scene.stops == []
    await minutes(scene, charge, 2)
    assert set(scene.stops) == {charge}
    (told,) = await scene.told("charge_limit_reached")
    assert (told.limit, told.cost_minor) == ("energy", None)


async def test_a_hold_that_a_crash_lost_is_made_by_the_watch(scene: Scene) -> None:
    await scene.set(hold_minor=2_000)
    await scene.top_up(5_000)
    await scene.start()
    await scene.watch()
    assert await scene.balances() == {"wallet": 3_000, "held": 2_000}
    scene.clock.advance(MINUTE)
    await scene.watch()
    await scene.hear()
    assert await scene.balances() == {"wallet": 3_000, "held": 2_000}


# --- reckoned without a store ---------------------------------------------------------------------------------------------------


def charge_of(*points: MeterPoint, ended_at: int) -> Charge:
    return Charge(
        purpose="so_far",
        currency="INR",
        time_zone="UTC",
        started_at=0,
        ended_at=ended_at,
        energy_wh=points[-1].energy_wh,
        points=points,
    )


def test_between_readings_it_goes_on_at_its_last_power() -> None:
    charge = charge_of(MeterPoint(0, 0), MeterPoint(600_000, 1000, 6000), ended_at=900_000)
    by_now = pace(charge, 10_000, 900_000)
    assert by_now.energy_wh == pytest.approx(1500)
    assert by_now.cost == pytest.approx(15_000)
    at_margin = 6000 * MARGIN_MS // 3_600_000
    assert reached(by_now, [Limit(kind="energy", whose="driver", most=1500 + at_margin)]) is not None
    near = Limit(kind="energy", whose="driver", most=1600)
    assert reached(by_now, [near]) is None
    assert 40_000 <= look_again_ms(by_now, [near]) <= 60_000
    assert reached(by_now, [Limit(kind="amount", whose="driver", most=15_100)]) is not None
    assert reached(by_now, [Limit(kind="amount", whose="driver", most=16_000)]) is None
    assert reached(by_now, [Limit(kind="duration", whose="tenant", most=900_000)]) is not None


def test_a_meter_that_says_no_power_and_one_that_is_silent() -> None:
    steady = charge_of(MeterPoint(0, 0), MeterPoint(60_000, 100), ended_at=120_000)
    assert pace(steady, None, 120_000).energy_wh == pytest.approx(200)
    assert pace(steady, None, 120_000).cost is None
    day = pace(steady, None, 86_400_000)
    assert day.energy_wh == pytest.approx(100 + 1500)  # a quarter of an hour at most
    unread = charge_of(MeterPoint(0, 0), ended_at=60_000)
    assert pace(unread, 0, 60_000).energy_wh == 0
    assert look_again_ms(pace(unread, 0, 60_000), [Limit(kind="amount", whose="driver", most=5)]) == 15_000
