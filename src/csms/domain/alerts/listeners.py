"""Hears the events that raise alerts, and those that resolve them (``rules``)."""

from __future__ import annotations

from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.ports import Listener, Ports
from csms.domain.drivers.model import TokenSeen

from . import service
from .model import alert_key
from .rules import TYPES, meaning

ACCEPTED = "Accepted"


async def heard(ports: Ports, delivered: Delivered) -> None:
    """Raise and resolve what an event means; twice the same event is once."""
    what = meaning(delivered.event, delivered.event_id)
    if what:
        keys = sorted({alert_key(one.kind, one.subject) for one in what})
        await ports.database.write(service.heed, what, tenant=TenantId(delivered.tenant), keys=keys)


async def token_seen(ports: Ports, delivered: Delivered) -> None:
    """Remember a refused token for the rule about repeated refusals; twice the same event is once."""
    seen = delivered.event
    if isinstance(seen, TokenSeen) and seen.status != ACCEPTED:
        await ports.database.write(
            service.note_refusal, seen.charger_id, delivered.event_id, delivered.occurred_at, tenant=TenantId(delivered.tenant)
        )


LISTENERS = (
    Listener(name="alerts", types=TYPES, handle=heard),
    Listener(name="alerts.refusals", types=frozenset({TokenSeen.type}), handle=token_seen),
)
