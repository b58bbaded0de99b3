"""Payments, attempts to pay them, refunds, notices, saved methods and mandates, as they are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
from attrs import validators

from csms.core.payments import WAYS, GatewayPayment

from .disputes import Dispute
from .words import LONGEST_KEY, LONGEST_TEXT, LONGEST_URL, PURPOSES, amount, plain

CURRENCY_OR_NONE = r"|[A-Z]{3}"


@attrs.frozen(slots=True, kw_only=True)
class Customer:
    """Who pays, as the gateway is told: for its receipt, and so that it need not ask. ``language`` (BCP 47) is what we tell them in."""

    name: str = attrs.field(default="", validator=validators.max_len(200))
    email: str = attrs.field(default="", validator=validators.max_len(255))
    phone: str = attrs.field(default="", validator=validators.max_len(40))
    language: str = attrs.field(default="", validator=validators.max_len(35))

    @property
    def is_reached(self) -> bool:
        """Whether they can be told anything."""
        return bool(self.email or self.phone)


@attrs.frozen(slots=True, kw_only=True)
class NewPayment:
    """A payment that is wanted; one ``key`` of a tenant asks for it once.

    ``driver_id`` may be None for ``prepaid`` alone: a guest pays. ``currency`` ``""`` is the tenant's, ``gateway_id`` None its default
    account. ``method_id`` is a saved method, which is charged without its owner. Where ``customer`` is None it is the driver.
    """

    purpose: str = attrs.field(validator=validators.in_(PURPOSES))
    way: str = attrs.field(validator=validators.in_(WAYS))
    amount_minor: int = attrs.field(validator=amount())
    key: str = attrs.field(validator=plain(LONGEST_KEY, 1))
    description: str = attrs.field(validator=plain(LONGEST_TEXT))
    driver_id: int | None = None
    currency: str = attrs.field(default="", validator=validators.matches_re(CURRENCY_OR_NONE))
    reference_kind: str = attrs.field(default="", validator=plain(50))
    reference_id: str = attrs.field(default="", validator=plain(100))
    gateway_id: int | None = None
    expires_at: int | None = None
    return_url: str = attrs.field(default="", validator=plain(LONGEST_URL))
    customer: Customer | None = None
    method_id: int | None = None
    mandate_id: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Payment:
    """A payment. ``paid_minor`` is what came for it, by however many attempts, ``refunded_minor`` what of that went back or is on its way.

    ``pay_url`` or ``image_url`` is where to pay, ``checkout`` what a checkout page needs. ``reference_kind`` and ``reference_id`` name what
    it is for. ``error`` says why it failed, or why the gateway did not answer yet.
    """

    id: int
    driver_id: int | None
    gateway_id: int
    way: str
    purpose: str
    reference_kind: str
    reference_id: str
    amount_minor: int
    currency: str
    description: str
    state: str
    pay_url: str
    image_url: str
    checkout: Mapping[str, str]
    method: str
    method_id: int | None
    mandate_id: int | None
    paid_minor: int
    refunded_minor: int
    error: str
    created_at: int
    opened_at: int | None
    expires_at: int | None
    paid_at: int | None
    ended_at: int | None
    reference: str
    offer_ref: str


@attrs.frozen(slots=True, kw_only=True)
class Asking:
    """A payment as whoever speaks to its gateway needs it. ``look_at`` is when the gateway is to be asked next."""

    payment: Payment
    customer: Customer = attrs.field(repr=False)
    return_url: str
    tries: int
    close_wanted: bool
    looks: int
    look_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Attempt:
    """An attempt to pay, as the gateway tells it. ``credited_to`` is where its money went (``wallet``, ``prepayment``, ``receivable``);
    ``odd`` what was not as it should be: ``twice``, ``amount``, ``currency``, ``late``. ``fee_minor`` is what the gateway keeps of it, with
    ``fee_tax_minor`` of tax in it, and ``fee_booked_at`` when that was put into the ledger."""

    id: int
    payment_id: int
    payment_ref: str
    state: str
    amount_minor: int
    currency: str
    method: str
    shown: str
    fee_minor: int | None
    fee_tax_minor: int | None
    fee_booked_at: int | None
    error: str
    paid_at: int | None
    credited_at: int | None
    credited_to: str
    account_name: str
    odd: str
    refunded_minor: int
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class Seen:
    """An attempt that the gateway was asked about. ``sealed`` and ``fingerprint`` are of a method that it saved; ``""`` without one."""

    payment: GatewayPayment
    sealed: str = attrs.field(default="", repr=False)
    fingerprint: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Refund:
    """Money that goes back. ``wanted_by`` is a person, or ``""`` where it came about by itself."""

    id: int
    payment_id: int
    driver_id: int | None
    attempt_id: int
    amount_minor: int
    currency: str
    reason: str
    wanted_by: str
    state: str
    refund_ref: str
    tries: int
    error: str
    created_at: int
    asked_at: int | None
    ended_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class RefundAsking:
    """A refund as whoever speaks to its gateway needs it: of which payment there, under which reference, begun anew how often."""

    refund: Refund
    gateway_id: int
    payment_ref: str
    reference: str
    round: int
    look_at: int | None

    def is_mine(self, reference: str) -> bool:
        """Whether a reference is of this refund, of whichever round."""
        first = self.reference.removesuffix(f"-{self.round}") if self.round else self.reference
        return reference == first or reference.startswith(f"{first}-")


@attrs.frozen(slots=True, kw_only=True)
class PaymentNotice:
    """A webhook that a gateway sent and that its signature vouches for. ``times`` is how often it came; ``body`` is without personal data."""

    id: int
    gateway_id: int
    event_ref: str
    kind: str
    payment_id: int | None
    reference: str
    offer_ref: str
    payment_ref: str
    refund_ref: str
    mandate_ref: str
    dispute_ref: str
    times: int
    outcome: str
    occurred_at: int | None
    received_at: int
    processed_at: int | None
    body: str


@attrs.frozen(slots=True, kw_only=True)
class PaymentDetail:
    """A payment with every attempt to pay it, its refunds and disputes, and what the gateway told of it."""

    payment: Payment
    attempts: Sequence[Attempt]
    refunds: Sequence[Refund]
    disputes: Sequence[Dispute]
    notices: Sequence[PaymentNotice]


@attrs.frozen(slots=True, kw_only=True)
class SavedMethod:
    """How a driver paid before and may pay again without typing. ``shown`` is what people recognise it by."""

    id: int
    gateway_id: int
    method: str
    shown: str
    is_preferred: bool
    created_at: int
    used_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class KeptMandate:
    """A recurring payment that a driver agreed to, or may. ``mandate_ref`` is the gateway's id, ``""`` while it has not answered;
    ``wanted_change`` what it has not confirmed yet."""

    id: int
    driver_id: int
    gateway_id: int
    reference: str
    mandate_ref: str
    state: str
    amount_minor: int
    currency: str
    pay_url: str
    paid_count: int
    next_charge_at: int | None
    ends_at: int | None
    wanted_change: str
    error: str
    reference_kind: str
    reference_id: str
    created_at: int
    changed_at: int
