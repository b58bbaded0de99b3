"""Gives money back: set aside before the gateway is asked, found again by its reference after a crash, kept when it is done."""

from __future__ import annotations

from functools import partial

import structlog

from csms.core.ids import TenantId
from csms.core.money import written
from csms.core.payments import REFUND_FAILED, GatewayAway, GatewayError, GatewayPayment, GatewayRefund
from csms.core.ports import Ports, ReadTx
from csms.domain.payments import service
from csms.domain.payments.model import ASKED, REFUNDED, WANTED, Refund, RefundAsking, payment_key
from csms.domain.payments.service import refunding, returning
from csms.domain.payments.store import attempts as attempts_store
from csms.domain.payments.store import refunds as store

from .lines import Line, ask, line_to

log = structlog.get_logger("csms.payments")


async def refund(
    ports: Ports, payment_id: int, amount_minor: int | None, reason: str, key: str, tenant: TenantId, *, by: str = ""
) -> Refund:
    """Give back so much of a payment, or with None all that is left of it; one ``key`` does so once.

    It comes back ``refunded``, ``asked`` (the gateway works on it, or did not answer: a job goes on), or ``failed``. Raises like
    ``service.want``.
    """
    keys = (payment_key(payment_id),)
    verb = partial(service.want, sent_by_caller=True)
    wanted = await ports.database.write(verb, payment_id, amount_minor, reason, key, by, tenant=tenant, keys=keys)
    return await send(ports, wanted.id, tenant)


async def send(ports: Ports, refund_id: int, tenant: TenantId) -> Refund:
    """Ask the gateway for a refund that is wanted, or what became of it; one that is over is as it was. Raises ``NotFound``."""
    asking = await ports.database.write(returning.sending, refund_id, tenant=tenant)
    if asking is None:
        return await ports.database.read(service.need_refund, refund_id, tenant=tenant)
    keys = (payment_key(asking.refund.payment_id),)
    try:
        line = await line_to(ports, asking.gateway_id, tenant)
        said = await _known(line, asking) if asking.refund.tries > 1 or asking.round else None
        if said is None and (least := least_refund(line, asking.refund.currency)) > asking.refund.amount_minor:
            words = f"{line.account.provider} gives back {written(least, asking.refund.currency)} at least"
            return await ports.database.write(returning.give_up, refund_id, words, tenant=tenant, keys=keys)
        if said is None:
            said = await ask(line.provider.refund, line, asking.payment_ref, asking.refund.amount_minor, asking.reference)
        return await ports.database.write(returning.told, refund_id, said, tenant=tenant, keys=keys)
    except GatewayError as error:
        log.warning("payments.refund_refused", refund=refund_id, reason=str(error))
        return await ports.database.write(returning.refused, refund_id, str(error), tenant=tenant, keys=keys)
    except GatewayAway as error:
        log.warning("payments.gateway_away", refund=refund_id, reason=str(error))
        return await ports.database.write(returning.put_off, refund_id, str(error), tenant=tenant, keys=keys)


def least_refund(line: Line, currency: str) -> int:
    """The least that a gateway gives back at a time; less would be refused again and again."""
    return line.provider.least_refunds.get(currency, 1)


async def _known(line: Line, asking: RefundAsking) -> GatewayRefund | None:
    """What the gateway knows of a refund; None: it never heard of it. An earlier round counts unless it failed there, too."""
    for each in await ask(line.provider.refunds, line, asking.payment_ref):
        if each.reference == asking.reference or (asking.is_mine(each.reference) and each.state != REFUND_FAILED):
            return each
    return None


async def again(ports: Ports, refund_id: int, tenant: TenantId) -> Refund:
    """Begin a refund anew that failed. Raises ``NotFound``, ``Refused``."""
    await ports.database.write(returning.again, refund_id, tenant=tenant)
    return await send(ports, refund_id, tenant)


async def adopt(ports: Ports, line: Line, payment_id: int, said: GatewayPayment, tenant: TenantId) -> None:
    """Keep the refunds of an attempt that the gateway knows and we do not, or know otherwise. Raises ``GatewayAway``, ``GatewayError``."""
    ours = await ports.database.read(_ours, payment_id, said.payment_id, tenant=tenant)
    if ours is None or ours == said.refunded_minor:
        return
    for each in await ask(line.provider.refunds, line, said.payment_id):
        await look_at(ports, line, payment_id, said.payment_id, each, tenant)


def _ours(tx: ReadTx, payment_id: int, payment_ref: str) -> int | None:
    """What of an attempt was given back, as far as we know that it is done."""
    attempt = next((each for each in attempts_store.attempts(tx, payment_id) if each.payment_ref == payment_ref), None)
    if attempt is None or attempt.credited_at is None:
        return None
    made = store.of_payment(tx, payment_id)
    return sum(each.amount_minor for each in made if each.attempt_id == attempt.id and each.state in (REFUNDED, ASKED, WANTED))


async def look_at(ports: Ports, line: Line, payment_id: int, payment_ref: str, said: GatewayRefund, tenant: TenantId) -> None:
    """Keep what the gateway says of one refund, whoever made it."""
    known = await ports.database.read(_match, line.gateway_id, payment_id, said, tenant=tenant)
    keys = (payment_key(payment_id),)
    if known is not None:
        await ports.database.write(returning.told, known, said, tenant=tenant, keys=keys)
    elif said.state != REFUND_FAILED:
        await ports.database.write(refunding.adopt, payment_id, payment_ref, said, tenant=tenant, keys=keys)


def _match(tx: ReadTx, gateway_id: int, payment_id: int, said: GatewayRefund) -> int | None:
    """The refund of ours that the gateway means: by its id, by our reference, by that of an earlier round of it."""
    found = store.by_ref(tx, gateway_id, said.refund_id, said.reference)
    if found is not None or not said.reference:
        return found
    for each in store.of_payment(tx, payment_id):
        asking = store.asking(tx, each.id)
        if asking is not None and asking.is_mine(said.reference):
            return each.id if said.state != REFUND_FAILED else None
    return None
