"""Reactions of the profiles slice: to boots, and to transactions that start and end. They only note what is due; ``flows.keep`` sends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol, cast

from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.ports import Listener, Ports, Tx
from csms.domain.stations.model import ACCEPTED, ChargerBooted

from . import service
from .model import Rules

RECENT_MS = 600_000
"""A start that happened longer ago may be long over: no TxProfile is sent for it (1.6 §5.16.1)."""
NEVER_STARTED = ("failed", "expired")
"""States of a remote start that came to nothing."""

STARTED, UPDATED, ENDED = "transaction_started", "transaction_updated", "transaction_ended"


class OfTransaction(Protocol):
    """What the events of the slice above say that matters here."""

    transaction_id: int
    charger_id: str
    state: str


class Started(OfTransaction, Protocol):
    """And what the first of them says besides."""

    started_at: int
    offline: bool


def listener(rules: Rules) -> Listener:
    """Keeps the store in step with what chargers report."""

    async def handle(ports: Ports, delivered: Delivered) -> None:
        await hear(ports, rules, delivered)

    return Listener(name="profiles", types=frozenset({ChargerBooted.type, STARTED, UPDATED, ENDED}), handle=handle)


async def hear(ports: Ports, rules: Rules, delivered: Delivered) -> None:
    """Take one event; taking it twice changes nothing more."""
    event = delivered.event
    if isinstance(event, ChargerBooted):
        if event.registration == ACCEPTED:
            verb = partial(service.booted, charger_id=event.charger_id, new_firmware=event.firmware != event.previous_firmware)
            await _write(ports, delivered, verb)
        return
    told = cast(OfTransaction, event)
    if event.type == STARTED:
        started = cast(Started, event)
        recent = not started.offline and delivered.occurred_at - started.started_at <= RECENT_MS
        verb = partial(service.transaction_started, recent=recent, rules=rules)
    elif event.type == ENDED or told.state in NEVER_STARTED:
        verb = partial(service.transaction_over)
    else:
        return
    await _write(ports, delivered, partial(verb, charger_id=told.charger_id, transaction_id=told.transaction_id))


async def _write(ports: Ports, delivered: Delivered, verb: Callable[[Tx], None]) -> None:
    await ports.database.write(verb, tenant=TenantId(delivered.tenant), keys=(delivered.event.key,))
