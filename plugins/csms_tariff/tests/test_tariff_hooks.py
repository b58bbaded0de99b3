"""The plugin on the bus, with a real store of both engines."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio

import csms_tariff
from csms.api.shapes import structure
from csms.core.events import Delivered
from csms.db import StoreDatabase
from csms.domain.tenants import service as tenants
from csms.hooks import (
    DEFAULT_TENANT,
    Charge,
    Conflict,
    Event,
    MeterPoint,
    PluginContext,
    Price,
    Statement,
    TenantId,
    event,
    hookimpl,
)
from csms.plugins.personal import holdings_of
from csms.testing.plugins import Plugged, PluginFailed
from csms.testing.stores import START_AT, SettableClock
from csms_tariff import store, writes
from csms_tariff.model import TariffChanged
from csms_tariff.rules import Rules
from csms_tariff.telling import Told, problem_of, tell

HOUR_MS = 3_600_000
FLAT = {"components": [{"kind": "energy", "rate": "14.50"}]}
GRID = {"components": [{"kind": "energy", "rate": "14", "source": "grid"}]}


@event
@attrs.frozen(slots=True, kw_only=True)
class EnergyPriceTold(Event):
    """What a plugin that knows the grid's prices would register."""

    type = "energy_price_told"
    source: str
    from_at: int
    to_at: int | None
    price: str

    @property
    def key(self) -> str:
        return f"source:{self.source}"


class Watcher:
    """Another plugin: it keeps its context, hears of tariffs, and tells prices."""

    def __init__(self) -> None:
        self.context: PluginContext
        self.heard: list[TariffChanged] = []

    @hookimpl
    def configure(self, context: PluginContext) -> None:
        self.context = context

    @hookimpl
    def register_events(self) -> list[type[Event]]:
        return [EnergyPriceTold]

    @hookimpl
    async def tariff_changed(self, event: TariffChanged, delivery: Delivered) -> None:
        self.heard.append(event)


@attrs.frozen(slots=True)
class World:
    """A bus with the plugin and a watcher."""

    database: StoreDatabase
    plugged: Plugged
    context: PluginContext
    watcher: Watcher
    clock: SettableClock

    async def add(self, rules: Any, *, name: str = "T", tenant: int = DEFAULT_TENANT, at: int = 0, assign: bool = True) -> int:
        """A tariff from the beginning of time, assigned everywhere."""
        made = structure(rules, Rules)

        def changes(number: int) -> list[Statement | Event]:
            return [
                writes.insert_tariff(number, name=name, description="", currency="INR", tax_inclusive=False),
                writes.insert_version(number, 1, valid_from_at=at, rules=made, note="", by="me", first=True),
                TariffChanged(tariff_id=number, name=name, what="added", from_at=at),
            ]

        number = await writes.add(self.context, TenantId(tenant), "plugin_tariff_tariffs", changes, why="taken")
        if assign:
            place: dict[str, Any] = {
                "level": "tenant",
                "station_id": 0,
                "charger_id": "",
                "evse": 0,
                "connector": 0,
                "driver_group": "",
            }

            def assigned(each: int) -> list[Statement | Event]:
                return [writes.insert_assignment(each, tariff_id=number, valid_from_at=at, valid_until_at=None, **place)]

            await writes.add(self.context, TenantId(tenant), "plugin_tariff_assignments", assigned, why="assigned")
        return number

    async def ask(self, charge: Charge, tenant: int = DEFAULT_TENANT) -> Price | None:
        answer: Price | None = await self.plugged.bus.ask("price_charge", charge=charge, tenant=tenant)
        return answer

    async def put(self, *changes: Statement, why: str = "no") -> None:
        await writes.write(self.context, DEFAULT_TENANT, *changes, why=why)


OTHER = TenantId(2)


@pytest.fixture
async def world(database: StoreDatabase, clock: SettableClock) -> World:
    other = partial(tenants.add, slug="other", name="Other", currency="INR", time_zone="Asia/Kolkata")
    assert await database.write(other, tenant=DEFAULT_TENANT, keys=("tenants",)) == OTHER
    watcher = Watcher()
    contexts: list[PluginContext] = []

    def keep_context(context: PluginContext) -> None:
        contexts.append(context)

    keep = SimpleNamespace(**{name: getattr(csms_tariff, name) for name in csms_tariff.__all__})
    keep.configure = hookimpl(keep_context)
    plugged = Plugged({"tariff": keep, "watcher": watcher}, database=database)
    plugged.clock = clock
    return World(database, plugged, contexts[0], watcher, clock)


def charge_at(at: int = START_AT, *, wh: int = 10_000, **more: Any) -> Charge:
    said: dict[str, Any] = {
        "purpose": "final",
        "currency": "INR",
        "time_zone": "Asia/Kolkata",
        "transaction_id": 1,
        "charger_id": "C1",
    }
    points = (MeterPoint(at, 0), MeterPoint(at + HOUR_MS, wh))
    return Charge(started_at=at, ended_at=at + HOUR_MS, energy_wh=wh, points=points, **{**said, **more})


async def test_a_charge_is_priced_through_the_bus(world: World) -> None:
    assert await world.ask(charge_at()) is None, "no tariff, no opinion"
    number = await world.add(FLAT)
    made = await world.ask(charge_at())
    assert made is not None
    assert (made.total_minor, made.reference, made.tariff) == (14_500, f"tariff:{number}@1", "T")
    assert made.explained[0] == "Tariff T applies: it is assigned everywhere."
    assert await world.ask(charge_at(), tenant=OTHER) is None, "another tenant's"


async def test_a_change_counts_at_once_and_what_is_known_is_read_once(world: World, database: StoreDatabase) -> None:
    number = await world.add(FLAT)
    for _ in range(3):
        assert (await world.ask(charge_at())) is not None
    dearer = structure({"components": [{"kind": "energy", "rate": "20"}]}, Rules)
    begins_at = START_AT + 2 * HOUR_MS
    await world.put(writes.insert_version(number, 2, valid_from_at=begins_at, rules=dearer, note="", by="me"))
    before, after = await world.ask(charge_at()), await world.ask(charge_at(begins_at))
    assert (before and before.total_minor, after and after.total_minor) == (14_500, 20_000)


async def test_a_charge_that_cannot_be_priced_is_left_open(world: World) -> None:
    await world.add(FLAT)
    assert await world.ask(charge_at(currency="EUR")) is None, "it is not free: nobody has a price for it"
    assert world.plugged.bus.health()["tariff"].trouble == "", "and the others' charges are priced"


async def test_a_version_in_force_is_not_changed(world: World) -> None:
    number = await world.add(FLAT)
    rules = structure(FLAT, Rules)
    for refused in (
        writes.insert_version(number, 2, valid_from_at=START_AT - HOUR_MS, rules=rules, note="", by="me"),
        writes.insert_version(number, 1, valid_from_at=START_AT + HOUR_MS, rules=rules, note="", by="me"),
        writes.update_version(number, 1, valid_from_at=START_AT + HOUR_MS, rules=rules, note="", by="me"),
        writes.delete_version(number, 1),
    ):
        with pytest.raises(Conflict, match="no"):
            await world.put(refused)
    coming = partial(writes.insert_version, number, valid_from_at=START_AT + HOUR_MS, rules=rules, note="", by="me")
    await world.put(coming(2))
    with pytest.raises(Conflict):
        await world.put(coming(3))
    moved = partial(writes.update_version, number, rules=rules, note="", by="me")
    await world.put(moved(2, valid_from_at=START_AT + 2 * HOUR_MS))
    await world.put(coming(3))
    with pytest.raises(Conflict):
        await world.put(moved(3, valid_from_at=START_AT + 2 * HOUR_MS))
    await world.put(writes.delete_version(number, 2))
    world.clock.advance(3 * HOUR_MS)
    with pytest.raises(Conflict):
        await world.put(writes.delete_version(number, 3))


async def test_names_are_taken_until_a_tariff_is_archived(world: World) -> None:
    number = await world.add(FLAT)
    with pytest.raises(Conflict, match="taken"):
        await world.add(FLAT, assign=False)
    await world.put(writes.archive_tariff(number))
    other = await world.add(FLAT, assign=False)
    assert other != number
    made = await world.ask(charge_at(START_AT + 1))
    assert made is None, "the archived one applies to nothing that starts later"
    assert (await world.ask(charge_at(START_AT - 1))) is not None
    assert await world.add(FLAT, tenant=OTHER) > other, "ids are of the installation, names of a tenant"


async def test_prices_from_outside_and_none(world: World) -> None:
    await world.add(GRID)
    made = await world.ask(charge_at())
    assert made is not None
    assert (made.total_minor, made.notes) == (14_000, ("grid had no price for 10.000 kWh: the tariff's own rate was used.",))
    told = partial(tell, world.context, DEFAULT_TENANT, "grid", by="me")
    assert await told([Told(START_AT, None, Decimal("8.5")), Told(START_AT + HOUR_MS // 2, None, Decimal(6))]) == 2
    made = await world.ask(charge_at())
    assert made is not None
    assert (made.total_minor, made.notes[-1]) == (
        7_250,
        "Energy between two readings was divided by time where a price changes; such lines are estimates.",
    )
    world.clock.advance(1)
    late = [
        Told(START_AT, None, Decimal(1)),
        Told(START_AT + HOUR_MS, None, Decimal(2)),
        Told(START_AT + HOUR_MS // 2, None, Decimal(3)),
    ]
    assert await told(late) == 2, "what has begun stays as it was told, what has not may be told anew"
    days = await world.ask(charge_at(START_AT + 49 * HOUR_MS))
    assert days is not None
    assert days.total_minor == 14_000, "a price without an end holds for a day"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"source": "The Grid"}, "source"),
        ({"to_at": START_AT}, "after"),
        ({"price": "inf"}, "price"),
        ({"from_at": None}, "from_at"),
    ],
)
def test_a_price_that_makes_no_sense(wrong: dict[str, Any], words: str) -> None:
    told = EnergyPriceTold(source="grid", from_at=START_AT, to_at=START_AT + HOUR_MS, price="9.25")
    assert problem_of(told) == ""
    assert words in problem_of(attrs.evolve(told, **wrong))


async def test_another_plugin_tells_prices(world: World, database: StoreDatabase) -> None:
    store = world.watcher.context.store
    good = EnergyPriceTold(source="grid", from_at=START_AT, to_at=START_AT + HOUR_MS, price="9.25")
    async with world.plugged.spine(database):
        await world.add(GRID)
        await store.write(good, tenant=DEFAULT_TENANT)
        with trio.fail_after(10):
            while (made := await world.ask(charge_at())) is None or made.notes or not world.watcher.heard:
                await trio.sleep(0.01)
        assert made.total_minor == 9_250
        assert [each.what for each in world.watcher.heard] == ["added"]
    with pytest.raises(PluginFailed, match="energy_price_told: price is a decimal"):
        await world.plugged.tell(attrs.evolve(good, price="much"))


PROMO = {
    "code": "SUMMER", "name": "", "percent": "10", "amount": "", "off": "all", "below_minimum": 0, "tariff_id": None,
    "valid_from_at": START_AT, "valid_until_at": START_AT + 10 * HOUR_MS, "max_uses": 2, "max_uses_per_driver": 1,
}  # fmt: skip


async def promo(world: World, **more: Any) -> int:
    def put(number: int) -> list[Statement | Event]:
        return [writes.insert_promo_code(number, **{**PROMO, **more})]

    return await writes.add(world.context, DEFAULT_TENANT, "plugin_tariff_promo_codes", put, why="taken")


async def test_a_promo_code_is_used_as_often_as_it_may_be(world: World) -> None:
    await world.add(FLAT)
    await promo(world)

    async def cost(transaction_id: int, driver_id: int | None, **more: Any) -> tuple[int, str]:
        made = await world.ask(charge_at(transaction_id=transaction_id, driver_id=driver_id, promo_code="summer", **more))
        assert made is not None
        return made.total_minor, made.notes[0] if made.notes else ""

    assert await cost(1, 1, purpose="so_far") == (13_050, ""), "looking does not use it up"
    assert await cost(1, 1) == (13_050, "")
    assert await cost(1, 1) == (13_050, ""), "the same charge, priced again"
    assert await cost(2, 1) == (14_500, "Promo code summer was not used: the driver used it as often as one may.")
    assert await cost(2, None) == (14_500, "Promo code summer was not used: it is for known drivers.")
    assert await cost(3, 2) == (13_050, "")
    assert await cost(4, 3) == (14_500, "Promo code summer was not used: it was used as often as it may be.")
    made = await world.ask(charge_at(START_AT + 11 * HOUR_MS, driver_id=9, promo_code="SUMMER", transaction_id=9))
    assert made is not None
    assert made.notes == ("Promo code SUMMER was not used: it is no longer valid.",)
    unknown = await world.ask(charge_at(promo_code="NOPE"))
    assert unknown is not None
    assert unknown.notes == ("Promo code NOPE was not used: there is no such code.",)


async def test_of_charges_that_end_together_only_as_many_use_a_code_as_may(world: World) -> None:
    await world.add(FLAT)
    await promo(world, max_uses=3, max_uses_per_driver=None)
    costs: list[int] = []

    async def one(number: int) -> None:
        made = await world.ask(charge_at(transaction_id=number, driver_id=number, promo_code="SUMMER"))
        assert made is not None
        costs.append(made.total_minor)

    async with trio.open_nursery() as nursery:
        for number in range(1, 9):
            nursery.start_soon(one, number)
    assert sorted(costs) == [13_050] * 3 + [14_500] * 5


async def test_a_code_that_a_driver_entered_is_used_until_they_are_forgotten(world: World) -> None:
    await world.add(FLAT)
    code_id = await promo(world, max_uses=None, max_uses_per_driver=None)
    await world.context.store.write(writes.hold(5, code_id), tenant=DEFAULT_TENANT)
    made = await world.ask(charge_at(driver_id=5))
    assert made is not None
    assert (made.total_minor, made.details["promo_code"]) == (13_050, "SUMMER")
    await world.context.store.write(writes.hold(6, code_id), tenant=DEFAULT_TENANT)
    held = holdings_of(world.plugged.bus)
    (entered,) = (await world.database.read(held.holdings, 5, tenant=DEFAULT_TENANT))["tariff"]["promo_codes"]
    (used,) = (await world.database.read(held.holdings, 5, tenant=DEFAULT_TENANT))["tariff"]["promo_code_uses"]
    assert (entered["code"], used["code"], used["transaction_id"]) == ("SUMMER", "SUMMER", 1)
    await world.database.write(held.erase, 5, tenant=DEFAULT_TENANT)
    assert await world.database.read(held.holdings, 5, tenant=DEFAULT_TENANT) == {
        "tariff": {"promo_codes": [], "promo_code_uses": []}
    }
    assert await world.database.read(store.use_counts, code_id, 5, None, tenant=DEFAULT_TENANT) == (1, 0, False), "it counts on"
    made = await world.ask(charge_at(transaction_id=2, driver_id=5))
    assert made is not None
    assert made.total_minor == 14_500
    made = await world.ask(charge_at(transaction_id=3, driver_id=6))
    assert made is not None
    assert made.total_minor == 13_050, "others have it still"


async def test_old_prices_are_forgotten(world: World) -> None:
    day_ms = 24 * HOUR_MS
    told = [Told(START_AT - 500 * day_ms, None, Decimal(1)), Told(START_AT - 300 * day_ms, None, Decimal(1))]
    await tell(world.context, OTHER, "grid", told, by="me")
    (job,) = csms_tariff.register_jobs(world.context)
    await job.run()

    def prices(tx: Any) -> int:
        return int(tx.value("SELECT count(*) FROM plugin_tariff_prices WHERE tenant = :tenant"))

    assert await world.context.store.read(prices, tenant=OTHER) == 1
