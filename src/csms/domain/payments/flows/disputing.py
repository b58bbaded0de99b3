"""Asks gateways what became of disputes: after a webhook, and once a day."""

from __future__ import annotations

import structlog

from csms.core.ids import TenantId
from csms.core.money import MOST_MINOR
from csms.core.payments import DisputeProvider, GatewayDispute
from csms.core.ports import Ports
from csms.domain.payments.model import Dispute, payment_key
from csms.domain.payments.service import disputing

from .lines import ask, line_to

log = structlog.get_logger("csms.payments")


async def look_at_dispute(ports: Ports, gateway_id: int, payment_id: int, dispute_ref: str, tenant: TenantId) -> Dispute | None:
    """Ask the gateway about a dispute, and keep what it says; None where it tells of none. Raises ``GatewayAway``, ``GatewayError``."""
    line = await line_to(ports, gateway_id, tenant)
    if not isinstance(line.provider, DisputeProvider):
        return None
    said = await ask(line.provider.dispute, line, dispute_ref)
    if not _plausible(said, dispute_ref):
        log.error("payments.unreadable_dispute", provider=line.account.provider, gateway=line.gateway_id)
        return None
    keys = (payment_key(payment_id),)
    return await ports.database.write(disputing.disputed, payment_id, said, tenant=tenant, keys=keys)


async def look_after_dispute(ports: Ports, dispute_id: int, tenant: TenantId) -> Dispute | None:
    """Ask about one that is due. Raises ``GatewayAway``, ``GatewayError``."""
    found = await ports.database.write(disputing.looking, dispute_id, tenant=tenant)
    if found is None:
        return None
    return await look_at_dispute(ports, found["gateway_id"], found["payment_id"], found["dispute_ref"], tenant)


def _plausible(said: GatewayDispute, dispute_ref: str) -> bool:
    amounts = (said.amount_minor, said.deducted_minor)
    return (
        said.dispute_id == dispute_ref and all(type(each) is int and 0 <= each <= MOST_MINOR for each in amounts) and amounts[0] > 0
    )
