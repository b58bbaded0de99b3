"""``PaymentProvider`` on Razorpay: each question is one piece of work in a thread of the plugin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Concatenate, ParamSpec, TypeVar

import attrs
import razorpay.errors

from csms.hooks import (
    GatewayAccount,
    GatewayAway,
    GatewayDispute,
    GatewayError,
    GatewayNotice,
    GatewayPayment,
    GatewayRefund,
    Invalid,
    Mandate,
    MandateWanted,
    PaymentOffer,
    PaymentWanted,
    PluginContext,
)

from . import mandates, notices, offers, payments
from .desk import Desk, desk
from .model import Settings
from .wire import Wire

T = TypeVar("T")
P = ParamSpec("P")

WAYS = frozenset({"order", "link", "qr", "recurring"})
LEAST_REFUNDS = {"INR": 100}


@attrs.define(eq=False, slots=False)
class RazorpayProvider:
    """See ``csms.core.payments.PaymentProvider``; the plugin's README says how each question is asked of Razorpay."""

    context: PluginContext = attrs.field(repr=False)
    name: str = "razorpay"
    ways: frozenset[str] = WAYS
    least_refunds: Mapping[str, int] = attrs.field(factory=lambda: dict(LEAST_REFUNDS))

    @property
    def settings(self) -> Settings:
        """``[plugins.settings.razorpay]``."""
        settings: Settings = self.context.settings
        return settings

    @cached_property
    def wire(self) -> Wire:
        """The connections, made when they are first needed."""
        return Wire(self.settings.timeout_s)

    async def check(self, account: GatewayAccount, /) -> str:
        """Whether the keys work, and what they are for."""
        await self._ask(account, lambda sitting: sitting.sdk.order.all({"count": 1}))
        live = account.key_id.startswith("rzp_live_")
        if live != account.live:
            raise GatewayError(f"the key is for {_mode(live)}, and the account says {_mode(account.live)}", code="mode")
        return f"the keys work, for {_mode(live)}" + ("" if account.webhook_secret else "; no webhook secret is set")

    async def offer(self, account: GatewayAccount, wanted: PaymentWanted, /) -> PaymentOffer:
        """An order, a payment link or a QR code."""
        return await self._ask(account, offers.offer, wanted)

    async def find(self, account: GatewayAccount, way: str, reference: str, /) -> PaymentOffer | None:
        """Orders by receipt, links by reference, QR codes and subscriptions of the last two days by their notes."""
        return await self._ask(account, offers.find, way, reference)

    async def close(self, account: GatewayAccount, way: str, gateway_id: str, /) -> None:
        """Cancel a link or a subscription, close a QR code; an order stays open at Razorpay."""
        await self._ask(account, offers.close, way, gateway_id)

    async def payments(self, account: GatewayAccount, way: str, gateway_id: str, /) -> Sequence[GatewayPayment]:
        """Every attempt; of a subscription the latest charges."""
        return await self._ask(account, payments.payments, way, gateway_id)

    async def payment(self, account: GatewayAccount, payment_id: str, /) -> GatewayPayment:
        """One payment, and what it pays."""
        return await self._ask(account, payments.payment, payment_id)

    async def capture(self, account: GatewayAccount, payment_id: str, amount_minor: int, currency: str, /) -> GatewayPayment:
        """Take an authorized payment."""
        return await self._ask(account, payments.capture, payment_id, amount_minor, currency)

    async def refund(self, account: GatewayAccount, payment_id: str, amount_minor: int, reference: str, /) -> GatewayRefund:
        """Give money back, once per reference."""
        return await self._ask(account, payments.refund, payment_id, amount_minor, reference)

    async def refunds(self, account: GatewayAccount, payment_id: str, /) -> Sequence[GatewayRefund]:
        """Every refund of a payment."""
        return await self._ask(account, payments.refunds, payment_id)

    async def dispute(self, account: GatewayAccount, dispute_id: str, /) -> GatewayDispute:
        """A dispute as it is now."""
        return await self._ask(account, payments.dispute, dispute_id)

    async def charge_saved(self, account: GatewayAccount, wanted: PaymentWanted, /) -> GatewayPayment:
        """Charge a saved method, once per reference."""
        return await self._ask(account, payments.charge_saved, wanted)

    async def start_mandate(self, account: GatewayAccount, wanted: MandateWanted, /) -> Mandate:
        """A subscription, once per reference."""
        return await self._ask(account, mandates.start, wanted)

    async def mandate(self, account: GatewayAccount, mandate_id: str, /) -> Mandate:
        """A subscription as it is now."""
        return await self._ask(account, mandates.show, mandate_id)

    async def change_mandate(self, account: GatewayAccount, mandate_id: str, change: str, /) -> Mandate:
        """Pause, resume or cancel a subscription."""
        return await self._ask(account, mandates.change, mandate_id, change)

    def check_checkout(self, account: GatewayAccount, gateway_id: str, payment_id: str, signature: str, /) -> None:
        """HMAC over order and payment, with the key's secret. Raises ``Forged``."""
        notices.check_checkout(account, gateway_id, payment_id, signature)

    def read_notice(self, account: GatewayAccount, body: bytes, headers: Mapping[str, str], /) -> GatewayNotice:
        """HMAC over the raw body, with the webhook's secret. Raises ``Forged``, ``Invalid``."""
        return notices.read(account, body, headers)

    async def _ask(self, account: GatewayAccount, work: Callable[Concatenate[Desk, P], T], *asked: P.args, **more: P.kwargs) -> T:
        wire, now = self.wire, self.context.clock.now()

        def sit() -> T:
            try:
                return work(desk(account, self.settings, wire, now), *asked, **more)
            except razorpay.errors.BadRequestError as error:  # what the wire should have told us first
                raise GatewayError(str(error), code="BAD_REQUEST_ERROR") from None
            except (razorpay.errors.GatewayError, razorpay.errors.ServerError) as error:
                raise GatewayAway(f"Razorpay failed: {error}") from None
            except (Invalid, KeyError, TypeError, AttributeError) as error:  # it answered something else than it says it does
                raise GatewayAway(f"Razorpay's answer cannot be read: {type(error).__name__}") from error

        return await self.context.blocking.run("razorpay", sit)


def _mode(live: bool) -> str:
    return "live payments" if live else "tests"
