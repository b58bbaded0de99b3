"""What comes off a price, and the least and the most that it may be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

import attrs

from csms.hooks import Charge, PriceLine

from .rules import ENERGY, Discount, Rules
from .terms import ZERO
from .wording import number

ALLOWANCE, DISCOUNT, MINIMUM, MAXIMUM = "allowance", "discount", "minimum", "maximum"


@attrs.frozen(slots=True)
class Sums:
    """What lines come to: for energy, and in all."""

    energy: Decimal
    whole: Decimal


def discounts_for(charge: Charge, rules: Rules, offer: Discount | None) -> list[Discount]:
    """Those that a charge's driver has."""
    groups = {each.casefold() for each in charge.driver_groups}
    membership = charge.membership.casefold()
    found = [each for each in rules.discounts if _is_for(each, membership, groups)]
    return found if offer is None else [*found, offer]


def _is_for(discount: Discount, membership: str, groups: set[str]) -> bool:
    if not discount.memberships and not discount.driver_groups:
        return True
    if membership and membership in {each.casefold() for each in discount.memberships}:
        return True
    return bool(groups & {each.casefold() for each in discount.driver_groups})


def finished(charge: Charge, rules: Rules, lines: list[PriceLine], energy: Decimal, offer: Discount | None) -> list[PriceLine]:
    """The lines that are added to those of components and allowances: discounts, and what lifts or caps the price.

    Order: discounts, percentages before amounts, on energy before on all; then ``maximum`` and ``minimum``; then the discounts
    that may go below. None takes more than there is. ``energy`` is what is asked for energy.
    """
    whole = sum((each.amount for each in lines), ZERO)
    given = discounts_for(charge, rules, offer)
    if rules.combine == "add" or len(given) < 2:
        return list(_applied(charge, rules, Sums(energy, whole), given))
    tried = [list(_applied(charge, rules, Sums(energy, whole), [each])) for each in given]
    return min(tried, key=lambda added: sum((each.amount for each in added), ZERO))


def _applied(charge: Charge, rules: Rules, sums: Sums, discounts: Iterable[Discount]) -> Iterator[PriceLine]:
    ordered = sorted(discounts, key=lambda each: (each.below_minimum, each.on != ENERGY, each.percent is None))
    for each in ordered:
        if not each.below_minimum:
            yield from _line(each, sums)
            sums = _less(sums, each)
    whole = sums.whole
    for line in _limits(charge, rules, whole):
        whole += line.amount
        yield line
    sums = Sums(ZERO, whole)
    for each in ordered:
        if each.below_minimum:
            yield from _line(each, sums)
            sums = _less(sums, each)


def _off(discount: Discount, sums: Sums) -> Decimal:
    """What a discount takes off."""
    there = sums.energy if discount.on == ENERGY else sums.whole
    off = there * discount.percent.scaleb(-2) if discount.percent is not None else discount.amount or ZERO
    return max(min(off, there), ZERO)


def _less(sums: Sums, discount: Discount) -> Sums:
    off = _off(discount, sums)
    return Sums(sums.energy - off if discount.on == ENERGY else sums.energy, sums.whole - off)


def _line(discount: Discount, sums: Sums) -> Iterator[PriceLine]:
    if off := _off(discount, sums):
        told = f"{number(discount.percent)} %" if discount.percent is not None else "amount"
        what = "energy" if discount.on == ENERGY else "all"
        yield single(DISCOUNT, f"{discount.name} ({told} off {what})", -off)


def _limits(charge: Charge, rules: Rules, whole: Decimal) -> Iterator[PriceLine]:
    covered = charge.covered.whole or charge.covered.energy_wh > 0
    if rules.maximum is not None and whole > rules.maximum:
        yield single(MAXIMUM, "Capped at the maximum", rules.maximum - whole)
    elif rules.minimum is not None and whole < rules.minimum and charge.energy_wh > 0 and not covered:
        yield single(MINIMUM, "Lifted to the minimum", rules.minimum - whole)


def single(kind: str, description: str, amount: Decimal) -> PriceLine:
    """A line of one piece."""
    return PriceLine(kind=kind, description=description, quantity=Decimal(1), unit="1", unit_price=amount, amount=amount)
