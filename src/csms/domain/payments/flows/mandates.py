"""Recurring payments: set up, changed, and every charge of them made a payment of ours."""

from __future__ import annotations

import attrs
import structlog

from csms.core.errors import Refused
from csms.core.ids import TenantId
from csms.core.payments import PAID, RECURRING, GatewayAway, GatewayError, GatewayPayment, Mandate, MandateWanted
from csms.core.ports import Ports
from csms.domain.drivers import service as drivers
from csms.domain.payments.model import KeptMandate, mandate_key
from csms.domain.payments.service import mandates
from csms.domain.payments.service.mandates import DONE_BY, OVER

from .lines import Line, ask, line_to
from .looking import heed

log = structlog.get_logger("csms.payments")


def mandate_of(known: KeptMandate) -> Mandate:
    """A recurring payment as plugins are told of it."""
    return Mandate(
        mandate_id=known.mandate_ref,
        reference=known.reference,
        state=known.state,
        pay_url=known.pay_url,
        paid_count=known.paid_count,
        next_charge_at=known.next_charge_at,
        ends_at=known.ends_at,
    )


async def start_mandate(
    ports: Ports, driver_id: int, wanted: MandateWanted, kind: str, number: str, tenant: TenantId
) -> KeptMandate:
    """Set up a recurring payment; one ``reference`` does so once.

    Where the gateway does not answer, ask again with the same reference: one whose answer got lost is set up anew, since nobody can have
    agreed to it. Raises ``NotFound``, ``Conflict``, ``Refused``.
    """
    keys = (f"payment-mandates:{tenant}:{wanted.reference}",)
    known = await ports.database.write(mandates.want, driver_id, wanted, kind, number, tenant=tenant, keys=keys)
    if known.mandate_ref or known.state == mandates.FAILED:
        if known.state == mandates.FAILED:
            raise Refused(f"the gateway refused it: {known.error}")
        return known
    if not wanted.customer_name:
        driver = await ports.database.read(drivers.need_driver, driver_id, tenant=tenant)
        wanted = attrs.evolve(wanted, customer_name=driver.name, customer_email=driver.email, customer_phone=driver.phone)
    keys = (mandate_key(known.id),)
    try:
        line = await line_to(ports, known.gateway_id, tenant)
        if RECURRING not in line.provider.ways:
            raise Refused(f"{line.account.provider} takes no recurring payments")
        made = await ask(line.provider.start_mandate, line, wanted)
    except (GatewayError, Refused) as error:
        await ports.database.write(mandates.refused, known.id, str(error), tenant=tenant, keys=keys)
        raise Refused(f"the gateway refused it: {error}") from None
    except GatewayAway as error:
        log.warning("payments.gateway_away", mandate=known.id, reason=str(error))
        raise Refused(f"the payment gateway does not answer; ask again with the same reference ({error})") from None
    return await ports.database.write(mandates.told, known.id, made, tenant=tenant, keys=keys)


async def change_mandate(ports: Ports, mandate_ref: str, change: str, tenant: TenantId) -> KeptMandate:
    """``pause``, ``resume`` or ``cancel`` a recurring payment, by its gateway's id; where that does not answer, a job goes on.

    Raises ``NotFound``, ``Refused``.
    """
    known = await ports.database.read(mandates.by_ref, mandate_ref, tenant=tenant)
    known = await ports.database.write(mandates.want_change, known.id, change, tenant=tenant, keys=(mandate_key(known.id),))
    if not known.wanted_change:
        return known
    try:
        line = await line_to(ports, known.gateway_id, tenant)
        return await _change(ports, line, known, tenant)
    except GatewayAway as error:
        log.warning("payments.gateway_away", mandate=known.id, reason=str(error))
        return known


async def _change(ports: Ports, line: Line, known: KeptMandate, tenant: TenantId) -> KeptMandate:
    """Have the gateway change it. Raises ``GatewayAway``, ``Refused``."""
    keys = (mandate_key(known.id),)
    try:
        made = await ask(line.provider.change_mandate, line, known.mandate_ref, known.wanted_change)
    except GatewayError as error:
        await ports.database.write(mandates.not_changed, known.id, str(error), tenant=tenant, keys=keys)
        raise Refused(f"the gateway refused it: {error}") from None
    return await ports.database.write(mandates.told, known.id, made, tenant=tenant, keys=keys)


async def look_at_mandate(ports: Ports, mandate_id: int, tenant: TenantId, *, payment_ref: str = "") -> KeptMandate:
    """Ask the gateway about a recurring payment, go on with what was wanted of it, and credit every charge that is not credited yet.

    Raises ``NotFound``, ``GatewayAway``, ``GatewayError``, or ``Refused`` for a change that the gateway does not make.
    """
    keys = (mandate_key(mandate_id),)
    known = await ports.database.write(mandates.looking, mandate_id, tenant=tenant, keys=keys)
    if not known.mandate_ref:
        return known
    line = await line_to(ports, known.gateway_id, tenant)
    said = await ask(line.provider.mandate, line, known.mandate_ref)
    for each in await _charges(line, known, payment_ref):
        payment = await ports.database.write(mandates.charged, mandate_id, each, tenant=tenant, keys=keys)
        await heed(ports, line, payment, each, tenant)
    known = await ports.database.write(mandates.told, mandate_id, said, tenant=tenant, keys=keys)
    undone = known.wanted_change and known.state not in (*DONE_BY[known.wanted_change], *OVER)
    return await _change(ports, line, known, tenant) if undone else known


async def _charges(line: Line, known: KeptMandate, payment_ref: str) -> list[GatewayPayment]:
    """What was taken by a recurring payment; failed attempts are its gateway's business, which tells by its state."""
    found = list(await ask(line.provider.payments, line, RECURRING, known.mandate_ref))
    if payment_ref and payment_ref not in {each.payment_id for each in found}:
        one = await ask(line.provider.payment, line, payment_ref)
        if one.gateway_id == known.mandate_ref or one.reference == known.reference:
            found.append(one)
    return [each for each in found if each.state == PAID]
