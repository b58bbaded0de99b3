"""What is asked of payments over HTTP, and what drivers are shown."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
from attrs import validators

from csms.core.paging import Following, Paged, filter_by, one_of, sorts
from csms.core.payments import LINK, ORDER, QR, WAYS

from .words import BILL, LONGEST_REASON, LONGEST_TEXT, LONGEST_URL, PURPOSES, REFUND_STATES, STATES, TOP_UP, amount, plain

_MOST_S = 90 * 86_400
_URL = validators.and_(plain(LONGEST_URL), validators.matches_re(r"|https?://\S+"))
_EXPIRY = validators.optional(validators.and_(validators.ge(60), validators.le(_MOST_S)))


@attrs.frozen(slots=True, kw_only=True)
class PaymentBody:
    """A payment to ask a driver for. ``purpose``: ``top_up`` (for the wallet) or ``bill`` (what the driver owes)."""

    driver_id: int
    amount_minor: int = attrs.field(validator=amount())
    way: str = attrs.field(default=LINK, validator=validators.in_((ORDER, LINK, QR)))
    purpose: str = attrs.field(default=TOP_UP, validator=validators.in_((TOP_UP, BILL)))
    description: str = attrs.field(default="", validator=plain(LONGEST_TEXT))
    reference_kind: str = attrs.field(default="", validator=plain(50), metadata={"help": "what it is for, such as bill"})
    reference_id: str = attrs.field(default="", validator=plain(100))
    gateway_id: int | None = attrs.field(default=None, metadata={"help": "not given: the tenant's default account"})
    expires_in_s: int | None = attrs.field(default=None, validator=_EXPIRY)
    return_url: str = attrs.field(default="", validator=_URL)


@attrs.frozen(slots=True, kw_only=True)
class TopUpBody:
    """Money for one's own wallet. With ``method_id`` a saved method is charged; ``way`` does not matter then."""

    amount_minor: int = attrs.field(validator=amount())
    way: str = attrs.field(default=ORDER, validator=validators.in_((ORDER, LINK, QR)))
    method_id: int | None = None
    return_url: str = attrs.field(default="", validator=_URL)


@attrs.frozen(slots=True, kw_only=True)
class ConfirmBody:
    """What a gateway's checkout page gave the browser or the app when it was paid."""

    payment_ref: str = attrs.field(validator=plain(100, 1), metadata={"help": "the gateway's id of the payment"})
    signature: str = attrs.field(repr=False, validator=plain(500, 1))


@attrs.frozen(slots=True, kw_only=True)
class RefundBody:
    """What is to go back, and why. ``amount_minor`` not given: all that is left of it."""

    reason: str = attrs.field(validator=plain(LONGEST_REASON, 1))
    amount_minor: int | None = attrs.field(default=None, validator=validators.optional(amount()))


@attrs.frozen(slots=True, kw_only=True)
class PaymentsQuery(Following):
    """Which payments somebody wants."""

    state: str | None = one_of(*STATES)
    purpose: str | None = one_of(*PURPOSES)
    way: str | None = one_of(*WAYS)
    driver_id: int | None = filter_by("of this driver")
    gateway_id: int | None = filter_by("by this account at a gateway")
    reference_kind: str | None = filter_by("for something of this kind, such as bill")
    reference_id: str | None = filter_by("for the thing of this id")
    from_at: int | None = filter_by("asked for then or later")
    to_at: int | None = filter_by("asked for before")


@attrs.frozen(slots=True, kw_only=True)
class OwnPaymentsQuery(Following):
    """Which of one's own payments somebody wants."""

    state: str | None = one_of(*STATES)
    purpose: str | None = one_of(*PURPOSES)


@attrs.frozen(slots=True, kw_only=True)
class RefundsQuery(Following):
    """Which refunds somebody wants."""

    state: str | None = one_of(*REFUND_STATES)
    driver_id: int | None = filter_by("to this driver")
    payment_id: int | None = filter_by("of this payment")
    from_at: int | None = filter_by("wanted then or later")
    to_at: int | None = filter_by("wanted before")


@attrs.frozen(slots=True, kw_only=True)
class MandatesQuery(Following):
    """Which recurring payments somebody wants."""

    state: str | None = filter_by("in this state, such as active")
    driver_id: int | None = filter_by("of this driver")


@attrs.frozen(slots=True, kw_only=True)
class NoticesQuery(Following):
    """Which notices of gateways somebody wants."""

    gateway_id: int | None = filter_by("of this account")
    payment_id: int | None = filter_by("about this payment")
    kind: str | None = filter_by("of this kind, such as payment.captured")
    pending: bool | None = filter_by("true: not processed yet; false: processed")


@attrs.frozen(slots=True, kw_only=True)
class MethodsQuery(Paged):
    """Which of one's saved methods somebody wants."""

    sort: str = sorts("created_at", "used_at", default="-created_at")
    gateway_id: int | None = filter_by("at this gateway")
    method: str | None = filter_by("of this kind, such as card")


@attrs.frozen(slots=True, kw_only=True)
class OwnPayment:
    """A payment as the driver sees it who makes it."""

    id: int
    state: str
    way: str
    purpose: str
    amount_minor: int
    currency: str
    description: str
    pay_url: str
    image_url: str
    checkout: Mapping[str, str]
    method: str
    paid_minor: int
    refunded_minor: int
    error: str
    reference_kind: str
    reference_id: str
    created_at: int
    expires_at: int | None
    paid_at: int | None
