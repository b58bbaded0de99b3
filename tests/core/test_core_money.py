"""Money: whole minor units, and no currency mixed with another."""

from __future__ import annotations

import pytest

from csms.core.money import Money


def test_money_adds_and_turns_round() -> None:
    assert Money(12_345, "INR") + Money(55, "INR") == Money(12_400, "INR")
    assert -Money(12_345, "INR") == Money(-12_345, "INR")
    assert Money(5, "INR") + -Money(5, "INR") == Money(0, "INR")
    assert Money(2**80, "INR") + Money(1, "INR") == Money(2**80 + 1, "INR")


def test_two_currencies_are_not_added() -> None:
    with pytest.raises(ValueError, match="cannot add EUR to INR"):
        _ = Money(1, "INR") + Money(1, "EUR")


@pytest.mark.parametrize("currency", ["", "inr", "IN", "INRR", "₹", "IN1", " INR", "INR\n"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValueError):
        Money(1, currency)


def test_money_is_a_value() -> None:
    assert len({Money(1, "INR"), Money(1, "INR"), Money(1, "EUR")}) == 2
    with pytest.raises(AttributeError):
        Money(1, "INR").amount_minor = 2  # type: ignore[misc]
