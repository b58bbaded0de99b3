"""Where chargers connect: the listening sockets, and everything that is built once for them."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import trio

from csms.config import OcppConfig
from csms.core.ports import Clock, Random
from csms.core.quirks import NO_QUIRKS, Quirks

from .connection import Framing
from .door import Admit, Door
from .fleet import Fleet
from .lean import lean
from .notices import Notice, unnoticed
from .observer import Observer, Unobserved
from .terms import Hear, Log, Terms
from .tls import ChargerTls, TlsListener
from .wire import trio_websocket

FRAMINGS: dict[str, Framing] = {"lean": lean, "trio-websocket": trio_websocket}
"""What ``ocpp.framing`` may say. ``docs/benchmarks.md`` has both side by side."""


@attrs.frozen(slots=True)
class BoundAddress:
    """A socket that chargers can connect to."""

    host: str
    port: int
    secure: bool
    path: str

    @property
    def url(self) -> str:
        """The OCPP-J endpoint URL, to which a charger appends ``/`` and its id (OCPP-J 1.6 §3.1.1)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'wss' if self.secure else 'ws'}://{host}:{self.port}/{self.path.strip('/')}".rstrip("/")


def open_door(
    *,
    config: OcppConfig,
    fleet: Fleet,
    admit: Admit,
    hear: Hear,
    log: Log,
    clock: Clock,
    random: Random,
    observer: Observer | None = None,
    framing: Framing | None = None,
    notice: Notice = unnoticed,
    quirks_of: Callable[[str, str, str], Quirks] = lambda vendor, model, firmware: NO_QUIRKS,
) -> Door:
    """A door without a listener: ``door.serve(stream)`` serves a charger on any stream (in simulations, one in memory)."""
    observer = observer or Unobserved()
    terms = Terms(
        hear=hear,
        log=log,
        clock=clock,
        observer=observer,
        inbox_limit=config.inbox_limit,
        ping_interval_s=config.ping_interval_s,
        idle_heartbeats=config.idle_heartbeats,
        slow_message_s=config.slow_message_ms / 1000,
        notice=notice,
        quirks_of=quirks_of,
    )
    return Door(
        config=config,
        fleet=fleet,
        admit=admit,
        terms=terms,
        random=random,
        observer=observer,
        framing=framing or FRAMINGS[config.framing],
    )


async def serve_chargers(
    *,
    config: OcppConfig,
    fleet: Fleet,
    admit: Admit,
    hear: Hear,
    log: Log,
    clock: Clock,
    random: Random,
    observer: Observer | None = None,
    framing: Framing | None = None,
    tls: ChargerTls | None = None,
    notice: Notice = unnoticed,
    quirks_of: Callable[[str, str, str], Quirks] = lambda vendor, model, firmware: NO_QUIRKS,
    task_status: trio.TaskStatus[tuple[BoundAddress, ...]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve chargers until ``fleet.stop``; then return. Reports the bound addresses through ``task_status``.

    ``admit`` judges each handshake, ``hear`` each report, ``log`` stores each frame. ``tls`` is made from ``config`` unless it is
    given, where that names a certificate, and its files are watched. Cancelled, it cuts all links without draining. Raises ``OSError``
    when an address cannot be bound or the TLS files cannot be used.
    """
    door = open_door(
        config=config,
        fleet=fleet,
        admit=admit,
        hear=hear,
        log=log,
        clock=clock,
        random=random,
        observer=observer,
        framing=framing,
        notice=notice,
        quirks_of=quirks_of,
    )
    if tls is None and config.tls_certificate:
        tls = ChargerTls(config)
    sockets = await trio.open_tcp_listeners(config.port, host=config.host)
    listeners: list[trio.abc.Listener[trio.abc.Stream]] = [
        socket if tls is None else TlsListener(socket, tls) for socket in sockets
    ]
    names = [socket.socket.getsockname() for socket in sockets]
    bound = tuple(BoundAddress(str(name[0]), int(name[1]), tls is not None, config.path) for name in names)
    async with trio.open_nursery() as nursery:
        if tls is not None:
            nursery.start_soon(tls.watch)
        with fleet.accepting():
            task_status.started(bound)
            await trio.serve_listeners(door.serve, listeners, handler_nursery=nursery)
        await fleet.stopped.wait()
        nursery.cancel_scope.cancel()
