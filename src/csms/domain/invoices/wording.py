"""Amounts as people write them: with groups of digits, and in words; in India by lakhs and crores."""

from __future__ import annotations

from decimal import Decimal

from csms.core.money import SYMBOLS, digits_of, major

_SMALL = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
]
_TENS = ("", "", "Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety")
_INDIAN = ((10_000_000, "Crore"), (100_000, "Lakh"), (1_000, "Thousand"), (100, "Hundred"))
_SHORT = ((10**12, "Trillion"), (10**9, "Billion"), (10**6, "Million"), (1_000, "Thousand"), (100, "Hundred"))
_NAMES = {
    "INR": ("Rupee", "Rupees", "Paisa", "Paise"),
    "EUR": ("Euro", "Euros", "Cent", "Cents"),
    "USD": ("Dollar", "Dollars", "Cent", "Cents"),
    "GBP": ("Pound", "Pounds", "Penny", "Pence"),
    "JPY": ("Yen", "Yen", "", ""),
}
RUPEE = "INR"


def spoken(number: int, *, indian: bool = False) -> str:
    """A number from 0 on in words: ``One Lakh Twenty Three Thousand``."""
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _TENS[tens] + (f" {_SMALL[rest]}" if rest else "")
    for size, name in _INDIAN if indian else _SHORT:
        if number >= size:
            many, rest = divmod(number, size)
            words = f"{spoken(many, indian=indian)} {name}"
            return f"{words} {spoken(rest, indian=indian)}" if rest else words
    raise AssertionError("every number from 100 on has a name")


def in_words(amount_minor: int, currency: str) -> str:
    """``Rupees One Lakh and Fifty Paise Only``, as invoices say it."""
    indian = currency == RUPEE
    whole, rest = divmod(abs(amount_minor), 10 ** digits_of(currency))
    names = _NAMES.get(currency)
    said = spoken(whole, indian=indian)
    if names is None:
        fraction = f" and {rest}/{10 ** digits_of(currency)}" if rest else ""
        words = f"{currency} {said}{fraction} Only"
    else:
        fraction = f" and {spoken(rest, indian=indian)} {names[2] if rest == 1 else names[3]}" if rest else ""
        words = f"{names[0] if whole == 1 else names[1]} {said}{fraction} Only"
    return f"Minus {words}" if amount_minor < 0 else words


def grouped(amount_minor: int, currency: str) -> str:
    """``₹1,23,456.78``; other currencies by thousands: ``€123,456.78``."""
    text = f"{major(abs(amount_minor), currency):f}"
    whole, point, rest = text.partition(".")
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{'-' if amount_minor < 0 else ''}{symbol}{digits(whole, indian=currency == RUPEE)}{point}{rest}"


def digits(whole: str, *, indian: bool) -> str:
    """The digits of a whole number in groups: of three from the right, in India of two before that."""
    last, before = whole[-3:], whole[:-3]
    size = 2 if indian else 3
    groups: list[str] = []
    while before:
        groups.insert(0, before[-size:])
        before = before[:-size]
    return ",".join([*groups, last])


def plain(number: Decimal) -> str:
    """A decimal without trailing zeros or exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
