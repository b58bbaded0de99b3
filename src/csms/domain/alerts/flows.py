"""What raises alerts besides events: an event that was given up."""

from __future__ import annotations

from csms.core.ids import TenantId
from csms.core.ports import Ports

from . import service
from .model import alert_key
from .rules import DEAD_LETTER, occurrence


async def given_up(ports: Ports, tenant: TenantId, *, consumer: str, event_id: int, event_type: str, error: str) -> None:
    """Raise an alert because a consumer gave up on an event; one while it is open, however many events there are."""
    facts = {"consumer": consumer, "event_id": event_id, "event_type": event_type, "error": error}
    one = occurrence(DEAD_LETTER, facts)
    await ports.database.write(service.raise_alert, one, tenant=tenant, keys=(alert_key(one.kind, one.subject),))
