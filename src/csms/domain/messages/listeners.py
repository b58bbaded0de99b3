"""Hears what happens, and has those told whom it concerns."""

from __future__ import annotations

from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.ports import Listener, Ports

from . import paying
from .telling import TABLE, Facts

OWED = "bill_open"


async def heard(ports: Ports, delivered: Delivered) -> None:
    """Tell people of an event; twice the same event is told once."""
    tell = TABLE.get(delivered.event.type)
    if tell is None or not ports.channels:
        return
    event = delivered.event
    if getattr(event, "driver_id", 0) is None and getattr(event, "payment_id", None) is None and not hasattr(event, "user_id"):
        return  # it concerns nobody whom we know, as most transactions do where cards are not drivers'
    tenant = TenantId(delivered.tenant)
    link = await paying.pay_url(ports, delivered, tenant) if event.type == OWED else ""
    facts = Facts(event, delivered.event_id, delivered.occurred_at, {"pay_url": link} if link else {})
    for notice in await ports.database.read(tell, facts, tenant=tenant):
        await ports.messenger.tell(notice, tenant=tenant)


LISTENERS = (Listener(name="messages", types=frozenset(TABLE), handle=heard),)
