"""One charger's link: its reader, its worker, and the task that keeps it alive, in one nursery.

The reader feeds the conversation and puts CALLs into a bounded inbox; the worker hears them one by one, in order, and answers; the keeper
sends what the other two leave behind, pings, and wakes the conversation when a time limit passes. A command from outside is only put
into the outbox: the asking task never touches the socket, so its cancellation cannot cut a frame in half.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import structlog
import trio

from csms.core import tracing
from csms.core.commands import Command, Lost, Offline, Outcome
from csms.core.ports import Admission, ConnectionInfo
from csms.core.quirks import NO_QUIRKS, Quirks
from csms.ocpp.conversation import Conversation, Effect, Ended, Heard, Send, Shut, Told
from csms.ocpp.dialect import Dialect

from .connection import NEVER, Closed, Connection
from .keeper import keep
from .notices import Notices
from .outbox import OUTBOX_LIMIT, Outbox
from .pulse import Pulse, spread_of
from .terms import Ending, Terms
from .worker import work

DRAIN_S = 5.0
"""Longest wait for what was received to be committed once reading has stopped (HOUSE §5, takeover)."""

log = structlog.get_logger("csms.net")


class _Waiter:
    """The task that waits for one command's outcome."""

    __slots__ = ("outcome", "woken")

    def __init__(self) -> None:
        self.outcome: Outcome | None = None
        self.woken = trio.Event()


class Link:
    """A charger's live connection. ``run`` is its whole life; everything else may be called by other tasks meanwhile."""

    __slots__ = (
        "_drain",
        "_ears",
        "_ending",
        "_goodbye",
        "_heard_at",
        "_interruptible",
        "_nursery",
        "_over",
        "_waiters",
        "admission",
        "charger_id",
        "connected_at",
        "connection",
        "connection_id",
        "conversation",
        "deaf",
        "dialect",
        "drained",
        "inbox",
        "keeper_lot",
        "notices",
        "outbox",
        "paused",
        "pulse",
        "quirks",
        "received",
        "remote_address",
        "terms",
        "wake_at",
        "worked",
        "worker_lot",
    )

    def __init__(
        self,
        admission: Admission,
        conversation: Conversation,
        dialect: Dialect,
        terms: Terms,
        *,
        connection_id: str,
        remote_address: str,
        quirks: Quirks = NO_QUIRKS,
    ) -> None:
        mono = trio.current_time()
        self.admission = admission
        self.charger_id = admission.charger_id
        self.conversation = conversation
        self.dialect = dialect
        self.connection_id = connection_id
        self.remote_address = remote_address
        self.connected_at = terms.clock.now()
        self.connection: Connection | None = None
        self.received = 0
        self.drained = trio.Event()
        """Set once everything this link received is committed or given up, and its commands have their outcomes."""
        self.terms = terms
        self.inbox: deque[tuple[Told, float]] = deque()
        self.outbox = Outbox(admission, terms.log)
        self._waiters: dict[int, _Waiter] = {}
        self.worker_lot = trio.lowlevel.ParkingLot()
        self.keeper_lot = trio.lowlevel.ParkingLot()
        self.worked = trio.Event()
        self._ears = trio.CancelScope()
        self._nursery: trio.Nursery | None = None
        self._goodbye: trio.Event | None = None
        self._ending: Ending | None = None
        self._interruptible = self.paused = self.deaf = self._over = False
        self._drain = trio.CancelScope()
        self._heard_at = self.wake_at = mono
        self.notices = Notices(mono)
        self.quirks = quirks
        self.pulse = Pulse(
            ping_interval_s=terms.ping_interval_s,
            idle_s=self.idle_heartbeats * admission.heartbeat_interval_s,
            pongs=admission.answers_pings is True and quirks.answers_pings is not False,
            mono=mono,
            spread=spread_of(admission.charger_id),
        )

    @property
    def idle_heartbeats(self) -> float:
        """Heartbeat intervals of silence after which this charger counts as gone."""
        return self.terms.idle_heartbeats if self.quirks.idle_heartbeats is None else self.quirks.idle_heartbeats

    def adapt(self, quirks: Quirks) -> None:
        """The charger said what it is, and is to be treated accordingly."""
        self.quirks = quirks.at_home(self.admission.time_zone)
        self.conversation.adapt(self.quirks)

    async def tell_noticed(self, mono: float) -> None:
        """Have what was noticed about this link stored."""
        counted = self.notices.taken(mono)
        if counted:
            self.terms.observer.oddities(self.charger_id, "link", [oddity for oddity, _ in counted])
            await self.terms.notice(self.admission, counted)

    # --- what others may ask of it ----------------------------------------------------------------------------------------------

    def info(self) -> ConnectionInfo:
        """The connection as others may see it."""
        silence_s = trio.current_time() - self.heard_at
        return ConnectionInfo(
            charger_id=self.charger_id,
            tenant=self.admission.tenant,
            connection_id=self.connection_id,
            protocol=self.dialect.subprotocol,
            remote_address=self.remote_address,
            connected_at=self.connected_at,
            last_heard_at=self.terms.clock.now() - round(1000 * silence_s),
            registration=self.conversation.registration,
            queued_commands=self.conversation.queued,
            received_frames=self.received,
            sent_frames=self.outbox.sent,
            answers_pings=self.answers_pings,
        )

    @property
    def heard_at(self) -> float:
        """Monotonic instant of the last frame of any kind; the link's beginning before the first."""
        connection = self.connection
        return self._heard_at if connection is None else max(self._heard_at, connection.last_control_at)

    def heard(self, mono: float) -> None:
        """Count something as a sign of life."""
        self._heard_at = mono

    @property
    def ending(self) -> bool:
        """Whether it is about to end."""
        return self._ending is not None

    @property
    def answers_pings(self) -> bool | None:
        """What is known by now about this charger and pings."""
        ponged = self.connection is not None and self.connection.last_pong_at > NEVER
        return True if ponged else self.admission.answers_pings

    @property
    def end_reason(self) -> str:
        """Why it ended, one of ``REASONS``."""
        return "failed" if self._ending is None else self._ending.reason

    async def send(self, ticket: int, command: Command, ttl_s: float | None, timeout_s: float | None) -> Outcome:
        """Have a command sent and wait for its outcome. A cancelled wait withdraws it where it has not been sent."""
        if self._over or self._ending is not None:
            await trio.lowlevel.checkpoint()
            return Offline()
        waiter = self._waiters[ticket] = _Waiter()
        now, mono = self.terms.clock.now(), trio.current_time()
        try:
            request_id = tracing.request_id()
            self.act(self.conversation.command(ticket, command, now, mono, ttl_s=ttl_s, timeout_s=timeout_s, request_id=request_id))
            self.keeper_lot.unpark()
            await waiter.woken.wait()
            return Lost() if waiter.outcome is None else waiter.outcome
        finally:
            if self._waiters.pop(ticket, None) is not None and not self._over:
                self.act(self.conversation.withdraw(ticket, self.terms.clock.now(), trio.current_time()))

    def admit(self, registration: str) -> None:
        """Tell the conversation what the operator decided about this charger."""
        if not self._over:
            self.act(self.conversation.admit(registration, self.terms.clock.now(), trio.current_time()))
            self.keeper_lot.unpark()

    def end(self, code: int, text: str, reason: str, *, answer: bool = True, drain_s: float = DRAIN_S) -> None:
        """Make the link end: stop reading, commit what was received (and, if ``answer``, answer it), then close with ``code``.

        ``reason`` is one of ``REASONS``. The first ending stands, except that one which no longer answers overrides one which does.
        """
        former = self._ending
        if former is not None and (answer or not former.answer):
            return
        until = trio.current_time() + drain_s
        if former is not None:
            until = min(until, former.drain_until)
        self._ending = Ending(code=code, text=text, reason=reason, answer=answer, drain_until=until)
        self._drain.deadline = until
        if self._interruptible:
            self._ears.cancel()
        if not answer:
            self.outbox.mute()
            if self._nursery is not None:
                self._nursery.start_soon(self._hang_up, self._ending)

    def abort(self) -> None:
        """Give the link up without draining: its deadline has passed."""
        self.end(1001, "server is going away", "shutdown", answer=False, drain_s=0)
        if self._nursery is not None:
            self._nursery.cancel_scope.cancel()

    # --- its life ---------------------------------------------------------------------------------------------------------------

    async def run(self, take_over: Callable[[trio.Nursery], Connection], parted: Callable[[Link], Awaitable[None]]) -> None:
        """Live until somebody or the peer ends it. ``take_over`` opens the connection, whose own tasks run in the nursery it gets.

        ``parted`` is awaited once everything received is committed and every command has its outcome, before the goodbye.
        """
        try:
            async with trio.open_nursery() as nursery:
                connection = self.connection = take_over(nursery)
                self._nursery = nursery
                try:
                    await self._talk(connection)
                except* Exception as errors:
                    log.error("link.failed", charger=self.charger_id, connection=self.connection_id, exc_info=errors)
                    self.end(1011, "internal error", "failed", answer=False)
                self._settle()
                await self.tell_noticed(trio.current_time())
                await parted(self)
                self.drained.set()
                if self._ending is not None:
                    await self._hang_up(self._ending)
                self._nursery = None
                nursery.cancel_scope.cancel()
        finally:
            self._nursery = None
            self._settle()

    async def _talk(self, connection: Connection) -> None:
        """Read, hear and answer until an ending; then commit, and perhaps answer, what was received."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work, self, connection)
            nursery.start_soon(keep, self, connection)
            await self._read(connection)
            self.deaf = True
            self._settle()
            self.worker_lot.unpark_all()
            with self._drain as drain:
                await self.worked.wait()
                await self.outbox.emptied()
            if drain.cancelled_caught:
                log.warning("link.drain_cut", charger=self.charger_id, connection=self.connection_id, unheard=len(self.inbox))
            nursery.cancel_scope.cancel()

    def _settle(self) -> None:
        """Give every outstanding command its outcome, for its answer cannot be read any more; from now on none is taken."""
        if self._over:
            return
        self._over = True
        self.act(self.conversation.close(self.terms.clock.now(), trio.current_time()))
        for waiter in self._waiters.values():
            waiter.outcome = Lost()
            waiter.woken.set()
        self._waiters.clear()

    async def _hang_up(self, ending: Ending) -> None:
        """Close the connection once; whoever comes second waits for the first."""
        if self._goodbye is not None:
            await self._goodbye.wait()
        elif self.connection is not None:
            self._goodbye = trio.Event()
            try:
                await self.connection.close(ending.code, ending.text)
            finally:
                self._goodbye.set()

    # --- reader -----------------------------------------------------------------------------------------------------------------

    async def _read(self, connection: Connection) -> None:
        """Feed the conversation until the link ends, pausing while inbox or outbox are full."""
        inbox, limit, outbox = self.inbox, self.terms.inbox_limit, self.outbox
        try:
            with self._ears as ears:
                while self._ending is None:
                    self._interruptible = True
                    if len(inbox) >= limit or len(outbox.frames) >= OUTBOX_LIMIT:
                        self.paused = True
                        await outbox.room.park()
                        self.paused = False
                        continue
                    message = await connection.receive()
                    self._interruptible = False
                    if ears.cancel_called:  # it came in the very moment of the ending: it was received, so it is heard
                        with trio.CancelScope(shield=True, deadline=trio.current_time() + DRAIN_S):
                            await self._take(message)
                    else:
                        await self._take(message)
        except Closed as closed:
            self.lost(closed)
        finally:
            self._interruptible = False

    async def _take(self, message: str | bytes) -> None:
        mono = trio.current_time()
        self._heard_at = mono
        self.received += 1
        for effect in self.conversation.receive(message, self.terms.clock.now(), mono):
            if isinstance(effect, Heard):
                await self.outbox.record(effect.entry)
            elif isinstance(effect, Told):
                self.inbox.append((effect, mono))
                self.worker_lot.unpark()
            else:
                self.act((effect,))
        if self.conversation.noticed:
            self.notices.add(self.conversation.noticed)
            self.conversation.noticed.clear()
        if self.outbox.frames:
            self.keeper_lot.unpark()

    def act(self, effects: Iterable[Effect]) -> None:
        """Do what can be done at once; what must be sent waits in the outbox for a task that may wait."""
        for effect in effects:
            if isinstance(effect, Send):
                self.outbox.put(effect)
            elif isinstance(effect, Ended):
                waiter = self._waiters.pop(effect.ticket, None)
                if waiter is not None:
                    waiter.outcome = effect.outcome
                    waiter.woken.set()
            elif isinstance(effect, Shut):
                self.end(effect.code, effect.reason, "protocol")

    def lost(self, closed: Closed) -> None:
        """The peer closed the connection, or it broke."""
        self.end(closed.code, closed.reason, "lost" if closed.code == 1006 else "peer_closed", answer=False)

    def wake_keeper(self) -> None:
        """Have the keeper look again if the conversation now wants to be woken earlier than the keeper meant to."""
        due = self.conversation.next_deadline()
        if due is not None and due < self.wake_at:
            self.keeper_lot.unpark()
