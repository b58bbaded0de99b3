"""What requests say, each with what is allowed. Money is in whole currency units, as decimals in strings: ``"14.50"``."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import attrs
from attrs import validators as v

from csms.api.lists import Onward, Paged, filter_by, one_of, sorts
from csms.hooks import Price

from . import checks
from .model import Assignment, Holiday, Level
from .precedence import Verdict
from .rules import Rules

LONGEST_ID = 255
MOST_HOLIDAYS, MOST_PRICES = 2000, 500
LARGEST_ID = 2**31 - 1
LONGEST_S = 14 * 86_400
"""How long a supposed charge may take, idle or be reserved."""


@attrs.frozen(slots=True, kw_only=True)
class TariffQuery(Paged):
    """Which tariffs."""

    sort: str = sorts("name", "created_at", "changed_at", default="name")
    state: str | None = one_of("active", "archived", help="active or archived; both where not given")


@attrs.frozen(slots=True, kw_only=True)
class NewTariff:
    """A tariff with its first version. `currency` and `tax_inclusive` stay as they are for good."""

    name: str = attrs.field(validator=checks.text(100, least=1))
    rules: Rules
    description: str = attrs.field(default="", validator=checks.text(1000))
    currency: str = attrs.field(default="", validator=v.matches_re(r"|[A-Z]{3}"))
    """The tenant's where it is not given; a charge in another currency cannot be priced by it."""
    tax_inclusive: bool = False
    """Whether amounts are with tax."""
    valid_from_at: int | None = None
    """When the first version comes into force; now where it is not given. It may be in the past."""
    note: str = attrs.field(default="", validator=checks.text(500))


@attrs.frozen(slots=True, kw_only=True)
class TariffChange:
    """What is to be other about a tariff; prices change by a new version only."""

    name: str | None = attrs.field(default=None, validator=v.optional(checks.text(100, least=1)))
    description: str | None = attrs.field(default=None, validator=v.optional(checks.text(1000)))


@attrs.frozen(slots=True, kw_only=True)
class NewVersion:
    """Rules, and from when on they are in force: now where it is not given, and never in the past."""

    rules: Rules
    valid_from_at: int | None = None
    note: str = attrs.field(default="", validator=checks.text(500))


@attrs.frozen(slots=True, kw_only=True)
class AssignmentQuery(Paged):
    """Which assignments."""

    tariff_id: int | None = filter_by("those of one tariff")
    level: str | None = one_of("tenant", "station", "charger", "connector")
    station_id: int | None = filter_by("those to one station")
    charger_id: str | None = filter_by("those to one charger and its connectors")
    driver_group: str | None = filter_by("those for one driver group")
    current: bool | None = filter_by("true: those that hold now or will; false: those that have ended")


@attrs.frozen(slots=True, kw_only=True)
class NewAssignment:
    """Where a tariff is to apply: `level` says which of the other fields are needed. `connector` 0 is every one of the EVSE."""

    tariff_id: int = attrs.field(validator=v.and_(v.ge(1), v.le(LARGEST_ID)))
    level: Level
    station_id: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(1), v.le(LARGEST_ID))))
    charger_id: str = attrs.field(default="", validator=checks.text(LONGEST_ID))
    evse: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))
    connector: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))
    driver_group: str = attrs.field(default="", validator=checks.text(50), metadata={"help": "only for drivers in this group"})
    valid_from_at: int | None = None
    """Now where it is not given."""
    valid_until_at: int | None = None

    def __attrs_post_init__(self) -> None:
        given = {"station_id": self.station_id is not None, "charger_id": bool(self.charger_id), "evse": self.evse > 0}
        needed = {"tenant": set(), "station": {"station_id"}, "charger": {"charger_id"}, "connector": {"charger_id", "evse"}}
        wrong = {name for name, there in given.items() if there} ^ needed[self.level]
        if wrong or (self.connector and self.level != "connector"):
            told = ", ".join(sorted(needed[self.level])) or "none of station_id, charger_id, evse, connector"
            raise ValueError(f"level {self.level} goes with {told}")


@attrs.frozen(slots=True, kw_only=True)
class CalendarQuery(Paged):
    """Which calendars."""

    sort: str = sorts("name", default="name")


@attrs.frozen(slots=True, kw_only=True)
class NewCalendar:
    """Holidays under a name that versions refer to."""

    name: str = attrs.field(validator=checks.text(100, least=1))
    holidays: tuple[Holiday, ...] = attrs.field(default=(), validator=v.max_len(MOST_HOLIDAYS))


@attrs.frozen(slots=True, kw_only=True)
class Holidays:
    """All holidays of a calendar. Those until today stay as they are, for bills go by them."""

    holidays: tuple[Holiday, ...] = attrs.field(validator=v.max_len(MOST_HOLIDAYS))


@attrs.frozen(slots=True, kw_only=True)
class PromoQuery(Paged):
    """Which promo codes."""

    sort: str = sorts("code", "created_at", default="code")
    state: str | None = one_of("open", "closed")


@attrs.frozen(slots=True, kw_only=True)
class NewPromoCode:
    """A code that takes something off. Case does not matter. Limits that are not given are none."""

    code: str = attrs.field(validator=v.matches_re(checks.CODE))
    name: str = attrs.field(default="", validator=checks.text(100))
    percent: Decimal | None = attrs.field(default=None, validator=v.optional(checks.percent()))
    amount: Decimal | None = attrs.field(default=None, validator=v.optional(checks.amount()))
    on: Literal["energy", "all"] = "all"
    below_minimum: bool = False
    """Take it off last, so that the price may come to less than the tariff's minimum."""
    tariff_id: int | None = attrs.field(default=None, metadata={"help": "only with this tariff"})
    valid_from_at: int | None = None
    valid_until_at: int | None = None
    max_uses: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(1), v.le(LARGEST_ID))))
    max_uses_per_driver: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(1), v.le(LARGEST_ID))))

    def __attrs_post_init__(self) -> None:
        if (self.percent is None) == (self.amount is None):
            raise ValueError("a promo code has either a percent or an amount")
        if self.below_minimum and self.on != "all":
            raise ValueError("below_minimum is for a code on all")


@attrs.frozen(slots=True, kw_only=True)
class PromoChange:
    """What is to be other about a promo code; `clear` names limits that are to be none."""

    name: str | None = attrs.field(default=None, validator=v.optional(checks.text(100)))
    valid_until_at: int | None = None
    max_uses: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(1), v.le(LARGEST_ID))))
    max_uses_per_driver: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(1), v.le(LARGEST_ID))))
    clear: tuple[Literal["valid_until_at", "max_uses", "max_uses_per_driver"], ...] = attrs.field(
        default=(), validator=v.max_len(3)
    )


@attrs.frozen(slots=True, kw_only=True)
class MyPromoCode:
    """A code that a driver enters."""

    code: str = attrs.field(validator=checks.text(40, least=2))


@attrs.frozen(slots=True, kw_only=True)
class HeldCode:
    """A code that a driver entered, and whether it can be used now."""

    code: str
    name: str
    words: str
    usable: bool
    why_not: str
    valid_until_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class NewPrice:
    """A price per kWh from an instant on: until `to_at`, or where that is not given until the next price, a day at most."""

    from_at: int
    price: Decimal = attrs.field(validator=v.and_(v.ge(-checks.MOST), v.le(checks.MOST), checks.places(checks.PLACES)))
    to_at: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.to_at is not None and self.to_at <= self.from_at:
            raise ValueError("to_at is not after from_at")


@attrs.frozen(slots=True, kw_only=True)
class NewPrices:
    """Prices of a source. What has begun stays as it was told."""

    prices: tuple[NewPrice, ...] = attrs.field(validator=v.and_(v.min_len(1), v.max_len(MOST_PRICES)))


@attrs.frozen(slots=True, kw_only=True)
class TakenPrices:
    """How many prices were taken, and how many were kept as they had been told before, because they had begun."""

    source: str
    taken: int
    kept: int


@attrs.frozen(slots=True, kw_only=True)
class ExplainQuery:
    """Where, for whom and when."""

    charger_id: str = attrs.field(validator=checks.text(LONGEST_ID, least=1))
    evse: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))
    connector: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))
    driver_id: int | None = filter_by("a driver, whose groups count")
    at: int | None = filter_by("when the charge starts; now where it is not given")


@attrs.frozen(slots=True, kw_only=True)
class CandidateShown:
    """An assignment for the place, and what becomes of it."""

    assignment: Assignment
    verdict: Verdict
    why: str


@attrs.frozen(slots=True, kw_only=True)
class Explanation:
    """Which tariff applies: every candidate in the order of precedence. No `tariff` where none does."""

    tariff_id: int | None
    tariff: str | None
    version: int | None
    words: tuple[str, ...]
    candidates: tuple[CandidateShown, ...]
    at: int
    time_zone: str


@attrs.frozen(slots=True, kw_only=True)
class Supposed:
    """A charge that never was. Of energy, power and duration two give the third; of energy alone, at the connector's power.

    The tariff is the one that applies to the place, or `tariff_id`, or the `draft` given here. Without a place it is the tenant's.
    """

    energy_wh: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(0), v.le(1_000_000_000))))
    power_w: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(1), v.le(100_000_000))))
    duration_s: int | None = attrs.field(default=None, validator=v.optional(v.and_(v.ge(0), v.le(LONGEST_S))))
    idle_s: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(LONGEST_S)))
    """How long the vehicle stays connected afterwards."""
    reserved_s: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(LONGEST_S)))
    started_at: int | None = None
    """Now where it is not given."""
    station_id: int | None = None
    charger_id: str = attrs.field(default="", validator=checks.text(LONGEST_ID))
    evse: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))
    connector: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))
    driver_id: int | None = None
    membership: str = attrs.field(default="", validator=checks.text(50), metadata={"help": "in place of the driver's"})
    driver_groups: tuple[str, ...] = attrs.field(default=(), validator=checks.texts(50, 50))
    """Besides the driver's."""
    customer_state: str = attrs.field(default="", validator=checks.text(60))
    promo_code: str = attrs.field(default="", validator=checks.text(40))
    tariff_id: int | None = None
    draft: Rules | None = None
    draft_tax_inclusive: bool = False

    def __attrs_post_init__(self) -> None:
        if self.tariff_id is not None and self.draft is not None:
            raise ValueError("either tariff_id or draft")
        if self.energy_wh is None and (self.power_w is None or self.duration_s is None):
            raise ValueError("energy_wh, or power_w and duration_s")


@attrs.frozen(slots=True, kw_only=True)
class Calculation:
    """What a supposed charge costs. `version` is the one in force at its start."""

    tariff_id: int | None
    tariff: str
    version: int
    started_at: int
    ended_at: int
    energy_wh: int
    price: Price


@attrs.frozen(slots=True, kw_only=True)
class PriceQuery:
    """Where one would charge."""

    charger_id: str = attrs.field(validator=checks.text(LONGEST_ID, least=1))
    evse: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))
    connector: int = attrs.field(default=0, validator=v.and_(v.ge(0), v.le(999)))


@attrs.frozen(slots=True, kw_only=True)
class Offer:
    """What charging costs at a place now, as a price list. `per_kwh` is what a charge's first kWh costs at this moment, with all
    taxes, beside fees for time and the like."""

    charger_id: str
    evse: int
    connector: int
    tariff: str | None
    currency: str
    tax_inclusive: bool
    words: tuple[str, ...]
    per_kwh: Decimal | None
    at: int
    next_change_at: int | None
    """When another version comes into force."""


@attrs.frozen(slots=True, kw_only=True)
class SourcesQuery(Paged):
    """Which sources."""

    sort: str = sorts("name", default="name")
    used: bool | None = filter_by("true: a tariff takes prices from it; false: none does")


@attrs.frozen(slots=True, kw_only=True)
class PricesQuery(Onward):
    """Which prices of a source."""

    from_at: int | None = filter_by("from then or later")
    to_at: int | None = filter_by("from before")


@attrs.frozen(slots=True, kw_only=True)
class UsesQuery(Onward):
    """Which uses of a promo code."""

    driver_id: int | None = filter_by("by this driver")


@attrs.frozen(slots=True, kw_only=True)
class VersionsQuery(Paged):
    """Which versions; `search` is for their notes."""

    sort: str = sorts("valid_from_at", "number", default="-valid_from_at")
    state: str | None = one_of("past", "in_force", "pending", help="exactly this state")


@attrs.frozen(slots=True, kw_only=True)
class MineQuery(Paged):
    """Which of one's own promo codes."""

    sort: str = sorts("entered_at", "code", default="-entered_at")
    usable: bool | None = filter_by("true: may be used now; false: may not")
