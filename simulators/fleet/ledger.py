"""What a fleet sent and what became of it, counted as it happens."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import attrs

from simulators.charger.charger import OUTBOX_FULL
from simulators.frames import Payload
from simulators.watch import SentCall, Watcher

from .histogram import Histogram


@attrs.define(slots=True)
class Tally:
    """One action's counts. ``duplicates`` were sent again; ``cut`` were under way when their connection died."""

    sent: int = 0
    answered: int = 0
    errors: int = 0
    late: int = 0
    lost: int = 0
    cut: int = 0
    duplicates: int = 0
    latency: Histogram = attrs.field(factory=Histogram)

    def add(self, other: Tally) -> None:
        """Take another one's counts over."""
        for name in COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.latency.merge(other.latency)


COUNTS = ("sent", "answered", "errors", "late", "lost", "cut", "duplicates")


class Ledger(Watcher):
    """The counts of a run. ``late_s`` is the age from which an answer is late."""

    def __init__(self, late_s: float = 1.0) -> None:
        self.late_s = late_s
        self.actions: defaultdict[str, Tally] = defaultdict(Tally)
        self.commands: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.errors: Counter[str] = Counter()
        self.turned: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()
        self.drops: Counter[str] = Counter()
        self.boots: Counter[str] = Counter()
        self.given_up: Counter[str] = Counter()
        self.shed: Counter[str] = Counter()
        self.accepted: set[str] = set()
        self.connections = 0
        self.connected_now = 0
        self.strays = 0
        self.transactions_started = 0
        self.transactions_ended = 0
        self.energy_wh = 0

    def total(self) -> Tally:
        """All actions together."""
        total = Tally()
        for tally in self.actions.values():
            total.add(tally)
        return total

    def connected(self, charger_id: str, subprotocol: str | None) -> None:
        """Count a connection."""
        self.connections += 1
        self.connected_now += 1

    def turned_away(self, charger_id: str, reason: str) -> None:
        """Count a refusal or a network error, by reason."""
        self.turned[reason] += 1

    def disconnected(self, charger_id: str, reason: str) -> None:
        """Count an end, by reason."""
        self.connected_now -= 1
        self.endings[reason] += 1

    def registered(self, charger_id: str, status: str) -> None:
        """Count a boot, by status."""
        self.boots[status] += 1
        if status == "Accepted":
            self.accepted.add(charger_id)

    def sent(self, call: SentCall) -> None:
        """Count a CALL."""
        tally = self.actions[call.action]
        tally.sent += 1
        if call.attempt > 1:
            tally.duplicates += 1

    def answered(self, call: SentCall, answer: Payload, seconds: float, overdue: bool) -> None:
        """Count an answer."""
        tally = self.actions[call.action]
        tally.answered += 1
        tally.late += seconds > self.late_s
        tally.latency.add(seconds)

    def refused(self, call: SentCall, code: str, description: str, seconds: float) -> None:
        """Count an error."""
        tally = self.actions[call.action]
        tally.errors += 1
        tally.latency.add(seconds)
        self.errors[f"{call.action} {code}: {description[:80]}"] += 1

    def cut(self, call: SentCall) -> None:
        """Count a call whose connection died."""
        self.actions[call.action].cut += 1

    def lost(self, call: SentCall) -> None:
        """Count a call that was never answered."""
        self.actions[call.action].lost += 1

    def stray(self, charger_id: str, message_id: str) -> None:
        """Count an answer to nothing."""
        self.strays += 1

    def discarded(self, charger_id: str, action: str, why: str) -> None:
        """Count a transaction message that was given up: shed by a full outbox, or refused for good."""
        (self.shed if why == OUTBOX_FULL else self.given_up)[action] += 1

    def commanded(self, charger_id: str, action: str, payload: Payload, reply: str) -> None:
        """Count the server's call, by what it was answered."""
        self.commands[action][reply] += 1

    def started(self, charger_id: str, connector: int, tag: str) -> None:
        """Count a transaction."""
        self.transactions_started += 1

    def ended(self, charger_id: str, connector: int, energy_wh: int, reason: str) -> None:
        """Count its end and its energy."""
        self.transactions_ended += 1
        self.energy_wh += energy_wh

    def dropped(self, charger_id: str, kind: str) -> None:
        """Count a connection that the charger broke."""
        self.drops[kind] += 1


def tally_json(tally: Tally) -> dict[str, Any]:
    """A tally for a report, times in milliseconds."""
    numbers: dict[str, Any] = {name: getattr(tally, name) for name in COUNTS}
    for name, share in (("p50_ms", 0.5), ("p95_ms", 0.95), ("p99_ms", 0.99)):
        quantile_s = tally.latency.quantile_s(share)
        numbers[name] = None if quantile_s is None else round(quantile_s * 1000, 2)
    numbers["max_ms"] = round(tally.latency.longest_s * 1000, 2) if tally.latency.count else None
    return numbers
