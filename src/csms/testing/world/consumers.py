"""Consumers of the world's events: they are slow, they raise, and they outlive every crash of the server, as the outside does."""

from __future__ import annotations

import random

import attrs
import trio

from csms.core.events import Delivered
from csms.db.outbox import Consumer

from .faults import Faults
from .trace import Trace

SLOW_S = (0.5, 15.0)
MOST_FAILURES = 3
"""So often at most an event is not taken: fewer than would make it a dead letter."""


class Refused(Exception):
    """A consumer that does not want an event just now."""


@attrs.frozen(slots=True)
class Delivery:
    """An event was given to a consumer, which took it or not."""

    event_id: int
    key: str
    taken: bool


class Listener:
    """One consumer, and all that it was ever given."""

    def __init__(self, name: str, faults: Faults, draws: random.Random, trace: Trace) -> None:
        self.name = name
        self.deliveries: list[Delivery] = []
        self._failures: dict[int, int] = {}
        self._faults = faults
        self._draws = draws
        self._trace = trace

    def consumer(self) -> Consumer:
        """What the server runs."""
        return Consumer(self.name, self._handle)

    async def _handle(self, delivered: Delivered) -> None:
        event_id, key = delivered.event_id, delivered.event.key
        self._trace.line(self.name, "given", event_id, delivered.event.type, key)
        if self._faults.strikes("consumer slow", self._draws):
            await trio.sleep(self._draws.uniform(*SLOW_S))
        failures = self._failures.get(event_id, 0)
        if failures < MOST_FAILURES and self._faults.strikes("consumer raises", self._draws):
            self._failures[event_id] = failures + 1
            self.deliveries.append(Delivery(event_id, key, False))
            raise Refused(f"{self.name} does not take event {event_id}")
        self.deliveries.append(Delivery(event_id, key, True))
