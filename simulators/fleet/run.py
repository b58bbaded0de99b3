"""A fleet at work: switch everybody on over the ramp, let them live, send them home, deliver what is left."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import attrs
import trio

from simulators.charger.charger import Charger
from simulators.charger.dial import Address, OpenStream, open_stream
from simulators.charger.visits import Visits
from simulators.clock import Clock
from simulators.watch import Watcher

from .ledger import Ledger
from .plan import Planned


@attrs.frozen(slots=True, kw_only=True)
class Course:
    """How a run goes: seconds from the first charger to the end (0: until told), troubles, and the patience at the end."""

    duration_s: float = 60.0
    drops_per_hour: float = 1.0
    longest_absence_s: float = 120.0
    grace_s: float = 40.0
    leave_within_s: float = 3.0
    keep_charging: bool = False
    seed: str = "1"


class Fleet:
    """The chargers of one run. ``run`` lasts until the course is over or ``end`` was called."""

    def __init__(
        self,
        planned: Sequence[Planned],
        address: Address,
        course: Course,
        ledger: Ledger,
        *,
        clock: Clock,
        watcher: Watcher | None = None,
        stream: OpenStream = open_stream,
    ) -> None:
        self._planned = planned
        self._address = address
        self._course = course
        self.ledger = ledger
        self._clock = clock
        self._watcher = watcher or ledger
        self._stream = stream
        self._ending = trio.Event()
        self.chargers: list[Charger] = []
        self.undelivered = 0

    def end(self) -> None:
        """Come to the end of the course now."""
        self._ending.set()

    async def run(self) -> None:
        """The whole course; returns when the last charger has left."""
        try:
            async with trio.open_nursery() as nursery:
                for planned in self._planned:
                    nursery.start_soon(self._live, planned)
                with trio.move_on_after(self._course.duration_s or math.inf):
                    await self._ending.wait()
                self._ending.set()
        finally:
            self.undelivered = sum(charger.outbox.kept for charger in self.chargers)

    async def _live(self, planned: Planned) -> None:
        with trio.move_on_after(planned.starts_after_s):
            await self._ending.wait()
            return
        charger = Charger(
            planned.profile,
            self._address,
            clock=self._clock.another(planned.clock_offset_ms),
            watcher=self._watcher,
            stream=self._stream,
        )
        self.chargers.append(charger)
        rng = random.Random(f"{self._course.seed}:troubles:{planned.profile.charger_id}")
        visits = Visits(charger, planned.habits, self._course.seed)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(charger.run)
            nursery.start_soon(visits.run)
            troubles = trio.CancelScope()
            if self._course.drops_per_hour > 0:
                nursery.start_soon(self._suffer, charger, rng, troubles)
            await self._ending.wait()
            troubles.cancel()
            await trio.sleep(charger.rng.uniform(0, self._course.leave_within_s))
            with trio.move_on_after(self._course.grace_s):
                if not self._course.keep_charging:
                    await visits.leave()
            await charger.finish(self._course.grace_s)
            nursery.cancel_scope.cancel()

    async def _suffer(self, charger: Charger, rng: random.Random, scope: trio.CancelScope) -> None:
        """Lose the connection now and then, in all the ways in which connections are lost, and sometimes the mains."""
        with scope:
            while True:
                wait_s = rng.expovariate(self._course.drops_per_hour / 3600)
                kind = rng.choices(("cut", "vanish", "close", "power"), (55, 20, 15, 10))[0]
                absence_s = min(rng.choice((0.0, 1.0, 1.0, 10.0, 10.0, 60.0)) * rng.uniform(0.5, 3), self._course.longest_absence_s)
                await charger.clock.sleep(wait_s)
                if kind == "power":
                    charger.lose_power(absence_s + 2)
                else:
                    charger.life.drop(kind, absence_s)
