"""Payments: what a gateway is asked, what it says, and the port ``PaymentProvider`` that a plugin fills.

A provider only speaks to its gateway: it holds no money, writes nothing and decides nothing. What it says becomes facts in the payments
slice, which asks again (``status``) before it believes anything that matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Protocol, runtime_checkable

import attrs
from attrs import validators

from .errors import CsmsError, Refused
from .ids import TenantId
from .money import CURRENCY

ORDER, LINK, QR, RECURRING = "order", "link", "qr", "recurring"
WAYS = (ORDER, LINK, QR, RECURRING)
"""How a payment is asked for: an order that a checkout page pays, a link to send, a QR code to scan (UPI), a recurring mandate."""

OPEN, AUTHORIZED, PAID, FAILED, CANCELLED, EXPIRED = "open", "authorized", "paid", "failed", "cancelled", "expired"
GATEWAY_STATES = (OPEN, AUTHORIZED, PAID, FAILED, CANCELLED, EXPIRED)
DISPUTE_OPEN, DISPUTE_REVIEWED, DISPUTE_WON, DISPUTE_LOST, DISPUTE_CLOSED = "open", "under_review", "won", "lost", "closed"
DISPUTE_STATES = (DISPUTE_OPEN, DISPUTE_REVIEWED, DISPUTE_WON, DISPUTE_LOST, DISPUTE_CLOSED)
DISPUTE_OVER = (DISPUTE_WON, DISPUTE_LOST, DISPUTE_CLOSED)
REFUND_PENDING, REFUNDED, REFUND_FAILED = "pending", "refunded", "failed"


class GatewayError(CsmsError):
    """The gateway refused: asking again in the same words will not help. ``code`` is its own word for why."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class GatewayAway(CsmsError):
    """The gateway did not answer in time or is down: it may or may not have done what it was asked. Look (``find``) before asking again."""


class Forged(CsmsError):
    """A signature does not hold: somebody else wrote this."""


@attrs.frozen(slots=True, kw_only=True)
class GatewayAccount:
    """A tenant's account at a gateway. ``key_secret`` and ``webhook_secret`` are in clear here and nowhere else."""

    provider: str
    key_id: str
    key_secret: str = attrs.field(repr=False)
    webhook_secret: str = attrs.field(repr=False)
    base_url: str = ""
    """Another address of the gateway than its usual one, such as of a stub; ``""`` for the usual."""
    live: bool = False


@attrs.frozen(slots=True, kw_only=True)
class PaymentWanted:
    """What is to be paid. ``reference`` is our id of the payment (at most 40 characters), the same at every attempt: providers pass it on
    as receipt or reference, and find it again by it."""

    reference: str = attrs.field(validator=[validators.min_len(1), validators.max_len(40)])
    way: str = attrs.field(validator=validators.in_(WAYS))
    amount_minor: int = attrs.field(validator=validators.gt(0))
    currency: str = attrs.field(validator=validators.matches_re(CURRENCY))
    description: str = ""
    customer_name: str = ""
    customer_email: str = ""
    customer_phone: str = ""
    expires_at: int | None = None
    return_url: str = ""
    notes: Mapping[str, str] = attrs.field(factory=dict)
    saved_method: str = attrs.field(default="", repr=False)


@attrs.frozen(slots=True, kw_only=True)
class PaymentOffer:
    """What the gateway made of it: ``gateway_id`` is its id (an order, link or QR code), ``pay_url`` or ``image_url`` is where to pay,
    ``checkout`` what a checkout page needs (never a secret)."""

    gateway_id: str
    state: str = OPEN
    pay_url: str = ""
    image_url: str = ""
    checkout: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(slots=True, kw_only=True)
class GatewayPayment:
    """A payment as the gateway tells it: one attempt to pay what was wanted. ``gateway_id`` is of what it pays, ``payment_id`` its own.

    ``method`` is such as ``upi``, ``card``, ``netbanking``; ``saved_method`` a token for the next time, where there is one; ``shown`` is
    what people recognise it by (``•••• 1111``, a UPI address in part). ``fee_minor`` is what the gateway keeps of it, in
    the same currency; of that ``fee_tax_minor`` is tax. None: it does not tell, or not yet."""

    payment_id: str
    gateway_id: str
    reference: str = ""
    state: str = attrs.field(validator=validators.in_(GATEWAY_STATES))
    amount_minor: int
    currency: str
    method: str = ""
    shown: str = ""
    saved_method: str = attrs.field(default="", repr=False)
    fee_minor: int | None = None
    fee_tax_minor: int | None = None
    refunded_minor: int = 0
    error: str = ""
    paid_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class GatewayRefund:
    """A refund as the gateway tells it. ``reference`` is our id of it."""

    refund_id: str
    payment_id: str
    reference: str
    state: str
    amount_minor: int
    error: str = ""


@attrs.frozen(slots=True, kw_only=True)
class GatewayDispute:
    """A payer asked their bank for their money back, as the gateway tells it. ``phase`` and ``reason`` are its own words; an open one is to
    be answered until ``respond_by_at``. ``deducted_minor`` is what the gateway took from the tenant for it, where it tells."""

    dispute_id: str
    payment_id: str
    state: str = attrs.field(validator=validators.in_(DISPUTE_STATES))
    amount_minor: int
    currency: str
    phase: str = ""
    reason: str = ""
    deducted_minor: int = 0
    respond_by_at: int | None = None
    raised_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class GatewayNotice:
    """What a webhook says, once its signature held: its own ``event_id`` (the same when it comes again), and what it is about.

    ``kind`` is the gateway's word (``payment.captured``). ``payment``, ``refund``, ``mandate`` and ``dispute`` are what it shows, if any."""

    event_id: str
    kind: str
    occurred_at: int | None = None
    payment: GatewayPayment | None = None
    refund: GatewayRefund | None = None
    mandate: Mandate | None = None
    dispute: GatewayDispute | None = None


@attrs.frozen(slots=True, kw_only=True)
class MandateWanted:
    """A recurring payment to be set up: ``amount_minor`` each ``every`` ``period`` (``daily``, ``weekly``, ``monthly``, ``yearly``)."""

    reference: str = attrs.field(validator=[validators.min_len(1), validators.max_len(40)])
    amount_minor: int = attrs.field(validator=validators.gt(0))
    currency: str = attrs.field(validator=validators.matches_re(CURRENCY))
    period: str = attrs.field(validator=validators.in_(("daily", "weekly", "monthly", "yearly")))
    every: int = attrs.field(default=1, validator=validators.ge(1))
    times: int = attrs.field(default=120, validator=validators.ge(1))
    starts_at: int | None = None
    description: str = ""
    customer_name: str = ""
    customer_email: str = ""
    customer_phone: str = ""
    notes: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen(slots=True, kw_only=True)
class Mandate:
    """A recurring payment as the gateway tells it. ``state``: ``created``, ``authenticated``, ``active``, ``pending`` (a charge failed and
    is tried again), ``halted``, ``paused``, ``cancelled``, ``completed``."""

    mandate_id: str
    reference: str
    state: str
    pay_url: str = ""
    paid_count: int = 0
    next_charge_at: int | None = None
    ends_at: int | None = None


class PaymentProvider(Protocol):
    """A gateway. Every method raises ``GatewayError`` or ``GatewayAway``; none is ever called while something is being written."""

    @property
    def name(self) -> str:
        """How accounts name it: ``razorpay``."""
        ...

    @property
    def ways(self) -> frozenset[str]:
        """How payments can be asked for: some of ``WAYS``."""
        ...

    @property
    def least_refunds(self) -> Mapping[str, int]:
        """The least that it gives back at a time, by currency in minor units; of a currency that is not among them any amount."""
        ...

    async def check(self, account: GatewayAccount, /) -> str:
        """Whether the keys work: what was found, in words."""
        ...

    async def offer(self, account: GatewayAccount, wanted: PaymentWanted, /) -> PaymentOffer:
        """Ask for a payment. The same ``reference`` is offered once where the gateway can say so (see ``find``)."""
        ...

    async def find(self, account: GatewayAccount, way: str, reference: str, /) -> PaymentOffer | None:
        """What was made under a reference before, after an answer got lost; None if nothing was."""
        ...

    async def close(self, account: GatewayAccount, way: str, gateway_id: str, /) -> None:
        """Let nobody pay it any more, where the gateway can do that."""
        ...

    async def payments(self, account: GatewayAccount, way: str, gateway_id: str, /) -> Sequence[GatewayPayment]:
        """Every attempt to pay what was offered, as the gateway has them now."""
        ...

    async def payment(self, account: GatewayAccount, payment_id: str, /) -> GatewayPayment:
        """One payment, as the gateway has it now."""
        ...

    async def capture(self, account: GatewayAccount, payment_id: str, amount_minor: int, currency: str, /) -> GatewayPayment:
        """Take an authorized payment."""
        ...

    async def refund(self, account: GatewayAccount, payment_id: str, amount_minor: int, reference: str, /) -> GatewayRefund:
        """Give money back, once per ``reference``."""
        ...

    async def refunds(self, account: GatewayAccount, payment_id: str, /) -> Sequence[GatewayRefund]:
        """Every refund of a payment."""
        ...

    async def charge_saved(self, account: GatewayAccount, wanted: PaymentWanted, /) -> GatewayPayment:
        """Charge a saved method (``wanted.saved_method``) without its owner."""
        ...

    async def start_mandate(self, account: GatewayAccount, wanted: MandateWanted, /) -> Mandate:
        """Set up a recurring payment; its owner agrees at ``pay_url``."""
        ...

    async def mandate(self, account: GatewayAccount, mandate_id: str, /) -> Mandate:
        """A recurring payment as it is now."""
        ...

    async def change_mandate(self, account: GatewayAccount, mandate_id: str, change: str, /) -> Mandate:
        """``pause``, ``resume`` or ``cancel`` it."""
        ...

    def check_checkout(self, account: GatewayAccount, gateway_id: str, payment_id: str, signature: str, /) -> None:
        """Whether a checkout page's word holds. Raises ``Forged``. No I/O."""
        ...

    def read_notice(self, account: GatewayAccount, body: bytes, headers: Mapping[str, str], /) -> GatewayNotice:
        """Check a webhook's signature over its raw body and read it. Raises ``Forged``, or ``Invalid`` for what cannot be read. No I/O."""
        ...


@runtime_checkable
class DisputeProvider(Protocol):
    """What a gateway answers besides ``PaymentProvider`` that tells of disputes."""

    async def dispute(self, account: GatewayAccount, dispute_id: str, /) -> GatewayDispute:
        """A dispute as it is now. Raises ``GatewayError`` or ``GatewayAway``."""
        ...


# --- payments as plugins ask for them -------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class PaymentAsked:
    """A payment that a driver was asked for, as the payments slice keeps it. ``state`` is one of its states, see there."""

    id: int
    state: str
    way: str
    amount_minor: int
    currency: str
    pay_url: str = ""
    image_url: str = ""
    checkout: Mapping[str, str] = attrs.field(factory=dict)


class Payments(Protocol):
    """Payments as plugins may ask for them. What is paid is credited to the driver's wallet; ``payment_paid`` tells of it, with the same
    ``reference_kind`` and ``reference_id``, and the plugin takes its fee from there (``Ledger.collect_fee``)."""

    async def ask(
        self,
        driver_id: int,
        *,
        amount_minor: int,
        way: str,
        key: str,
        description: str,
        reference_kind: str,
        reference_id: str,
        tenant: TenantId,
    ) -> PaymentAsked:
        """Ask a driver for a payment; one ``key`` asks once. Raises ``NotFound``, ``Refused`` where the tenant has no gateway."""
        ...

    async def start_mandate(
        self, driver_id: int, wanted: MandateWanted, *, reference_kind: str, reference_id: str, tenant: TenantId
    ) -> Mandate:
        """Set up a recurring payment; each charge of it becomes a payment. Raises ``NotFound``, ``Refused``."""
        ...

    async def change_mandate(self, mandate_id: str, change: str, *, tenant: TenantId) -> Mandate:
        """``pause``, ``resume`` or ``cancel`` a recurring payment. Raises ``NotFound``, ``Refused``."""
        ...


class NoPayments:
    """``Payments`` of a process that takes none."""

    async def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise Refused("this process takes no payments")

    ask = start_mandate = change_mandate = _refuse
