"""Numbers, moments and components in words that a person understands."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from csms.hooks import digits_of, to_datetime

from .parts import LABELS
from .rules import DAYS, ENERGY, START, Component, Rules, Taxes, Window

_DAY_NAMES = dict(zip(DAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))


def money(value: Decimal, currency: str) -> str:
    """``14.50 INR``: all digits that a value has, and at least those of the currency."""
    return f"{amount(value, currency)} {currency}"


def amount(value: Decimal, currency: str) -> str:
    """``14.50``."""
    least = digits_of(currency)
    text = f"{value.normalize():f}"
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest.ljust(least, '0')}" if rest or least else whole


def number(value: Decimal) -> str:
    """A number without needless zeros."""
    return f"{value.normalize():f}"


def moment(at: int, zone: ZoneInfo) -> str:
    """``2026-03-29 01:30 CET``."""
    return to_datetime(at).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def window(each: Window) -> str:
    """When a window is."""
    words = []
    if each.days:
        words.append(_days(each))
    if each.start:
        words.append(f"{each.start}-{each.end}")
    if each.from_day:
        words.append(each.from_day if each.from_day == each.to_day else f"{each.from_day} to {each.to_day}")
    if each.holidays != "any":
        words.append("on holidays" if each.holidays == "only" else "not on holidays")
    return " ".join(words) or "always"


def _days(each: Window) -> str:
    numbers = sorted({DAYS.index(day) for day in each.days})
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{_DAY_NAMES[DAYS[numbers[0]]]}-{_DAY_NAMES[DAYS[numbers[-1]]]}"
    return ", ".join(_DAY_NAMES[DAYS[each]] for each in numbers)


def component(each: Component, currency: str) -> str:
    """A component as a price list says it."""
    unit = "per kWh" if each.kind == ENERGY else "each" if each.kind == START or each.per == "each" else "per minute"
    told = f"{money(each.rate, currency)} {unit}"
    if each.source:
        factor = "" if each.factor == 1 else f" times {number(each.factor)}"
        markup = "" if not each.markup else f" plus {money(each.markup, currency)}"
        told = f"the price of {each.source}{factor}{markup} per kWh, {told} where it has none"
    words = [f"{each.name or LABELS[each.kind]}: {told}"]
    if each.windows:
        words.append(" or ".join(window(every) for every in each.windows))
    words += _bounds(each)
    if each.grace_s:
        words.append(
            f"the first {number(Decimal(each.grace_s) / 60) if each.grace_s % 60 == 0 else f'{each.grace_s / 60:.1f}'} minutes free"
        )
    if each.step_kwh is not None:
        words.append(f"in steps of {number(each.step_kwh)} kWh")
    if each.step_s is not None:
        words.append(f"in steps of {each.step_s} s")
    return ", ".join(words)


def _bounds(each: Component) -> list[str]:
    words = []
    for low, high, unit in ((each.from_kwh, each.to_kwh, "kWh"), (each.from_kw, each.to_kw, "kW")):
        if low is not None and high is not None:
            words.append(f"from {number(low)} to {number(high)} {unit}")
        elif low is not None:
            words.append(f"from {number(low)} {unit} on")
        elif high is not None:
            words.append(f"up to {number(high)} {unit}")
    return words


def rules(said: Rules, currency: str, *, tax_inclusive: bool) -> tuple[str, ...]:
    """A version as a price list."""
    words = [component(each, currency) for each in said.components]
    if said.minimum is not None:
        words.append(f"at least {money(said.minimum, currency)}")
    if said.maximum is not None:
        words.append(f"at most {money(said.maximum, currency)}")
    return (*words, taxes(said.taxes, tax_inclusive=tax_inclusive))


def taxes(said: Taxes, *, tax_inclusive: bool) -> str:
    """Which taxes there are, and whether prices have them."""
    if said.scheme == "none":
        return "no tax"
    names = [f"{'GST' if said.scheme == 'gst' else said.name} {number(said.percent)} %"]
    names += [f"{each.name} {number(each.percent)} %" for each in said.also]
    return f"prices {'include' if tax_inclusive else 'are before'} {', '.join(names)}"
