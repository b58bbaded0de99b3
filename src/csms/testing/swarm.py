"""A few chargers that charge without a pause, come back whenever the server does, and remember everything it promised them."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import count
from typing import Any

import attrs
import trio
import trio_websocket

from csms.core.units import iso

from .charger import ScriptedCharger, connect
from .promises import Promises, Said

CALL_LIMIT_S = 5.0
STEP_MS = 1000
RETRY_S = 0.05
BACKOFF_S = (0.05, 0.3)
PIPELINED = 4
"""So many CALLs at most go out before an answer is waited for."""
GONE = (OSError, ConnectionError, trio.TooSlowError, trio_websocket.ConnectionClosed, trio_websocket.HandshakeError)


Facts = tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...]


@attrs.frozen(slots=True)
class Call:
    """A CALL that must get through: it is said again until it is acknowledged."""

    action: str
    payload: dict[str, Any]
    facts: Facts = ()


@attrs.define(slots=True, eq=False)
class Charger:
    """One charger of the swarm. Its own time goes on by a second with each thing it says, so that every fact is one of its kind."""

    charger_id: str
    version: str
    token: str
    now: int
    random: random.Random
    boots: Iterator[int] = attrs.field(factory=lambda: count(1))
    register_wh: int = 0
    transaction_id: int = 0

    def tick(self) -> int:
        """The next moment."""
        self.now += STEP_MS
        return self.now

    def boot(self) -> Call:
        """A boot, told apart from the others by its firmware."""
        firmware = f"1.{next(self.boots)}"
        facts: Facts = (("boot", (self.charger_id, firmware), {}),)
        if self.version == "1.6":
            box = {"chargePointVendor": "Swarm", "chargePointModel": "S", "firmwareVersion": firmware}
            return Call("BootNotification", box, facts)
        station = {"vendorName": "Swarm", "model": "S", "firmwareVersion": firmware}
        return Call("BootNotification", {"reason": "PowerUp", "chargingStation": station}, facts)

    def charge(self) -> Iterator[list[Call]]:
        """One charge: groups of CALLs that may go out together."""
        yield [self._status("Preparing" if self.version == "1.6" else "Occupied")]
        yield [self._authorize(), Call("Heartbeat", {})]
        say = self._charge_16 if self.version == "1.6" else self._charge_201
        yield from say()
        yield [self._status("Available")]

    def _status(self, status: str) -> Call:
        at = self.tick()
        facts = (("status", (self.charger_id, 1, at), {"status": status}),)
        if self.version == "1.6":
            payload = {"connectorId": 1, "errorCode": "NoError", "status": status, "timestamp": iso(at)}
        else:
            payload = {"evseId": 1, "connectorId": 1, "connectorStatus": status, "timestamp": iso(at)}
        return Call("StatusNotification", payload, facts)

    def _authorize(self) -> Call:
        if self.version == "1.6":
            return Call("Authorize", {"idTag": self.token})
        return Call("Authorize", {"idToken": {"idToken": self.token, "type": "ISO14443"}})

    def _meter(self) -> tuple[int, int, tuple[str, tuple[Any, ...], dict[str, Any]]]:
        at = self.tick()
        self.register_wh += self.random.randrange(1, 500)
        return at, self.register_wh, ("reading", (self.charger_id, 1, at), {"energy_wh": self.register_wh})

    def _charge_16(self) -> Iterator[list[Call]]:
        started_at, start_wh, _ = self._meter()
        known = {"evse": 1, "token": self.token, "meter_start_wh": start_wh}
        payload = {"connectorId": 1, "idTag": self.token, "meterStart": start_wh, "timestamp": iso(started_at)}
        yield [Call("StartTransaction", payload, (("transaction", (self.charger_id, started_at), known),))]
        for _ in range(self.random.randrange(4)):
            yield [self._meter_values() for _ in range(self.random.randrange(1, PIPELINED))]
        stopped_at, stop_wh, _ = self._meter()
        payload = {"transactionId": self.transaction_id, "meterStop": stop_wh, "timestamp": iso(stopped_at)}
        ended = {"state": "completed", "stopped_at": stopped_at, "meter_stop_wh": stop_wh, "energy_wh": stop_wh - start_wh}
        yield [Call("StopTransaction", payload, (("stop", (self.charger_id, started_at), ended),))]

    def _meter_values(self) -> Call:
        at, wh, fact = self._meter()
        fact[2]["transaction_id"] = self.transaction_id
        value = {"timestamp": iso(at), "sampledValue": [{"value": str(wh), "unit": "Wh"}]}
        return Call("MeterValues", {"connectorId": 1, "transactionId": self.transaction_id, "meterValue": [value]}, (fact,))

    def _charge_201(self) -> Iterator[list[Call]]:
        seq_no = count()
        reference = f"{self.charger_id}-{self.now}"
        token = {"idToken": {"idToken": self.token, "type": "ISO14443"}}
        started = self._event("Started", "Authorized", "Transaction.Begin", reference, next(seq_no), **token)
        started_at, start_wh = self.now, self.register_wh
        known = {"reference": reference, "evse": 1, "token": self.token, "meter_start_wh": start_wh}
        yield [attrs.evolve(started, facts=(*started.facts, ("transaction", (self.charger_id, started_at), known)))]
        for _ in range(self.random.randrange(4)):
            group = range(self.random.randrange(1, PIPELINED))
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
        at, wh, reading = self._meter()
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
        chargers = [
            Charger(f"SW{number}", ("1.6", "2.0.1")[number % 2], f"SWARM{number}", now, random.Random(f"{seed}:{number}"))  # noqa: S311
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
                protocol = f"ocpp{charger.version}"
                async with connect(self.url, charger.charger_id, protocol=protocol) as line:
                    if charger.random.random() < 0.3 or not self.acknowledged:
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
                            todo = charger.charge()
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
