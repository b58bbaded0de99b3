"""Rounds: what is half done, what webhooks did not tell, and what has run out of time, looked after a few at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
import trio

from csms.core.errors import CsmsError, StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx, Row
from csms.domain.payments import service
from csms.domain.payments.model import CREATED, Payment, payment_key
from csms.domain.payments.store import disputes as disputes_store
from csms.domain.payments.store import mandates as mandates_store
from csms.domain.payments.store import payments as payments_store
from csms.domain.payments.store import refunds as refunds_store

from .disputing import look_after_dispute
from .looking import look
from .mandates import look_at_mandate
from .offering import offer
from .refunding import send

AT_ONCE = 8
EACH_ROUND = 200
ROUND_LIMIT_S = 500.0

log = structlog.get_logger("csms.payments")

Serve = Callable[[Ports, int, TenantId], Awaitable[object]]
Due = Callable[[ReadTx, int], Sequence[Row]]


async def look_after_payments(ports: Ports) -> int:
    """Payments that are due; how many there were."""
    return await _round(ports, "payment", payments_store.due, look_after)


async def look_after_refunds(ports: Ports) -> int:
    """Refunds that are due; how many there were."""
    return await _round(ports, "refund", refunds_store.due, send)


async def look_after_mandates(ports: Ports) -> int:
    """Recurring payments that are due; how many there were."""
    return await _round(ports, "mandate", mandates_store.due, look_at_mandate)


async def look_after_disputes(ports: Ports) -> int:
    """Disputes that are due; how many there were."""
    return await _round(ports, "dispute", disputes_store.due, look_after_dispute)


async def look_after(ports: Ports, payment_id: int, tenant: TenantId) -> Payment:
    """Go on with one payment: ask for one that the gateway may not know, else look what became of it.

    Raises ``NotFound``, ``GatewayAway`` or ``GatewayError``.
    """
    known = await ports.database.read(service.need_payment, payment_id, tenant=tenant)
    in_time = known.expires_at is None or known.expires_at > ports.clock.now()
    if known.state == CREATED and not known.offer_ref and in_time:
        return await offer(ports, payment_id, tenant)
    if known.state == CREATED and not (await ports.database.read(service.need_asking, payment_id, tenant=tenant)).tries:
        return await ports.database.write(
            partial(service.expire, closed=True), payment_id, tenant=tenant, keys=(payment_key(payment_id),)
        )
    return await look(ports, payment_id, tenant)


async def _round(ports: Ports, what: str, due: Due, serve: Serve) -> int:
    """Serve what is due, a few at a time; what fails keeps nobody waiting: each was put off before its gateway was asked."""
    rows = await ports.database.read(due, EACH_ROUND, tenant=DEFAULT_TENANT)
    places = trio.CapacityLimiter(AT_ONCE)

    async def one(number: int, tenant: TenantId) -> None:
        async with places:
            try:
                await serve(ports, number, tenant)
            except StoreUnavailable as error:
                log.warning("payments.store_unavailable", what=what, id=number, reason=str(error))
            except CsmsError as error:  # the gateway is away, or refuses: it is asked again, ever more rarely
                log.warning("payments.not_looked_after", what=what, id=number, reason=str(error))
            except Exception:
                log.exception("payments.failed", what=what, id=number)

    with trio.move_on_after(ROUND_LIMIT_S):
        async with trio.open_nursery() as nursery:
            for row in rows:
                nursery.start_soon(one, row["id"], TenantId(row["tenant"]))
    return len(rows)
