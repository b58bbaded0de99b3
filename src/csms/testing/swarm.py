"""A few chargers that charge without a pause, come back whenever the server does, and remember everything it promised them."""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import count
from typing import Any, ClassVar

import attrs
import trio
import trio_websocket

from csms.core.units import iso

from .charger import ScriptedCharger, connect
from .promises import Promises, Said

CALL_LIMIT_S = 5.0
RETRY_S = 0.05
BACKOFF_S = (0.05, 0.3)
STEP_MS = 1000
MOST_PIPELINED = 3
"""So many CALLs at most go out before an answer is waited for."""
BOOTS = 0.3
"""The share of reconnections that begin with a boot."""
GONE = (OSError, trio.TooSlowError, trio_websocket.ConnectionClosed, trio_websocket.HandshakeError)

Facts = tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...]


@attrs.frozen(slots=True)
class Call:
    """A CALL that must get through: it is said again until it is acknowledged."""

    action: str
    payload: dict[str, Any]
    facts: Facts = ()


@attrs.define(slots=True, eq=False)
class Charger(ABC):
    """One charger of the swarm. Its own time goes on by a second with each thing it says, so that every fact is one of its kind."""

    protocol: ClassVar[str]
    plugged: ClassVar[str]
    """The status of a connector with a car."""

    charger_id: str
    token: str
    now: int
    random: random.Random
    register_wh: int = 0
    transaction_id: int = 0
    """What the server called the transaction under way (1.6)."""
    _boots: Iterator[int] = attrs.field(factory=lambda: count(1))

    def boot(self) -> Call:
        """A boot, told apart from the others by its firmware."""
        firmware = f"1.{next(self._boots)}"
        return Call("BootNotification", self.boot_payload(firmware), (("boot", (self.charger_id, firmware), {}),))

    def life(self) -> Iterator[list[Call]]:
        """One charge: groups of CALLs that may go out together."""
        yield [self._status(self.plugged)]
        yield [Call("Authorize", self.authorize_payload()), Call("Heartbeat", {})]
        yield from self.charge()
        yield [self._status("Available")]

    def _status(self, status: str) -> Call:
        at = self.tick()
        facts = (("status", (self.charger_id, 1, at), {"status": status}),)
        return Call("StatusNotification", self.status_payload(status, at), facts)

    def tick(self) -> int:
        """The next moment."""
        self.now += STEP_MS
        return self.now

    def meter(self) -> tuple[int, int, tuple[str, tuple[Any, ...], dict[str, Any]]]:
        """The next moment, the register then, and the fact of having read it."""
        at = self.tick()
        self.register_wh += self.random.randrange(1, 500)
        return at, self.register_wh, ("reading", (self.charger_id, 1, at), {"energy_wh": self.register_wh})

    def groups(self) -> Iterator[range]:
        """How many readings go out together, each time."""
        for _ in range(self.random.randrange(4)):
            yield range(self.random.randrange(1, MOST_PIPELINED + 1))

    @abstractmethod
    def boot_payload(self, firmware: str) -> dict[str, Any]:
        """BootNotification."""

    @abstractmethod
    def status_payload(self, status: str, at: int) -> dict[str, Any]:
        """StatusNotification."""

    @abstractmethod
    def authorize_payload(self) -> dict[str, Any]:
        """Authorize."""

    @abstractmethod
    def charge(self) -> Iterator[list[Call]]:
        """The transaction, from its start to its stop."""


class Charger16(Charger):
    """OCPP 1.6."""

    protocol = "ocpp1.6"
    plugged = "Preparing"

    def boot_payload(self, firmware: str) -> dict[str, Any]:
        """BootNotification."""
        return {"chargePointVendor": "Swarm", "chargePointModel": "S", "firmwareVersion": firmware}

    def status_payload(self, status: str, at: int) -> dict[str, Any]:
        """StatusNotification."""
        return {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": iso(at)}

    def authorize_payload(self) -> dict[str, Any]:
        """Authorize."""
        return {"idTag": self.token}

    def charge(self) -> Iterator[list[Call]]:
        """StartTransaction, MeterValues, StopTransaction."""
        started_at, start_wh, _ = self.meter()
        known = {"evse": 1, "token": self.token, "meter_start_wh": start_wh}
        payload = {"connectorId": 1, "idTag": self.token, "meterStart": start_wh, "timestamp": iso(started_at)}
        yield [Call("StartTransaction", payload, (("transaction", (self.charger_id, started_at), known),))]
        for group in self.groups():
            yield [self._meter_values() for _ in group]
        stopped_at, stop_wh, _ = self.meter()
        payload = {"transactionId": self.transaction_id, "meterStop": stop_wh, "timestamp": iso(stopped_at)}
        ended = {"state": "completed", "stopped_at": stopped_at, "meter_stop_wh": stop_wh, "energy_wh": stop_wh - start_wh}
        yield [Call("StopTransaction", payload, (("stop", (self.charger_id, started_at), ended),))]

    def _meter_values(self) -> Call:
        at, wh, fact = self.meter()
        fact[2]["transaction_id"] = self.transaction_id
        value = {"timestamp": iso(at), "sampledValue": [{"value": str(wh), "unit": "Wh"}]}
        return Call("MeterValues", {"connectorId": 1, "transactionId": self.transaction_id, "meterValue": [value]}, (fact,))


class Charger201(Charger):
    """OCPP 2.0.1."""

    protocol = "ocpp2.0.1"
    plugged = "Occupied"

    def boot_payload(self, firmware: str) -> dict[str, Any]:
        """BootNotification."""
        return {"reason": "PowerUp", "chargingStation": {"vendorName": "Swarm", "model": "S", "firmwareVersion": firmware}}

    def status_payload(self, status: str, at: int) -> dict[str, Any]:
        """StatusNotification."""
        return {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": iso(at)}

    def authorize_payload(self) -> dict[str, Any]:
        """Authorize."""
        return {"idToken": {"idToken": self.token, "type": "ISO14443"}}

    def charge(self) -> Iterator[list[Call]]:
        """TransactionEvents: Started, Updated, Ended."""
        seq_no = count()
        reference = f"{self.charger_id}-{self.now}"
        started = self._event("Started", "Authorized", "Transaction.Begin", reference, next(seq_no), **self.authorize_payload())
        started_at, start_wh = self.now, self.register_wh
        known = {"reference": reference, "evse": 1, "token": self.token, "meter_start_wh": start_wh}
        yield [attrs.evolve(started, facts=(*started.facts, ("transaction", (self.charger_id, started_at), known)))]
        for group in self.groups():
            yield [self._event("Updated", "MeterValuePeriodic", "Sample.Periodic", reference, next(seq_no)) for _ in group]
        stopped = self._event("Ended", "StopAuthorized", "Transaction.End", reference, next(seq_no))
        ended = {
            "state": "completed",
            "stopped_at": self.now,
            "meter_stop_wh": self.register_wh,
            "energy_wh": self.register_wh - start_wh,
        }
        yield [attrs.evolve(stopped, facts=(*stopped.facts, ("stop", (self.charger_id, started_at), ended)))]

    def _event(self, kind: str, trigger: str, context: str, reference: str, seq_no: int, **more: Any) -> Call:
        at, wh, reading = self.meter()
        payload = {
            "eventType": kind,
            "timestamp": iso(at),
            "triggerReason": trigger,
            "seqNo": seq_no,
            "transactionInfo": {"transactionId": reference},
            "evse": {"id": 1, "connectorId": 1},
            "meterValue": [{"timestamp": iso(at), "sampledValue": [{"value": wh, "context": context}]}],
            **more,
        }
        identity = (self.charger_id, reference, seq_no, kind.lower())
        return Call("TransactionEvent", payload, (("transaction event", identity, {}), reading))


@attrs.define(eq=False)
class Swarm:
    """Chargers at work until ``finish``. ``acknowledged`` counts; ``promises`` is what the store must hold."""

    url: str
    chargers: list[Charger]
    seed: int
    promises: Promises = attrs.field(factory=Promises)
    acknowledged: int = 0
    _numbers: Iterator[int] = attrs.field(factory=lambda: count(1))
    _finishing: bool = False

    @classmethod
    def of(cls, url: str, size: int, *, now: int, seed: int) -> Swarm:
        """Chargers SW0, SW1 ... of both versions in turn, whose tokens are SWARM0, SWARM1 ..."""
        chargers: list[Charger] = [
            (Charger16, Charger201)[number % 2](f"SW{number}", f"SWARM{number}", now, random.Random(f"{seed}:{number}"))  # noqa: S311
            for number in range(size)
        ]
        return cls(url, chargers, seed)

    def finish(self) -> None:
        """End every charge that is under way, then let ``run`` return."""
        self._finishing = True

    async def run(self) -> None:
        """Charge. Returns when everything that was begun is acknowledged after ``finish``."""
        async with trio.open_nursery() as nursery:
            for charger in self.chargers:
                nursery.start_soon(self._live, charger)

    async def _live(self, charger: Charger) -> None:
        todo: Iterator[list[Call]] = iter(())
        pending: list[Call] = []
        while True:
            try:
                async with connect(self.url, charger.charger_id, protocol=charger.protocol) as line:
                    if charger.random.random() < BOOTS:
                        await self._all(charger, line, [charger.boot()])
                    while True:
                        while pending:
                            await self._all(charger, line, pending)
                        group = next(todo, None)
                        if group is not None:
                            pending += group
                        elif self._finishing:
                            return
                        else:
                            todo = charger.life()
            except* GONE:
                pass
            await trio.sleep(charger.random.uniform(*BACKOFF_S))

    async def _all(self, charger: Charger, line: ScriptedCharger, calls: list[Call]) -> None:
        """Say them all, then wait for all answers; what is acknowledged leaves the list. Raises when the line breaks."""
        asked: list[tuple[str, Call]] = []
        for call in list(calls):
            message_id = f"{self.seed}-{next(self._numbers)}"
            self.promises.say(message_id, Said(charger_id=charger.charger_id, action=call.action, facts=call.facts))
            asked.append((message_id, call))
            await line.send_text(json.dumps([2, message_id, call.action, call.payload]))
        for message_id, call in asked:
            with trio.fail_after(CALL_LIMIT_S):
                frame = await line.answer_to(message_id)
            if frame[0] == 4:
                if frame[2] not in ("SecurityError", "InternalError"):
                    raise AssertionError(f"{call.action} of {charger.charger_id} was refused: {frame}")
                await trio.sleep(RETRY_S)
                if frame[2] == "SecurityError":  # it has not booted here yet
                    await self._all(charger, line, [charger.boot()])
                return
            calls.remove(call)
            self.acknowledged += 1
            if call.action != "Heartbeat":
                self.promises.acknowledge(message_id, frame[2])
            if call.action == "StartTransaction":
                charger.transaction_id = frame[2]["transactionId"]
