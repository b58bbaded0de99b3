"""Webhooks of gateways: judged and stored at once, understood later from the event spine, where the gateway is asked what is true."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import msgspec
import structlog
import trio

from csms.core.errors import Invalid, NotFound
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.payments import Forged, GatewayAway, GatewayError, GatewayNotice
from csms.core.ports import Ports
from csms.domain.payments.model import SealedAccount, payment_key
from csms.domain.payments.service import gateways, notices
from csms.domain.payments.service.gateways import FORGED_MANY, FORGED_WINDOW_MS
from csms.domain.payments.service.notices import Heard
from csms.domain.payments.store import gateways as gateways_store

from .disputing import look_at_dispute
from .lines import ask, line_to, opened
from .looking import look
from .mandates import look_at_mandate
from .refunding import look_at as look_at_refund

LONGEST_BODY, LONGEST_WORD = 20_000, 200
PERSONAL = (
    "email",
    "contact",
    "phone",
    "mobile",
    "vpa",
    "card",
    "bank",
    "address",
    "name",
    "token",
    "ip",
    "wallet",
    "customer",
    "notes",
)
"""What is not kept of a webhook: members whose names have one of these in them, unless they only hold other members."""
KEPT_S = 1.0

log = structlog.get_logger("csms.payments")


@attrs.define(slots=True)
class Forgeries:
    """Counts webhooks whose signature does not hold, and writes that down no more than once a second however many come."""

    waiting: dict[int, int] = attrs.field(factory=dict)
    written_at: dict[int, float] = attrs.field(factory=dict)
    lately: dict[int, list[int]] = attrs.field(factory=dict)

    async def count(self, ports: Ports, account: SealedAccount) -> None:
        """One more; told of when there are many within an hour."""
        number, now = account.id, ports.clock.now()
        self.waiting[number] = self.waiting.get(number, 0) + 1
        recent = [at for at in self.lately.get(number, []) if at > now - FORGED_WINDOW_MS][-FORGED_MANY:]
        self.lately[number] = [*recent, now]
        many = len(self.lately[number]) >= FORGED_MANY
        if not many and trio.current_time() < self.written_at.get(number, float("-inf")) + KEPT_S:
            return
        times = self.waiting.pop(number)
        self.written_at[number] = trio.current_time()
        if many:
            self.lately[number] = []
        verb = partial(gateways.count_forged, tell=many)
        await ports.database.write(verb, number, times, tenant=TenantId(account.tenant))


async def receive(ports: Ports, forgeries: Forgeries, token: str, body: bytes, headers: Mapping[str, str]) -> int | None:
    """Take a webhook in: its signature checked, stored in one write; the notice's id, None where it came before.

    Raises ``NotFound`` for an address that there is not, ``Forged``, ``Invalid`` for what cannot be read, ``GatewayAway`` where its
    plugin or its keys are not here.
    """
    account = await ports.database.read(gateways_store.account_by_token, token, tenant=DEFAULT_TENANT)
    if account is None:
        raise NotFound("there is no such address for notices")
    line = opened(ports, account)
    try:
        if not line.account.webhook_secret:
            raise Forged("this account has no webhook secret")
        notice = line.provider.read_notice(line.account, body, headers)
    except Forged:
        log.warning("payments.forged_notice", gateway=account.id)
        await forgeries.count(ports, account)
        raise
    except (Invalid, GatewayAway):
        raise
    except Exception as error:
        log.exception("payments.provider_failed", provider=account.provider)
        raise GatewayAway(f"the plugin of {account.provider} failed") from error
    heard = _heard(notice, body)
    keys = (f"payment-notices:{account.id}:{heard.about}",)
    return await ports.database.write(notices.receive, account.id, heard, tenant=TenantId(account.tenant), keys=keys)


def _heard(notice: GatewayNotice, body: bytes) -> Heard:
    payment, refund, mandate, dispute = notice.payment, notice.refund, notice.mandate, notice.dispute
    reference = payment.reference if payment is not None else ""
    if refund is not None and refund.reference:
        reference = refund.reference
    refs = {
        "reference": reference,
        "offer_ref": payment.gateway_id if payment is not None else "",
        "payment_ref": next((each.payment_id for each in (payment, refund, dispute) if each is not None), ""),
        "refund_ref": refund.refund_id if refund is not None else "",
        "dispute_ref": dispute.dispute_id if dispute is not None else "",
        "mandate_ref": mandate.mandate_id if mandate is not None else "",
    }
    return Heard(
        event_ref=(notice.event_id or hashlib.sha256(body).hexdigest())[:LONGEST_WORD],
        kind=notice.kind[:LONGEST_WORD],
        occurred_at=notice.occurred_at,
        body=masked(body),
        **{name: text[:LONGEST_WORD] for name, text in refs.items()},
    )


def masked(body: bytes) -> str:
    """A webhook's JSON without what tells of people; ``""`` for anything else."""
    try:
        text = msgspec.json.encode(_without_people(msgspec.json.decode(body))).decode()
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return ""
    return text[:LONGEST_BODY].replace("\x00", "")


def _without_people(data: Any) -> Any:
    if isinstance(data, dict):
        return {
            name: "***" if not isinstance(value, (dict, list, bool)) and value and _is_personal(name) else _without_people(value)
            for name, value in data.items()
        }
    return [_without_people(each) for each in data] if isinstance(data, list) else data


def _is_personal(name: str) -> bool:
    words = name.lower()
    return any(word == words or (len(word) > 3 and word in words) for word in PERSONAL)


# --- understood -----------------------------------------------------------------------------------------------------------------


async def understand(ports: Ports, notice_id: int, tenant: TenantId) -> str:
    """Find out what a notice is about, ask the gateway what is true of it, and keep that; what came of it. Again changes nothing.

    Raises ``GatewayAway``: it is to be understood later.
    """
    subject = await ports.database.read(notices.subject, notice_id, tenant=tenant)
    if subject is None:
        return ""
    notice = subject.notice
    try:
        if subject.mandate is not None:
            await look_at_mandate(ports, subject.mandate.id, tenant, payment_ref=notice.payment_ref)
            outcome = "mandate"
        elif subject.payment_id is not None:
            known = await look(ports, subject.payment_id, tenant, payment_ref=notice.payment_ref)
            if notice.refund_ref and notice.payment_ref:
                await _look_at_refunds(ports, notice.gateway_id, known.id, notice.payment_ref, tenant)
            if notice.dispute_ref:
                await look_at_dispute(ports, notice.gateway_id, known.id, notice.dispute_ref, tenant)
            outcome = known.state
        else:
            outcome = "nothing of ours"
    except GatewayError as error:
        outcome = f"the gateway refused: {error}"
    keys = () if subject.payment_id is None else (payment_key(subject.payment_id),)
    verb = partial(notices.processed, outcome=outcome)
    await ports.database.write(verb, notice_id, subject.payment_id, tenant=tenant, keys=keys)
    return outcome


async def _look_at_refunds(ports: Ports, gateway_id: int, payment_id: int, payment_ref: str, tenant: TenantId) -> None:
    line = await line_to(ports, gateway_id, tenant)
    for each in await ask(line.provider.refunds, line, payment_ref):
        await look_at_refund(ports, line, payment_id, payment_ref, each, tenant)
