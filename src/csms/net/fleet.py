"""Who is connected: the ``Chargers`` port, takeover, and the orderly end of all links."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog
import trio
from structlog.contextvars import bind_contextvars

from csms.core.commands import Command, Offline, Outcome
from csms.core.errors import StoreUnavailable
from csms.core.ports import Admission, ConnectionInfo, Turned
from csms.core.reports import Oddity

from .connection import CLOSE_WAIT_S, Connection
from .link import DRAIN_S, Link
from .observer import Observer, Unobserved

CALLBACK_LIMIT_S = 5.0
"""Longest wait for ``on_connected`` and ``on_disconnected``."""
ALIVE_S = 60.0
"""A link that was heard within so many seconds was alive when another one came."""
TAKEOVER_LIMIT_S = DRAIN_S + CALLBACK_LIMIT_S + 1
"""Longest wait for a former link to be drained; it bounds itself, this bounds the trust in that."""

log = structlog.get_logger("csms.net")

OnConnected = Callable[[Admission, ConnectionInfo], Awaitable[None]]
OnDisconnected = Callable[[Admission, ConnectionInfo, str], Awaitable[None]]


async def _nothing(*_: object) -> None:
    """Nobody wants to know."""


class Fleet:
    """The connected chargers. Implements ``core.ports.Chargers``.

    ``on_connected(admission, info)`` is awaited before the first message of a link is read, ``on_disconnected(admission, info, reason)``
    after its last one is committed and before a link that replaces it begins: so what they store stands in the right order. Both are
    limited to ``CALLBACK_LIMIT_S``; that they fail costs no charger its link. ``reason`` is one of ``csms.net.terms.REASONS``.
    """

    def __init__(
        self,
        *,
        max_connections: int = 20_000,
        observer: Observer | None = None,
        on_connected: OnConnected = _nothing,
        on_disconnected: OnDisconnected = _nothing,
    ) -> None:
        self.max_connections = max_connections
        self.stopping = False
        """Whether new chargers are turned away because the server is going down."""
        self.stopped = trio.Event()
        """Set when ``stop`` is done."""
        self._observer = observer or Unobserved()
        self._on_connected = on_connected
        self._on_disconnected = on_disconnected
        self._links: dict[str, Link] = {}
        self._running: set[Link] = set()
        self._listeners: set[trio.CancelScope] = set()
        self._tickets = itertools.count(1)
        self._quiet = trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        return len(self._links)

    def tally(self) -> tuple[dict[str, int], int]:
        """How many are connected by protocol, and how many commands wait for them: cheap, however many there are."""
        protocols: dict[str, int] = {}
        queued = 0
        for link in self._links.values():
            name = link.dialect.subprotocol
            protocols[name] = protocols.get(name, 0) + 1
            queued += link.conversation.queued
        return protocols, queued

    # --- the port ---------------------------------------------------------------------------------------------------------------

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        """Send a command and wait for what becomes of it. A cancelled wait withdraws the command where it has not been sent."""
        link = self._links.get(charger_id)
        if link is None:
            await trio.lowlevel.checkpoint()  # whoever asks again and again must not keep the chargers from connecting
            return Offline()
        return await link.send(next(self._tickets), command, ttl_s, timeout_s)

    def connections(self) -> Sequence[ConnectionInfo]:
        """Every live connection."""
        return [link.info() for link in self._links.values()]

    def connection(self, charger_id: str) -> ConnectionInfo | None:
        """The live connection of one charger."""
        link = self._links.get(charger_id)
        return None if link is None else link.info()

    def can_say(self, charger_id: str) -> frozenset[str]:
        """The names of the commands that the charger's OCPP version has; empty when it is not connected."""
        link = self._links.get(charger_id)
        return frozenset() if link is None else link.dialect.can_say

    async def drop(self, charger_id: str, reason: str) -> bool:
        """Close a charger's connection after answering what it said, and wait for that; False when there was none."""
        link = self._links.get(charger_id)
        if link is None:
            await trio.lowlevel.checkpoint()
            return False
        link.end(1008, reason, "dropped")
        with trio.move_on_after(TAKEOVER_LIMIT_S):
            await link.drained.wait()
        return True

    async def admit(self, charger_id: str, registration: str) -> bool:
        """Tell a live conversation what the operator decided about its charger; False when it is not connected."""
        link = self._links.get(charger_id)
        await trio.lowlevel.checkpoint()
        if link is not None:
            link.admit(registration)
        return link is not None

    # --- links ------------------------------------------------------------------------------------------------------------------

    def closed_to(self, charger_id: str) -> str | None:
        """Why nobody of this id can come in just now, whoever it is; a connected one may still be replaced."""
        if self.stopping:
            return "the server is going down"
        if len(self._links) >= self.max_connections and charger_id not in self._links:
            return "too many connections"
        return None

    def objection(self, admission: Admission) -> Turned | None:
        """Why a charger that was admitted must stay out all the same.

        The newest authenticated connection wins; one that showed no key never ends one that did.
        """
        former = self._links.get(admission.charger_id)
        if former is not None and former.admission.authenticated and not admission.authenticated:
            return Turned(403, "an authenticated connection of this charger is alive")
        closed = self.closed_to(admission.charger_id)
        return None if closed is None else Turned(503, closed)

    async def serve(self, link: Link, take_over: Callable[[trio.Nursery], Connection]) -> None:
        """Run a link to its end: end the one it replaces, tell of its coming and going, and forget it."""
        bind_contextvars(charger=link.charger_id, connection=link.connection_id)
        former = self._links.get(link.charger_id)
        self._links[link.charger_id] = link
        self._running.add(link)
        announced = False
        try:
            if self.stopping:
                link.end(1001, "server is going away", "shutdown")
            if former is not None:
                if not former.ending and trio.current_time() - former.heard_at < ALIVE_S:
                    link.notices.add([Oddity("sockets", "connection", "a second one while the first was alive")])
                former.end(1008, "replaced by a newer connection", "replaced", answer=False)
                with trio.move_on_after(TAKEOVER_LIMIT_S):
                    await former.drained.wait()
            announced = True
            await self._tell(self._on_connected(link.admission, link.info()), link, "connected")
            self._observer.connected(link.charger_id, link.dialect.subprotocol)
            log.info(
                "charger.connected",
                charger=link.charger_id,
                connection=link.connection_id,
                protocol=link.dialect.subprotocol,
                address=link.remote_address,
            )
            await link.run(take_over, self._part)
        finally:
            if announced and not link.drained.is_set():
                await self._part(link)
            self._forget(link)
            link.drained.set()
            self._running.discard(link)
            if not self._running:
                self._quiet.unpark_all()

    async def _part(self, link: Link) -> None:
        """A link is drained: let others know, once."""
        self._forget(link)
        reason = link.end_reason
        self._observer.disconnected(link.charger_id, link.dialect.subprotocol, reason)
        log.info("charger.disconnected", charger=link.charger_id, connection=link.connection_id, reason=reason)
        await self._tell(self._on_disconnected(link.admission, link.info(), reason), link, "disconnected")
        link.drained.set()

    def _forget(self, link: Link) -> None:
        if self._links.get(link.charger_id) is link:
            del self._links[link.charger_id]

    async def _tell(self, told: Awaitable[None], link: Link, what: str) -> None:
        """Await a callback, to its end even when the link is cancelled meanwhile, but not for ever."""
        error: Exception | None = None
        with trio.move_on_after(CALLBACK_LIMIT_S, shield=True) as scope:
            try:
                await told
            except Exception as raised:
                error = raised
        if error is not None or scope.cancelled_caught:
            why = f"took longer than {CALLBACK_LIMIT_S:g} s" if error is None else str(error) or type(error).__name__
            log.error(
                f"charger.{what}_not_noted",
                charger=link.charger_id,
                connection=link.connection_id,
                error=why,
                exc_info=None if isinstance(error, StoreUnavailable) else error,
            )

    # --- the end ----------------------------------------------------------------------------------------------------------------

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """While a listener accepts; ``stop`` ends it."""
        with trio.CancelScope() as scope:
            self._listeners.add(scope)
            try:
                if self.stopping:
                    scope.cancel()
                yield
            finally:
                self._listeners.discard(scope)

    async def stop(self, *, within_s: float) -> None:
        """End all links in order: stop accepting and reading, commit and answer what was received, close with 1001.

        Links that are not through after ``within_s`` are cut. Returns when none is left (HOUSE §9).
        """
        until = trio.current_time() + within_s
        self.stopping = True
        for scope in list(self._listeners):
            scope.cancel()
        drain_s = max(within_s - CLOSE_WAIT_S, within_s / 2)
        for link in list(self._running):
            link.end(1001, "server is going away", "shutdown", drain_s=drain_s)
        with trio.move_on_at(until):
            while self._running:
                await self._quiet.park()
        for link in list(self._running):
            log.warning("charger.cut", charger=link.charger_id, connection=link.connection_id)
            link.abort()
        self.stopped.set()
        with trio.move_on_after(CALLBACK_LIMIT_S):
            while self._running:
                await self._quiet.park()
