"""Asks gateways what became of payments, and has it credited: after a webhook, in rounds, for a checkout page, for an operator."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import structlog

from csms.core.errors import Refused
from csms.core.ids import TenantId
from csms.core.payments import AUTHORIZED, RECURRING, GatewayAway, GatewayError, GatewayPayment
from csms.core.ports import Ports
from csms.domain.payments import service
from csms.domain.payments.model import UNPAID, Asking, Attempt, Payment, payment_key
from csms.domain.payments.store import attempts as attempts_store

from .lines import Line, ask, line_to, seen
from .refunding import adopt

log = structlog.get_logger("csms.payments")


async def look(ports: Ports, payment_id: int, tenant: TenantId, *, payment_ref: str = "") -> Payment:
    """Ask the gateway about every attempt to pay a payment, and keep what it says: captured, credited, given back, over.

    ``payment_ref`` is an attempt of which somebody told (a webhook, a checkout page): it is asked about even if it is not among those
    that the gateway lists. However often this is done, and by however many at a time, money is credited once. Raises ``NotFound``,
    ``GatewayAway`` or ``GatewayError``; what was learnt until then is kept.
    """
    keys = (payment_key(payment_id),)
    asking: Asking = await ports.database.write(service.looking, payment_id, tenant=tenant, keys=keys)
    line = await line_to(ports, asking.payment.gateway_id, tenant)
    known = await _found(ports, line, asking, tenant)
    over = known.state in UNPAID and known.expires_at is not None and known.expires_at <= ports.clock.now()
    closed = await _closed(ports, line, known, tenant, wanted=asking.close_wanted or over)
    for attempt in await _attempts(ports, line, known, tenant, payment_ref):
        known = await heed(ports, line, known, attempt, tenant)
    if over and known.state in UNPAID:
        known = await ports.database.write(partial(service.expire, closed=closed), payment_id, tenant=tenant, keys=keys)
    return known


async def _found(ports: Ports, line: Line, asking: Asking, tenant: TenantId) -> Payment:
    """The payment, with what the gateway made of it where we did not live to hear."""
    known = asking.payment
    if known.offer_ref or known.way == RECURRING or not asking.tries:
        return known
    made = await ask(line.provider.find, line, known.way, known.reference)
    if made is None:
        return known
    return await ports.database.write(service.opened, known.id, made, tenant=tenant, keys=(payment_key(known.id),))


async def _closed(ports: Ports, line: Line, known: Payment, tenant: TenantId, *, wanted: bool) -> bool:
    """Have the gateway let nobody pay it any more; whether it does. One that it never heard of is as good as closed."""
    if not wanted or known.way == RECURRING:
        return wanted
    if known.offer_ref:
        try:
            await ask(line.provider.close, line, known.way, known.offer_ref)
        except GatewayError as error:  # it may be paid, or closed already: what there is of attempts tells
            log.info("payments.not_closed", payment=known.id, reason=str(error))
        except GatewayAway as error:
            log.warning("payments.not_closed", payment=known.id, reason=str(error))
            return False
    if known.state not in UNPAID:
        await ports.database.write(service.was_closed, known.id, tenant=tenant, keys=(payment_key(known.id),))
    return True


async def _attempts(ports: Ports, line: Line, known: Payment, tenant: TenantId, payment_ref: str) -> Sequence[GatewayPayment]:
    if known.way == RECURRING:
        kept: Sequence[Attempt] = await ports.database.read(attempts_store.attempts, known.id, tenant=tenant)
        return [await ask(line.provider.payment, line, each.payment_ref) for each in kept]
    found = list(await ask(line.provider.payments, line, known.way, known.offer_ref)) if known.offer_ref else []
    if payment_ref and payment_ref not in {each.payment_id for each in found}:
        one = await ask(line.provider.payment, line, payment_ref)
        if one.reference == known.reference or (known.offer_ref and one.gateway_id == known.offer_ref):
            found.append(one)
    return found


async def heed(ports: Ports, line: Line, known: Payment, said: GatewayPayment, tenant: TenantId) -> Payment:
    """Keep what the gateway says of one attempt, and take it where it is only authorized. Raises ``GatewayAway``, ``GatewayError``."""
    found = seen(ports, line, said)
    if found is None:
        return known
    keys = (payment_key(known.id),)
    known = await ports.database.write(service.told, known.id, found, tenant=tenant, keys=keys)
    if said.state == AUTHORIZED and await ports.database.read(service.may_capture, known.id, said.payment_id, tenant=tenant):
        try:
            taken = await ask(line.provider.capture, line, said.payment_id, said.amount_minor, said.currency)
        except GatewayError:  # somebody else may have taken it: the gateway itself, or another round
            taken = await ask(line.provider.payment, line, said.payment_id)
        if (found := seen(ports, line, taken)) is not None:
            known = await ports.database.write(service.told, known.id, found, tenant=tenant, keys=keys)
        said = taken
    if said.refunded_minor:
        await adopt(ports, line, known.id, said, tenant)
    return known


async def cancel(ports: Ports, payment_id: int, tenant: TenantId) -> Payment:
    """Have nobody pay it any more, here and at the gateway; where that does not answer, a job tells it. What was paid by then counts.

    Raises ``NotFound``, or ``Refused`` for one that is over.
    """
    known = await ports.database.write(service.cancel, payment_id, tenant=tenant, keys=(payment_key(payment_id),))
    try:
        return await look(ports, payment_id, tenant)
    except (GatewayAway, GatewayError) as error:
        log.warning("payments.gateway_away", payment=payment_id, reason=str(error))
        return known


async def confirm(ports: Ports, payment_id: int, payment_ref: str, signature: str, tenant: TenantId) -> Payment:
    """What a checkout page says was paid: its signature is checked, then the gateway asked.

    Where that does not answer the payment stays as it is, and is looked at soon. Raises ``NotFound``, ``Forged``, ``Refused``.
    """
    asking = await ports.database.read(service.need_asking, payment_id, tenant=tenant)
    known = asking.payment
    if not known.offer_ref:
        raise Refused(f"payment {payment_id} cannot be paid yet")
    try:
        line = await line_to(ports, known.gateway_id, tenant)
        line.provider.check_checkout(line.account, known.offer_ref, payment_ref, signature)
        return await look(ports, payment_id, tenant, payment_ref=payment_ref)
    except (GatewayAway, GatewayError) as error:
        log.warning("payments.gateway_away", payment=payment_id, reason=str(error))
        return await ports.database.write(service.look_now, payment_id, tenant=tenant, keys=(payment_key(payment_id),))
