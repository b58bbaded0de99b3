"""The terms of a plan: what a version of it includes, costs, and where and for whom it is. The same in the API and in the store.

``price_minor`` is in minor units of the plan's currency; a rate is in whole currency units.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import attrs
from attrs import validators as v

from csms.hooks import Fee, major, minor

from . import checks
from .checks import MOST_MINOR, MOST_TRANSACTIONS, MOST_WH
from .periods import Period

UNLIMITED_WH, UNLIMITED_TRANSACTIONS = 10**10, 1_000_000
"""What is granted for a period in which nothing is counted: more than anybody could use in a year, and the ledger knows what was used."""


@attrs.frozen(slots=True, kw_only=True)
class Taxes:
    """The tax on a plan's price. `gst` is halves of CGST and SGST, or IGST for a customer in another state than `supplier_state`."""

    scheme: Literal["none", "vat", "gst"] = "none"
    percent: Decimal = attrs.field(default=Decimal(0), validator=checks.decimal(Decimal(100), 4))
    name: str = attrs.field(
        default="VAT", validator=checks.text(20, least=1), metadata={"help": "what bills call it, of scheme vat"}
    )
    code: str = attrs.field(default="", validator=checks.text(20), metadata={"help": "HSN or SAC of the supply"})
    supplier_state: str = attrs.field(default="", validator=checks.text(100))
    inclusive: bool = False
    """Whether the price is with tax."""


@attrs.frozen(slots=True, kw_only=True)
class Terms:
    """What a plan includes and costs, for each of its periods.

    Of `energy_wh` and `transactions` what is left at the end goes over into the next period with `roll_over`, up to the caps. A
    transaction of the plan pays a whole charge but idling; energy pays energy alone. `unlimited` counts neither. What energy is beyond
    costs `excess_rate` per kWh before tax, or what the tariff says. It holds at the `stations`, `station_groups` and `chargers`, or
    everywhere where none is named; drivers with one of the `memberships`, or in one of the `driver_groups`, may take it, or everybody.
    """

    period: Period
    price_minor: int = attrs.field(validator=checks.between(0, MOST_MINOR))
    taxes: Taxes = Taxes()
    energy_wh: int = attrs.field(default=0, validator=checks.between(0, MOST_WH))
    transactions: int = attrs.field(default=0, validator=checks.between(0, MOST_TRANSACTIONS))
    unlimited: Literal["no", "energy", "charges"] = "no"
    roll_over: bool = False
    roll_over_energy_wh: int | None = attrs.field(default=None, validator=v.optional(checks.between(0, MOST_WH)))
    roll_over_transactions: int | None = attrs.field(default=None, validator=v.optional(checks.between(0, MOST_TRANSACTIONS)))
    excess_rate: Decimal | None = attrs.field(default=None, validator=v.optional(checks.decimal(Decimal(1_000_000), 6)))
    stations: tuple[int, ...] = attrs.field(default=(), validator=checks.listed(checks.identity()))
    station_groups: tuple[int, ...] = attrs.field(default=(), validator=checks.listed(checks.identity()))
    chargers: tuple[str, ...] = attrs.field(default=(), validator=checks.listed(checks.text(255, least=1)))
    memberships: tuple[str, ...] = attrs.field(default=(), validator=checks.listed(checks.text(50, least=1)))
    driver_groups: tuple[str, ...] = attrs.field(default=(), validator=checks.listed(checks.text(50, least=1)))
    trial_days: int = attrs.field(default=0, validator=checks.between(0, 366))
    """How long a driver's first period is, which costs nothing; 0: there is none."""
    grace_days: int | None = attrs.field(default=None, validator=v.optional(checks.between(0, 90)))
    """How long it goes on while its price is not paid; as the server is set up where it is not given."""
    may_pause: bool = True
    credit: bool = True
    """Whether what is left of a period is given back to who cancels at once."""

    def __attrs_post_init__(self) -> None:
        if self.unlimited != "no" and (self.energy_wh or self.transactions or self.roll_over):
            raise ValueError("a plan that is unlimited counts no energy and no transactions, and nothing of them rolls over")
        if self.unlimited == "no" and not (self.energy_wh or self.transactions or self.excess_rate is not None):
            raise ValueError("a plan includes energy_wh or transactions, is unlimited, or has an excess_rate")
        if not self.roll_over and (self.roll_over_energy_wh is not None or self.roll_over_transactions is not None):
            raise ValueError("roll_over_energy_wh and roll_over_transactions go with roll_over")

    @property
    def granted_wh(self) -> int:
        """The energy that a period grants."""
        return UNLIMITED_WH if self.unlimited == "energy" else self.energy_wh

    @property
    def granted_transactions(self) -> int:
        """The transactions that a period grants."""
        return UNLIMITED_TRANSACTIONS if self.unlimited == "charges" else self.transactions

    def carried(self, left_wh: int, left_transactions: int) -> tuple[int, int]:
        """What of what is left at the end goes over into the next period."""
        if not self.roll_over:
            return 0, 0
        caps = (self.roll_over_energy_wh, self.roll_over_transactions)
        wh, number = (left if cap is None else min(left, cap) for left, cap in zip((left_wh, left_transactions), caps, strict=True))
        return wh, number

    def holds_at(self, station_id: int | None, station_group_id: int | None, charger_id: str) -> bool:
        """Whether it holds at a place."""
        if not (self.stations or self.station_groups or self.chargers):
            return True
        return station_id in self.stations or station_group_id in self.station_groups or charger_id in self.chargers

    def is_for(self, membership: str, groups: tuple[str, ...]) -> bool:
        """Whether a driver may take it."""
        if not (self.memberships or self.driver_groups):
            return True
        return membership in self.memberships or not set(groups).isdisjoint(self.driver_groups)

    def fee(self, currency: str, customer_state: str = "") -> Fee:
        """What a period costs, with its taxes, each rounded by itself."""
        names = self._names(customer_state)
        asked = major(self.price_minor, currency)
        if self.taxes.inclusive:
            everything = sum((percent for _, percent in names), Decimal(0))
            taxes = tuple((name, minor(asked * percent / (100 + everything), currency)) for name, percent in names)
            net_minor = self.price_minor - sum(tax for _, tax in taxes)
        else:
            taxes = tuple((name, minor(asked * percent / 100, currency)) for name, percent in names)
            net_minor = self.price_minor
        return Fee(
            amount_minor=net_minor + sum(tax for _, tax in taxes), net_minor=net_minor, taxes=taxes, tax_code=self.taxes.code
        )

    def _names(self, customer_state: str) -> list[tuple[str, Decimal]]:
        taxes = self.taxes
        if taxes.scheme == "none" or not taxes.percent:
            return []
        if taxes.scheme == "vat":
            return [(taxes.name, taxes.percent)]
        if taxes.supplier_state and customer_state and _state(customer_state) != _state(taxes.supplier_state):
            return [("IGST", taxes.percent)]
        return [("CGST", taxes.percent / 2), ("SGST", taxes.percent / 2)]


def _state(text: str) -> str:
    return " ".join(text.upper().removeprefix("IN-").split())
