"""Money: an integer of minor units and a currency, never a float."""

from __future__ import annotations

import attrs


@attrs.frozen(slots=True)
class Money:
    """``Money(12345, "INR")`` is ₹123.45. Adding two currencies raises ``ValueError``."""

    amount_minor: int
    currency: str = attrs.field(validator=attrs.validators.matches_re(r"[A-Z]{3}"))

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)
