"""A server that dies after anything it writes or has the ledger do: whoever goes on brings everything to the same end, once."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

from csms.config import DatabaseConfig
from csms.db import open_database
from csms.db.migrate import MigrationSource
from csms.hooks import Conflict
from csms.testing.gateways import FakeGateway
from csms.testing.stores import SettableClock, StoreMaker
from csms_plans import desk

from .conftest import DAY_MS, World

PRICE = 118_00
Scenario = Callable[[World], Awaitable[None]]


class Killed(BaseException):
    """The process is no more."""


class Deadly:
    """Does what another does, and dies after the chosen call: nothing is done between one call and the next."""

    def __init__(self, behind: Any, steps: list[int]) -> None:
        self.behind, self.steps = behind, steps

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.behind, name)
        if name in ("read", "funds", "allowances"):
            return method

        async def call(*arguments: Any, **named: Any) -> Any:
            result = await method(*arguments, **named)
            self._count()
            return result

        return call

    def _count(self) -> None:
        self.steps[0] -= 1
        if not self.steps[0]:
            raise Killed


async def state_of(world: World) -> Any:
    periods = await world.rows(
        "SELECT number, plan_id, state, amount_minor, less, credit, carried_wh, left_wh FROM plugin_plans_periods ORDER BY number"
    )
    subscriptions = await world.rows("SELECT state, period, plan_id, renews, reason FROM plugin_plans_subscriptions")
    told = [each["type"] for each in await world.events()]
    return periods, subscriptions, told, await world.wallet(), await world.earned(), await world.left()


async def bought(world: World) -> None:
    await world.give(10 * PRICE)
    await world.plan(roll_over=True)
    await world.plan("Large", price_minor=236_00)
    await world.subscribe(1)
    await world.use("subscription:1:1", 20_000)


async def renewed(world: World) -> None:
    await desk.look_after(world.context)


async def changed(world: World) -> None:
    await world.change(1, 2)


async def cancelled(world: World) -> None:
    await world.cancel(1, "now")


async def paused(world: World) -> None:
    await world.pause(1)


async def resumed(world: World) -> None:
    await world.resume(1)


async def subscribed(world: World) -> None:
    await world.subscribe(2)


CASES: dict[str, tuple[int, Scenario | None, Scenario]] = {
    "renewed": (31 * DAY_MS, None, renewed),
    "changed": (31 * DAY_MS // 2, None, changed),
    "cancelled": (31 * DAY_MS // 2, None, cancelled),
    "paused": (DAY_MS, None, paused),
    "resumed": (DAY_MS, paused, resumed),
    "subscribed": (DAY_MS, None, subscribed),
}


@pytest.mark.parametrize("case", sorted(CASES))
async def test_at_every_step(
    case: str,
    store_maker: StoreMaker,
    store_migrations: list[MigrationSource],
    clock: SettableClock,
    gateway: FakeGateway,
    tmp_path: Path,
) -> None:
    wait_ms, before, does = CASES[case]

    @asynccontextmanager
    async def opened(folder: Path) -> AsyncIterator[World]:
        config = DatabaseConfig(url=f"sqlite:///{folder / 'csms.db'}", statement_timeout_s=30.0, pool_size=2)
        async with open_database(config, clock=clock, folder=folder) as kept:
            yield World(kept, clock, gateway, {})

    template = tmp_path / "template"
    template.mkdir()
    store_maker.url("sqlite", store_migrations, template)
    async with opened(template) as world:
        await world.open(gateway=False)
        await bought(world)
        if before is not None:
            await before(world)
    clock.advance(wait_ms)

    async def run(step: int) -> tuple[Any, int]:
        """What is to be done, with a death at this step (0: none): how it ends, and how many steps were left."""
        folder = tmp_path / str(step)
        shutil.copytree(template, folder, ignore=shutil.ignore_patterns("*-shm"))  # with its write-ahead log
        async with opened(folder) as world:
            world.driver = 1
            steps = [step or 10**9]
            whole = world.context
            world.context = attrs.evolve(whole, store=Deadly(whole.store, steps), ledger=Deadly(whole.ledger, steps))
            try:
                await does(world)
            except Killed:
                await desk.look_after(whole)  # the next process
                with suppress(Conflict):
                    world.context = whole
                    await does(world)  # and the person, who got no answer, tries again
            world.context = whole
            await desk.look_after(whole)
            if step in (0, 1):
                await world.check()
            return await state_of(world), steps[0]

    expected, left = await run(0)
    count = 10**9 - left
    assert count > 2
    for step in range(1, count + 1):
        found, _ = await run(step)
        assert found == expected, f"{case}, step {step} of {count}"
