"""What ``/health`` asks the components, and what ``/metrics`` reads off them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import Any

import trio

from csms.api.feed import Feed
from csms.api.health import Component
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.db import StoreDatabase
from csms.net.fleet import Fleet
from csms.net.listener import BoundAddress
from csms.plugins import Bus
from csms.telemetry import Reading, Telemetry

Labels = tuple[str, ...]


def components(*, database: StoreDatabase, fleet: Fleet, bus: Bus, chargers: tuple[BoundAddress, ...]) -> list[Component]:
    """Every component and how it is really asked."""
    trust_anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # nothing is said to our own listener but a handshake
    trust_anybody.check_hostname = False
    trust_anybody.verify_mode = ssl.CERT_NONE

    async def store() -> dict[str, Any]:
        if problem := database.problem():  # the writer knows already: no need to wait for a connection
            raise StoreUnavailable(problem)
        await database.read(_look, tenant=DEFAULT_TENANT)
        return {"engine": database.engine}

    async def writer() -> dict[str, Any]:
        await database.check()
        return {"queued": database.stats.queued, "batches": database.stats.batches}

    async def events() -> dict[str, Any]:
        waiting: dict[str, dict[str, int]] = {consumer.name: {} for consumer in bus.consumers()}
        for row in await database.read(_undelivered, tenant=DEFAULT_TENANT):
            waiting.setdefault(row["consumer"], {})[row["state"]] = row["count"]
        if dead := [f"{name} could not take {states['dead']}" for name, states in waiting.items() if "dead" in states]:
            raise RuntimeError(f"{'; '.join(dead)} (`csms events replay` tries again)")
        return {"consumers": waiting}

    async def listener() -> dict[str, Any]:
        for address in chargers:
            host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - compared, not bound
            stream: trio.abc.Stream = await trio.open_tcp_stream(host, address.port)
            try:
                if address.secure:
                    await trio.SSLStream(stream, trust_anybody, https_compatible=True).do_handshake()
            finally:
                await trio.aclose_forcefully(stream)
        return {"urls": [address.url for address in chargers], "connected": len(fleet)}

    return [
        Component("database", store),
        Component("writer", writer),
        Component("bus", events, vital=False),
        Component("listener", listener),
        Component("plugins", bus.probe, vital=False),
    ]


def _look(tx: Any) -> Any:
    return tx.value("SELECT 1")


def _undelivered(tx: Any) -> Any:
    return tx.all("SELECT consumer, state, count(*) AS count FROM deliveries WHERE state <> 'done' GROUP BY consumer, state")


def show(telemetry: Telemetry, *, database: StoreDatabase, fleet: Fleet, bus: Bus, feed: Feed) -> None:
    """Have ``/metrics`` read the components' own counters."""
    stats = database.stats

    def one(name: str, help: str, read: Any, kind: str = "gauge") -> None:
        telemetry.add(Reading(name, help, (), lambda: [((), read())], kind))

    one("csms_connected_chargers", "Chargers connected now", lambda: len(fleet))
    one("csms_live_listeners", "Live feeds open now", lambda: feed.listening)
    one("csms_live_dropped", "Live feeds dropped because they were too slow", lambda: feed.dropped, "counter")
    one("csms_writer_queue", "Verbs and rows that wait for the writer", lambda: stats.queued)
    one("csms_writer_batches", "Group commits", lambda: stats.batches, "counter")
    one("csms_writer_verbs", "Verbs committed or rolled back", lambda: stats.verbs, "counter")
    one("csms_writer_failed_verbs", "Verbs rolled back", lambda: stats.failed_verbs, "counter")
    one("csms_writer_rows", "Appended rows stored", lambda: stats.rows, "counter")
    one("csms_writer_refused_rows", "Appended rows that the database refused", lambda: stats.refused_rows, "counter")
    one("csms_writer_unavailable", "Batches of which nothing was written", lambda: stats.unavailable, "counter")
    one("csms_writer_batch_seconds", "Time spent in group commits", lambda: stats.batch_seconds, "counter")
    one("csms_writer_commit_seconds", "Time spent waiting for COMMIT", lambda: stats.commit_seconds, "counter")
    one("csms_store_reads", "Reads", lambda: stats.reads, "counter")
    one("csms_store_read_seconds", "Time spent in reads", lambda: stats.read_seconds, "counter")

    def statements(seconds: bool) -> Iterator[tuple[Labels, float]]:
        for name, tally in stats.statements().items():
            yield (name,), tally.seconds if seconds else tally.count

    def hooks(seconds: bool) -> Iterator[tuple[Labels, float]]:
        for plugin in bus.health().values():
            for hook in plugin.hooks:
                yield (plugin.name, hook.hook), hook.seconds if seconds else hook.calls

    def resting() -> Iterator[tuple[Labels, float]]:
        for plugin in bus.health().values():
            for hook in plugin.hooks:
                yield (plugin.name, hook.hook), float(hook.breaker != "closed")

    def protocols() -> Iterator[tuple[Labels, float]]:
        counts: dict[str, int] = {}
        for info in fleet.connections():
            counts[info.protocol] = counts.get(info.protocol, 0) + 1
        for protocol, count in counts.items():
            yield (protocol,), count

    add = telemetry.add
    add(Reading("csms_connected_chargers_by_protocol", "Chargers connected now", ("protocol",), protocols))
    add(Reading("csms_statements", "SQL statements run", ("statement",), lambda: statements(False), "counter"))
    add(Reading("csms_statement_seconds", "Time in SQL statements", ("statement",), lambda: statements(True), "counter"))
    add(Reading("csms_plugin_hook_calls", "Plugin calls since start", ("plugin", "hook"), lambda: hooks(False), "counter"))
    add(Reading("csms_plugin_hook_seconds", "Time in plugins", ("plugin", "hook"), lambda: hooks(True), "counter"))
    add(Reading("csms_plugin_resting", "1 where a circuit breaker is open", ("plugin", "hook"), resting))
