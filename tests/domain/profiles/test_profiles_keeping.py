"""What is due is sent in turns: nobody waits for a slow charger, and no failure ends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from csms.core.charging import ChargingProfile
from csms.core.commands import Answered, Outcome, TimedOut
from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId
from csms.core.ports import Ports
from csms.domain.profiles import flows, service, store
from csms.domain.profiles.model import Target
from csms.turns import Turns, take

from .conftest import Chargers, Scene

Make = Callable[..., ChargingProfile]


@pytest.fixture
def engine() -> str:
    """One engine is enough here."""
    return "sqlite"


@attrs.define
class OneHangs(Chargers):
    """C1 never answers."""

    asked: trio.Event = attrs.field(factory=trio.Event)
    reached: trio.Event = attrs.field(factory=trio.Event)

    async def send(self, charger_id: str, command: Any, /, **waits: Any) -> Outcome:
        self.sent.append((charger_id, command))
        if charger_id == "C1":
            self.asked.set()
            await trio.sleep_forever()
        self.reached.set()
        return Answered("Accepted")


def turns_of(scene: Scene) -> Turns:
    async def deliver(ports: Ports, tenant: TenantId, charger_id: str) -> None:
        await flows.deliver(ports, scene.rules, charger_id, tenant=tenant)

    return Turns("charging profiles", store.due_chargers, deliver)


async def assigned(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make())
    await scene.do(service.assign, "day", Target(model="M1"))
    await flows.align(scene.ports)


async def test_a_charger_that_hangs_keeps_no_other_waiting(scene: Scene, make: Make) -> None:
    await assigned(scene, make)
    scene.chargers = hanging = OneHangs(can=frozenset())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take, turns_of(scene), scene.ports)
        with trio.fail_after(10):
            await hanging.asked.wait()
            await hanging.reached.wait()
            while await scene.states("C2") != [(1, "installed", "Accepted")]:
                await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    assert await scene.states("C1") == [(1, "uncertain", "")], "cut off, it may have arrived"


async def test_it_goes_on_after_failures(scene: Scene, make: Make, autojump_clock: MockClock) -> None:
    await assigned(scene, make)
    failures: list[Exception] = [StoreUnavailable("disk full"), RuntimeError("a fault of ours"), StoreUnavailable("still")]
    database = scene.database
    done = trio.Event()

    class Failing:
        async def read(self, query: Any, *arguments: Any, tenant: Any) -> Any:
            if failures and isinstance(failures[0], StoreUnavailable):
                raise failures.pop(0)
            return await database.read(query, *arguments, tenant=tenant)

        async def write(self, verb: Any, *arguments: Any, tenant: Any, keys: Any = ()) -> Any:
            if failures:
                raise failures.pop(0)
            return await database.write(verb, *arguments, tenant=tenant, keys=keys)

    class Watched(Chargers):
        async def send(self, charger_id: str, command: Any, /, **waits: Any) -> Outcome:
            self.sent.append((charger_id, command))
            if len(self.sent) == 2:
                done.set()
            return TimedOut()

    scene.chargers = Watched(can=frozenset())
    failing: Any = Failing()
    ports = attrs.evolve(scene.ports, database=failing)
    autojump_clock.autojump_threshold = 0.05
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take, turns_of(scene), ports)
        with trio.fail_after(60):
            await done.wait()
        nursery.cancel_scope.cancel()
    assert failures == []
    assert {charger_id for charger_id, _ in scene.chargers.sent} == {"C1", "C2"}
