"""Reactions of the payments slice: to what gateways tell, and to refunds that came about by themselves."""

from __future__ import annotations

from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.ports import Listener, Ports

from . import flows
from .model import PaymentNoticeReceived


async def heard(ports: Ports, delivered: Delivered) -> None:
    """Understand a notice; twice the same is once. Raises where the gateway is away: then it comes again."""
    event = delivered.event
    if isinstance(event, PaymentNoticeReceived):
        await flows.understand(ports, event.notice_id, TenantId(delivered.tenant))


LISTENERS = (Listener(name="payments", types=frozenset({PaymentNoticeReceived.type}), handle=heard),)
