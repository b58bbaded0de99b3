"""Invoices as the store keeps them, and as the management API asks for and shows them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.core.paging import Following, Onward, filter_by, one_of

from .content import Content
from .words import KINDS, STATUSES, invoices_key


@attrs.frozen(slots=True, kw_only=True)
class InvoiceItem:
    """An invoice, credit note or receipt as lists show it. ``period`` is the month that it collects, ``""`` where it collects none.

    ``due_minor`` is what is still to be paid, ``credited_minor`` what credit notes gave back. ``transaction_id`` is the charge that it is for,
    null where it is for several or for none. A receipt is for ``payment_id``; an invoice for a
    fee, such as a plan's, names the ``movement_id`` that took it.
    """

    id: int
    kind: str
    number: str
    status: str
    driver_id: int | None
    recipient_name: str
    recipient_tax_id: str
    transaction_id: int | None
    original_id: int | None
    payment_id: int | None
    movement_id: int | None
    period: str
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    due_minor: int
    credited_minor: int
    issued_at: int
    issued_by: str
    paid_at: int | None
    digest: str

    @property
    def key(self) -> str:
        """The write key of what becomes of it."""
        return invoices_key(self.driver_id, self.transaction_id)


@attrs.frozen(slots=True, kw_only=True)
class InvoiceDetail(InvoiceItem):
    """An invoice with all that it says. ``related`` are credit notes and supplementary invoices about it; ``pay_url`` is where what is open
    can be paid, ``""`` where nobody asked for that."""

    content: Content
    bill_ids: Sequence[int]
    related: Sequence[InvoiceItem]
    pay_url: str


@attrs.frozen(slots=True, kw_only=True)
class InvoicesQuery(Following):
    """Which invoices somebody wants, the newest first. Their time is when they were issued."""

    kind: str | None = one_of(*KINDS, help="an invoice, a credit note, or a receipt of a top-up")
    status: str | None = one_of(*STATUSES, help="exactly this status")
    driver_id: int | None = filter_by("of this driver")
    original_id: int | None = filter_by("about this invoice")
    bill_id: int | None = filter_by("with this bill")
    transaction_id: int | None = filter_by("with this transaction")
    number: str | None = filter_by("exactly this number")
    period: str | None = filter_by("that collect this month, such as 2026-01")
    open: bool | None = filter_by("true: something is to be paid; false: nothing")
    business: bool | None = filter_by("true: with the recipient's tax number; false: consumers")
    from_at: int | None = filter_by("issued then or later")
    to_at: int | None = filter_by("issued before")


@attrs.frozen(slots=True, kw_only=True)
class MyInvoicesQuery(Following):
    """Which of their own invoices a driver wants."""

    kind: str | None = one_of(*KINDS, help="an invoice, a credit note, or a receipt of a top-up")
    open: bool | None = filter_by("true: something is to be paid; false: nothing")
    from_at: int | None = filter_by("issued then or later")
    to_at: int | None = filter_by("issued before")


@attrs.frozen(slots=True, kw_only=True)
class Waiting:
    """A settled bill that is on no invoice yet."""

    bill_id: int
    transaction_id: int
    driver_id: int | None
    ended_at: int
    currency: str
    total_minor: int


@attrs.frozen(slots=True, kw_only=True)
class WaitingQuery(Onward):
    """Which bills that wait for an invoice somebody wants, the newest first."""

    driver_id: int | None = filter_by("of this driver")


MOST_BILLS = 500
"""Bills on one invoice."""


@attrs.frozen(slots=True, kw_only=True)
class NewInvoice:
    """Bills that are to be on one invoice: of one driver, one currency and one place of supply. Corrections of them come along."""

    bill_ids: tuple[int, ...] = attrs.field(
        validator=[
            validators.min_len(1),
            validators.max_len(MOST_BILLS),
            validators.deep_iterable(validators.and_(validators.ge(1), validators.le(2**63 - 1))),
        ]
    )


@attrs.frozen(slots=True, kw_only=True)
class NewCreditNote:
    """What is given back of an invoice, and why. Without an amount it is all that is left of it."""

    reason: str = attrs.field(validator=[validators.min_len(3), validators.max_len(300)])
    amount_minor: int | None = attrs.field(
        default=None, validator=validators.optional(validators.ge(1)), metadata={"help": "with tax"}
    )


@attrs.frozen(slots=True, kw_only=True)
class OutsidePayment:
    """Money that came for an invoice past every gateway: cash, or a bank transfer. Without an amount it is all that is open."""

    reason: str = attrs.field(validator=[validators.min_len(3), validators.max_len(200)], metadata={"help": "how it came"})
    amount_minor: int | None = attrs.field(default=None, validator=validators.optional(validators.ge(1)))


@attrs.frozen(slots=True, kw_only=True)
class Sent:
    """What became of sending an invoice: the number of the message, None where nobody is to hear it."""

    invoice_id: int
    notice_id: int | None
