"""How people pay what they were asked for: as it was asked, twice, too late, another amount, another currency, or never."""

from __future__ import annotations

from typing import TYPE_CHECKING

import trio

from csms.core.errors import CsmsError
from csms.core.ids import TenantId
from csms.core.payments import AUTHORIZED, FAILED, ORDER, PAID
from csms.domain.payments import flows as payments
from csms.domain.payments.model import Payment
from csms.testing.world.clock import stream

from .counter import Unreachable

if TYPE_CHECKING:
    from .town import Town

PAYS_AFTER_S = (0.5, 40.0)
LATE_S = (60.0, 300.0)
NEVER, DECLINED, AUTHORIZES, CHANGES_MIND = 0.1, 0.1, 0.2, 0.05


class Purse:
    """Somebody's money, and how they part with it."""

    def __init__(self, town: Town, name: str, tenant: TenantId) -> None:
        self._town = town
        self._name = name
        self._tenant = tenant
        self._gateway = town.gateways[tenant]
        self._draws = stream(town.world.seed, name, "purse")

    async def pay(self, asked: Payment) -> None:
        """Pay what was offered; in some way, at some time, or not."""
        draws, faults = self._draws, self._town.world.faults
        if not asked.offer_ref or draws.random() < NEVER:
            return
        offer = asked.offer_ref
        await trio.sleep(draws.uniform(*(LATE_S if faults.strikes("paid late", draws) else PAYS_AFTER_S)))
        if draws.random() < DECLINED:
            self._gateway.pay(offer, state=FAILED, error="the card was declined")
            await trio.sleep(draws.uniform(0.5, 5))
        amount, currency = 0, ""
        if faults.strikes("another amount paid", draws):
            amount = max(1, asked.amount_minor + draws.choice((-1, 1)) * draws.randrange(1, 400))
        if faults.strikes("another currency paid", draws):
            currency = "USD"
        state = AUTHORIZED if draws.random() < AUTHORIZES else PAID
        made = self._gateway.pay(offer, state=state, amount_minor=amount or None, currency=currency)
        if faults.strikes("paid twice", draws):
            self._gateway.pay(offer)
        await self._say(asked, made.payment_id, paid=state == PAID)
        self._town.world.trace.line(self._name, "paid", offer, amount, currency)

    async def _say(self, asked: Payment, payment_ref: str, *, paid: bool) -> None:
        """What a checkout page says of it; or that it is not wanted any more."""
        counter, tenant = self._town.counter, self._tenant
        signature = self._gateway.checkout_signature(asked.offer_ref, payment_ref)
        try:
            if asked.way == ORDER and paid:
                await counter.ask(
                    lambda ports: payments.confirm(ports, asked.id, payment_ref, signature, tenant),
                    self._name,
                    "confirms",
                    asked.id,
                )
            elif self._draws.random() < CHANGES_MIND:
                await counter.ask(lambda ports: payments.cancel(ports, asked.id, tenant), self._name, "cancels", asked.id)
        except (Unreachable, CsmsError):
            return  # whatever the page says, the gateway knows
