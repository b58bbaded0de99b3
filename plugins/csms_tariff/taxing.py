"""Taxes on a price, in minor units: what is net, what each tax is, and where the supply is."""

from __future__ import annotations

from decimal import Decimal

import attrs

from csms.hooks import Charge, TaxLine, major, minor

from .rules import Taxes
from .states import UNION_TERRITORIES, state_of


@attrs.frozen(slots=True, kw_only=True)
class Taxed:
    """A price with its taxes, which add up: ``net_minor`` and the lines are the total."""

    net_minor: int
    lines: tuple[TaxLine, ...]
    place: str
    note: str

    @property
    def total_minor(self) -> int:
        """What is to be paid."""
        return self.net_minor + sum(each.amount_minor for each in self.lines)


def taxed(amount_minor: int, currency: str, taxes: Taxes, charge: Charge, *, inclusive: bool) -> Taxed:
    """Taxes on an amount, or in it where it is ``inclusive``.

    Each tax is rounded by itself; of an inclusive amount the net is what is left, so that the total stays as it was quoted. The two
    halves of GST are always equal.
    """
    names, place, note = _names(taxes, charge)
    everything = sum((percent for _, percent in names), Decimal(0))
    asked = major(amount_minor, currency)
    if inclusive:
        each_minor = [minor(asked * percent / (100 + everything), currency) for _, percent in names]
        net_minor = amount_minor - sum(each_minor)
    else:
        each_minor = [minor(asked * percent / 100, currency) for _, percent in names]
        net_minor = amount_minor
    lines = tuple(
        TaxLine(name=name, rate_percent=percent, taxable_minor=net_minor, amount_minor=tax_minor)
        for (name, percent), tax_minor in zip(names, each_minor, strict=True)
    )
    return Taxed(net_minor=net_minor, lines=lines, place=place, note=note)


def _names(taxes: Taxes, charge: Charge) -> tuple[list[tuple[str, Decimal]], str, str]:
    """The taxes by name and percentage, the place of supply, and why."""
    also = [(each.name, each.percent) for each in taxes.also]
    if taxes.scheme == "none":
        return [], "", ""
    if taxes.scheme == "vat":
        return [(taxes.name, taxes.percent), *also], charge.station_country, ""
    by_customer = taxes.place_of_supply == "customer" and charge.customer_state
    place = charge.customer_state if by_customer else charge.station_state
    supplier = taxes.supplier_state or charge.station_state
    if not place or not supplier or state_of(place) == state_of(supplier):
        half = taxes.percent / 2
        second = "UTGST" if state_of(place or supplier) in UNION_TERRITORIES else "SGST"
        why = (
            f"supplied within {place or supplier}"
            if place or supplier
            else "no state is known, so it is taken as supplied within one"
        )
        return [("CGST", half), (second, half), *also], place or supplier, f"CGST and {second}: {why}"
    return [("IGST", taxes.percent), *also], place, f"IGST: supplied in {place}, by a supplier in {supplier}"
