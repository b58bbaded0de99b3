"""Every event of the plugin reaches another plugin's hook, by what makes it happen; and what the plugin hears does what it should."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

import csms_plans
from csms.core.events import Delivered
from csms.hooks import DriverErased, Event, PaymentExpired, PaymentPaid, hookimpl
from csms.testing.plugins import Plugged, example
from csms_plans.events import EVENTS

from .conftest import DAY_MS, HOUR_MS, World

PRICE = 118_00


@pytest.fixture
def engine() -> str:
    return "sqlite"


class Hearer:
    """A plugin that hears all events of plans, each by its own hook."""

    def __init__(self) -> None:
        self.heard: list[Event] = []

    def plugin(self) -> SimpleNamespace:
        def hook_of(name: str) -> object:
            @hookimpl(specname=name, optionalhook=True)
            async def hear(event: Event, delivery: Delivered) -> None:
                self.heard.append(event)

            return hear

        return SimpleNamespace(**{f"hear_{each.type}": hook_of(each.type) for each in EVENTS})


async def test_every_event_fires(world: World) -> None:
    await world.give(4 * PRICE)
    small, large = await world.plan(), await world.plan("Large", price_minor=236_00)
    number = await world.subscribe(small)
    await world.pass_(31 * DAY_MS)
    await world.pause(number)
    await world.resume(number)
    await world.change(number, large)
    for _ in range(31 + 7):
        await world.pass_(DAY_MS)
    assert (await world.of(number)).state == "suspended"
    await world.give(2 * PRICE)
    await world.resume(number)
    await world.cancel(number)
    await world.pass_(29 * DAY_MS)
    await world.pass_(3 * DAY_MS)
    assert (await world.of(number)).state == "ended"

    hearer = Hearer()
    plugged = Plugged({"plans": csms_plans, "hearer": hearer.plugin()}, database=world.database)
    for row in await world.rows("SELECT type, payload FROM events WHERE type LIKE 'plan_%' ORDER BY sequence"):
        kind = next(each for each in EVENTS if each.type == row["type"])
        await plugged.tell(kind(**json.loads(row["payload"])))
    assert [each.type for each in hearer.heard] == [
        "plan_subscribed",
        "plan_renewed",
        "plan_paused",
        "plan_resumed",
        "plan_changed",
        "plan_failed",
        "plan_suspended",
        "plan_renewed",
        "plan_cancelled",
        "plan_expiring",
        "plan_ended",
    ]
    assert {each.type for each in hearer.heard} == {each.type for each in EVENTS}
    await world.check()


async def test_a_driver_who_is_forgotten_has_nothing_more(world: World) -> None:
    await world.give(2 * PRICE)
    number = await world.subscribe(await world.plan())
    await world.plugged.tell(DriverErased(driver_id=world.driver))
    known = await world.of(number)
    assert (known.state, known.reason, await world.left(), await world.wallet()) == ("ended", "the driver was erased", {}, PRICE)
    await world.plugged.tell(DriverErased(driver_id=world.driver))
    await world.check()


async def test_a_payment_that_expired_is_asked_for_anew(world: World) -> None:
    await world.give(PRICE)
    number = await world.subscribe(await world.plan())
    await world.pass_(31 * DAY_MS)
    (payment,) = await world.rows("SELECT id FROM payments")
    said = {"reference_kind": "subscription", "reference_id": str(number), "driver_id": world.driver, "payment_id": payment["id"]}
    await world.plugged.tell(example(PaymentExpired, **said))
    assert (await world.of(number)).pay_url == ""
    await world.pass_(DAY_MS + HOUR_MS)
    assert len(world.gateway.offers) == 2
    assert (await world.of(number)).pay_url != ""


async def test_payments_of_others_are_no_business_of_ours(world: World) -> None:
    for kind, reference in (("subscription", "4711"), ("subscription", "x"), ("bill", "1")):
        said = {"reference_kind": kind, "reference_id": reference, "driver_id": None, "credited_to": "wallet"}
        await world.plugged.tell(example(PaymentPaid, **said))
    assert world.plugged.bus.health()["plans"].trouble == ""


async def test_the_job_goes_on_with_the_others_when_one_fails(world: World) -> None:
    await world.give(10 * PRICE)
    first, second = await world.subscribe(await world.plan()), await world.subscribe(await world.plan("Other"))
    await world.do(lambda tx: tx.run("UPDATE plugin_plans_versions SET terms = '{}' WHERE tenant = :tenant AND plan_id = 1"))
    world.clock.advance(31 * DAY_MS)
    (job,) = csms_plans.register_jobs(world.context)
    await job.run()
    assert [(await world.of(each)).period for each in (second,)] == [2]
    row = (await world.rows("SELECT period FROM plugin_plans_subscriptions WHERE id = :id", id=first))[0]
    assert row == {"period": 1}
