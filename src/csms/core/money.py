"""Money: an integer of minor units and a currency, never a float. Rounding happens here, once and by one rule."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal

import attrs

CURRENCY = r"[A-Z]{3}"
"""How a currency is written (ISO 4217)."""

MOST_MINOR = 10**15
"""More money than anybody has: amounts beyond it, either way, are mistakes."""

MINOR_DIGITS: Mapping[str, int] = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""The digits after the point where they are not two (ISO 4217): 0 for the yen, 3 for the Kuwaiti dinar."""

SYMBOLS: Mapping[str, str] = {"INR": "₹", "EUR": "€", "GBP": "£", "USD": "$", "JPY": "¥"}


@attrs.frozen(slots=True)
class Money:
    """``Money(12345, "INR")`` is ₹123.45. Adding two currencies raises ``ValueError``."""

    amount_minor: int
    currency: str = attrs.field(validator=attrs.validators.matches_re(CURRENCY))

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __str__(self) -> str:
        return written(self.amount_minor, self.currency)


def digits_of(currency: str) -> int:
    """How many digits a currency has after the point."""
    return MINOR_DIGITS.get(currency, 2)


def major(amount_minor: int, currency: str) -> Decimal:
    """An amount in whole currency units, exactly: 12345 INR is ``Decimal("123.45")``."""
    return Decimal(amount_minor).scaleb(-digits_of(currency))


def minor(amount: Decimal, currency: str) -> int:
    """An amount of whole currency units in minor units, rounded half away from zero: the one rule by which money is rounded."""
    return int(amount.scaleb(digits_of(currency)).quantize(Decimal(1), ROUND_HALF_UP))


def written(amount_minor: int, currency: str) -> str:
    """``₹123.45`` where there is a sign for the currency, else ``CHF 123.45``; without grouping."""
    sign = "-" if amount_minor < 0 else ""
    number = f"{major(abs(amount_minor), currency):f}"
    symbol = SYMBOLS.get(currency)
    return f"{sign}{symbol}{number}" if symbol else f"{sign}{currency} {number}"
