"""Scan, pay, charge, and the rest goes back; or nobody plugs in, and all of it does."""

from __future__ import annotations

from .conftest import MINUTE, Booth


async def test_a_guest_pays_charges_and_gets_the_rest(booth: Booth) -> None:
    payment_id, _ = await booth.want(20_000)
    assert (await booth.follow(payment_id)).state == "waiting"
    await booth.soon()
    assert booth.chargers.starts == []
    await booth.pay(payment_id)
    await booth.soon()
    (start,) = booth.chargers.starts
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.limit_wh, shown.paid_minor) == ("starting", 1_800, 20_000)  # 20 rupees are for the start
    charge = await booth.begin()
    await booth.soon(5 * MINUTE)
    await booth.meter(charge, 500)
    await booth.soon(MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.energy_wh, shown.cost_minor, shown.transaction_id) == ("charging", 500, 7_000, charge)
    await booth.end(charge, 1_000)
    await booth.soon()
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.energy_wh, shown.cost_minor, shown.tariff) == ("finished", 1_000, 12_000, "Roadside")
    assert [(each.amount_minor, each.state) for each in shown.refunds] == [(8_000, "refunded")]
    assert await booth.balances(payment_id) == {"revenue": 12_000}
    # what it was charged with opens nothing any more
    await booth.begin(token=start.token.value)
    (after,) = await booth.rows("SELECT token_status FROM transactions WHERE id > :id", id=charge)
    assert after["token_status"] == "Invalid"
    await booth.check()


async def test_a_driver_pays_for_one_charge_and_keeps_the_wallet(booth: Booth) -> None:
    payment_id, _ = await booth.want_own(20_000)
    await booth.pay(payment_id)
    await booth.soon()
    charge = await booth.begin()
    await booth.end(charge, 1_795)  # 50 paise are left: less than the gateway gives back
    await booth.soon()
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.cost_minor, shown.to_wallet_minor, list(shown.refunds)) == ("finished", 19_950, 50, [])
    assert await booth.balances(payment_id) == {"revenue": 19_950, "wallet": 50}
    await booth.check()


async def test_no_car_is_ever_plugged_in(booth: Booth) -> None:
    payment_id = await booth.paid()
    await booth.soon(5 * MINUTE)
    shown = await booth.follow(payment_id)
    assert (shown.state, shown.note) == ("given_back", "no car was plugged in in time")
    assert len(booth.chargers.starts) == 1
    assert booth.gateway.balance() == 0
    await booth.begin()  # who plugs in now charges nothing
    (late,) = await booth.rows("SELECT token_status FROM transactions WHERE started_at IS NOT NULL")
    assert late["token_status"] == "Invalid"
    await booth.check()
