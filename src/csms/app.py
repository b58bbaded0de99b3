"""The composition root: builds everything, and runs it so that ending is the reverse of what depends on what.

root
├─ database (writer lanes)           ends last: nothing may be acknowledged without it
├─ event consumers, plugins          end when no more events can come
├─ charger listener                  ends first: reads no more, commits and answers what it received, closes with 1001
├─ API                               its live feeds are drained, its requests may finish
├─ file server                       its transfers may finish, as long as the API's requests
└─ jobs, the event loop's watch      cut at once
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import msgspec
import structlog
import trio

from csms import (
    __version__,
    authorities,
    demo,
    desks,
    identity,
    inside,
    jobs,
    listeners,
    management,
    memory,
    messaging,
    quirks,
    transfers,
    vault,
    watching,
)
from csms.api import server as api
from csms.api.feed import Feed
from csms.config import ApiConfig, Config, FilesConfig, OcppConfig, make_operator_key
from csms.core.errors import CsmsError
from csms.core.events import Delivered, Event
from csms.core.ids import TenantId
from csms.core.ports import Admission, Blocking, Clock, ConnectionInfo, Http, Ports, Random
from csms.db import StoreDatabase, open_database, sole_server
from csms.db.migrate import MigrationSource, core_migrations, migrate
from csms.db.outbox import run_consumer
from csms.dispatch import Dispatch
from csms.document_files import open_documents
from csms.domain.commands.routes import Spoken
from csms.domain.stations import flows as stations_flows
from csms.domain.upkeep.desk import UpkeepDesk
from csms.domain.upkeep.flows.hearing import Hearing
from csms.domain.users.gate import Gate
from csms.following import StoredHistory, event_item, follow
from csms.frame_log import FrameLog
from csms.net.fleet import Fleet
from csms.net.listener import BoundAddress, serve_chargers
from csms.net.tls import ChargerTls
from csms.ocpp.censoring import censored
from csms.ocpp.registry import COMMANDS_OF
from csms.outside import HttpClient, SystemClock, SystemEntropy, Threads
from csms.plugins import Bus, Installed
from csms.porter import Porter
from csms.probes import components, show
from csms.quirks import Book
from csms.telemetry import Telemetry, configure_logging

PROBES_S = 1.0

log = structlog.get_logger("csms.app")


@attrs.frozen(slots=True, kw_only=True)
class Running:
    """A running server: where it listens, and how to stop it."""

    chargers: tuple[BoundAddress, ...]
    api_url: str
    operator_key: str = attrs.field(repr=False)
    ports: Ports
    gate: Gate
    stop: trio.Event


def serve(config: Config, *, demo: bool = False) -> None:
    """Run the server until it is told to stop. Raises the error for which it could not start or go on."""
    configure_logging(config.log)
    try:
        trio.run(partial(run, config, with_demo=demo, owns_process=True))
    except BaseExceptionGroup as group:
        if (only := _only(group)) is not None:
            raise only from None
        raise


def _only(group: BaseExceptionGroup[Any]) -> BaseException | None:
    """The single error in a tree of groups, if it is one."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        if len(error.exceptions) != 1:
            return None
        error = error.exceptions[0]
    return error


async def run(
    config: Config,
    *,
    with_demo: bool = False,
    owns_process: bool = False,
    available: Mapping[str, Installed] | None = None,
    task_status: trio.TaskStatus[Running] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run a whole server until its ``stop`` event; starts when everything listens.

    ``owns_process``: signals stop it, too, and garbage collection is tuned for it. ``available`` are the plugins that the configuration
    may enable, if not those that are installed.
    """
    clock, random, blocking, telemetry = SystemClock(), SystemEntropy(), Threads(), Telemetry()
    config, stubs = demo.equip(config) if with_demo else (config, None)
    bus = Bus(config.plugins, available=available, observe=telemetry.plugin_called)
    sources = [core_migrations(), *(MigrationSource(each.plugin, each.value) for each in bus.collect("register_migrations"))]
    key = make_operator_key(config, random.token(32))
    await _nobody_listens_yet(config)
    alone = sole_server(config.database, folder=config.folder, blocking=blocking)
    async with _http(config) as http, alone, trio.open_nursery() as root:
        applied = await blocking.run("file", partial(migrate, config.database, sources, folder=config.folder, clock=clock))
        if applied:
            log.info("migrated", applied=[str(each) for each in applied])
        async with open_database(config.database, clock=clock, folder=config.folder) as database:
            parts = assemble(config, database, http, clock, random, blocking, bus, telemetry)
            await stations_flows.forget_connections(parts.ports)
            async with trio.open_nursery() as hearers:
                await start_hearers(hearers, parts)
                await hearers.start(parts.inside.sender.run)
                async with trio.open_nursery() as edges:
                    running = await _open(edges, parts, key)
                    if owns_process:
                        edges.start_soon(_heed_signals, running.stop, root.cancel_scope)
                        if parts.tls is not None:
                            edges.start_soon(heed_hangups, parts.tls)
                    if stubs is not None:
                        await edges.start(demo.run, running, stubs)
                    if owns_process:
                        memory.settle()
                    task_status.started(running)
                    await running.stop.wait()
                    await _close(parts)
                    edges.cancel_scope.cancel()
                hearers.cancel_scope.cancel()
    log.info("stopped")


@asynccontextmanager
async def _http(config: Config) -> AsyncIterator[HttpClient]:
    client = HttpClient(config.webhooks.allowed_networks)
    try:
        yield client
    finally:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + PROBES_S):
            await client.aclose()


@attrs.frozen(slots=True, kw_only=True, eq=False)
class Parts:
    """Everything that was built, before it runs."""

    config: Config
    database: StoreDatabase
    fleet: Fleet
    ports: Ports
    bus: Bus
    feed: Feed
    telemetry: Telemetry
    dispatch: Dispatch
    book: Book
    inside: inside.Inside
    tls: ChargerTls | None = None
    api_stop: trio.Event = attrs.field(factory=trio.Event)
    api_done: trio.Event = attrs.field(factory=trio.Event)
    files_done: trio.Event = attrs.field(factory=trio.Event)


def assemble(
    config: Config,
    database: StoreDatabase,
    http: Http,
    clock: Clock,
    random: Random,
    blocking: Blocking,
    bus: Bus,
    telemetry: Telemetry,
) -> Parts:
    """Build everything on an open database and the given ports; nothing runs yet. Raises ``QuirkError``."""
    book = quirks.load(Path(config.ocpp.quirks_file) if config.ocpp.quirks_file else None)

    async def connected(admission: Admission, info: ConnectionInfo) -> None:
        await stations_flows.connected(ports, admission, info)

    async def disconnected(admission: Admission, info: ConnectionInfo, reason: str) -> None:
        await stations_flows.disconnected(ports, admission, info, reason)
        if info.answers_pings is not None and info.answers_pings != admission.answers_pings:
            await stations_flows.pongs(ports, admission, info.answers_pings)

    fleet = Fleet(
        max_connections=config.ocpp.max_connections, observer=telemetry, on_connected=connected, on_disconnected=disconnected
    )
    ports = Ports(
        database=database,
        chargers=Hearing(fleet, database),
        decisions=bus,
        clock=clock,
        random=random,
        blocking=blocking,
        http=http,
        files=transfers.open_files(config, blocking, random),
        documents=open_documents(config, blocking, random),
        vault=vault.open_vault(config, random),
    )
    ports = desks.furnished(config, messaging.plugged(config, ports))
    bus.connect(ports)
    desks.collect(bus, ports)
    feed = Feed(config.api.max_live_streams, each=config.api.max_live_streams_each, history=StoredHistory(database))

    def tell(tenant: TenantId, now: int, event: Event) -> None:
        if bus.hears(event.type):
            bus.tell(Delivered(0, tenant, now, event))
        if feed.listening:
            feed.publish(event_item(event.type, tenant, now, msgspec.to_builtins(event)))

    with _binding("chargers", config.ocpp):
        tls = ChargerTls(config.ocpp, blocking) if config.ocpp.tls_certificate else None
    ports = attrs.evolve(ports, authority=authorities.authority_of(config, bus, tls, clock, blocking))
    database.on_volatile = tell
    show(telemetry, database=database, fleet=fleet, bus=bus, feed=feed)
    for contribution in bus.collect("register_metrics"):
        telemetry.registry.register(contribution.value)
    spoken = Spoken(can_say=COMMANDS_OF, censored=lambda text: censored(text)[0])
    return Parts(
        config=config,
        database=database,
        fleet=fleet,
        ports=ports,
        bus=bus,
        feed=feed,
        telemetry=telemetry,
        dispatch=Dispatch(ports, config, book),
        book=book,
        inside=inside.build(ports, config, database, bus, spoken, fleet.tally, lambda: feed.listening),
        tls=tls,
    )


async def start_hearers(nursery: trio.Nursery, parts: Parts) -> None:
    """Plugins and event consumers: they outlive the charger side, so that its last events are heard."""
    mourner = listeners.Mourner(parts.ports)
    nursery.start_soon(mourner.run)
    nursery.start_soon(messaging.run, parts.ports)
    postman = parts.inside.postman
    nursery.start_soon(postman.run, parts.ports)
    core = [*listeners.consumers(parts.ports, parts.config), listeners.consumer(parts.ports, postman.listener())]
    for consumer in [*core, *parts.bus.consumers()]:
        await nursery.start(
            partial(
                run_consumer,
                parts.database,
                consumer,
                clock=parts.ports.clock,
                random=parts.ports.random,
                max_attempts=parts.config.plugins.max_attempts,
                on_dead=mourner,
                pace=parts.bus.pace,
            ),
            name=f"consumer {consumer.name}",
        )
    await nursery.start(parts.bus.run)  # after its consumers have their places: what a plugin emits first is heard, too


def charger_side(parts: Parts) -> dict[str, Any]:
    """What ``serve_chargers`` is given; and ``open_door``, which serves a charger on any stream (in simulations, one in memory)."""
    config, ports = parts.config, parts.ports

    return {
        "config": config.ocpp,
        "fleet": parts.fleet,
        "admit": Porter(ports, config).admit,
        "hear": parts.dispatch.hear,
        "log": FrameLog(ports, parts.feed, kb_per_min=config.ocpp.frame_log_kb_per_min).keep,
        "clock": ports.clock,
        "random": ports.random,
        "observer": parts.telemetry,
        "notice": partial(stations_flows.notice, ports),
        "quirks_of": parts.book.quirks_of,
    }


async def _open(nursery: trio.Nursery, parts: Parts, key: str) -> Running:
    """Chargers, API, jobs; when this returns everything listens."""
    config, ports, telemetry = parts.config, parts.ports, parts.telemetry
    await authorities.trust_at_start(ports)
    gate = identity.open_gate(config, ports, management.readers_of(config))
    await identity.first_admin(gate, config.identity)
    with _binding("chargers", config.ocpp):
        bound: tuple[BoundAddress, ...] = await nursery.start(partial(serve_chargers, **charger_side(parts), tls=parts.tls))
    web = api.build(
        config=config.api,
        telemetry=telemetry,
        components=components(database=parts.database, fleet=parts.fleet, bus=parts.bus, chargers=bound),
        feed=parts.feed,
        random=ports.random,
        backing=management.backing(ports, config, key, gate),
        slices=management.slices(ports, config, parts.inside, gate),
        plugin_routes=[(each.plugin, each.value) for each in parts.bus.collect("register_routes")],
        most_requests=config.limits.max_requests,
    )
    with _binding("the API", config.api):
        urls = await nursery.start(partial(_serve_api, web, parts))
    with _binding("files", config.files):
        serve_files = partial(transfers.run, config, ports, UpkeepDesk(ports), telemetry)
        files_url: str = await nursery.start(partial(serve_files, stopping=parts.api_stop.wait, done=parts.files_done))
    nursery.start_soon(follow, parts.database, parts.feed)
    nursery.start_soon(jobs.run, ports, config, parts.database)
    nursery.start_soon(partial(watching.run, ports, parts.database, parts.bus, queue_limit=config.database.queue_limit))
    nursery.start_soon(telemetry.watch_event_loop)
    running = Running(chargers=bound, api_url=urls[0], operator_key=key, ports=ports, gate=gate, stop=trio.Event())
    for address in bound:
        log.info("listening", what="chargers", url=f"{address.url}/CHARGER-ID")
    if files_url:
        log.info("listening", what="files", url=files_url)
    page = f"{running.api_url}/api/docs"
    log.info("listening", what="api", url=running.api_url, docs=page, version=__version__, database=parts.database.engine)
    return running


async def _nobody_listens_yet(config: Config) -> None:
    """Notice a server that runs already before the store is touched: starting, we end the connections that a crash left there."""
    doors: list[tuple[str, OcppConfig | ApiConfig | FilesConfig]] = [("chargers", config.ocpp), ("the API", config.api)]
    for what, section in [*doors, *([("files", config.files)] if config.files.enabled else [])]:
        with _binding(what, section):
            for listener in await trio.open_tcp_listeners(section.port, host=section.host):
                await listener.aclose()


@contextmanager
def _binding(what: str, config: OcppConfig | ApiConfig | FilesConfig) -> Iterator[None]:
    """Say which address it was that cannot be listened on. Raises ``CsmsError``."""
    try:
        yield
    except* OSError as errors:
        error = _only(errors) or errors
        why = getattr(error, "strerror", "") if not getattr(error, "filename", "") else ""
        raise CsmsError(f"cannot listen for {what} on {config.host}:{config.port}: {why or error}") from errors


async def _serve_api(app: Any, parts: Parts, *, task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED) -> None:
    try:
        await api.run(
            app, parts.config.api, grace_s=parts.config.shutdown_grace_s, stopping=parts.api_stop.wait, task_status=task_status
        )
    finally:
        parts.api_done.set()


async def _close(parts: Parts) -> None:
    """The graceful part of a shutdown: chargers first, then the live feeds and the API."""
    grace_s = parts.config.shutdown_grace_s
    log.info("stopping", connected=len(parts.fleet))
    parts.inside.sender.stop()
    await parts.fleet.stop(within_s=grace_s)
    parts.feed.drain()
    parts.api_stop.set()
    with trio.move_on_after(grace_s):
        await parts.api_done.wait()
        await parts.files_done.wait()


async def _heed_signals(stop: trio.Event, everything: trio.CancelScope) -> None:
    """The first SIGINT or SIGTERM stops gracefully, the second at once."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for number in signals:
            if stop.is_set():
                log.warning("stopping at once", signal=signal.Signals(number).name)
                everything.cancel()
                return
            stop.set()


async def heed_hangups(tls: ChargerTls) -> None:
    """SIGHUP has the TLS files looked at now; systems without it have only the clock."""
    if (hangup := getattr(signal, "SIGHUP", None)) is None:
        return
    with trio.open_signal_receiver(hangup) as signals:
        async for _ in signals:
            await tls.reload()
