"""Disputes at the gateway for tests: a payer's bank takes their money back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

import attrs

from csms.core.payments import DISPUTE_LOST, GatewayAccount, GatewayDispute, GatewayPayment

T = TypeVar("T")


class Disputes(ABC):
    """The part of ``FakeGateway`` that is about disputes."""

    attempts: dict[str, GatewayPayment]
    disputes: dict[str, GatewayDispute]

    @abstractmethod
    def id(self, kind: str) -> str:
        """A fresh id."""

    @abstractmethod
    async def _call(self, name: str, do: Callable[[], T]) -> T:
        """Do as asked, after what goes wrong with it."""

    def raise_dispute(
        self, payment_id: str, amount_minor: int | None = None, *, respond_by_at: int | None = None
    ) -> GatewayDispute:
        """A payer asks their bank for their money back, all of it or so much."""
        paid = self.attempts[payment_id]
        made = GatewayDispute(
            dispute_id=self.id("disp"),
            payment_id=payment_id,
            state="open",
            amount_minor=amount_minor or paid.amount_minor,
            currency=paid.currency,
            phase="chargeback",
            reason="goods_or_services_not_received",
            respond_by_at=respond_by_at,
        )
        self.disputes[made.dispute_id] = made
        return made

    def decide_dispute(self, dispute_id: str, state: str) -> GatewayDispute:
        """A dispute goes on, or comes to its end: one that is lost is taken from what it owes."""
        known = self.disputes[dispute_id]
        self.disputes[dispute_id] = attrs.evolve(
            known, state=state, deducted_minor=known.amount_minor if state == DISPUTE_LOST else known.deducted_minor
        )
        return self.disputes[dispute_id]

    def lost(self, currency: str) -> int:
        """What it took from the operator for disputes."""
        return sum(each.deducted_minor for each in self.disputes.values() if each.currency == currency)

    async def dispute(self, account: GatewayAccount, dispute_id: str, /) -> GatewayDispute:
        """A dispute as it is now."""
        return await self._call("dispute", lambda: self.disputes[dispute_id])
