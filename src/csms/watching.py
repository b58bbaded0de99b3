"""Watches for standing conditions: those of tenants' chargers, and what is wrong with the server itself."""

from __future__ import annotations

import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports, ReadTx
from csms.db import StoreDatabase
from csms.domain.alerts import watching
from csms.domain.alerts.model import ERROR, WARNING, Occurrence
from csms.plugins import Bus

EVERY_S = 30.0
LOOK_LIMIT_S = 120.0
FULL_SHARE = 0.5
"""The share of the writer's queue that is worth an alert."""
WAITING_EVENTS = 10_000
"""Events that a consumer has not taken yet, from which on it is behind."""

log = structlog.get_logger("csms.watching")


def server_conditions(database: StoreDatabase, bus: Bus, queue_limit: int) -> list[Occurrence]:
    """What is wrong with the server at the moment, as far as it knows without asking the store."""
    found = [
        Occurrence(
            kind="plugin_failing",
            severity=ERROR,
            subject=f"plugin:{name}",
            message=plugin.trouble,
            detail={"plugin": name, "version": plugin.version, "restarts": plugin.restarts},
        )
        for name, plugin in bus.health().items()
        if plugin.trouble
    ]
    queued = database.stats.queued
    if queued > queue_limit * FULL_SHARE:
        words = f"{queued} verbs and rows wait for the writer, of {queue_limit} at most"
        found.append(Occurrence(kind="queue_growing", severity=ERROR, subject="writer", message=words, detail={"queued": queued}))
    return found


def waiting_events(tx: ReadTx) -> list[Occurrence]:
    """Consumers that are far behind the event spine."""
    rows = tx.system("consumers of the event spine are counted").all(
        "SELECT consumer, (SELECT max(sequence) FROM events) - sequence AS behind FROM cursors"
    )
    return [
        Occurrence(
            kind="events_waiting",
            severity=WARNING,
            subject=f"consumer:{row['consumer']}",
            message=f"{row['consumer']} is {row['behind']} events behind",
            detail=dict(row),
        )
        for row in rows
        if (row["behind"] or 0) > WAITING_EVENTS
    ]


async def run(ports: Ports, database: StoreDatabase, bus: Bus, *, queue_limit: int) -> None:
    """Look every half minute, for ever; what fails once is looked at again."""
    hears_since = ports.clock.now()
    while True:
        await trio.sleep(EVERY_S)
        try:
            with trio.fail_after(LOOK_LIMIT_S):
                behind = await database.read(waiting_events, tenant=DEFAULT_TENANT)
                await watching.watch(ports, [*server_conditions(database, bus, queue_limit), *behind], hears_since)
        except StoreUnavailable as error:
            log.warning("watching.store_unavailable", reason=str(error))
        except Exception:
            log.exception("watching.failed")
