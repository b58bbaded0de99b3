"""A stub server and chargers in one process, in simulated time, over streams in memory; and the OCPP schemas."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import ocpp
import pytest
import trio
import trio.testing

from simulators.charger import Address, Charger, Profile, Supply
from simulators.clock import Clock
from simulators.fleet.ledger import Ledger
from simulators.frames import Call, Payload
from simulators.stub import Answer, Heard, StubConnection, StubServer
from simulators.watch import Watcher, Watchers

EPOCH_MS = 1_800_000_000_000
ADDRESS = Address("stub", 9000, "/ocpp")
SCHEMAS = Path(ocpp.__file__).parent
FOLDERS = {"1.6": "v16", "2.0.1": "v201"}


@cache
def validator(version: str, name: str) -> Any:
    """The schema of a request (``Authorize``) or response (``AuthorizeResponse``)."""
    if version == "2.0.1" and not name.endswith("Response"):
        name += "Request"
    text = (SCHEMAS / FOLDERS[version] / "schemas" / f"{name}.json").read_text(encoding="utf-8-sig")
    return jsonschema_rs.validator_for(json.loads(text))


def problems(version: str, name: str, payload: Payload) -> list[str]:
    """What a schema has against a payload."""
    return [f"{name}: {error.message} at {error.instance_path}" for error in validator(version, name).iter_errors(payload)]


class Diary(Watcher):
    """Everything that watchers hear, as tuples."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, ...]] = []

    def lost(self, call: Any) -> None:
        self.entries.append(("lost", call.action))

    def cut(self, call: Any) -> None:
        self.entries.append(("cut", call.action))

    def discarded(self, charger_id: str, action: str, why: str) -> None:
        self.entries.append(("discarded", action, why))

    def turned_away(self, charger_id: str, reason: str) -> None:
        self.entries.append(("turned_away", reason))

    def stray(self, charger_id: str, message_id: str) -> None:
        self.entries.append(("stray", message_id))

    def disconnected(self, charger_id: str, reason: str) -> None:
        self.entries.append(("disconnected", reason))


class Bench:
    """A stub server, and the chargers that were connected to it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.address = ADDRESS
        self.clock = Clock.start(epoch_ms=EPOCH_MS)
        self.server = StubServer(self.clock, record=True)
        self.reachable = True
        self.dials: list[float] = []
        self.ledger = Ledger()
        self.diary = Diary()
        self.streams: list[trio.abc.Stream] = []

    async def stream(self, address: Address) -> trio.abc.Stream:
        """What a charger dials: a stream in memory with the stub at its other end."""
        await trio.lowlevel.checkpoint()
        self.dials.append(trio.current_time())
        if not self.reachable:
            raise OSError("unreachable")
        near, far = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.server.serve_stream, far)
        self.streams.append(far)
        return near

    def make(self, version: str = "1.6", **profile: Any) -> Charger:
        """A charger that does not run yet; ``settings`` may be a dict."""
        profile.setdefault("charger_id", "CH-1")
        profile["settings"] = tuple(profile.get("settings", {}).items())
        profile.setdefault("supplies", (Supply(), Supply()))
        return Charger(
            Profile(version=version, **profile),
            ADDRESS,
            clock=self.clock.another(),
            watcher=Watchers(self.ledger, self.diary),
            stream=self.stream,
        )

    async def charger(self, version: str = "1.6", *, online: bool = True, **profile: Any) -> Charger:
        """A running charger, online unless told otherwise."""
        charger = self.make(version, **profile)
        await self.nursery.start(charger.run)
        if online:
            await self.until(lambda: charger.online)
        return charger

    async def until(self, condition: Callable[[], bool], *, limit_s: float = 900) -> None:
        """Wait in simulated time until something is true."""
        with trio.fail_after(limit_s):
            while not condition():
                await trio.sleep(0.01)

    async def delivered(self, charger: Charger) -> None:
        """Wait until a charger has nothing left to say."""
        await self.until(lambda: charger.online and len(charger.outbox) == 0)

    def heard(self, *actions: str) -> list[Heard]:
        """The calls that the stub heard, of some actions or all."""
        return [heard for heard in self.server.heard if not actions or heard.action in actions]

    def actions(self) -> list[str]:
        """Their actions, in order."""
        return [heard.action for heard in self.server.heard]

    def override(self, action: str, *answers: Answer) -> None:
        """Answer the next calls of an action differently, one after the other; then as before. None is no answer."""
        usual, left = self.server.answer, list(answers)

        def answer(connection: StubConnection, call: Call) -> Answer:
            return left.pop(0) if call.action == action and left else usual(connection, call)

        self.server.answer = answer


@pytest.fixture
def bench_type() -> type[Bench]:
    return Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A test that uses it names ``autojump_clock``, too: only then is time simulated."""
    async with trio.open_nursery() as nursery:
        yield Bench(nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
def schema_problems() -> Callable[[str, str, Payload], list[str]]:
    return problems
