"""A server dies between any two steps of a prepaid charge, at every one in turn; the next one finds what is half done, and the money is
right. A *step* is every commit, every call of the gateway and every command to the charger: before it, and after it before anybody heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import attrs
import pytest

from csms.config import DatabaseConfig
from csms.core.commands import Answered
from csms.core.ids import TenantId
from csms.db import StoreDatabase, open_database
from csms.db.migrate import core_migrations
from csms.testing.stores import SettableClock, StoreMaker

from .conftest import MINUTE, Booth, booth_of, ports_of

T = TypeVar("T")


class Killed(BaseException):
    """The server is gone."""


@attrs.define
class Fate:
    """Counts steps, and ends the server at one of them."""

    last: int
    steps: int = 0
    where: str = ""
    asked: int = 0
    """The step at which the charger was first asked to start."""

    def step(self, where: str) -> None:
        self.steps += 1
        if not self.asked and "StartCharging" in where:
            self.asked = self.steps
        if self.steps == self.last:
            self.where = where
        if self.last and self.steps >= self.last:
            raise Killed(where)


@attrs.define
class Mortal:
    """A database whose caller may die before a commit or after it."""

    database: StoreDatabase
    fate: Fate

    async def write(self, verb: Callable[..., T], /, *arguments: Any, tenant: TenantId, keys: Iterable[str] = ()) -> T:
        name = getattr(verb, "__name__", "") or getattr(getattr(verb, "func", None), "__name__", "a verb")
        if name in IDLE:
            return await self.database.write(verb, *arguments, tenant=tenant, keys=keys)
        self.fate.step(f"before commit of {name}")
        done = await self.database.write(verb, *arguments, tenant=tenant, keys=keys)
        self.fate.step(f"after commit of {name}")
        return done

    async def read(self, query: Callable[..., T], /, *arguments: Any, tenant: TenantId) -> T:
        return await self.database.read(query, *arguments, tenant=tenant)

    async def append(self, sql: str, rows: Sequence[Mapping[str, Any]], /, *, key: str, tenant: TenantId) -> None:
        await self.database.append(sql, rows, key=key, tenant=tenant)


IDLE = {"expire_pending", "close_overdue", "make_missing", "looking"}
"""What jobs write every time, whether there is anything to do or not: nothing is between two of them."""


@attrs.define
class World:
    """A booth whose server dies once. The charger and the payer go on."""

    booth: Booth
    fate: Fate
    alive: bool = True

    async def serve(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """What the server does: in its first life, or, if that is over, in its next."""
        try:
            return await work()
        except Killed:
            self.restart()
        except BaseExceptionGroup as group:
            if group.split(Killed)[0] is None:
                raise
            self.restart()
        return None

    def restart(self) -> None:
        booth = self.booth
        self.alive = False
        booth.gateway.step = booth.chargers.step = lambda where: None
        booth.ports = ports_of(booth.database, booth.clock, booth.gateway, booth.pricing, booth.chargers)


async def charged(world: World) -> None:
    """A guest pays, plugs in as soon as the charger was asked, charges half of it."""
    booth = world.booth
    wanted = await world.serve(booth.want)
    rows = await booth.rows("SELECT id, offer_ref FROM payments")
    if wanted is None and not (rows and rows[0]["offer_ref"]):
        return
    booth.gateway.pay(rows[0]["offer_ref"] if wanted is None else (await booth.payment(wanted[0])).reference)
    for _ in range(12):
        if booth.chargers.starts:
            break
        await world.serve(lambda: booth.soon(20_000, 20_000))
    if not booth.chargers.starts:
        return
    charge = await booth.begin()
    await world.serve(lambda: booth.soon(MINUTE, 30_000))
    await booth.end(charge, 1_000)
    await world.serve(lambda: booth.soon(20_000))


async def rejected(world: World) -> None:
    """The charger does not want to, however often it is asked."""
    booth = world.booth
    booth.chargers.outcomes = [Answered("Rejected")] * 100
    if await world.serve(booth.want) is None:
        return
    booth.gateway.pay((await booth.rows("SELECT reference FROM payments"))[0]["reference"])
    await world.serve(lambda: booth.soon(4 * MINUTE, 80_000))


async def never_plugged(world: World) -> None:
    """The charger says yes, and nobody plugs in."""
    booth = world.booth
    if await world.serve(booth.want) is None:
        return
    booth.gateway.pay((await booth.rows("SELECT reference FROM payments"))[0]["reference"])
    await world.serve(lambda: booth.soon(4 * MINUTE, 80_000))


@pytest.mark.parametrize("scene", [charged, rejected, never_plugged], ids=lambda scene: str(scene.__name__))
async def test_wherever_the_server_dies_the_money_is_right(
    tmp_path: Path, store_maker: StoreMaker, scene: Callable[[World], Awaitable[None]]
) -> None:
    last = steps = 0
    while last <= steps:  # up to the start one scene goes as the other
        folder = tmp_path / str(last)
        folder.mkdir()
        url = store_maker.url("sqlite", [core_migrations()], folder)
        clock = SettableClock()
        async with open_database(DatabaseConfig(url=url, pool_size=2), clock=clock, folder=folder) as database:
            fate = await life(database, clock, scene, last)
        if not last:
            steps, last = fate.steps, fate.asked - 1 if scene is not charged else 0
        last += 1
    assert steps > 20


async def life(database: StoreDatabase, clock: SettableClock, scene: Callable[[World], Awaitable[None]], last: int) -> Fate:
    fate = Fate(last)
    booth = await booth_of(database, clock)
    booth.gateway.step = booth.chargers.step = fate.step
    booth.ports = ports_of(Mortal(database, fate), booth.clock, booth.gateway, booth.pricing, booth.chargers)
    world = World(booth, fate)
    try:
        await scene(world)
        world.restart()
        await booth.soon(4 * MINUTE, 2 * MINUTE)
        await booth.soon(60 * MINUTE, 20 * MINUTE)
        await check(booth)
    except AssertionError as error:
        error.add_note(f"{scene.__name__}: the server died {fate.where or 'never'} (step {last})")
        raise
    return fate


async def check(booth: Booth) -> None:
    await booth.check()
    states = {row["state"] for row in await booth.rows("SELECT state FROM prepaid_charges")}
    assert states <= {"finished", "given_back", "unpaid"}
    energy = sum(row["energy_wh"] or 0 for row in await booth.rows("SELECT energy_wh FROM transactions"))
    charged = await booth.rows("SELECT total_minor FROM bills WHERE state = 'SETTLED'")
    assert sum(row["total_minor"] for row in charged) == booth.gateway.balance() == (2_000 + 10 * energy if energy else 0)
    assert {row["state"] for row in await booth.rows("SELECT state FROM refunds")} <= {"refunded"}
