"""Puts money, times and energies into words for a language, a currency and a time zone. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

import attrs

from csms.core.money import SYMBOLS, digits_of, major
from csms.core.units import parse_instant, to_datetime

MONTHS: Mapping[str, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "hi": ("जनवरी", "फ़रवरी", "मार्च", "अप्रैल", "मई", "जून", "जुलाई", "अगस्त", "सितंबर", "अक्टूबर", "नवंबर", "दिसंबर"),
}
DURATIONS: Mapping[str, tuple[str, str]] = {"en": ("h", "min"), "hi": ("घंटे", "मिनट")}
IN_GSM = {"INR": "Rs "}
"""What stands for a currency where its sign would double the price of an SMS (3GPP TS 23.038 has no rupee sign)."""
MONEY, INSTANT, DATE, ENERGY, DURATION = "_minor", "_at", "_on", "_wh", "_s"
_ENDS = (MONEY, INSTANT, DATE, ENERGY, DURATION)


@attrs.frozen(slots=True, kw_only=True)
class Locale:
    """For whom: a language (``en``, ``hi``, or another, which gets plain numbers), the currency and time zone of the tenant.

    ``plain`` avoids signs that an SMS pays for.
    """

    language: str
    currency: str
    time_zone: str
    plain: bool = False


def variable(name: str) -> str:
    """What templates call a field: ``amount_minor`` is ``amount``."""
    for end in _ENDS:
        if name.endswith(end) and name != end:
            return name.removesuffix(end)
    return name


def in_words(fields: Mapping[str, str], locale: Locale) -> dict[str, str]:
    """The variables of a template, of a notice's fields. A value that is not what its name says stays as it is."""
    said: dict[str, str] = {}
    for name, value in fields.items():
        try:
            said[variable(name)] = _in_words(name, value, fields, locale)
        except (ValueError, OverflowError, ArithmeticError):
            said[variable(name)] = value
    return said


def _in_words(name: str, value: str, fields: Mapping[str, str], locale: Locale) -> str:
    if value == "" or variable(name) == name:
        return value
    if name.endswith(MONEY):
        return money(int(value), fields.get("currency") or locale.currency, locale)
    if name.endswith(INSTANT):
        return instant(int(value) if re.fullmatch(r"-?\d+", value) else parse_instant(value)[0], locale)
    if name.endswith(DATE):
        return day(date.fromisoformat(value), locale)
    if name.endswith(ENERGY):
        return f"{int(value) / 1000:.2f} kWh"
    return duration(int(float(value)), locale)


def money(amount_minor: int, currency: str, locale: Locale) -> str:
    """``₹1,23,456.70``, ``$1,234.50``, ``CHF 10.00``: rupees are grouped as in India, whatever the language."""
    whole, _, fraction = f"{major(abs(amount_minor), currency):.{digits_of(currency)}f}".partition(".")
    grouped = _lakhs(whole) if currency == "INR" else f"{int(whole):,}"
    sign = "-" if amount_minor < 0 else ""
    symbol = SYMBOLS.get(currency, f"{currency} ")
    if locale.plain:
        symbol = IN_GSM.get(currency, symbol)
    return f"{sign}{symbol}{grouped}{f'.{fraction}' if fraction else ''}"


def _lakhs(whole: str) -> str:
    """Digits grouped by three once, then by two."""
    head, tail = whole[:-3], whole[-3:]
    pairs: list[str] = []
    while head:
        pairs.insert(0, head[-2:])
        head = head[:-2]
    return ",".join([*pairs, tail])


def instant(at: int, locale: Locale) -> str:
    """``1 Jan 2026, 05:30`` on the clocks of the time zone."""
    local: datetime = to_datetime(at).astimezone(ZoneInfo(locale.time_zone))
    return f"{day(local.date(), locale)}, {local:%H:%M}"


def day(when: date, locale: Locale) -> str:
    """``1 Jan 2026``; ``2026-01-01`` in a language whose months are not known."""
    months = MONTHS.get(locale.language)
    return when.isoformat() if months is None else f"{when.day} {months[when.month - 1]} {when.year}"


def duration(seconds: int, locale: Locale) -> str:
    """``1 h 25 min``, at least a minute."""
    hour, minute = DURATIONS.get(locale.language, DURATIONS["en"])
    minutes = max(1, round(seconds / 60))
    hours, minutes = divmod(minutes, 60)
    return " ".join([*([f"{hours} {hour}"] if hours else []), *([f"{minutes} {minute}"] if minutes or not hours else [])])
