"""Events of the payments slice."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import Event, event

from .words import mandate_key, payment_key


@attrs.frozen(slots=True, kw_only=True)
class AboutPayment(Event):
    """What all events about a payment say. ``amount_minor`` is how much each is about; a guest has no ``driver_id``."""

    payment_id: int
    driver_id: int | None
    purpose: str
    reference_kind: str
    reference_id: str
    amount_minor: int
    currency: str

    @property
    def key(self) -> str:
        """What happens to a payment is told in order."""
        return payment_key(self.payment_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentOpened(AboutPayment):
    """The gateway has been asked for a payment: it can be paid, until ``expires_at``. Told once per payment, however it is paid (``way``)."""

    type: ClassVar[str] = "payment_opened"

    way: str
    expires_at: int | None


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentPaid(AboutPayment):
    """Money came and is in the ledger: ``amount_minor`` is what was paid, which may be other than what was asked for (``odd``).

    ``credited_to`` is ``wallet``, ``prepayment`` (the account named by the payment's id) or ``receivable``; of the last, ``to_wallet_minor``
    was more than the driver owed. Told once per payment: what comes twice is told by ``payment_odd``.
    """

    type: ClassVar[str] = "payment_paid"

    asked_minor: int
    credited_to: str
    to_wallet_minor: int
    way: str
    method: str
    payment_ref: str
    odd: str


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentFailed(AboutPayment):
    """A payment came to nothing: the gateway refused to ask for it, or a saved method could not be charged."""

    type: ClassVar[str] = "payment_failed"

    error: str


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentExpired(AboutPayment):
    """Nobody paid in time."""

    type: ClassVar[str] = "payment_expired"


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentCancelled(AboutPayment):
    """A payment is not wanted any more."""

    type: ClassVar[str] = "payment_cancelled"


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentOdd(AboutPayment):
    """Money came that was not quite what was asked for: ``odd`` is ``twice``, ``amount``, ``currency`` or ``late``; or more went back than
    was wanted or was there (``refund``: ``amount_minor`` is what the gateway says, ``asked_minor`` what of it is in the ledger).

    ``done`` is what became of it: ``wallet``, ``prepayment`` or ``receivable`` (it was credited there), or ``refund`` (it goes back).
    """

    type: ClassVar[str] = "payment_odd"

    odd: str
    done: str
    asked_minor: int
    asked_currency: str
    payment_ref: str


@attrs.frozen(slots=True, kw_only=True)
class AboutRefund(AboutPayment):
    """What events about a refund say besides."""

    refund_id: int
    reason: str


@event
@attrs.frozen(slots=True, kw_only=True)
class RefundMade(AboutRefund):
    """Money went back to who paid it."""

    type: ClassVar[str] = "refund_made"

    refund_ref: str


@event
@attrs.frozen(slots=True, kw_only=True)
class RefundFailed(AboutRefund):
    """Money could not be given back: it is where it was before. Somebody should look; it can be tried again."""

    type: ClassVar[str] = "refund_failed"

    error: str


@event
@attrs.frozen(slots=True, kw_only=True)
class MandateChanged(Event):
    """A recurring payment has another state, or was charged once more. ``mandate_ref`` is its gateway's id, as plugins know it."""

    type: ClassVar[str] = "mandate_changed"

    mandate_id: int
    mandate_ref: str
    driver_id: int
    state: str
    previous_state: str
    paid_count: int
    next_charge_at: int | None
    reference_kind: str
    reference_id: str

    @property
    def key(self) -> str:
        """What happens to a mandate is told in order."""
        return mandate_key(self.mandate_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentNoticeReceived(Event):
    """A gateway told something by a webhook whose signature held. Nothing in it is believed before the gateway was asked."""

    type: ClassVar[str] = "payment_notice_received"

    notice_id: int
    gateway_id: int
    kind: str
    about: str
    """What it is about, by the gateway's id: its notices are heard in order."""

    @property
    def key(self) -> str:
        """What a gateway tells of one thing is heard in order."""
        return f"payment-notices:{self.gateway_id}:{self.about}"


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentNoticesForged(Event):
    """Many webhooks came to an account's address whose signature does not hold: an attack, or a wrong secret."""

    type: ClassVar[str] = "payment_notices_forged"

    gateway_id: int
    name: str
    times: int

    @property
    def key(self) -> str:
        """Told in order for each account; apart from its changes, which must not wait for strangers."""
        return f"payment-forged:{self.gateway_id}"
