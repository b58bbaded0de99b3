"""The running server over HTTP: its plugins and how they do, its queues, who is behind with what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import attrs

from csms import __version__
from csms.api.calls import Call
from csms.api.routes import Routes
from csms.core.errors import NotFound
from csms.core.paging import Page, Paged, cut, filter_by, sorts
from csms.db import StoreDatabase, outbox
from csms.db.deliveries import Progress
from csms.domain.commands.flows import Sender
from csms.plugins import Bus, Installed
from csms.plugins.installed import installed
from csms.plugins.plugin import HookHealth, PluginHealth

Tally = Callable[[], tuple[dict[str, int], int]]
"""Connections by protocol, and how many commands wait for chargers."""


@attrs.frozen(slots=True, kw_only=True)
class PluginState:
    """A plugin. ``trouble`` is what is wrong with it now, ``""`` for nothing; counts are since the server started.

    ``hooks`` are what it implements, each with its circuit breaker: ``closed``, ``open`` (it rests) or ``half-open``.
    """

    name: str
    version: str
    enabled: bool
    trouble: str = ""
    calls: int = 0
    failures: int = 0
    task: str = ""
    restarts: int = 0
    dropped: int = 0
    hooks: Sequence[HookHealth] = ()


@attrs.frozen(slots=True, kw_only=True)
class PluginsQuery(Paged):
    """Which plugins somebody wants."""

    sort: str = sorts("name", default="name")
    enabled: bool | None = filter_by("true: those that are enabled")


@attrs.frozen(slots=True, kw_only=True)
class WriterState:
    """The store's writer: what waits for it, and what it did since the server started. ``problem`` is why it cannot write now."""

    engine: str
    queued: int
    batches: int
    verbs: int
    failed_verbs: int
    rows: int
    refused_rows: int
    unavailable: int
    mean_batch_ms: float
    mean_commit_ms: float
    reads: int
    mean_read_ms: float
    problem: str


@attrs.frozen(slots=True, kw_only=True)
class SystemState:
    """How the installation is doing, all tenants together."""

    version: str
    at: int
    started_at: int
    writer: WriterState
    consumers: Sequence[Progress]
    dead_letters: int
    connected_chargers: int
    connected_by_protocol: Mapping[str, int]
    queued_commands: int
    commands_under_way: int
    live_listeners: int
    plugins_in_trouble: Sequence[str]


@attrs.frozen(slots=True, kw_only=True)
class Parts:
    """What of the running server is shown."""

    database: StoreDatabase
    bus: Bus
    sender: Sender
    tally: Tally
    listening: Callable[[], int]
    started_at: int


def plugin_states(parts: Parts) -> list[PluginState]:
    """The enabled plugins in the order in which they are asked, then the others that are installed."""
    enabled = [_state(each) for each in parts.bus.health().values()]
    names = {each.name for each in enabled}
    others = [
        PluginState(name=name, version=each.version, enabled=False) for name, each in _installed().items() if name not in names
    ]
    return enabled + others


@cache
def _installed() -> Mapping[str, Installed]:
    """What is on this machine does not change under a running server."""
    return installed()


def _state(health: PluginHealth) -> PluginState:
    return PluginState(
        name=health.name,
        version=health.version,
        enabled=True,
        trouble=health.trouble,
        calls=sum(each.calls for each in health.hooks),
        failures=sum(each.failures for each in health.hooks),
        task=health.task,
        restarts=health.restarts,
        dropped=health.dropped,
        hooks=health.hooks,
    )


def _mean_ms(seconds: float, count: int) -> float:
    return round(1000 * seconds / count, 3) if count else 0.0


def _writer(database: StoreDatabase) -> WriterState:
    stats = database.stats
    return WriterState(
        engine=database.engine,
        queued=stats.queued,
        batches=stats.batches,
        verbs=stats.verbs,
        failed_verbs=stats.failed_verbs,
        rows=stats.rows,
        refused_rows=stats.refused_rows,
        unavailable=stats.unavailable,
        mean_batch_ms=_mean_ms(stats.batch_seconds, stats.batches),
        mean_commit_ms=_mean_ms(stats.commit_seconds, stats.batches),
        reads=stats.reads,
        mean_read_ms=_mean_ms(stats.read_seconds, stats.reads),
        problem=database.problem(),
    )


def routes(parts: Parts) -> Routes:
    """Routes of plugins and of the installation."""
    made = Routes("system", "The running server: plugins, queues, who is behind with what.", tag="System")

    @made.get("/plugins", needs="plugins:read")
    async def plugins(call: Call, query: PluginsQuery) -> Page[PluginState]:
        """Plugins that are installed, and how the enabled ones are doing."""
        words = (query.search or "").casefold()
        found = [
            each
            for each in plugin_states(parts)
            if words in each.name.casefold() and (query.enabled is None or each.enabled == query.enabled)
        ]
        found.sort(key=lambda each: each.name, reverse=query.sort.startswith("-"))
        return cut(found, query)

    @made.get("/plugins/<name>", needs="plugins:read")
    async def plugin(call: Call, name: str) -> PluginState:
        """One plugin, hook by hook."""
        found = next((each for each in plugin_states(parts) if each.name == name), None)
        if found is None:
            raise NotFound(f"there is no plugin {name!r}")
        return found

    @made.get("/system", needs="system:read")
    async def system(call: Call) -> SystemState:
        """How the installation is doing: queues, the writer, consumers of events, connections."""
        protocols, queued = parts.tally()
        consumers = await outbox.progress(parts.database)
        return SystemState(
            version=__version__,
            at=call.ports.clock.now(),
            started_at=parts.started_at,
            writer=_writer(parts.database),
            consumers=consumers,
            dead_letters=sum(each.dead for each in consumers),
            connected_chargers=sum(protocols.values()),
            connected_by_protocol=protocols,
            queued_commands=queued,
            commands_under_way=parts.sender.under_way,
            live_listeners=parts.listening(),
            plugins_in_trouble=[each.name for each in plugin_states(parts) if each.trouble],
        )

    return made
