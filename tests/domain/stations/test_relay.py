"""Chargers spoken to through something: everything reaches them, and limits that somebody gave hold where there are no others."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.commands import Answered, ClearCache, Command, Outcome
from csms.domain.stations.relay import Limited, Relay


@attrs.define
class Far:
    """Keeps what it is asked."""

    asked: list[Any] = attrs.field(factory=list)

    async def send(self, charger_id: str, command: Command, /, **limits: Any) -> Outcome:
        self.asked.append((charger_id, command, limits))
        return Answered("Accepted")

    async def drop(self, charger_id: str, reason: str) -> bool:
        self.asked.append(("drop", charger_id, reason))
        return True

    async def admit(self, charger_id: str, registration: str) -> bool:
        self.asked.append(("admit", charger_id, registration))
        return False

    def connections(self) -> Any:
        return ["C1"]

    def connection(self, charger_id: str) -> Any:
        return f"link of {charger_id}"

    def can_say(self, charger_id: str) -> Any:
        return frozenset({charger_id})


async def test_everything_reaches_the_chargers() -> None:
    far: Any = Far()
    relay = Relay(far)
    assert await relay.send("C1", ClearCache(), ttl_s=1) == Answered("Accepted")
    assert await relay.drop("C1", "why")
    assert not await relay.admit("C1", "accepted")
    assert far.asked == [
        ("C1", ClearCache(), {"ttl_s": 1, "timeout_s": None}),
        ("drop", "C1", "why"),
        ("admit", "C1", "accepted"),
    ]
    assert list(map(str, relay.connections())) == ["C1"]
    assert str(relay.connection("C1")) == "link of C1"
    assert relay.can_say("C1") == {"C1"}


async def test_limits_hold_where_there_are_no_others() -> None:
    far: Any = Far()
    await Limited(far, 3, None).send("C1", ClearCache(), timeout_s=4)
    await Limited(far, 3, 5).send("C1", ClearCache(), ttl_s=0.5)
    assert [limits for _, _, limits in far.asked] == [{"ttl_s": 3, "timeout_s": 4}, {"ttl_s": 0.5, "timeout_s": 5}]
