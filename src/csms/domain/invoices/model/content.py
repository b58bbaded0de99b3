"""What an invoice says: everything in it, as it is kept for good."""

from __future__ import annotations

from decimal import Decimal

import attrs


@attrs.frozen(slots=True, kw_only=True)
class Party:
    """Who supplies, or who is supplied. ``tax_id`` is such as a GSTIN; ``state_code`` its number in GST."""

    name: str
    address: str = ""
    tax_id: str = ""
    tax_id_kind: str = ""
    state: str = ""
    state_code: str = ""
    country: str = ""
    email: str = ""
    phone: str = ""
    registration: str = ""


@attrs.frozen(slots=True, kw_only=True)
class ContentLine:
    """A line: ``quantity`` of ``unit`` at ``rate`` in whole currency units. ``taxable_minor`` is before tax."""

    description: str
    tax_code: str
    quantity: Decimal
    unit: str
    rate: Decimal
    taxable_minor: int


@attrs.frozen(slots=True, kw_only=True)
class ContentTax:
    """A tax by name and rate, on all lines together."""

    name: str
    rate_percent: Decimal
    taxable_minor: int
    amount_minor: int


@attrs.frozen(slots=True, kw_only=True)
class Supply:
    """Amounts as the tax office wants them: by code, rate of all taxes together, and place of supply."""

    tax_code: str
    place: str
    rate_percent: Decimal
    energy_wh: int
    taxable_minor: int
    igst_minor: int = 0
    cgst_minor: int = 0
    sgst_minor: int = 0
    other_minor: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Charged:
    """A charge that is on the invoice; of a correction the amounts are the difference."""

    bill_id: int
    transaction_id: int
    charger_id: str
    station: str
    started_at: int
    ended_at: int
    energy_wh: int
    net_minor: int
    tax_minor: int
    total_minor: int
    tariff: str


@attrs.frozen(slots=True, kw_only=True)
class Settled:
    """How it was paid when it was issued; ``covered`` says in words what plans paid. ``due_minor`` was still open."""

    prepaid_minor: int = 0
    wallet_minor: int = 0
    owed_minor: int = 0
    waived_minor: int = 0
    due_minor: int = 0
    covered: tuple[str, ...] = ()
    method: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Original:
    """The invoice that this is about."""

    id: int
    number: str
    issued_at: int


@attrs.frozen(slots=True, kw_only=True)
class Credited:
    """Of a credit note by hand: what it takes back from partners."""

    party: str
    amount_minor: int


@attrs.frozen(slots=True, kw_only=True)
class Content:
    """Everything that an invoice, credit note or receipt says.

    Lines, ``rounding_minor`` and taxes add up to ``total_minor``. Of a credit note all amounts are what is given back.
    """

    kind: str
    number: str
    issued_at: int
    time_zone: str
    currency: str
    supplier: Party
    recipient: Party
    place_of_supply: str = ""
    place_code: str = ""
    lines: tuple[ContentLine, ...] = ()
    rounding_minor: int = 0
    taxes: tuple[ContentTax, ...] = ()
    supplies: tuple[Supply, ...] = ()
    net_minor: int
    tax_minor: int
    total_minor: int
    total_words: str
    reverse_charge: bool = False
    tax_inclusive: bool = False
    charged: tuple[Charged, ...] = ()
    settled: Settled = Settled()
    original: Original | None = None
    reason: str = ""
    taken_back: tuple[Credited, ...] = ()
    period: str = ""
    due_by_at: int | None = None
    upi_id: str = ""
    footer: str = ""
    terms: str = ""
    logo_document_id: int | None = None
    notes: tuple[str, ...] = ()
