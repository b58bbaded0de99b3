"""Disputes: payers who asked their bank for their money back."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import event

from .events import AboutPayment


@attrs.frozen(slots=True, kw_only=True)
class Dispute:
    """A payer asked their bank for the money back, as the gateway tells it. ``state`` is ``open`` (the gateway waits for an answer until
    ``respond_by_at``), ``under_review``, ``won``, ``lost`` or ``closed``; ``phase`` and ``reason`` are its own words.

    Of one that is lost ``booked_minor`` is in the ledger: ``booked_to`` the driver's ``wallet``, what they owe (``receivable``), what was
    left of the ``prepayment``, or a loss (``expense``)."""

    id: int
    payment_id: int
    attempt_id: int
    dispute_ref: str
    state: str
    phase: str
    reason: str
    amount_minor: int
    currency: str
    respond_by_at: int | None
    booked_minor: int
    booked_to: str
    raised_at: int | None
    created_at: int
    changed_at: int
    ended_at: int | None


@event
@attrs.frozen(slots=True, kw_only=True)
class PaymentDisputed(AboutPayment):
    """A payer asked their bank for their money back, or that went on: ``state`` is ``open``, ``under_review``, ``won``, ``lost`` or ``closed``.

    Of an open one the gateway waits for an answer until ``respond_by_at``. Of a lost one ``booked_minor`` is in the ledger by now, taken
    from ``booked_to`` (``wallet``, ``receivable``, ``prepayment``, ``expense``)."""

    type: ClassVar[str] = "payment_disputed"

    dispute_id: int
    dispute_ref: str
    state: str
    previous_state: str
    phase: str
    reason: str
    respond_by_at: int | None
    booked_minor: int
    booked_to: str
