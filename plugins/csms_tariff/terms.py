"""What the engine is given besides the charge: a tariff with its versions, and what stands around it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property

import attrs

from csms.hooks import Refused

from .parts import Plan, plan_of
from .rules import Discount, Rules
from .sources import Quotes


class Unpriceable(Refused):
    """The tariff cannot price this charge; the words say why."""


@attrs.frozen(slots=True, kw_only=True)
class Version:
    """Rules that are in force from an instant on, until the next version's."""

    number: int
    valid_from_at: int
    rules: Rules

    @cached_property
    def plan(self) -> Plan:
        """The rules, ready to reckon with."""
        return plan_of(self.rules)


@attrs.frozen(slots=True, kw_only=True)
class Terms:
    """A tariff as the engine reads it; ``versions`` in the order in which they came into force."""

    id: int
    name: str
    currency: str
    tax_inclusive: bool
    versions: tuple[Version, ...]

    def at(self, at: int) -> Version | None:
        """The version in force at an instant."""
        number = bisect_right(self.versions, at, key=lambda each: each.valid_from_at)
        return self.versions[number - 1] if number else None

    def between(self, from_at: int, to_at: int) -> tuple[Version, ...]:
        """The versions that are in force within two instants."""
        first = self.at(from_at)
        later = tuple(each for each in self.versions if from_at < each.valid_from_at < to_at)
        return later if first is None else (first, *later)


@attrs.frozen(slots=True, kw_only=True)
class Surroundings:
    """What a price depends on besides charge and tariff.

    ``holidays`` are the dates of calendars by their names, ``quotes`` prices by source, ``offer`` the discount of a promo code that
    may be used. ``because`` says why this tariff applies, ``notes`` what should be told with the price.
    """

    holidays: Mapping[str, frozenset[str]] = attrs.field(factory=dict)
    quotes: Mapping[str, Quotes] = attrs.field(factory=dict)
    offer: Discount | None = None
    because: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    details: Mapping[str, str] = attrs.field(factory=dict)


NOWHERE = Surroundings()
ZERO = Decimal(0)
