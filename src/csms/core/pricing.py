"""Pricing: what a charge was, as a pricing plugin is shown it, and the price that it answers."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from .money import CURRENCY, MOST_MINOR

ENERGY, TIME, IDLE, START, RESERVATION = "energy", "time", "idle", "start", "reservation"
MINIMUM, MAXIMUM, DISCOUNT, ALLOWANCE, ROUNDING = "minimum", "maximum", "discount", "allowance", "rounding"
LINE_KINDS = (ENERGY, TIME, IDLE, START, RESERVATION, MINIMUM, MAXIMUM, DISCOUNT, ALLOWANCE, ROUNDING)
"""What a line of a price is for. ``minimum`` and ``maximum`` are the differences that lift and cap it, ``allowance`` what a plan paid."""

MOST_LINES = 10_000
"""No bill has more lines than that, nor taxes or shares: a price that has is a mistake."""

FINAL, SO_FAR, SUPPOSED = "final", "so_far", "supposed"
PURPOSES = (FINAL, SO_FAR, SUPPOSED)


@attrs.frozen(slots=True)
class MeterPoint:
    """What the meter showed at a moment: ``energy_wh`` counted from the start of the charge, and the power then, where it was told."""

    at: int
    energy_wh: int
    power_w: int | None = None


@attrs.frozen(slots=True)
class Span:
    """A stretch of time, ``from_at`` included, ``to_at`` not."""

    from_at: int
    to_at: int


@attrs.frozen(slots=True, kw_only=True)
class Covered:
    """What plans and the like pay of a charge, so that it is not priced again: the first ``energy_wh`` of it, or with ``whole`` all
    that the charge itself costs (energy, time and start; never idling). ``rate_per_kwh`` is what each kWh beyond costs, where the plan says
    so, in whole currency units before tax; None leaves it to the tariff. ``by`` names what covers it."""

    energy_wh: int = 0
    whole: bool = False
    rate_per_kwh: Decimal | None = None
    by: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Charge:
    """A charge to be priced. ``purpose`` says what for: ``final`` (it ended), ``so_far`` (it runs, or somebody looks), ``supposed`` (it
    never was: what would it cost?).

    ``points`` are in order of time; the first is the start at 0 Wh and the last the end, or the latest that is known. ``idle`` is when the
    vehicle was connected and drew nothing, though it might have. ``estimated``: the end is not the charger's own word.
    ``time_zone`` is the station's. ``place`` of supply, driver and asset are there as far as they are known. ``reserved_s`` is how long
    the place was kept for it. ``version_at`` is the instant whose tariff versions count (each moment's own where it is None).
    """

    purpose: str = attrs.field(validator=attrs.validators.in_(PURPOSES))
    currency: str = attrs.field(validator=attrs.validators.matches_re(CURRENCY))
    time_zone: str
    started_at: int
    ended_at: int
    energy_wh: int
    points: tuple[MeterPoint, ...]
    idle: tuple[Span, ...] = ()
    transaction_id: int | None = None
    charger_id: str = ""
    evse: int = 0
    connector: int = 0
    connector_type: str = ""
    current_type: str = ""
    max_power_w: int | None = None
    station_id: int | None = None
    station_state: str = ""
    station_country: str = ""
    driver_id: int | None = None
    driver_groups: tuple[str, ...] = ()
    membership: str = ""
    customer_state: str = ""
    promo_code: str = ""
    token: str = ""
    reserved_s: int = 0
    version_at: int | None = None
    estimated: bool = False
    covered: Covered = Covered()


def _check_number(value: Decimal) -> None:
    """Raise ``ValueError`` for what nobody can reckon with."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise ValueError(f"{value!r} is no finite Decimal")


def _check_money(*amounts_minor: int) -> None:
    """Raise ``ValueError`` for what is no amount of minor units."""
    for each in amounts_minor:
        if type(each) is not int or abs(each) > MOST_MINOR:
            raise ValueError(f"{each!r} is no amount of minor units")


@attrs.frozen(slots=True, kw_only=True)
class PriceLine:
    """One part of a price. ``amount`` is exact, in whole currency units: before tax, or with it where the price is ``tax_inclusive``.

    ``quantity`` of ``unit`` (``kWh``, ``min``, ``1``) at ``unit_price`` each. ``estimated``: where the energy lies between two
    readings was interpolated."""

    kind: str = attrs.field(validator=attrs.validators.in_(LINE_KINDS))
    description: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    amount: Decimal
    from_at: int | None = None
    to_at: int | None = None
    estimated: bool = False

    def __attrs_post_init__(self) -> None:
        for each in (self.quantity, self.unit_price, self.amount):
            _check_number(each)


@attrs.frozen(slots=True, kw_only=True)
class TaxLine:
    """A tax on a price: ``name`` as the invoice shows it (``CGST``, ``SGST``, ``IGST``, ``VAT``), its rate, on what, and how much."""

    name: str
    rate_percent: Decimal
    taxable_minor: int
    amount_minor: int

    def __attrs_post_init__(self) -> None:
        _check_number(self.rate_percent)
        _check_money(self.taxable_minor, self.amount_minor)


@attrs.frozen(slots=True, kw_only=True)
class Share:
    """What of a price's net belongs to somebody else: ``party`` names whom the operator settles with, such as a site's owner."""

    party: str
    amount_minor: int
    about: str = ""

    def __attrs_post_init__(self) -> None:
        _check_money(self.amount_minor)


@attrs.frozen(slots=True, kw_only=True)
class Price:
    """What a charge costs: ``net_minor`` and ``taxes`` make up ``total_minor``.

    ``tariff`` is for people, ``reference`` says exactly by which rules (every version that was used). ``tax_code`` is the HSN or SAC of the
    supply, ``place_of_supply`` its state. ``electricity_minor`` is what the grid asked for the energy. ``explained`` says step by step why.
    """

    currency: str = attrs.field(validator=attrs.validators.matches_re(CURRENCY))
    lines: tuple[PriceLine, ...]
    net_minor: int
    taxes: tuple[TaxLine, ...] = ()
    total_minor: int
    tax_inclusive: bool = False
    tax_code: str = ""
    place_of_supply: str = ""
    tariff: str = ""
    reference: str = ""
    electricity_minor: int | None = None
    shares: tuple[Share, ...] = ()
    priced_until_at: int | None = None
    notes: tuple[str, ...] = ()
    explained: tuple[str, ...] = ()
    details: Mapping[str, str] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        _check_money(self.net_minor, self.total_minor, self.electricity_minor or 0)
        if max(len(self.lines), len(self.taxes), len(self.shares)) > MOST_LINES:
            raise ValueError(f"a price has {MOST_LINES} lines at most, not {len(self.lines)}")
        if self.net_minor + sum(each.amount_minor for each in self.taxes) != self.total_minor:
            raise ValueError(f"net {self.net_minor} and taxes do not make up the total {self.total_minor}")


@attrs.frozen(slots=True, kw_only=True)
class AllowanceUse:
    """How much of an allowance (a ledger account in ``WH`` or ``TX``) a charge is to take."""

    account_id: int
    unit: str
    amount: int = attrs.field(validator=attrs.validators.gt(0))


@attrs.frozen(slots=True, kw_only=True)
class Coverage:
    """What a plan pays of a charge: ``covered`` for who prices it, ``uses`` for the write that settles it, which takes them or settles
    nothing (a coverage may be stale by then: then everything is asked again)."""

    covered: Covered
    uses: tuple[AllowanceUse, ...]
