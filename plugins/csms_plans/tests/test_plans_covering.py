"""What plans pay of charges: where, of what, in which order, and never twice."""

from __future__ import annotations

from decimal import Decimal
from functools import partial

from csms.core.ids import DEFAULT_TENANT, TenantId, charger_key
from csms.domain.stations import service as stations
from csms.hooks import Allowance, Charge, Coverage, MeterPoint
from csms_plans.covering import shared_out

from .conftest import DAY_MS, HOUR_MS, World


def taken(answer: Coverage | None) -> tuple[int, bool, str | None, list[tuple[str, int]]]:
    assert answer is not None
    rate = answer.covered.rate_per_kwh
    return (
        answer.covered.energy_wh,
        answer.covered.whole,
        None if rate is None else str(rate),
        [(each.unit, each.amount) for each in answer.uses],
    )


def allowance(account_id: int, unit: str, balance: int) -> Allowance:
    return Allowance(account_id=account_id, driver_id=1, unit=unit, name="", balance=balance, granted=balance, expires_at=None)


def test_what_expires_first_is_taken_first_and_a_transaction_pays_all() -> None:
    energy, more, rides = allowance(1, "WH", 5), allowance(2, "WH", 100), allowance(3, "TX", 2)

    def shared(*left: Allowance, wh: int = 50) -> list[tuple[int, int]]:
        return [(each.account_id, each.amount) for each in shared_out(left, wh)[0]]

    assert shared(energy, more) == [(1, 5), (2, 45)]
    assert shared(rides, energy, more) == [(3, 1)]
    assert shared(more, rides) == [(2, 50)]
    assert shared(energy, rides, more) == [(3, 1)], "energy does not reach: then none of it is taken"
    assert shared(energy) == [(1, 5)]
    assert shared() == []


async def test_energy_and_what_is_beyond(world: World) -> None:
    assert await world.ask() is None, "no plan, no opinion"
    await world.give(1000_00)
    early = world.clock.now() - HOUR_MS
    await world.subscribe(await world.plan(energy_wh=15_000, excess_rate="9.5"))
    assert taken(await world.ask()) == (10_000, False, "9.5", [("WH", 10_000)])
    assert taken(await world.ask(energy_wh=40_000)) == (15_000, False, "9.5", [("WH", 15_000)])
    assert await world.ask(at=early) is None, "it began before the plan did"
    assert await world.ask(energy_wh=0) is None
    await world.use("subscription:1:1", 15_000)
    assert taken(await world.ask()) == (0, False, "9.5", [])
    await world.subscribe(await world.plan("Day", period="daily", energy_wh=4_000, excess_rate="8"))
    answer = await world.ask()
    assert taken(answer) == (4_000, False, "8", [("WH", 4_000)])
    assert answer is not None
    assert answer.covered.by == "Day"


async def test_several_plans_by_what_expires_first(world: World) -> None:
    await world.give(1000_00)
    await world.subscribe(await world.plan("Year", period="yearly", energy_wh=50_000))
    await world.subscribe(await world.plan("Week", period="weekly", energy_wh=3_000))
    answer = await world.ask()
    assert answer is not None
    assert ([each.amount for each in answer.uses], answer.covered.by) == ([3_000, 7_000], "Week, Year")
    await world.subscribe(await world.plan("Rides", period="daily", energy_wh=0, transactions=1))
    assert taken(await world.ask()) == (0, True, None, [("TX", 1)])


async def test_unlimited_plans(world: World) -> None:
    await world.give(1000_00)
    everything = await world.plan("All", energy_wh=0, unlimited="charges")
    number = await world.subscribe(everything)
    assert taken(await world.ask(energy_wh=10**6)) == (0, True, None, [("TX", 1)])
    await world.pass_(31 * DAY_MS // 2)
    await world.cancel(number, "now")
    assert await world.wallet() == 1000_00 - 59_00
    await world.subscribe(await world.plan("Energy", energy_wh=0, unlimited="energy"))
    assert taken(await world.ask(energy_wh=10**6)) == (10**6, False, None, [("WH", 10**6)])


async def test_only_where_it_holds_and_only_its_own_tenants(world: World) -> None:
    await world.give(1000_00)
    group = await world.do(stations.add_station_group, "Malls")
    station = (await world.do(stations.add_station, name="Depot")).id
    other = (await world.do(stations.add_station, name="Mall", station_group_id=group)).id
    add_charger = partial(stations.add_charger, charger_id="C7")
    await world.database.write(add_charger, tenant=DEFAULT_TENANT, keys=(charger_key("C7"),))
    await world.subscribe(await world.plan(stations=[station], station_groups=[group], chargers=["C7"]))
    for place in ({"station_id": station}, {"station_id": other}, {"charger_id": "C7"}):
        assert await world.ask(**place) is not None, place
    assert await world.ask(station_id=999, charger_id="C8") is None
    charge_of_another = await world.plugged.bus.ask("cover_charge", charge=_charge(world), tenant=TenantId(2))
    assert charge_of_another is None


def _charge(world: World) -> Charge:
    at = world.clock.now()
    return Charge(
        purpose="so_far",
        currency="INR",
        time_zone="UTC",
        driver_id=world.driver,
        started_at=at,
        ended_at=at,
        energy_wh=5,
        points=(MeterPoint(at, 0), MeterPoint(at, 5)),
    )


async def test_asking_is_a_fixed_number_of_reads_and_quick(world: World) -> None:
    await world.give(10**9)
    for number in range(30):
        await world.subscribe(await world.plan(f"Plan {number}", excess_rate=str(10 + number)))
    answer = await world.ask(energy_wh=2_500_000)
    assert answer is not None
    assert (len(answer.uses), answer.covered.rate_per_kwh) == (25, Decimal(10))
