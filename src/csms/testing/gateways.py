"""A payment gateway for tests: it has orders, payments, refunds and mandates in memory, and fails as it is told to.

    gateway = FakeGateway()
    gateway.faults["offer"].append(LOST)             # it will make the order, and its answer gets lost
    gateway.pay(payment.offer_ref)                   # somebody pays
    body, headers = gateway.notice("payment.captured", payment=...)

It outlives servers: one that was killed and starts again finds there what it had asked for. It keeps 2 % of what it takes; ``owes`` is what
it owes the operator, with which the ledger must agree. ``PaidGateway`` is a plugin that brings one.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any, TypeVar

import attrs
import trio

from csms.core.payments import (
    AUTHORIZED,
    FAILED,
    OPEN,
    PAID,
    REFUND_FAILED,
    REFUND_PENDING,
    REFUNDED,
    WAYS,
    Forged,
    GatewayAccount,
    GatewayAway,
    GatewayDispute,
    GatewayError,
    GatewayNotice,
    GatewayPayment,
    GatewayRefund,
    Mandate,
    MandateWanted,
    PaymentOffer,
    PaymentWanted,
)
from csms.hooks import PluginContext, hookimpl

from .gateway_disputes import Disputes
from .gateway_notices import read, signed

T = TypeVar("T")
AWAY, LOST, REFUSED, SLOW, BROKEN = "away", "lost", "refused", "slow", "broken"
"""How a call goes wrong: nothing was done and nobody answers; it was done and the answer got lost; it is refused; no answer ever comes;
the plugin itself has a fault."""
WRONG_KEY = "wrong"
"""A key secret that it does not take."""


@attrs.define(slots=True)
class Offer:
    """What was asked for, and whether it can still be paid."""

    gateway_id: str
    wanted: PaymentWanted
    closed: bool = False


class FakeGateway(Disputes):
    """``core.payments.PaymentProvider`` in memory. ``faults`` has, by the name of a method, how its next calls go wrong (``""``: not)."""

    def __init__(self, name: str = "fake", *, ways: Iterable[str] = WAYS, secret: str = "hook-secret") -> None:  # noqa: S107 - of tests
        self._name, self._ways, self.secret = name, frozenset(ways), secret
        self.offers: dict[str, Offer] = {}
        self.attempts: dict[str, GatewayPayment] = {}
        self.given_back: dict[str, GatewayRefund] = {}
        self.agreed: dict[str, Mandate] = {}
        self.disputes = {}
        self.faults: defaultdict[str, list[str]] = defaultdict(list)
        self.asked: list[str] = []
        """The names of all calls, in order."""
        self.step: Callable[[str], None] = lambda where: None
        """Called before and after each call does what it does: where a test crashes the caller."""
        self.refunds_as = REFUNDED
        """What becomes of a refund at once: ``refunded`` or ``pending``."""
        self.saves = ""
        """The token of a method that the next payments save; ``""``: none."""
        self._numbers = count(1)
        self._events = count(1)

    @property
    def name(self) -> str:
        """How accounts name it."""
        return self._name

    @property
    def ways(self) -> frozenset[str]:
        """How payments can be asked for."""
        return self._ways

    @property
    def least_refunds(self) -> Mapping[str, int]:
        """The least that it gives back."""
        return {"INR": 100}

    def id(self, kind: str) -> str:
        """A fresh id, such as ``pay_fake_7``: no other gateway has it."""
        return f"{kind}_{self._name}_{next(self._numbers)}"

    async def _call(self, name: str, do: Callable[[], T]) -> T:
        await trio.lowlevel.checkpoint()
        self.asked.append(name)
        self.step(f"before {name}")
        fault = self.faults[name].pop(0) if self.faults[name] else ""
        if fault == AWAY:
            raise GatewayAway(f"the gateway is down ({name})")
        if fault == REFUSED:
            raise GatewayError(f"the gateway refuses ({name})", code="BAD_REQUEST")
        if fault == BROKEN:
            raise ZeroDivisionError("a fault of the plugin")
        if fault == SLOW:
            await trio.sleep_forever()
        done = do()
        self.step(f"after {name}")
        if fault == LOST:
            raise GatewayAway(f"the answer got lost ({name})")
        return done

    # --- what people do at it -----------------------------------------------------------------------------------------------------

    def offer_of(self, key: str) -> Offer:
        """An offer by its id or by our reference. Raises ``KeyError``."""
        found = self.offers.get(key) or next((each for each in self.offers.values() if each.wanted.reference == key), None)
        if found is None:
            raise KeyError(key)
        return found

    def pay(
        self, key: str, *, state: str = PAID, amount_minor: int | None = None, currency: str = "", method: str = "upi", **more: Any
    ) -> GatewayPayment:
        """Somebody pays an offer, or tries to (``state``), as much and in what they like."""
        offer = self.offer_of(key)
        wanted = offer.wanted
        return self._take(
            offer.gateway_id,
            wanted.reference,
            amount_minor or wanted.amount_minor,
            currency or wanted.currency,
            state,
            method,
            **more,
        )

    def pay_mandate(self, mandate_id: str, *, amount_minor: int, currency: str = "INR") -> GatewayPayment:
        """A recurring payment is charged."""
        known = self.agreed[mandate_id]
        self.agreed[mandate_id] = attrs.evolve(known, state="active", paid_count=known.paid_count + 1)
        return self._take(mandate_id, known.reference, amount_minor, currency, PAID, "card")

    def _take(
        self, gateway_id: str, reference: str, amount_minor: int, currency: str, state: str, method: str, **more: Any
    ) -> GatewayPayment:
        made = GatewayPayment(
            payment_id=self.id("pay"),
            gateway_id=gateway_id,
            reference=reference,
            state=state,
            amount_minor=amount_minor,
            currency=currency,
            method=method,
            shown="a•••@upi",
            saved_method=self.saves if state in (PAID, AUTHORIZED) else "",
            fee_minor=amount_minor // 50,
            fee_tax_minor=amount_minor // 50 * 18 // 118,
            **more,
        )
        self.attempts[made.payment_id] = made
        return made

    def give_back(self, payment_id: str, amount_minor: int, reference: str = "", state: str = REFUNDED) -> GatewayRefund:
        """A refund, such as one that somebody makes on the gateway's own pages. Raises ``GatewayError`` for more than is left."""
        paid = self.attempts[payment_id]
        made = [each for each in self.given_back.values() if each.payment_id == payment_id and each.state != REFUND_FAILED]
        if amount_minor + sum(each.amount_minor for each in made) > paid.amount_minor:
            raise GatewayError("more than is left of it")
        refund = GatewayRefund(
            refund_id=self.id("rfnd"), payment_id=payment_id, reference=reference, state=state, amount_minor=amount_minor
        )
        self.given_back[refund.refund_id] = refund
        self._count_back(payment_id)
        return refund

    def finish_refund(self, refund_id: str, state: str = REFUNDED) -> GatewayRefund:
        """A refund that was pending comes to its end."""
        self.given_back[refund_id] = attrs.evolve(self.given_back[refund_id], state=state)
        self._count_back(self.given_back[refund_id].payment_id)
        return self.given_back[refund_id]

    def _count_back(self, payment_id: str) -> None:
        back = [each for each in self.given_back.values() if each.payment_id == payment_id and each.state != REFUND_FAILED]
        self.attempts[payment_id] = attrs.evolve(self.attempts[payment_id], refunded_minor=sum(each.amount_minor for each in back))

    def balance(self, currency: str = "INR") -> int:
        """What it took and did not give back. Refunds that are pending count as given back."""
        taken = sum(each.amount_minor for each in self._paid(currency))
        back = [each for each in self.given_back.values() if each.state != REFUND_FAILED]
        return taken - sum(each.amount_minor for each in back if self.attempts[each.payment_id].currency == currency)

    def kept(self, currency: str = "INR") -> int:
        """What it keeps for itself of what it took."""
        return sum(each.fee_minor or 0 for each in self._paid(currency))

    def owes(self, currency: str = "INR") -> int:
        """What it owes the operator, which is what the ledger has there."""
        return self.balance(currency) - self.kept(currency) - self.lost(currency)

    def _paid(self, currency: str) -> list[GatewayPayment]:
        return [each for each in self.attempts.values() if each.state == PAID and each.currency == currency]

    def notice(
        self,
        kind: str,
        *,
        payment: GatewayPayment | None = None,
        refund: GatewayRefund | None = None,
        mandate: Mandate | None = None,
        dispute: GatewayDispute | None = None,
        event_id: str = "",
        secret: str = "",
    ) -> tuple[bytes, dict[str, str]]:
        """A webhook: its body, and the headers with its signature; with another ``secret`` a forged one."""
        about: dict[str, Any] = {"payment": payment, "refund": refund, "mandate": mandate, "dispute": dispute}
        return signed(kind, about, event_id or f"evt_{next(self._events)}", secret or self.secret)

    def checkout_signature(self, gateway_id: str, payment_id: str, secret: str = "key-secret") -> str:  # noqa: S107 - of tests
        """What its checkout page gives the browser with a payment."""
        return hmac.digest(secret.encode(), f"{gateway_id}|{payment_id}".encode(), "sha256").hex()

    # --- the provider ---------------------------------------------------------------------------------------------------------------

    async def check(self, account: GatewayAccount, /) -> str:
        """Whether the keys work."""

        def do() -> str:
            if account.key_secret == WRONG_KEY:
                raise GatewayError("the key is not valid", code="UNAUTHORIZED")
            return f"the keys of {account.key_id} work"

        return await self._call("check", do)

    async def offer(self, account: GatewayAccount, wanted: PaymentWanted, /) -> PaymentOffer:
        """Every call makes another one, as real gateways do."""

        def do() -> PaymentOffer:
            made = Offer(self.id(wanted.way), wanted)
            self.offers[made.gateway_id] = made
            return self._shown(made)

        return await self._call("offer", do)

    def _shown(self, offer: Offer) -> PaymentOffer:
        url = f"https://pay.example.org/{offer.gateway_id}"
        paid = any(each.gateway_id == offer.gateway_id and each.state == PAID for each in self.attempts.values())
        return PaymentOffer(
            gateway_id=offer.gateway_id,
            state=PAID if paid else OPEN,
            pay_url=url if offer.wanted.way != "order" else "",
            checkout={"order_id": offer.gateway_id} if offer.wanted.way == "order" else {},
        )

    async def find(self, account: GatewayAccount, way: str, reference: str, /) -> PaymentOffer | None:
        """What was made under a reference before."""

        def do() -> PaymentOffer | None:
            found = [each for each in self.offers.values() if (each.wanted.way, each.wanted.reference) == (way, reference)]
            return self._shown(found[0]) if found else None

        return await self._call("find", do)

    async def close(self, account: GatewayAccount, way: str, gateway_id: str, /) -> None:
        """Let nobody pay it any more; in tests people do so all the same."""

        def do() -> None:
            self.offers[gateway_id].closed = True

        await self._call("close", do)

    async def payments(self, account: GatewayAccount, way: str, gateway_id: str, /) -> Sequence[GatewayPayment]:
        """Every attempt to pay."""
        return await self._call("payments", lambda: [each for each in self.attempts.values() if each.gateway_id == gateway_id])

    async def payment(self, account: GatewayAccount, payment_id: str, /) -> GatewayPayment:
        """One attempt."""

        def do() -> GatewayPayment:
            if payment_id not in self.attempts:
                raise GatewayError("there is no such payment", code="NOT_FOUND")
            return self.attempts[payment_id]

        return await self._call("payment", do)

    async def capture(self, account: GatewayAccount, payment_id: str, amount_minor: int, currency: str, /) -> GatewayPayment:
        """Take an authorized payment; a second time is refused, as by real gateways."""

        def do() -> GatewayPayment:
            if self.attempts[payment_id].state != AUTHORIZED:
                raise GatewayError("it is not authorized", code="ALREADY_CAPTURED")
            self.attempts[payment_id] = attrs.evolve(self.attempts[payment_id], state=PAID)
            return self.attempts[payment_id]

        return await self._call("capture", do)

    async def refund(self, account: GatewayAccount, payment_id: str, amount_minor: int, reference: str, /) -> GatewayRefund:
        """Give money back: every call does, as real gateways do that know no references."""
        return await self._call("refund", lambda: self.give_back(payment_id, amount_minor, reference, self.refunds_as))

    async def refunds(self, account: GatewayAccount, payment_id: str, /) -> Sequence[GatewayRefund]:
        """Every refund of a payment."""
        return await self._call("refunds", lambda: [each for each in self.given_back.values() if each.payment_id == payment_id])

    async def charge_saved(self, account: GatewayAccount, wanted: PaymentWanted, /) -> GatewayPayment:
        """Charge a saved method; the token ``expired`` fails."""

        def do() -> GatewayPayment:
            made = Offer(self.id(wanted.way), wanted)
            self.offers[made.gateway_id] = made
            if wanted.saved_method == "expired":
                return self.pay(made.gateway_id, state=FAILED, error="the card has expired")
            return self.pay(made.gateway_id, method="card")

        return await self._call("charge_saved", do)

    async def start_mandate(self, account: GatewayAccount, wanted: MandateWanted, /) -> Mandate:
        """Set up a recurring payment."""

        def do() -> Mandate:
            made = Mandate(
                mandate_id=self.id("sub"), reference=wanted.reference, state="created", pay_url="https://pay.example.org/agree"
            )
            self.agreed[made.mandate_id] = made
            return made

        return await self._call("start_mandate", do)

    async def mandate(self, account: GatewayAccount, mandate_id: str, /) -> Mandate:
        """A recurring payment as it is now."""
        return await self._call("mandate", lambda: self.agreed[mandate_id])

    async def change_mandate(self, account: GatewayAccount, mandate_id: str, change: str, /) -> Mandate:
        """Pause, resume or cancel it."""

        def do() -> Mandate:
            state = {"pause": "paused", "resume": "active", "cancel": "cancelled"}[change]
            self.agreed[mandate_id] = attrs.evolve(self.agreed[mandate_id], state=state)
            return self.agreed[mandate_id]

        return await self._call("change_mandate", do)

    def check_checkout(self, account: GatewayAccount, gateway_id: str, payment_id: str, signature: str, /) -> None:
        """Whether a checkout page's word holds."""
        if not hmac.compare_digest(
            self.checkout_signature(gateway_id, payment_id, account.key_secret).encode(), signature.encode()
        ):
            raise Forged("the signature does not hold")

    def read_notice(self, account: GatewayAccount, body: bytes, headers: Mapping[str, str], /) -> GatewayNotice:
        """Check a webhook's signature and read it."""
        return read(account, body, headers)


class PaidGateway:
    """A plugin that brings a ``FakeGateway``: ``running_server(config, plugins={"fake": PaidGateway(gateway)})``."""

    def __init__(self, gateway: FakeGateway | None = None) -> None:
        self.gateway = gateway or FakeGateway()

    @hookimpl
    def register_payment_providers(self, context: PluginContext) -> list[FakeGateway]:
        """Bring it."""
        return [self.gateway]


__all__ = [
    "AUTHORIZED",
    "AWAY",
    "BROKEN",
    "FAILED",
    "LOST",
    "OPEN",
    "PAID",
    "REFUNDED",
    "REFUND_FAILED",
    "REFUND_PENDING",
    "REFUSED",
    "SLOW",
    "WRONG_KEY",
    "FakeGateway",
    "PaidGateway",
]
