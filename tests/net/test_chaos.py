"""Chargers that talk, vanish, return twice and are dropped, in virtual time: what was acknowledged was heard, and nothing stays behind."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from csms.core.commands import ClearCache, Command, GetVariables, Reset
from csms.core.errors import StoreUnavailable
from csms.core.reports import StatusReported

from .conftest import STATUS, RawCharger, Serve, World

IDS = 8
TALKERS = 12
UNTIL_S = 30.0
GONE = (trio.BrokenResourceError, trio.ClosedResourceError, AssertionError)


class Chaos:
    """What happened in one run."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.random = Random(seed)
        self.acknowledged: set[tuple[str, str]] = set()
        self.outcomes: set[str] = set()
        self.count = 0

    async def talk(self, id: str) -> None:
        while trio.current_time() < UNTIL_S:
            try:
                charger = await self.world.knock(f"/ocpp/{id}")
                if charger.status == 101:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(self.listen, charger, id)
                        await self.chatter(charger)
                        nursery.cancel_scope.cancel()
                await charger.cut()
            except* GONE:
                pass
            await trio.sleep(self.random.uniform(0, 2))

    async def chatter(self, charger: RawCharger) -> None:
        for _ in range(self.random.randrange(1, 40)):
            self.count += 1
            await charger.say([2, str(self.count), "StatusNotification", {**STATUS, "info": str(self.count)}])
            if self.random.random() < 0.05:
                await charger.control(9, b"x")
            if self.random.random() < 0.05:
                await charger.say(b"garbage")
            await trio.sleep(self.random.uniform(0, 0.3))
        if self.random.random() < 0.3:
            await charger.control(8, b"\x03\xe8")

    async def listen(self, charger: RawCharger, id: str) -> None:
        while True:
            opcode, payload = await charger.read()
            if opcode in (-1, 8):
                return
            if opcode == 1:
                frame = json.loads(payload)
                if frame[0] == 3:
                    self.acknowledged.add((id, frame[1]))
                elif frame[0] == 2 and self.random.random() < 0.7:
                    await charger.say([3, frame[1], {"status": "Accepted"}])

    async def command(self) -> None:
        commands: list[Command] = [Reset(), ClearCache(), GetVariables()]
        while trio.current_time() < UNTIL_S:
            with trio.move_on_after(self.random.uniform(0, 2)):
                outcome = await self.world.fleet.send(f"CP{self.random.randrange(IDS)}", self.random.choice(commands), timeout_s=1)
                self.outcomes.add(type(outcome).__name__)
            if self.random.random() < 0.2:
                await self.world.fleet.drop(f"CP{self.random.randrange(IDS)}", "moved")
            await trio.sleep(self.random.uniform(0, 0.5))


@pytest.mark.parametrize("seed", [1])
async def test_chaos(simulate: Serve, autojump_clock: MockClock, seed: int) -> None:
    random = Random(seed)

    async def hearing(report: Any) -> None:
        await trio.sleep(random.uniform(0, 0.4))
        if random.random() < 0.03:
            raise StoreUnavailable("away")
        if random.random() < 0.03:
            raise RuntimeError("a bug")

    async with simulate(hearing=hearing, inbox_limit=5) as world:
        chaos = Chaos(world, seed)
        async with trio.open_nursery() as nursery:
            for number in range(TALKERS):
                nursery.start_soon(chaos.talk, f"CP{number % IDS}")
            for _ in range(3):
                nursery.start_soon(chaos.command)
            await trio.sleep(UNTIL_S - 3)
            await world.fleet.stop(within_s=20)
            assert len(world.fleet) == 0
        heard = {(report.charger_id, report.info) for report in world.heard if isinstance(report, StatusReported)}
        assert len(chaos.acknowledged) > 100
        assert chaos.acknowledged <= heard
        assert {"Answered", "Lost", "Offline", "TimedOut"} <= chaos.outcomes
        begun = [who for what, who in world.events if what == "connected"]
        ended = [who.split()[0] for what, who in world.events if what == "disconnected"]
        assert len(begun) > 20
        assert sorted(begun) == sorted(ended)
        assert {"replaced", "dropped", "shutdown"} <= {reason for _, reason in world.observer.ends}
