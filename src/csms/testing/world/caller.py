"""A simulated charger as a caller: it connects, boots, tells what waits, and bears whatever the network does to it."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import trio

from .charger import Charger
from .clock import stream
from .history import METER, START, Message
from .line import Gone, Line

CALL_LIMIT_S = 30.0
HEARTBEAT_S = 60.0
RETRY_S = (0.5, 5.0)
BACKOFF_S = (0.5, 15.0)
CALM_BACKOFF_S = (0.2, 2.0)
MINUTES_S = (5.0, 200.0)
NOT_STORED, NOT_ACCEPTED = "InternalError", "SecurityError"


class Caller:
    """The communication of one charger."""

    def __init__(self, charger: Charger) -> None:
        self.charger = charger
        self._world = charger.world
        self._draws = stream(charger.world.seed, charger.charger_id, "calls")
        self._ids = count(1)
        self._no_uplink_until = 0.0
        self._line: Line | None = None
        self.longest_wait_s = 0.0
        """For an answer, since faults are over."""

    async def run(self) -> None:
        """Be connected as well as can be, for ever."""
        while True:
            try:
                await self._connection()
            except Gone as gone:
                self._say("gone", gone)
            finally:
                self.charger.online = False
            await trio.sleep(self._draws.uniform(*(CALM_BACKOFF_S if self._world.faults.over else BACKOFF_S)))

    def lose_uplink(self) -> None:
        """No network at this charger for a while."""
        self._no_uplink_until = trio.current_time() + self._draws.uniform(*MINUTES_S)
        self.break_off(silently=self._draws.random() < 0.5)

    def break_off(self, *, silently: bool) -> None:
        """The connection is cut, or falls silent."""
        if self._line is not None:
            if silently:
                self._line.wire.hush()
            else:
                self._line.wire.cut()
            self._line.hang_up()

    # --- a connection -----------------------------------------------------------------------------------------------------------

    async def _connection(self) -> None:
        charger = self.charger
        if not charger.powered or (trio.current_time() < self._no_uplink_until and not self._world.faults.over):
            raise Gone("no power or no uplink")
        try:
            wire = await self._world.network.connect()
        except OSError as error:
            raise Gone(str(error)) from error
        line = Line(wire, self._obey, self._heard)
        self._line = line
        try:
            await line.shake_hands(charger.charger_id, charger.key, charger.words.protocol)
            self._say("connected")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(line.read)
                try:
                    await self._talk(line)
                finally:
                    nursery.cancel_scope.cancel()
        except* Gone as gone:
            raise gone.exceptions[0] from None
        finally:
            self._line = None
            line.hang_up()

    async def _talk(self, line: Line) -> None:
        charger = self.charger
        if charger.habits.boots_always:
            charger.booted = False
        self._disturb_queue()
        heartbeat_at = trio.current_time() + HEARTBEAT_S
        while True:
            if line.over or not charger.powered:
                raise Gone("broken" if line.over else "no power")
            if not charger.booted:
                if (await self._tell(line, [charger.boot_message()]))[0]:
                    charger.booted = charger.online = True
                continue
            charger.online = True
            if messages := self._next():
                await self._tell(line, messages)
            elif trio.current_time() >= heartbeat_at:
                await self._beat(line)
                heartbeat_at = trio.current_time() + HEARTBEAT_S
            else:
                with trio.move_on_at(min(heartbeat_at, trio.current_time() + 15)):
                    await charger.news.park()

    def _next(self) -> list[Message]:
        """What to say now: small talk, statuses, then what tells of transactions, as many at a time as the charger is used to."""
        charger = self.charger
        if charger.asides:
            return [charger.asides.popleft()]
        if charger.statuses:
            return [next(iter(charger.statuses.values()))]
        return list(charger.queue)[: charger.habits.pipelines]

    def _forget(self, message: Message) -> None:
        charger = self.charger
        if message in charger.queue:
            charger.queue.remove(message)
        if charger.statuses.get(message.evse) is message:
            del charger.statuses[message.evse]

    def _disturb_queue(self) -> None:
        """Firmware that sends its queue in an order of its own."""
        charger, faults = self.charger, self._world.faults
        if len(charger.queue) < 2:
            return
        queue = list(charger.queue)
        if faults.strikes("meter values late", self._draws):
            readings = [message for message in queue if message.kind == METER]
            queue = [message for message in queue if message.kind != METER] + readings
        if charger.words.numbered and faults.strikes("queue shuffled", self._draws):
            self._draws.shuffle(queue)
        charger.queue.clear()
        charger.queue.extend(queue)

    # --- a call -----------------------------------------------------------------------------------------------------------------

    async def _tell(self, line: Line, messages: list[Message]) -> list[bool]:
        """Say all of these, then wait for their answers; which of them were acknowledged. Raises ``Gone``."""
        calm = self._world.closing.is_set()
        for message in messages:
            if not message.message_id or not self.charger.habits.same_message_id:
                message.message_id = self._new_id()
            message.tries += 1
            line.forget(message.message_id)
            text = json.dumps([2, message.message_id, message.action, message.payload(self._transaction_id(message))])
            await self._send(line, text)
        told = [await self._answered(line, message, calm) for message in messages]
        if not all(told):
            await trio.sleep(self._draws.uniform(*RETRY_S))
        return told

    def _new_id(self) -> str:
        return f"{self.charger.charger_id}-{next(self._ids)}"

    def _transaction_id(self, message: Message) -> int | None:
        if message.charge is None or message.kind == START:
            return None
        if message.fixed_id is not None:
            return message.fixed_id
        known = message.charge.transaction_id
        return self.charger.habits.made_up if known is None else known

    async def _beat(self, line: Line) -> None:
        message_id = self._new_id()
        await self._send(line, json.dumps([2, message_id, "Heartbeat", {}]))
        await self._wait(line, message_id, "Heartbeat")

    async def _send(self, line: Line, text: str) -> None:
        faults, draws, wire = self._world.faults, self._draws, line.wire
        if faults.strikes("network slow", draws):
            wire.slow_until = trio.current_time() + draws.uniform(5, 60)
        if faults.strikes("cut before send", draws):
            self._say("cut before", text)
            wire.cut()
            raise Gone("cut before send")
        if faults.strikes("cut in the middle of a frame", draws):
            self._say("cut within", text)
            await line.send(text, only_bytes=draws.random())
            raise Gone("cut in the middle of a frame")
        self._say(">", text)
        if faults.strikes("half-open", draws):
            if draws.random() < 0.5:  # heard by the server, whose answer never comes
                await line.send(text)
                await trio.sleep(0.08)
            wire.hush()
            return
        await line.send(text)
        if faults.strikes("frame sent twice", draws):
            await line.send(text)
        if faults.strikes("cut after send", draws):
            await trio.sleep(draws.uniform(0, 0.2))
            self._say("cut after send")
            if draws.random() < 0.5:
                wire.cut()
            raise Gone("cut after send")

    async def _answered(self, line: Line, message: Message, calm: bool) -> bool:
        frame = await self._wait(line, message.message_id, message.action)
        if frame[0] == 3:
            message.answer = frame[2]
            self._forget(message)
            if message.kind == START and message.charge is not None:
                message.charge.transaction_id = frame[2].get("transactionId")
            return True
        if frame[2] == NOT_ACCEPTED:
            self.charger.booted = False
        elif frame[2] != NOT_STORED or calm:
            self._world.history.refusals.append(f"{self.charger.charger_id}: {message.action} was refused: {json.dumps(frame)}")
        return False

    async def _wait(self, line: Line, message_id: str, action: str) -> list[Any]:
        """The answer. Raises ``Gone`` when there is none in time: a charger then gives up the connection."""
        calm = self._world.closing.is_set()
        asked = trio.current_time()
        frame = await line.answer(message_id, CALL_LIMIT_S)
        if calm and not line.wire.silent:
            self.longest_wait_s = max(self.longest_wait_s, trio.current_time() - asked)
        if frame is None:
            raise Gone(f"no answer to {action} {message_id}")
        return frame

    def _obey(self, action: str, payload: Any) -> Any:
        """The answer to a command."""
        return {"status": "Accepted"} if self._world.town is None else self.charger.obey(action, payload)

    def _heard(self, text: str) -> None:
        self._say("<", text)

    def _say(self, what: str, *more: object) -> None:
        self._world.trace.line(self.charger.charger_id, what, *more)
