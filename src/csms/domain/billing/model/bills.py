"""Bills: as the store keeps them, and as the management API asks for and shows them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.core.paging import LARGEST_LIMIT, USUAL_LIMIT, Following, either_way, filter_by, one_of
from csms.core.pricing import Covered, Price, PriceLine, Share, TaxLine

from .words import KINDS, STATES


@attrs.frozen(slots=True, kw_only=True)
class Used:
    """What a bill took of an allowance (a ledger account in ``WH`` or ``TX``); below zero what a correction gave back to it."""

    account_id: int
    unit: str
    amount: int


@attrs.frozen(slots=True, kw_only=True)
class Bill:
    """A bill, whole. ``number`` 0 is the transaction's own, every other a correction.

    ``energy_wh``, ``net_minor``, ``tax_minor``, ``total_minor``, ``taxes``, ``shares`` and ``uses`` are this bill's own part; ``price`` and ``covered``
    are of the charge as a whole, as it was known then. ``prepaid_minor`` (from the payment that started the charge), ``wallet_minor``
    (with what was held), ``owed_minor`` (as a debt) and ``waived_minor`` (nobody is known who could owe it) add up to the total of
    a settled bill; ``open_minor`` is what of the debt is not paid yet.

    ``credited_minor`` is what credit notes by hand gave back of it, with ``credited_taxes`` in that; ``credited_open_minor`` of it was owed,
    ``credited_lost_minor`` was written off. It is not taken off the amounts above, which are of the charge.

    ``basis`` and ``course`` are what of the transaction it was priced by: its facts, and a word for how it went between its begin and its end.
    """

    id: int
    transaction_id: int
    number: int
    kind: str
    state: str
    note: str
    driver_id: int | None
    charger_id: str
    station_id: int | None
    payment_id: int | None
    basis: str
    started_at: int
    ended_at: int
    energy_wh: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    tariff: str
    price: Price | None
    taxes: tuple[TaxLine, ...]
    shares: tuple[Share, ...]
    uses: tuple[Used, ...]
    covered: Covered | None
    prepaid_minor: int
    wallet_minor: int
    owed_minor: int
    waived_minor: int
    open_minor: int
    written_off_minor: int
    closed_by: str
    attempts: int
    error: str
    due_at: int | None
    unpriced: bool
    created_at: int
    changed_at: int
    priced_at: int | None
    settled_at: int | None
    paid_at: int | None
    credited_minor: int = 0
    credited_tax_minor: int = 0
    credited_taxes: tuple[TaxLine, ...] = ()
    credited_open_minor: int = 0
    credited_lost_minor: int = 0
    course: str = ""


@attrs.frozen(slots=True, kw_only=True)
class BillItem:
    """A bill as lists show it. Of a correction the amounts are the difference to what was billed before. ``credited_minor`` is what credit
    notes by hand gave back of it since, with tax; it is not taken off the other amounts.

    ``note`` says why it is in its state, ``error`` what went wrong the last time; ``due_at`` is when it is tried (again).
    """

    id: int
    transaction_id: int
    number: int
    kind: str
    state: str
    note: str
    driver_id: int | None
    driver_name: str | None
    charger_id: str
    station_id: int | None
    station_name: str | None
    payment_id: int | None
    started_at: int
    ended_at: int
    energy_wh: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    prepaid_minor: int
    wallet_minor: int
    owed_minor: int
    waived_minor: int
    open_minor: int
    written_off_minor: int
    credited_minor: int
    closed_by: str
    tariff: str
    attempts: int
    error: str
    due_at: int | None
    created_at: int
    priced_at: int | None
    settled_at: int | None
    paid_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class BillDetail(BillItem):
    """A bill with what it is made of. ``lines`` and ``explained`` are of the charge as a whole; ``taxes`` and ``shares`` this bill's own
    part. ``used`` is what it took of allowances, ``others`` are the other bills of the transaction: its corrections, or what it corrects."""

    lines: Sequence[PriceLine]
    taxes: Sequence[TaxLine]
    shares: Sequence[Share]
    used: Sequence[Used]
    tax_inclusive: bool
    tax_code: str
    place_of_supply: str
    reference: str
    electricity_minor: int | None
    notes: Sequence[str]
    explained: Sequence[str]
    others: Sequence[BillItem]


@attrs.frozen(slots=True, kw_only=True)
class MyBill:
    """A bill as its driver sees it."""

    id: int
    transaction_id: int
    number: int
    kind: str
    state: str
    note: str
    charger_id: str
    station_id: int | None
    station_name: str | None
    started_at: int
    ended_at: int
    energy_wh: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    prepaid_minor: int
    wallet_minor: int
    open_minor: int
    credited_minor: int
    tariff: str
    settled_at: int | None
    paid_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class MyBillDetail(MyBill):
    """A bill as its driver sees it, with its lines and taxes."""

    lines: Sequence[PriceLine]
    taxes: Sequence[TaxLine]
    used: Sequence[Used]
    notes: Sequence[str]
    others: Sequence[MyBill]


@attrs.frozen(slots=True, kw_only=True)
class BillFilter:
    """Which bills somebody wants. Their time is when the charge ended."""

    state: str | None = one_of(*STATES, help="exactly this state")
    kind: str | None = one_of(*KINDS, help="the transaction's own, or corrections of it")
    driver_id: int | None = filter_by("of this driver")
    charger_id: str | None = filter_by("at this charger")
    station_id: int | None = filter_by("at this station")
    transaction_id: int | None = filter_by("of this transaction")
    open: bool | None = filter_by("true: something of it is owed; false: nothing")
    from_at: int | None = filter_by("of charges that ended then or later")
    to_at: int | None = filter_by("of charges that ended before")
    search: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "free text: charger, station, driver or tariff"},
    )


@attrs.frozen(slots=True, kw_only=True)
class BillsQuery(BillFilter):
    """Which stretch of the bills somebody wants."""

    limit: int = attrs.field(
        default=USUAL_LIMIT, validator=[validators.ge(1), validators.le(LARGEST_LIMIT)], metadata={"help": "items at a time"}
    )
    after: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "the cursor `next` of the answer before; not given, the beginning"},
    )
    sort: str = either_way()


@attrs.frozen(slots=True, kw_only=True)
class MyBillsQuery(Following):
    """Which of their own bills a driver wants."""

    open: bool | None = filter_by("true: something of it is owed; false: nothing")
    from_at: int | None = filter_by("of charges that ended then or later")
    to_at: int | None = filter_by("of charges that ended before")


@attrs.frozen(slots=True, kw_only=True)
class BillTotals:
    """What the settled bills of a filter come to in one currency, corrections reckoned in. Of net, tax and total is taken off what credit notes
    by hand gave back (``credited_minor``), so they are what the ledger has."""

    currency: str
    bills: int
    energy_wh: int
    net_minor: int
    tax_minor: int
    total_minor: int
    prepaid_minor: int
    wallet_minor: int
    owed_minor: int
    open_minor: int
    written_off_minor: int
    credited_minor: int


@attrs.frozen(slots=True, kw_only=True)
class BillSummary:
    """What the bills of a filter come to: the settled ones by currency, and how many there are in each state."""

    totals: Sequence[BillTotals]
    unbilled: int
    priced: int
    settled: int
    failed: int
    not_billable: int


@attrs.frozen(slots=True, kw_only=True)
class TransactionBills:
    """What was billed for a transaction: its bill, corrections of it, and what they come to together, less what credit notes by hand gave back
    (``credited_minor``)."""

    transaction_id: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    open_minor: int
    credited_minor: int
    bills: Sequence[BillItem]


@attrs.frozen(slots=True, kw_only=True)
class WouldCost:
    """What a transaction would cost if it were billed now. ``price`` is null where nobody prices it."""

    transaction_id: int
    energy_wh: int
    currency: str
    price: Price | None
    used: Sequence[Used]


@attrs.frozen(slots=True, kw_only=True)
class WriteOff:
    """The body that writes off what is open of a bill, or one that could not be billed."""

    reason: str = attrs.field(validator=[validators.min_len(3), validators.max_len(300)])


@attrs.frozen(slots=True, kw_only=True)
class PayBill:
    """How what is open of a bill is to be paid. With ``method_id`` a saved method is charged; ``way`` does not matter then."""

    way: str = attrs.field(default="link", validator=validators.in_(("link", "qr", "order")))
    method_id: int | None = None
    return_url: str = attrs.field(
        default="",
        validator=validators.matches_re(r"|https?://[^\s<>\"']{1,900}"),
        metadata={"help": "where the payer comes back to"},
    )


@attrs.frozen(slots=True, kw_only=True)
class SpendingMonth:
    """What a driver's charges of a month cost, in one currency."""

    month: str
    currency: str
    charges: int
    energy_wh: int
    net_minor: int
    tax_minor: int
    total_minor: int


@attrs.frozen(slots=True, kw_only=True)
class Spending:
    """What a driver's charges cost: the months of the last two years, the newest first, and what is owed."""

    months: Sequence[SpendingMonth]
    owed: Sequence[Owed]


@attrs.frozen(slots=True, kw_only=True)
class Owed:
    """What a driver owes for charges in one currency."""

    currency: str
    open_minor: int
    bills: int
