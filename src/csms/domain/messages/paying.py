"""The link by which a driver pays what is open of a bill: asked of the tenant's gateway, so that the message that says it can bear it."""

from __future__ import annotations

from typing import Any

import structlog

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.payments import LINK, OPEN, GatewayAway
from csms.core.ports import Ports
from csms.domain.payments import flows as payments
from csms.domain.payments.model import BILL, CREATED, NewPayment

PATIENCE = 5
"""Deliveries of the event that wait for a gateway which does not answer; then the driver is told without a link."""

log = structlog.get_logger("csms.messages")


async def pay_url(ports: Ports, delivered: Delivered, tenant: TenantId) -> str:
    """Where a bill is paid; ``""`` where the tenant has no gateway that makes links. One event asks once.

    Raises ``GatewayAway`` to have the event again later.
    """
    event: Any = delivered.event
    bill_id, driver_id, amount = (getattr(event, name, None) for name in ("bill_id", "driver_id", "open_minor"))
    if not bill_id or driver_id is None or not amount:
        return ""
    new = NewPayment(
        purpose=BILL,
        way=LINK,
        amount_minor=amount,
        currency=getattr(event, "currency", ""),
        key=f"bill-link:{bill_id}:{delivered.event_id}",
        description=f"charge {getattr(event, 'transaction_id', '')} at {getattr(event, 'charger_id', '')}".strip(),
        driver_id=driver_id,
        reference_kind="bill",
        reference_id=str(bill_id),
    )
    try:
        asked = await payments.want(ports, new, tenant)
    except (Refused, NotFound, Conflict, Invalid) as error:
        log.info("messages.no_pay_link", bill=bill_id, reason=str(error))
        return ""
    if asked.state == CREATED and delivered.attempt < PATIENCE:
        raise GatewayAway("the gateway did not answer yet: the driver is told when there is a link")
    return asked.pay_url if asked.state == OPEN else ""
