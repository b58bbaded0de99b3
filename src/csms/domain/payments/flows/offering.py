"""Asks gateways for payments: written before, sent, written after; half-done ones are found again by their reference."""

from __future__ import annotations

import structlog

from csms.core.errors import Refused
from csms.core.ids import TenantId
from csms.core.payments import FAILED, PAID, GatewayAway, GatewayError, PaymentOffer, PaymentWanted
from csms.core.ports import Ports, Tx
from csms.core.vault import NoKey
from csms.domain.payments import service
from csms.domain.payments.model import Asking, NewPayment, Payment, Seen, payment_key
from csms.domain.payments.store import methods as methods_store

from .lines import Line, ask, line_to, need_way, seen
from .looking import look

log = structlog.get_logger("csms.payments")


async def want(ports: Ports, new: NewPayment, tenant: TenantId) -> Payment:
    """Want a payment and ask its gateway for it. Raises like ``service.create``, and ``Refused`` where the gateway has no such way."""
    account = await ports.database.read(service.open_account, new.gateway_id, tenant=tenant)
    provider = ports.providers.get(account.provider)
    if provider is None:
        raise Refused(f"no enabled plugin brings the payment gateway {account.provider!r}")
    if new.way not in provider.ways and new.method_id is None:
        raise Refused(f"{account.provider} offers no payments by {new.way}; it has {', '.join(sorted(provider.ways))}")
    made = await ports.database.write(service.create, new, tenant=tenant, keys=(f"payment-key:{tenant}:{new.key}",))
    return await offer(ports, made.id, tenant)


async def offer(ports: Ports, payment_id: int, tenant: TenantId) -> Payment:
    """Ask the gateway for a payment that is wanted; one that was asked for is as it was.

    It comes back ``open``, ``failed`` where the gateway refused, or still ``created`` where it did not answer: a job goes on with that.
    Raises ``NotFound``.
    """
    keys = (payment_key(payment_id),)
    asking = await ports.database.write(service.offering, payment_id, tenant=tenant, keys=keys)
    if asking is None:
        return await ports.database.read(service.need_payment, payment_id, tenant=tenant)
    try:
        line = await line_to(ports, asking.payment.gateway_id, tenant)
        if asking.tries > 1:
            before = await ask(line.provider.find, line, asking.payment.way, asking.payment.reference)
            if before is not None:
                known = await ports.database.write(service.opened, payment_id, before, tenant=tenant, keys=keys)
                # of a charge whose answer got lost the attempts tell; it is never charged again
                return known if asking.payment.method_id is None else await look(ports, payment_id, tenant)
        if asking.payment.method_id is not None:
            return await _charge(ports, line, asking, tenant)
        need_way(line, asking.payment.way)
        made: PaymentOffer = await ask(line.provider.offer, line, _wanted(asking))
        return await ports.database.write(service.opened, payment_id, made, tenant=tenant, keys=keys)
    except (GatewayError, Refused) as error:
        log.warning("payments.refused", payment=payment_id, reason=str(error))
        return await ports.database.write(service.fail, payment_id, str(error), tenant=tenant, keys=keys)
    except GatewayAway as error:
        log.warning("payments.gateway_away", payment=payment_id, reason=str(error))
        return await ports.database.write(service.put_off, payment_id, str(error), tenant=tenant, keys=keys)


def _wanted(asking: Asking, saved_method: str = "") -> PaymentWanted:
    payment, customer = asking.payment, asking.customer
    return PaymentWanted(
        reference=payment.reference,
        way=payment.way,
        amount_minor=payment.amount_minor,
        currency=payment.currency,
        description=payment.description,
        customer_name=customer.name,
        customer_email=customer.email,
        customer_phone=customer.phone,
        expires_at=payment.expires_at,
        return_url=asking.return_url,
        notes={"payment": payment.reference, "purpose": payment.purpose},
        saved_method=saved_method,
    )


async def _charge(ports: Ports, line: Line, asking: Asking, tenant: TenantId) -> Payment:
    """Charge a saved method. Raises ``GatewayError``, ``GatewayAway``, ``Refused`` for a method that was removed."""
    payment_id, method_id = asking.payment.id, asking.payment.method_id
    sealed = await ports.database.read(methods_store.sealed, method_id, tenant=tenant)
    if not sealed:
        raise Refused("the saved method was removed")
    try:
        token = ports.vault.open(sealed)
    except NoKey as error:
        raise Refused(f"the saved method cannot be read: {error}") from None
    charged = await ask(line.provider.charge_saved, line, _wanted(asking, token))
    found = seen(ports, line, charged)
    keys = (payment_key(payment_id),)
    offer = PaymentOffer(gateway_id=charged.gateway_id)
    known = await ports.database.write(_charged, payment_id, offer, found, tenant=tenant, keys=keys)
    return known if charged.state in (PAID, FAILED) else await look(ports, payment_id, tenant)


def _charged(tx: Tx, payment_id: int, offer: PaymentOffer, found: Seen | None) -> Payment:
    known = service.opened(tx, payment_id, offer)
    return known if found is None else service.told(tx, payment_id, found)
