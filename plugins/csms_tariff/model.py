"""Nouns and events of the tariff plugin, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import ClassVar, Literal

import attrs

from csms.hooks import Event, event

from . import checks
from .rules import Discount, Rules
from .terms import Terms

TENANT, STATION, CHARGER, CONNECTOR = "tenant", "station", "charger", "connector"
Level = Literal["tenant", "station", "charger", "connector"]

ADDED, CHANGED, VERSION, ARCHIVED, ASSIGNED, UNASSIGNED = "added", "changed", "version", "archived", "assigned", "unassigned"


@event
@attrs.frozen(slots=True, kw_only=True)
class TariffChanged(Event):
    """A tariff was `added`, `changed` (its name or description), got another `version`, was `archived`, `assigned` or `unassigned`.

    ``from_at`` is when that begins to count.
    """

    type: ClassVar[str] = "tariff_changed"
    tariff_id: int
    name: str
    what: str
    from_at: int

    @property
    def key(self) -> str:
        """The tariff's order."""
        return f"tariff:{self.tariff_id}"


@attrs.frozen(slots=True, kw_only=True)
class Settings:
    """``[plugins.settings.tariff]``."""

    keep_prices_days: int = attrs.field(default=400, validator=attrs.validators.ge(1))
    """Prices that sources told are kept so long: for charges that are still to be priced, or are priced again."""


@attrs.frozen(slots=True, kw_only=True)
class Version:
    """A version of a tariff. ``words`` say it as a price list; ``remarks`` are what may not be meant so."""

    tariff_id: int
    number: int
    valid_from_at: int
    ends_at: int | None
    """When the next version comes into force."""
    state: Literal["past", "in_force", "pending"]
    rules: Rules
    note: str
    words: tuple[str, ...]
    remarks: tuple[str, ...]
    created_by: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class Tariff:
    """A tariff. ``version`` is the number of the one in force, None before the first is."""

    id: int
    name: str
    description: str
    currency: str
    tax_inclusive: bool
    state: Literal["active", "archived"]
    version: int | None
    versions: int
    assignments: int
    created_at: int
    changed_at: int
    archived_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class TariffDetail:
    """A tariff with the version in force and the one that comes next."""

    tariff: Tariff
    version: Version | None
    next: Version | None


@attrs.frozen(slots=True, kw_only=True)
class Assignment:
    """Where a tariff applies, and to whom: ``driver_group`` ``""`` is everybody, ``connector`` 0 every one of the EVSE."""

    id: int
    tariff_id: int
    tariff: str
    level: Level
    station_id: int | None
    charger_id: str
    evse: int
    connector: int
    driver_group: str
    valid_from_at: int
    valid_until_at: int | None
    created_at: int

    def __str__(self) -> str:
        """The place, in words."""
        place = {
            TENANT: "everywhere",
            STATION: f"to station {self.station_id}",
            CHARGER: f"to charger {self.charger_id}",
            CONNECTOR: f"to charger {self.charger_id}, EVSE {self.evse}"
            + (f", connector {self.connector}" if self.connector else ""),
        }[self.level]
        return f"{place} for driver group {self.driver_group}" if self.driver_group else place


@attrs.frozen(slots=True, kw_only=True)
class Holiday:
    """A day that windows may ask for."""

    day: str = attrs.field(validator=attrs.validators.matches_re(checks.DATE), metadata={"help": "`2026-08-15`"})
    name: str = attrs.field(default="", validator=checks.text(100))

    def __attrs_post_init__(self) -> None:
        if not checks.is_day(self.day):
            raise ValueError(f"day: {self.day} is not in the calendar")


@attrs.frozen(slots=True, kw_only=True)
class Calendar:
    """Holidays under a name that versions refer to."""

    id: int
    name: str
    holidays: tuple[Holiday, ...]
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class PromoCode:
    """A code that takes something off. ``uses`` counts the charges whose final price it lowered."""

    id: int
    code: str
    name: str
    percent: Decimal | None
    amount: Decimal | None
    on: Literal["energy", "all"]
    below_minimum: bool
    tariff_id: int | None
    valid_from_at: int
    valid_until_at: int | None
    max_uses: int | None
    max_uses_per_driver: int | None
    uses: int
    created_at: int
    closed_at: int | None

    @property
    def discount(self) -> Discount:
        """What it takes off."""
        return Discount(
            name=f"Promo code {self.code}",
            percent=self.percent,
            amount=self.amount,
            on=self.on,
            below_minimum=self.below_minimum,
        )


@attrs.frozen(slots=True, kw_only=True)
class PromoUse:
    """A charge whose final price a code lowered."""

    transaction_id: int
    driver_id: int | None
    used_at: int


@attrs.frozen(slots=True, kw_only=True)
class SourcePrice:
    """A price per kWh that a source told, from an instant, included, to another, not."""

    source: str
    from_at: int
    to_at: int
    price: Decimal
    told_by: str
    told_at: int


@attrs.frozen(slots=True, kw_only=True)
class Source:
    """An outside source: how many prices it told, the last of them, and the tariffs that use it."""

    name: str
    prices: int
    last_from_at: int | None
    last_to_at: int | None
    last_price: Decimal | None
    tariffs: tuple[str, ...]


@attrs.frozen(slots=True, kw_only=True)
class Kept:
    """A tariff as it is kept in memory."""

    terms: Terms
    description: str
    created_at: int
    changed_at: int
    archived_at: int | None
    told: Mapping[int, tuple[str, str, int]]
    """Of each version by its number: note, who made it, when."""


@attrs.frozen(slots=True, kw_only=True)
class Book:
    """All that a tenant's prices go by, but for prices from outside: read whole, and kept until something changes."""

    revision: int
    tariffs: Mapping[int, Kept]
    assignments: tuple[Assignment, ...]
    calendars: Mapping[str, Calendar]
    holidays: Mapping[str, frozenset[str]]
    promo_codes: Mapping[int, PromoCode]

    def code(self, text: str) -> PromoCode | None:
        """A promo code as somebody wrote it."""
        wanted = text.strip().upper()
        return next((each for each in self.promo_codes.values() if each.code == wanted), None)


@attrs.frozen(slots=True, kw_only=True)
class Site:
    """What a price depends on of a place: where it is, and what stands there."""

    station_id: int | None
    charger_id: str
    evse: int
    connector: int
    time_zone: str
    state: str = ""
    country: str = ""
    connector_type: str = ""
    current_type: str = ""
    max_power_w: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Customer:
    """What a price depends on of a driver."""

    driver_id: int | None = None
    membership: str = ""
    groups: tuple[str, ...] = ()
