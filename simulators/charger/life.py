"""How a charger keeps in touch: connecting with back-off, being away, leaving in one way or another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio
from trio_websocket import ConnectionClosed, ConnectionRejected, HandshakeError
from wsproto.utilities import LocalProtocolError

from .dial import HANDSHAKE_S, TlsTrouble, Wire, handshake
from .duties import Duties
from .link import Link, LinkLost
from .second_socket import connect_again
from .signals import Switch

if TYPE_CHECKING:
    from .charger import Charger

UNAUTHORIZED = 401
HURRIED_WAIT_S = 1.0
"""The longest wait before a reconnect when a charger is to come to its end."""


class Life:
    """The connected side of a charger."""

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self.duties = Duties(charger)
        self.link: Link | None = None
        self.online = False
        self.ending = False
        self._reachable = Switch(on=True)
        self._away_until = 0.0
        self._hurrying = trio.Event()
        self._connections = 0
        self._ghost: Wire | None = None
        self._reached = False
        self._dialled = False

    # --- connecting ------------------------------------------------------------------------------------------------------------

    async def stay_connected(self) -> None:
        """Connect again and again, with back-off and jitter (2.0.1 J §5.3) reset by a connection that was of use."""
        failures = 0
        try:
            while not self.ending:
                await self._reachable.wait_on()
                await self._wait_until(self._away_until)
                if not self._reachable.is_on:
                    continue
                self._reached = False
                try:
                    await self._connect_and_live()
                except* (
                    ConnectionRejected,
                    HandshakeError,
                    ConnectionClosed,
                    OSError,
                    trio.BrokenResourceError,
                    trio.TooSlowError,
                ) as group:
                    reason = _first_words(group)
                    self._complain(group)
                    self._charger.watcher.turned_away(self._charger.profile.charger_id, reason)
                    self._charger.say(f"cannot connect: {reason}")
                except* LocalProtocolError:
                    pass  # trio-websocket answers a ping although it has begun to close: the connection is over either way
                failures = 0 if self._reached else failures + 1
                if not self.ending:
                    await self._wait_until(trio.current_time() + self._backoff_s(failures))
        finally:
            if self._ghost is not None:
                with trio.CancelScope(shield=True):
                    await self._ghost.tear()

    def _complain(self, group: BaseExceptionGroup[BaseException]) -> None:
        """Tell security what stood in the way: the password, or TLS."""
        first = _first(group)
        refused = isinstance(first, ConnectionRejected) and first.status_code == UNAUTHORIZED
        event = first.event if isinstance(first, TlsTrouble) else ""
        reached = self._dialled or isinstance(first, TlsTrouble)
        self._charger.security.failed(reached=reached, refused=refused, event=event, info=str(first))

    def _backoff_s(self, failures: int) -> float:
        profile = self._charger.profile
        wait_s = min(profile.backoff_min_s * 2 ** min(max(failures - 1, 0), 10), profile.backoff_max_s)
        return float(wait_s) * self._charger.rng.uniform(0.75, 1.5)

    async def _wait_until(self, deadline: float) -> None:
        """Wait, unless the charger is to hurry to its end."""
        with trio.CancelScope(deadline=deadline):
            await self._hurrying.wait()
            await trio.sleep(min(HURRIED_WAIT_S, max(deadline - trio.current_time(), 0)))

    async def _connect_and_live(self) -> None:
        charger = self._charger
        address = charger.security.address()
        self._dialled = False
        with trio.fail_after(HANDSHAKE_S):
            stream = await charger.stream(address)
        self._dialled = True
        wire = Wire(stream, pongs="no-ping" not in charger.quirks)
        link: Link | None = None
        try:
            async with trio.open_nursery() as nursery:
                offered = () if "no-subprotocol" in charger.quirks else (charger.tongue.subprotocol,)
                socket = await handshake(
                    nursery,
                    wire,
                    address,
                    charger.profile.charger_id,
                    password=charger.security.password,
                    subprotocols=offered,
                )
                self._connections += 1
                link = Link(
                    socket,
                    wire,
                    charger_id=charger.profile.charger_id,
                    version=charger.profile.version,
                    number=self._connections,
                    clock=charger.clock,
                    watcher=charger.watcher,
                    quirks=charger.quirks,
                    timeout_s=charger.profile.call_timeout_s,
                )
                link.scope = nursery.cancel_scope
                if offered and socket.subprotocol not in offered:
                    charger.watcher.turned_away(charger.profile.charger_id, f"subprotocol {socket.subprotocol!r}")
                    await link.close()
                else:
                    self.link = link
                    charger.security.connected()
                    charger.watcher.connected(charger.profile.charger_id, socket.subprotocol)
                    charger.say("connected")
                    nursery.start_soon(self._serve, link)
                    if "two-sockets" in charger.quirks:
                        nursery.start_soon(connect_again, charger, address)
                    await link.receive(charger.obey, charger.spawn)
                    nursery.cancel_scope.cancel()
        finally:
            with trio.CancelScope(shield=True):
                await self._leave(link, wire)

    async def _serve(self, link: Link) -> None:
        """Do the duties of a connection; where it dies under them, whoever receives notices and ends it."""
        try:
            await self.duties.begin(link)
            self._reached = True
            self.online = True
            await self.duties.go_on(link)
        except* LinkLost:
            pass

    async def _leave(self, link: Link | None, wire: Wire) -> None:
        """Put everything in order after a connection, whatever ended it."""
        charger = self._charger
        was_live, self.link, self.online = self.link is not None, None, False
        if link is None:
            await trio.aclose_forcefully(wire)
            return
        if self.ending:
            link.patient = True
        await link.end()
        if link.ending == "vanish":
            self._ghost, ghost = wire, self._ghost
            if ghost is not None:
                await ghost.tear()
        charger.outbox.forget_passing()
        for connector in charger.box.connectors:
            connector.told = connector.heard
        if was_live:
            why = link.reason if link.ending == "close" else link.ending
            charger.watcher.disconnected(charger.profile.charger_id, why)
            charger.say(f"disconnected ({why})")

    @property
    def has_network(self) -> bool:
        """Whether anything can be reached."""
        return self._reachable.is_on

    # --- leaving ---------------------------------------------------------------------------------------------------------------

    def drop(self, kind: str, seconds: float) -> None:
        """Break the connection (``close``, ``cut`` or ``vanish``) and stay away for accelerated seconds."""
        self._away_until = trio.current_time() + seconds / self._charger.clock.speed
        if self.link is not None:
            self.online = False
            self._charger.watcher.dropped(self._charger.profile.charger_id, kind)
            if kind == "close":
                self._charger.spawn(self.link.close)
            else:
                self.link.tear(kind)

    def go_offline(self) -> None:
        """Lose the network until ``go_online``."""
        self._reachable.off()
        self.drop("cut", 0)

    def go_online(self) -> None:
        """Have a network again."""
        self._away_until = 0.0
        self._reachable.on()

    def reboot(self, kind: str, seconds: float, reason: str) -> None:
        """Disconnect, and boot when back (``reason`` is a 2.x boot reason)."""
        self.duties.restarted(reason)
        for connector in self._charger.box.connectors:
            connector.heard = None
        self.drop(kind, seconds)

    def hurry(self) -> None:
        """Come to an end: waits become short, being away ends."""
        self._away_until = 0.0
        self._hurrying.set()
        self._reachable.on()


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _first_words(group: BaseExceptionGroup[BaseException]) -> str:
    """The same in a few words."""
    first = _first(group)
    if isinstance(first, ConnectionRejected):
        return f"HTTP {first.status_code}"
    return str(first) or type(first).__name__
