"""What a version of a tariff says: components, limits, discounts, taxes and shares. The same in the API, in files and in the store.

Money is in whole currency units, energy in kWh, power in kW; all of them decimals. In a tariff that is tax-inclusive every amount is
with tax, in any other before it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import attrs
from attrs import validators as v

from . import checks

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Kind = Literal["energy", "time", "idle", "start", "reservation"]
ENERGY, TIME, IDLE, START, RESERVATION = "energy", "time", "idle", "start", "reservation"

MOST_COMPONENTS, MOST_WINDOWS, MOST_PARTS = 50, 100, 20
"""``MOST_WINDOWS`` are those of a version together: pricing is done while chargers wait, and each splits a charge on each of its days."""
MOST_KWH = Decimal(1_000_000)
MOST_KW = Decimal(100_000)
DAY_S = 86_400


def _optional(validator: Any) -> Any:
    return attrs.field(default=None, validator=v.optional(validator))


@attrs.frozen(slots=True, kw_only=True)
class Window:
    """When something counts, in the station's time zone. What is not given does not matter; all that is given must hold.

    `start` and `end` are times of day; an `end` at or before `start` is on the next day. Days, dates and holidays are those on which the
    window begins, so `22:00` to `06:00` on `fri` ends on Saturday morning. `from_day` and `to_day` are both inclusive, either as
    `2026-12-24` or, every year, as `12-24`. An hour that comes twice when clocks go back belongs to the window whole.
    """

    start: str = attrs.field(default="", validator=v.matches_re(checks.TIME), metadata={"help": "`06:00`"})
    end: str = attrs.field(default="", validator=v.matches_re(checks.TIME), metadata={"help": "`22:00`, or `24:00`"})
    days: tuple[Day, ...] = attrs.field(default=(), validator=v.max_len(7))
    from_day: str = attrs.field(default="", validator=v.matches_re(checks.DAY_OF_YEAR))
    to_day: str = attrs.field(default="", validator=v.matches_re(checks.DAY_OF_YEAR))
    holidays: Literal["any", "only", "except"] = "any"
    """Whether holidays of the version's calendar count: like any day, they alone, or all days but them."""

    def __attrs_post_init__(self) -> None:
        if bool(self.start) != bool(self.end):
            raise ValueError("a window has both start and end, or neither: without them it is the whole day")
        if self.start and (self.start == self.end or self.start == "24:00"):
            raise ValueError(f"a window from {self.start} to {self.end} is no time; leave both out for the whole day")
        if bool(self.from_day) != bool(self.to_day) or len(self.from_day) != len(self.to_day):
            raise ValueError("from_day and to_day come together, both as 2026-12-24 or both as 12-24")
        if self.from_day and not (checks.is_day(self.from_day) and checks.is_day(self.to_day)):
            raise ValueError(f"from_day and to_day: {self.from_day} or {self.to_day} is not in the calendar")
        if len(self.from_day) == 10 and self.from_day > self.to_day:
            raise ValueError(f"from_day {self.from_day} is after to_day {self.to_day}")

    @property
    def is_always(self) -> bool:
        """Whether it says nothing."""
        return not (self.start or self.days or self.from_day) and self.holidays == "any"


@attrs.frozen(slots=True, kw_only=True)
class Component:
    """One part of a price. `rate` is per kWh (`energy`), per minute (`time` of charging, `idle`, `reservation`) or each (`start`, and
    `reservation` with `per` `each`).

    Of several components of a kind that apply at a moment those of the highest `priority` count; of one priority they add up. With
    `windows` it applies within any of them; `start` and `reservation` go by the moment at which the charge starts.
    """

    kind: Kind
    rate: Decimal = attrs.field(validator=checks.amount())
    name: str = attrs.field(default="", validator=checks.text(100), metadata={"help": "how bills call it"})
    per: Literal["minute", "each"] = attrs.field(default="minute", metadata={"help": "of a reservation: by the minute, or once"})
    windows: tuple[Window, ...] = attrs.field(default=(), validator=v.max_len(MOST_WINDOWS))
    priority: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(99)))
    from_kwh: Decimal | None = _optional(checks.amount(most=MOST_KWH, digits=checks.ENERGY_PLACES))
    """Of `energy`: only from so much of the charge's energy on."""
    to_kwh: Decimal | None = _optional(checks.amount(most=MOST_KWH, digits=checks.ENERGY_PLACES))
    """Of `energy`: only up to so much of the charge's energy."""
    from_kw: Decimal | None = _optional(checks.amount(most=MOST_KW, digits=3))
    """Of `energy` and `time`: only while the average power between two readings is so much or more."""
    to_kw: Decimal | None = _optional(checks.amount(most=MOST_KW, digits=3))
    """Of `energy` and `time`: only while the average power between two readings is less."""
    step_kwh: Decimal | None = _optional(checks.amount(most=MOST_KWH, digits=checks.ENERGY_PLACES))
    """Of `energy`: what this component counts in all is rounded up to a multiple of this."""
    step_s: int | None = _optional(v.and_(v.ge(1), v.le(DAY_S)))
    """Of what is per minute: what this component counts in all is rounded up to a multiple of this."""
    grace_s: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(7 * DAY_S)))
    """Of what is per minute: the first so many seconds (of charging, of idling, of the reservation) are free."""
    only_with_energy: bool = False
    """Do not ask this of a charge in which no energy flowed."""
    source: str = attrs.field(default="", validator=v.matches_re(checks.NAME_OF_SOURCE))
    """Of `energy`: take the price per kWh from this source; `rate` is for when it has none."""
    factor: Decimal = attrs.field(default=Decimal(1), validator=checks.amount(most=Decimal(1000)))
    """Of `source`: its price times this,"""
    markup: Decimal = attrs.field(default=Decimal(0), validator=checks.amount())
    """plus this."""

    def __attrs_post_init__(self) -> None:
        tiers = (self.from_kwh, self.to_kwh, self.step_kwh)
        self._only(any(each is not None for each in tiers), (ENERGY,), "from_kwh, to_kwh and step_kwh")
        self._only(bool(self.source) or self.factor != 1 or self.markup != 0, (ENERGY,), "source, factor and markup")
        self._only(self.from_kw is not None or self.to_kw is not None, (ENERGY, TIME), "from_kw and to_kw")
        self._only(self.step_s is not None or self.grace_s > 0, (TIME, IDLE, RESERVATION), "step_s and grace_s")
        self._only(self.per == "each", (RESERVATION,), "per = each")
        self._only(self.only_with_energy, (TIME, IDLE, START, RESERVATION), "only_with_energy")
        if self.per == "each" and (self.step_s is not None or self.grace_s):
            raise ValueError("step_s and grace_s are for what is per minute")
        if not self.source and (self.factor != 1 or self.markup != 0):
            raise ValueError("factor and markup are for a source; without one put them into rate")
        if self.step_kwh is not None and not self.step_kwh:
            raise ValueError("step_kwh is above 0")
        for low, high, names in ((self.from_kwh, self.to_kwh, "from_kwh, to_kwh"), (self.from_kw, self.to_kw, "from_kw, to_kw")):
            if high is not None and high <= (low or 0):
                raise ValueError(f"{names}: {low or 0} to {high} is nothing")

    def _only(self, given: bool, kinds: tuple[str, ...], names: str) -> None:
        if given and self.kind not in kinds:
            raise ValueError(f"{names} are for {' and '.join(kinds)}, not for {self.kind}")

    @property
    def is_always(self) -> bool:
        """Whether it applies at any moment of any charge."""
        bounds = (self.from_kwh, self.to_kwh, self.from_kw, self.to_kw)
        return all(each is None for each in bounds) and (not self.windows or any(each.is_always for each in self.windows))


@attrs.frozen(slots=True, kw_only=True)
class GridCost:
    """What the grid asks the operator for each kWh, before tax. The same rules as for an `energy` component."""

    rate: Decimal = attrs.field(validator=checks.amount())
    name: str = attrs.field(default="", validator=checks.text(100))
    windows: tuple[Window, ...] = attrs.field(default=(), validator=v.max_len(MOST_WINDOWS))
    priority: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(99)))
    source: str = attrs.field(default="", validator=v.matches_re(checks.NAME_OF_SOURCE))
    factor: Decimal = attrs.field(default=Decimal(1), validator=checks.amount(most=Decimal(1000)))
    markup: Decimal = attrs.field(default=Decimal(0), validator=checks.amount())

    def component(self) -> Component:
        """As the engine reckons with it. Raises ``ValueError``."""
        return Component(kind="energy", **attrs.asdict(self, recurse=False))

    def __attrs_post_init__(self) -> None:
        self.component()


@attrs.frozen(slots=True, kw_only=True)
class PartnerShare:
    """What belongs to somebody else: `percent` of the `net` or of the `margin` (net less grid electricity, never below 0), or `rate`
    for each kWh."""

    party: str = attrs.field(validator=checks.text(100, least=1))
    of: Literal["net", "margin", "energy"]
    percent: Decimal | None = _optional(checks.percent())
    rate: Decimal | None = _optional(checks.amount())

    def __attrs_post_init__(self) -> None:
        if (self.of == "energy") != (self.rate is not None) or (self.rate is None) == (self.percent is None):
            raise ValueError("a share of net or margin has a percent, one of energy a rate (per kWh)")


@attrs.frozen(slots=True, kw_only=True)
class Discount:
    """What comes off, for drivers of a membership level or of a driver group; for everybody where neither is named.

    `on` `energy` leaves out what is for time, start and the rest. `below_minimum` takes it off last, so that the price may come to less
    than the minimum.
    """

    name: str = attrs.field(validator=checks.text(100, least=1))
    memberships: tuple[str, ...] = attrs.field(default=(), validator=checks.texts(50, 50))
    driver_groups: tuple[str, ...] = attrs.field(default=(), validator=checks.texts(50, 50))
    percent: Decimal | None = _optional(checks.percent())
    amount: Decimal | None = _optional(checks.amount())
    on: Literal["energy", "all"] = "all"
    below_minimum: bool = False

    def __attrs_post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a discount has either a percent or an amount")
        if self.below_minimum and self.on != "all":
            raise ValueError("below_minimum is for a discount on all")


@attrs.frozen(slots=True, kw_only=True)
class NamedTax:
    """A tax on the net by its name and rate."""

    name: str = attrs.field(validator=checks.text(40, least=1))
    percent: Decimal = attrs.field(validator=checks.percent())


@attrs.frozen(slots=True, kw_only=True)
class Taxes:
    """The taxes. `gst` (India) is CGST and SGST (or UTGST) of half the rate each where the place of supply is the supplier's state, IGST
    where it is another; `vat` is one tax of a name; `also` are taxes beside it, such as a cess."""

    scheme: Literal["none", "gst", "vat"] = "none"
    percent: Decimal = attrs.field(default=Decimal(0), validator=checks.percent())
    name: str = attrs.field(default="VAT", validator=checks.text(40, least=1), metadata={"help": "how `vat` is called"})
    code: str = attrs.field(default="", validator=checks.text(20), metadata={"help": "HSN or SAC, such as 996911"})
    supplier_state: str = attrs.field(default="", validator=checks.text(60))
    """Of `gst`: where the supplier is registered, by name, letters or GST code. Not given, it is the station's state."""
    place_of_supply: Literal["station", "customer"] = "station"
    """Of `gst`: the station's state, or the customer's as far as that is known."""
    also: tuple[NamedTax, ...] = attrs.field(default=(), validator=v.max_len(MOST_PARTS))

    def __attrs_post_init__(self) -> None:
        if self.scheme == "none" and (self.percent or self.also):
            raise ValueError("taxes need a scheme: gst or vat")


@attrs.frozen(slots=True, kw_only=True)
class Rules:
    """All that one version of a tariff says."""

    components: tuple[Component, ...] = attrs.field(validator=v.and_(v.min_len(1), v.max_len(MOST_COMPONENTS)))
    minimum: Decimal | None = _optional(checks.amount())
    """What a charge with energy comes to at least; not where a plan pays of it."""
    maximum: Decimal | None = _optional(checks.amount())
    """What a charge comes to at most."""
    electricity: tuple[GridCost, ...] = attrs.field(default=(), validator=v.max_len(MOST_COMPONENTS))
    shares: tuple[PartnerShare, ...] = attrs.field(default=(), validator=v.max_len(MOST_PARTS))
    discounts: tuple[Discount, ...] = attrs.field(default=(), validator=v.max_len(MOST_PARTS))
    combine: Literal["best", "add"] = "best"
    """Of several discounts: the one that takes most off, or all."""
    taxes: Taxes = Taxes()
    calendar: str = attrs.field(
        default="", validator=checks.text(100), metadata={"help": "the calendar that says what a holiday is"}
    )

    def __attrs_post_init__(self) -> None:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        if any(each.of == "margin" for each in self.shares) and not self.electricity:
            raise ValueError("a share of the margin needs electricity: what the grid asks")
        given = sum((each.percent or Decimal(0) for each in self.shares), Decimal(0))
        if given > 100:
            raise ValueError(f"shares: {given} percent is more than there is")
        windows = [window for each in self._with_windows for window in each.windows]
        if len(windows) > MOST_WINDOWS:
            raise ValueError(f"components and electricity have {len(windows)} windows together; {MOST_WINDOWS} are the most")
        if not self.calendar and any(each.holidays != "any" for each in windows):
            raise ValueError("windows that look at holidays need a calendar")

    @property
    def _with_windows(self) -> tuple[Component | GridCost, ...]:
        return (*self.components, *self.electricity)

    @property
    def sources(self) -> frozenset[str]:
        """The outside sources that it takes prices from."""
        return frozenset(each.source for each in self._with_windows if each.source)

    @property
    def tax_percent(self) -> Decimal:
        """All taxes together."""
        return self.taxes.percent + sum((each.percent for each in self.taxes.also), Decimal(0))
