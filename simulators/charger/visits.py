"""Drivers: they come, plug in, show a token, stay, leave. What they will do is drawn from a seed before they do it."""

from __future__ import annotations

import random

import attrs
import trio

from .car import Car, random_car
from .charger import Charger
from .connector import Connector, Tag

STRANGER = "STRANGER"
"""The token that nobody registered."""


@attrs.frozen(slots=True, kw_only=True)
class Habits:
    """How busy a charger is: mean pause between visits and mean stay (accelerated seconds), and whose tokens are shown."""

    gap_s: float = 300.0
    stay_s: float = 1800.0
    tags: tuple[Tag, ...] = (Tag("TAG-1"),)
    stranger_share: float = 0.03
    """How many visits begin with a token that nobody knows."""


@attrs.frozen(slots=True, kw_only=True)
class Visit:
    """One visit as planned; times are accelerated seconds."""

    after_s: float
    car: tuple[float, float, float, float]
    tag: Tag
    taps_first: bool
    fumbles_s: float
    stays_s: float
    taps_to_stop: bool
    lingers_s: float

    def drive_up(self) -> Car:
        """The car of this visit."""
        return Car(*self.car)


def draw(rng: random.Random, habits: Habits, number: int, *, first: bool = False) -> Visit:
    """The next visit to a connector. Always the same draws in the same order, so that a seed gives the same visits."""
    after_s = rng.uniform(0, habits.gap_s) if first else rng.expovariate(1 / habits.gap_s)
    car = random_car(rng)
    stranger = rng.random() < habits.stranger_share
    return Visit(
        after_s=round(after_s, 3),
        car=(car.capacity_wh, car.soc, car.max_ac_w, car.max_dc_w),
        tag=Tag(STRANGER) if stranger else habits.tags[(number - 1) % len(habits.tags)],
        taps_first=rng.random() < 0.3,
        fumbles_s=round(rng.uniform(1, 8), 3),
        stays_s=round(min(rng.expovariate(1 / habits.stay_s), 4 * habits.stay_s) + 2, 3),
        taps_to_stop=rng.random() < 0.8,
        lingers_s=round(rng.uniform(1, 15), 3),
    )


class Visits:
    """The drivers of one charger. ``run`` brings them for ever; ``leave`` sends all away."""

    def __init__(self, charger: Charger, habits: Habits, seed: str) -> None:
        self._charger = charger
        self._habits = habits
        self._seed = seed
        self._scope = trio.CancelScope()

    def _rng(self, what: str) -> random.Random:
        return random.Random(f"{self._seed}:{what}:{self._charger.profile.charger_id}")

    async def run(self) -> None:
        """Bring drivers to every connector, and to remote starts that wait for a car."""
        remote = self._rng("remote")
        with self._scope:
            async with trio.open_nursery() as nursery:

                def drive_up(connector: Connector) -> None:
                    nursery.start_soon(self._answer_remote_start, connector, draw(remote, self._habits, connector.number))

                self._charger.box.on_awaited = drive_up
                first, *others = self._charger.box.connectors
                for connector in others:
                    nursery.start_soon(self._live, connector)
                await self._live(first)

    async def _live(self, connector: Connector) -> None:
        rng = self._rng(f"visits:{connector.number}")
        first = True
        while True:
            visit = draw(rng, self._habits, connector.number, first=first)
            first = False
            await self._charger.clock.sleep(visit.after_s)
            if connector.car is None and connector.awaited is None and connector.transaction is None and connector.operative:
                await self._visit(connector, visit)

    async def _visit(self, connector: Connector, visit: Visit) -> None:
        box, clock = self._charger.box, self._charger.clock
        if visit.taps_first:
            if await box.tap(connector.number, visit.tag) != "Accepted":
                return
            await clock.sleep(visit.fumbles_s)
            if connector.car is None:
                box.plug(connector.number, visit.drive_up())
        else:
            box.plug(connector.number, visit.drive_up())
            await clock.sleep(visit.fumbles_s)
            if connector.transaction is None or connector.transaction.tag is None:
                await box.tap(connector.number, visit.tag)
        await self._stay_and_leave(connector, visit)

    async def _answer_remote_start(self, connector: Connector, visit: Visit) -> None:
        await self._charger.clock.sleep(visit.fumbles_s)
        if connector.awaited is not None and connector.car is None:
            self._charger.box.plug(connector.number, visit.drive_up())
            await self._stay_and_leave(connector, visit)

    async def _stay_and_leave(self, connector: Connector, visit: Visit) -> None:
        clock = self._charger.clock
        if connector.transaction is not None and connector.transaction.tag is not None:
            with trio.move_on_after(visit.stays_s / clock.speed):
                while connector.transaction is not None and not connector.transaction.stop_reason:
                    await self._charger.changed.wait()
        await self._go(connector, taps=visit.taps_to_stop, lingers_s=visit.lingers_s)

    async def _go(self, connector: Connector, *, taps: bool, lingers_s: float) -> None:
        running = connector.transaction
        if taps and running is not None and running.tag is not None and not running.stop_reason:
            await self._charger.box.tap(connector.number, running.tag)
            await self._charger.clock.sleep(lingers_s)
        if connector.car is not None:
            self._charger.box.unplug(connector.number)

    async def leave(self) -> None:
        """No more visits; whoever is there stops and goes."""
        self._scope.cancel()
        self._charger.box.on_awaited = None
        for connector in self._charger.box.connectors:
            connector.awaited = None
            await self._go(connector, taps=True, lingers_s=0.5)
