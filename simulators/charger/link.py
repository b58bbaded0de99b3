"""One live WebSocket connection: calls go out one at a time, answers find their call, the server's calls are obeyed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import trio
from trio_websocket import ConnectionClosed

from simulators import frames
from simulators.clock import Clock
from simulators.frames import Payload
from simulators.watch import SentCall, Watcher

from .dial import Wire
from .quirks import bend

OVERDUE_KEPT = 100
"""So many calls may be overdue and still find their late answer."""
LONGEST_SEND_S = 20.0
"""A server that takes nothing for so long is given up."""
FAREWELL_S = 2.0
"""The longest wait for the server's part of the closing handshake."""


class LinkLost(Exception):
    """The connection ended before the answer."""


class NoAnswer(Exception):
    """No answer in time although the connection lives."""


class Refusal(Exception):
    """The server answered with a CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


@attrs.define(slots=True, eq=False)
class Waiting:
    """A call that waits for its answer."""

    call: SentCall
    since: float
    done: trio.Event = attrs.field(factory=trio.Event)
    answer: Payload | None = None
    refusal: Refusal | None = None
    overdue: bool = False


@attrs.frozen(slots=True)
class Reply:
    """What a charger answers to the server's call, and what it does after the answer left.

    ``status`` is the word for watchers; an ``error`` code makes it a CALLERROR.
    """

    payload: Payload = attrs.field(factory=dict)
    status: str = "Accepted"
    error: str = ""
    then: Callable[[], Awaitable[None]] | None = None


Obey = Callable[[frames.Call], Reply]


class Link:
    """A connection of one charger. ``ending`` says how to end it: ``close``, ``cut`` (torn off) or ``vanish`` (silent, still open)."""

    def __init__(
        self,
        socket: Any,
        wire: Wire,
        *,
        charger_id: str,
        version: str,
        number: int,
        clock: Clock,
        watcher: Watcher,
        quirks: set[str],
        timeout_s: float,
    ) -> None:
        self._socket = socket
        self.wire = wire
        self._charger_id = charger_id
        self._version = version
        self.number = number
        self._clock = clock
        self._watcher = watcher
        self._quirks = quirks
        self._timeout_s = timeout_s
        self._waiting: dict[str, Waiting] = {}
        self._turn = trio.StrictFIFOLock()
        self._latest: Waiting | None = None
        self.scope: trio.CancelScope | None = None
        self._sending: set[trio.CancelScope] = set()
        self._closing = False
        self.ending = "close"
        self.reason = "ended"
        """Why it ended, once it did."""
        self.patient = False
        """Whether all answers were waited for before the end, so that what is unanswered is lost, not cut."""

    async def call(
        self,
        message_id: str,
        action: str,
        payload: Payload,
        attempt: int = 1,
        *,
        on_sent: Callable[[], None] | None = None,
        at_once: bool = False,
    ) -> Payload:
        """Send a CALL when its turn comes (one at a time, OCPP-J 1.6 §4.1.1) and return the answer's payload.

        ``at_once`` waits for no turn, which is not allowed, as little as the quirk ``pipelining``. ``on_sent`` is called when the frame
        has left. Raises ``Refusal``, ``NoAnswer`` or ``LinkLost``.
        """
        call = partial(self._put, message_id, action, payload, attempt, on_sent)
        if at_once or "pipelining" in self._quirks:
            waiting = await call()
            await self._settled(waiting)
        else:
            async with self._turn:
                await self._settled(self._latest)
                waiting = await call()
                await self._settled(waiting)
        if waiting.refusal is not None:
            raise waiting.refusal
        if waiting.answer is None:
            raise NoAnswer(action)
        return waiting.answer

    async def _put(
        self, message_id: str, action: str, payload: Payload, attempt: int, on_sent: Callable[[], None] | None
    ) -> Waiting:
        if self._closing:
            raise LinkLost
        call = SentCall(self._charger_id, self._version, self.number, message_id, action, payload, attempt, self._clock.true_now())
        waiting = Waiting(call, trio.current_time())
        self._replace(message_id, waiting)
        self._latest = waiting
        await self._send(frames.call_text(message_id, action, bend(self._quirks, action, payload)), call)
        if on_sent is not None:
            on_sent()
        return waiting

    async def _settled(self, waiting: Waiting | None) -> None:
        """Wait until a call is answered or overdue, whoever sent it and perhaps lost interest."""
        if waiting is None or waiting.overdue:
            return
        with trio.move_on_at(waiting.since + self._timeout_s):
            await waiting.done.wait()
        if not waiting.done.is_set():
            waiting.overdue = True
            self._watcher.happened(self._charger_id, f"no answer to {waiting.call.action} within {self._timeout_s:g} s")

    async def fall_silent(self) -> None:
        """Wait for the answer under way, and send no more calls."""
        async with self._turn:
            await self._settled(self._latest)
            self._closing = True

    async def raw(self, text: str) -> None:
        """Send any text as a frame."""
        await self._send(text, None)

    async def ping(self) -> None:
        """Send a WebSocket ping and wait for its pong; raises ``LinkLost`` when the connection ended."""
        try:
            await self._socket.ping()
        except ConnectionClosed:
            raise LinkLost from None

    async def _send(self, text: str, call: SentCall | None) -> None:
        if call is not None:
            self._watcher.sent(call)
        self._watcher.frame(self._charger_id, "out", text)
        # once begun a frame must get out whole, even where its sender was cancelled: half of one would garble the rest
        with trio.CancelScope(deadline=trio.current_time() + LONGEST_SEND_S, shield=True) as sending:
            self._sending.add(sending)
            try:
                await self._socket.send_message(text)
            except ConnectionClosed:
                raise LinkLost from None
            finally:
                self._sending.discard(sending)
        if sending.cancelled_caught:
            if self.ending == "close":
                self.tear("cut")
            raise LinkLost

    def _replace(self, message_id: str, waiting: Waiting) -> None:
        """Wait for an id; one that waited under the same id, or far too long, is lost."""
        old = self._waiting.pop(message_id, None)
        if old is None and len(self._waiting) >= OVERDUE_KEPT:
            old = self._waiting.pop(next(iter(self._waiting)))
        if old is not None:
            self._watcher.lost(old.call)
        self._waiting[message_id] = waiting

    async def receive(self, obey: Obey, spawn: Callable[[Callable[[], Awaitable[None]]], None]) -> None:
        """Hear the server until the connection ends."""
        while True:
            try:
                text = await self._socket.get_message()
            except ConnectionClosed as closed:
                if closed.reason is not None:
                    self.reason = f"{closed.reason.code} {closed.reason.reason or closed.reason.name}"
                if self._closing:
                    await trio.sleep(FAREWELL_S)  # until close() has done its part of the closing handshake
                return
            self._watcher.frame(self._charger_id, "in", text)
            match frames.parse(text):
                case frames.Result(message_id, payload):
                    self._settle(message_id, payload, None)
                case frames.Error(message_id, code, description):
                    self._settle(message_id, None, Refusal(code, description))
                case frames.Call() as call:
                    reply = obey(call)
                    try:
                        await self._reply(call, reply)
                    except LinkLost:
                        return
                    if reply.then is not None:
                        spawn(reply.then)
                case None:
                    self._watcher.happened(self._charger_id, f"unreadable frame: {text[:80]!r}")

    async def _reply(self, call: frames.Call, reply: Reply) -> None:
        if reply.error:
            text = frames.error_text(call.message_id, reply.error, reply.status)
        else:
            text = frames.result_text(call.message_id, bend(self._quirks, call.action, reply.payload))
        await self._send(text, None)
        self._watcher.commanded(self._charger_id, call.action, call.payload, reply.error or reply.status)

    def _settle(self, message_id: str, answer: Payload | None, refusal: Refusal | None) -> None:
        waiting = self._waiting.pop(message_id, None)
        if waiting is None:
            self._watcher.stray(self._charger_id, message_id)
            return
        seconds = trio.current_time() - waiting.since
        waiting.answer, waiting.refusal = answer, refusal
        if refusal is not None:
            self._watcher.refused(waiting.call, refusal.code, refusal.description, seconds)
        elif answer is not None:
            self._watcher.answered(waiting.call, answer, seconds, waiting.overdue)
        waiting.done.set()

    async def close(self) -> None:
        """Say farewell properly (RFC 6455 §7.1.2), and end."""
        self._closing = True
        with trio.move_on_after(FAREWELL_S):
            await self._socket.aclose()
        self.tear("close")

    def tear(self, kind: str) -> None:
        """End the connection at once: ``cut`` resets it, ``vanish`` leaves it open and silent."""
        self.ending = kind
        for sending in self._sending:
            sending.cancel()
        if self.scope is not None:
            self.scope.cancel()

    async def end(self) -> None:
        """Close what is to be closed, and settle what waits: overdue calls are lost, younger ones were cut."""
        if self.ending == "cut":
            await self.wire.tear()
        elif self.ending == "close":
            await trio.aclose_forcefully(self.wire)
        waiting, self._waiting = self._waiting, {}
        for each in waiting.values():
            if each.overdue or self.patient:
                self._watcher.lost(each.call)
            else:
                self._watcher.cut(each.call)
