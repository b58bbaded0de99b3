"""What partners are due, and what the tax office wants to know: as the management API shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
from attrs import validators

MONTH = r"20\d\d-(0[1-9]|1[0-2])"
FORMATS = ("json", "csv", "xlsx")


def _month() -> Any:
    return attrs.field(validator=validators.matches_re(MONTH), metadata={"help": "such as 2026-10, in the tenant's time zone"})


def _format() -> Any:
    return attrs.field(default="json", validator=validators.in_(FORMATS), metadata={"help": "as what"})


@attrs.frozen(slots=True, kw_only=True)
class OfMonth:
    """Which month somebody wants."""

    month: str = _month()


@attrs.frozen(slots=True, kw_only=True)
class ReportQuery:
    """Which month somebody wants, and as what."""

    month: str = _month()
    format: str = _format()


@attrs.frozen(slots=True, kw_only=True)
class PartnerMonth:
    """What a partner is due for a month. ``party_id`` is the partner's account in the ledger.

    From the ledger: ``opening_minor`` was due before, ``share_minor`` came in, ``paid_out_minor`` went, ``closing_minor`` is due at the
    end; ``due_minor`` is due now. From the bills they share in: their number, energy, net, taxes, and what the grid asked.
    """

    party_id: int
    party: str
    currency: str
    month: str
    bills: int
    energy_wh: int
    revenue_minor: int
    tax_minor: int
    electricity_minor: int
    opening_minor: int
    share_minor: int
    paid_out_minor: int
    other_minor: int
    closing_minor: int
    due_minor: int


@attrs.frozen(slots=True, kw_only=True)
class TaxTotal:
    """What of a tax was asked in a month."""

    name: str
    amount_minor: int


@attrs.frozen(slots=True, kw_only=True)
class LedgerMonth:
    """What a month came to in the ledger, in one currency: ``revenue_minor`` is net of taxes, before ``shares_minor``; ``kept_minor`` is
    what is left to the operator. ``fees_minor`` of plans is part of the revenue."""

    currency: str
    revenue_minor: int
    fees_minor: int
    shares_minor: int
    kept_minor: int
    paid_out_minor: int
    taxes: Sequence[TaxTotal]


@attrs.frozen(slots=True, kw_only=True)
class Settlements:
    """The settlement of a month: what each partner is due, and what it all came to."""

    month: str
    partners: Sequence[PartnerMonth]
    totals: Sequence[LedgerMonth]


@attrs.frozen(slots=True, kw_only=True)
class Payout:
    """Money that went to a partner."""

    id: int
    party_id: int
    party: str
    currency: str
    month: str
    amount_minor: int
    reference: str
    note: str
    made_by: str
    movement_id: int
    paid_at: int


@attrs.frozen(slots=True, kw_only=True)
class StationShare:
    """What a partner shares in at one station."""

    station_id: int | None
    station_name: str | None
    bills: int
    energy_wh: int
    revenue_minor: int
    tax_minor: int
    electricity_minor: int
    share_minor: int


@attrs.frozen(slots=True, kw_only=True)
class PartnerDetail(PartnerMonth):
    """The settlement of one partner: by station, and what was paid out for the month."""

    stations: Sequence[StationShare]
    payouts: Sequence[Payout]


@attrs.frozen(slots=True, kw_only=True)
class NewPayout:
    """A payout that was made. ``reference`` is such as the bank's number of it: one reference is paid out once."""

    month: str = _month()
    reference: str = attrs.field(validator=[validators.min_len(1), validators.max_len(60)])
    amount_minor: int | None = attrs.field(
        default=None, validator=validators.optional(validators.ge(1)), metadata={"help": "not given, all that is due"}
    )
    note: str = attrs.field(default="", validator=validators.max_len(200))


# --- taxes ----------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class BusinessRow:
    """A document to a business, by rate (GSTR-1 tables 4 and 9B). Of a credit note the amounts are below zero."""

    section: str = "b2b"
    tax_id: str
    name: str
    kind: str
    number: str
    issued_at: int
    original_number: str
    place: str
    rate_percent: str
    currency: str
    total_minor: int
    taxable_minor: int
    igst_minor: int
    cgst_minor: int
    sgst_minor: int
    other_minor: int


@attrs.frozen(slots=True, kw_only=True)
class ConsumerRow:
    """What consumers were supplied with, by place and rate, less what was given back (GSTR-1 table 7)."""

    section: str = "b2c"
    place: str
    rate_percent: str
    currency: str
    documents: int
    taxable_minor: int
    igst_minor: int
    cgst_minor: int
    sgst_minor: int
    other_minor: int


@attrs.frozen(slots=True, kw_only=True)
class CodeRow:
    """What was supplied, by HSN or SAC and rate, less what was given back (GSTR-1 table 12)."""

    section: str = "hsn"
    tax_code: str
    rate_percent: str
    currency: str
    energy_wh: int
    taxable_minor: int
    igst_minor: int
    cgst_minor: int
    sgst_minor: int
    other_minor: int


@attrs.frozen(slots=True, kw_only=True)
class SeriesRow:
    """Numbers that were given in the month (GSTR-1 table 13). No number is ever cancelled: credit notes take back what was wrong."""

    section: str = "documents"
    kind: str
    prefix: str
    year: int
    first: str
    last: str
    count: int
    cancelled: int = 0


@attrs.frozen(slots=True, kw_only=True)
class TaxSummary:
    """What was supplied in a month, as the tax office wants to know it, by the documents that were issued in it."""

    month: str
    b2b: Sequence[BusinessRow]
    b2c: Sequence[ConsumerRow]
    codes: Sequence[CodeRow]
    documents: Sequence[SeriesRow]


# --- statements -----------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class StatementBill:
    """A charge on a statement."""

    id: int
    transaction_id: int
    kind: str
    charger_id: str
    station_name: str | None
    ended_at: int
    energy_wh: int
    currency: str
    net_minor: int
    tax_minor: int
    total_minor: int
    open_minor: int


@attrs.frozen(slots=True, kw_only=True)
class StatementMove:
    """What came to or went from a wallet, or a payment."""

    at: int
    kind: str
    description: str
    currency: str
    amount_minor: int


@attrs.frozen(slots=True, kw_only=True)
class MonthStatement:
    """A driver's month: charges, payments, the wallet, and the invoices that were issued."""

    month: str
    driver_id: int
    driver_name: str
    operator: str
    time_zone: str
    currency: str
    opening_minor: int
    closing_minor: int
    owed_minor: int
    energy_wh: int
    charged_minor: int
    paid_minor: int
    bills: Sequence[StatementBill]
    payments: Sequence[StatementMove]
    wallet: Sequence[StatementMove]
    invoices: Sequence[str]
    more: bool
    printed_at: int
