"""The line to a gateway: its account opened, its provider found, every question bounded, every end one of two errors."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

import attrs
import structlog
import trio

from csms.core.errors import Invalid, Refused
from csms.core.ids import TenantId
from csms.core.money import CURRENCY, MOST_MINOR
from csms.core.payments import Forged, GatewayAccount, GatewayAway, GatewayError, GatewayPayment, PaymentProvider
from csms.core.ports import Ports
from csms.core.vault import NoKey
from csms.domain.payments.model import SealedAccount, Seen
from csms.domain.payments.service import gateways

T = TypeVar("T")
ANSWER_LIMIT_S = 20.0
"""Longest wait for one answer of a gateway; two and the writes between fit into a lease (``service.timing``)."""
LONGEST_REF = 80
"""The longest id of a gateway's that we keep: it is part of a ledger account's name."""

log = structlog.get_logger("csms.payments")


@attrs.frozen(slots=True)
class Line:
    """An account at a gateway, ready to be used."""

    account: GatewayAccount
    provider: PaymentProvider
    gateway_id: int


async def line_to(ports: Ports, gateway_id: int, tenant: TenantId) -> Line:
    """The line to an account's gateway. Raises ``NotFound``, or ``GatewayAway`` where its plugin or its keys are not here."""
    return opened(ports, await ports.database.read(gateways.need_account, gateway_id, tenant=tenant))


def opened(ports: Ports, sealed: SealedAccount) -> Line:
    """The line to an account that was read. Raises ``GatewayAway`` where its plugin or its keys are not here."""
    provider = ports.providers.get(sealed.provider)
    if provider is None:
        raise GatewayAway(f"no enabled plugin brings the payment gateway {sealed.provider!r}")
    try:
        account = GatewayAccount(
            provider=sealed.provider,
            key_id=sealed.key_id,
            key_secret=ports.vault.open(sealed.key_sealed),
            webhook_secret=ports.vault.open(sealed.webhook_sealed) if sealed.webhook_sealed else "",
            base_url=sealed.base_url,
            live=sealed.live,
        )
    except NoKey as error:
        raise GatewayAway(f"the keys of the account {sealed.id} at {sealed.provider} cannot be read: {error}") from None
    return Line(account, provider, sealed.id)


async def ask(question: Callable[..., Awaitable[T]], line: Line, /, *arguments: object) -> T:
    """Ask a gateway. Raises ``GatewayError`` where it refused, and ``GatewayAway`` wherever nobody can say whether it was done."""
    try:
        with trio.fail_after(ANSWER_LIMIT_S):
            return await question(line.account, *arguments)
    except (GatewayError, GatewayAway):
        raise
    except trio.TooSlowError:
        raise GatewayAway(f"{line.account.provider} did not answer within {ANSWER_LIMIT_S:g} s") from None
    except (Forged, Invalid) as error:
        raise GatewayAway(f"{line.account.provider} answered what cannot be read: {error}") from error
    except Exception as error:
        log.exception("payments.provider_failed", provider=line.account.provider)
        raise GatewayAway(f"the plugin of {line.account.provider} failed ({type(error).__name__})") from error


def seen(ports: Ports, line: Line, payment: GatewayPayment) -> Seen | None:
    """What the gateway said of an attempt, ready to be stored; None for one that cannot be kept."""
    if not _plausible(payment):
        log.error("payments.unreadable_attempt", provider=line.account.provider, gateway=line.gateway_id)
        return None
    if not payment.saved_method:
        return Seen(payment=payment)
    mixed = f"{line.gateway_id}:{payment.saved_method}".encode()
    return Seen(payment=payment, sealed=ports.vault.seal(payment.saved_method), fingerprint=hashlib.sha256(mixed).hexdigest())


def _plausible(payment: GatewayPayment) -> bool:
    """Whether what a plugin says of an attempt is what it should be: the rest is nobody's money, and keeps no other attempt waiting."""
    texts = (payment.payment_id, payment.currency, payment.method, payment.shown, payment.error, payment.saved_method)
    numbers = (
        payment.amount_minor,
        payment.refunded_minor,
        payment.fee_minor or 0,
        payment.fee_tax_minor or 0,
        payment.paid_at or 0,
    )
    return (
        all(isinstance(each, str) for each in texts)
        and all(type(each) is int and abs(each) <= MOST_MINOR for each in numbers)
        and 1 <= len(payment.payment_id) <= LONGEST_REF
        and payment.payment_id.isprintable()
        and re.fullmatch(CURRENCY, payment.currency) is not None
    )


async def check(ports: Ports, gateway_id: int, tenant: TenantId) -> tuple[bool, str]:
    """Whether an account's keys work, and what was found; kept, too. Raises ``NotFound``."""
    try:
        line = await line_to(ports, gateway_id, tenant)
        works, result = True, await ask(line.provider.check, line)
    except (GatewayError, GatewayAway) as error:
        works, result = False, str(error)
    await ports.database.write(partial(gateways.note_check, works=works, result=result), gateway_id, tenant=tenant)
    return works, result


def need_way(line: Line, way: str) -> None:
    """Refuse what the gateway does not offer. Raises ``Refused``."""
    if way not in line.provider.ways:
        raise Refused(f"{line.account.provider} offers no payments by {way}; it has {', '.join(sorted(line.provider.ways))}")
