"""One world: a server, its chargers, the network between them, and a day of faults after which everything is quiet."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import attrs
import trio

from .caller import Caller
from .charger import Charger
from .clock import WorldClock, stream
from .consumers import Listener
from .faults import Faults
from .history import History
from .money.town import Town
from .network import Network
from .server import RECONCILIATION_S, Server, config_of
from .trace import Trace

CONSUMERS = ("alpha", "beta")
DRAIN_LIMIT_S = 900.0
"""Longest time after the last fault until every charger has told everything."""
DELIVERY_LIMIT_S = 600.0
"""Longest time after that until every consumer has every event."""
MONEY_LIMIT_S = 2400.0
"""The same where there is money, whose payments and refunds come to their ends until then."""
SETTLE_S = RECONCILIATION_S + 40.0
"""Until every transaction in doubt is closed."""


@attrs.frozen(slots=True, kw_only=True)
class Size:
    """How big a world is. ``hours`` are the virtual ones in which faults happen."""

    chargers: int = 4
    hours: float = 0.15
    money: bool = False
    """Whether there are people who pay: two tenants, their tariffs and gateways."""


class World:
    """Everything there is in one run."""

    def __init__(self, seed: int, folder: Path, size: Size, trace: Trace, *, faults: Faults | None = None) -> None:
        self.seed = seed
        self.size = size
        self.trace = trace
        self.config = config_of(folder)
        self.clock = WorldClock()
        self.faults = faults or Faults(seed)
        self.network = Network(stream(seed, "network"))
        self.history = History()
        self.surprises: list[str] = []
        """Errors that the server logged with a traceback, which nothing that happens here should make it do."""
        self.closing = trio.Event()
        """Set when the day is over: no new charges, and no faults."""
        self.listeners = [Listener(name, self.faults, stream(seed, name), trace) for name in CONSUMERS]
        self.chargers = [
            Charger(self, number, protocol="ocpp2.0.1" if number % 4 == 3 else "ocpp1.6") for number in range(size.chargers)
        ]
        self.callers = [Caller(charger) for charger in self.chargers]
        self.server = Server(self, self.listeners)
        self.town = Town(self) if size.money else None
        self.starved: list[str] = []
        self.ended_at = 0

    async def run(self, delivered: Callable[[], bool]) -> None:
        """A day with faults, then quiet until all is told, settled and ``delivered``; then the server stops."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.server.run)
            for charger, caller in zip(self.chargers, self.callers, strict=True):
                nursery.start_soon(charger.live)
                nursery.start_soon(caller.run)
            if self.town is not None:
                nursery.start_soon(self.town.live)
            async with trio.open_nursery() as weather:
                self._brew(weather)
                await trio.sleep(self.size.hours * 3600)
                weather.cancel_scope.cancel()
            self.faults.over = True
            self.trace.line("world", "no more faults")
            await trio.sleep(5)
            self.closing.set()
            await self._drain()
            await trio.sleep(SETTLE_S)
            if not await _within(DELIVERY_LIMIT_S if self.town is None else MONEY_LIMIT_S, delivered):
                self.starved.append("some consumer was not given every event in time")
            self.trace.line("world", "stops")
            self.ended_at = self.clock.now()
            self.server.stop()
            nursery.cancel_scope.deadline = trio.current_time() + 60
            await trio.sleep(15)
            nursery.cancel_scope.cancel()

    async def _drain(self) -> None:
        if await _within(DRAIN_LIMIT_S, lambda: all(charger.has_told_everything for charger in self.chargers)):
            return
        for charger in self.chargers:
            if not charger.has_told_everything:
                waiting = [f"{message.action} (tried {message.tries} times)" for message in list(charger.queue)[:3]]
                self.starved.append(
                    f"{charger.charger_id} could not tell everything within {DRAIN_LIMIT_S:g} s: {len(charger.queue)} messages wait,"
                    f" first {', '.join(waiting) or 'none'}; booted {charger.booted}, statuses {len(charger.statuses)}"
                )

    def _brew(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(self._again, "server crash", self.server.crash)
        nursery.start_soon(self._again, "server restart", self.server.restart)
        nursery.start_soon(self._again, "disk full", self.server.fill_disk)
        if self.town is not None:
            nursery.start_soon(self._again, "gateway down", self.town.go_down)
        for charger, caller in zip(self.chargers, self.callers, strict=True):
            nursery.start_soon(self._again, "uplink down", caller.lose_uplink, charger.charger_id)
            nursery.start_soon(self._again, "charger reboot", partial(_reboot, charger, caller), charger.charger_id)

    async def _again(self, fault: str, happen: Callable[[], None], whose: str = "") -> None:
        draws = stream(self.seed, fault, whose)
        while True:
            wait_s = self.faults.wait_s(fault, draws)
            await trio.sleep(min(wait_s, 1e6))
            if self.faults.fire(fault):
                self.trace.line(whose or "world", fault)
                happen()


def _reboot(charger: Charger, caller: Caller) -> None:
    charger.reboot()
    caller.break_off(silently=True)


async def _within(limit_s: float, condition: Callable[[], bool]) -> bool:
    with trio.move_on_after(limit_s):
        while not condition():  # noqa: ASYNC110 - it is made of many things
            await trio.sleep(1)
        return True
    return condition()
