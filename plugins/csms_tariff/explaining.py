"""Why a price is what it is, step by step, and what whoever gets the bill should know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from csms.hooks import Charge, PriceLine, Share, major

from .metering import Meter, zone_of
from .rules import ENERGY
from .taxing import Taxed
from .terms import Surroundings, Terms
from .wording import amount, moment, money, number


def notes(charge: Charge, meter: Meter, around: Surroundings) -> tuple[str, ...]:
    """What should be told with a bill."""
    return tuple(_notes(charge, meter, around))


def _notes(charge: Charge, meter: Meter, around: Surroundings) -> Iterator[str]:
    yield from around.notes
    if charge.estimated:
        yield "When the charge ended, and at what energy, is an estimate: the charger did not say."
    if any(each.estimated and each.part.kind == ENERGY for each in meter.tallies.values()):
        yield "Energy between two readings was divided by time where a price changes; such lines are estimates."
    for source, energy_wh in sorted(meter.without_quote.items()):
        yield f"{source} had no price for {_kwh(energy_wh)} kWh: the tariff's own rate was used."
    if meter.unpriced_wh:
        yield f"The tariff asks nothing for {_kwh(meter.unpriced_wh)} kWh: none of its energy components applied."


def _kwh(energy_wh: int) -> str:
    return f"{Decimal(energy_wh).scaleb(-3):f}"


def explained(
    charge: Charge,
    terms: Terms,
    meter: Meter,
    around: Surroundings,
    lines: Sequence[PriceLine],
    exact: Decimal,
    bill: Taxed,
    shares: Sequence[Share],
    electricity_minor: int | None,
) -> tuple[str, ...]:
    """The steps from the tariff to the total."""
    return (
        *around.because,
        *_versions(charge, terms, meter),
        *(_line(each, charge) for each in lines),
        *_total(charge, terms, exact, bill),
        *_shares(charge, shares, electricity_minor),
    )


def _versions(charge: Charge, terms: Terms, meter: Meter) -> Iterator[str]:
    zone = zone_of(charge.time_zone)
    yield f"Tariff {terms.name}, version {meter.first.number}, in force since {moment(meter.first.valid_from_at, zone)}."
    for each in meter.versions[1:]:
        yield f"From {moment(each.valid_from_at, zone)} on energy and time count by version {each.number}."
    yield (
        f"{_kwh(meter.line.energy_wh)} kWh from {moment(charge.started_at, zone)} to {moment(meter.line.to_at, zone)},"
        f" {number(_minutes(meter.line.charging_ms(meter.line.to_at)))} min charging,"
        f" {number(_minutes(meter.line.idle_ms(meter.line.to_at)))} min idle."
    )


def _minutes(elapsed_ms: int) -> Decimal:
    return Decimal((2 * elapsed_ms + 60) // 120).scaleb(-3)


def _line(line: PriceLine, charge: Charge) -> str:
    currency = charge.currency
    if line.unit == "1" and line.quantity == 1:
        return f"{line.description}: {money(line.amount, currency)}."
    when = ""
    if line.from_at is not None and line.to_at is not None and line.to_at > line.from_at:
        zone = zone_of(charge.time_zone)
        when = f" ({moment(line.from_at, zone)} to {moment(line.to_at, zone)})"
    told = f"{line.quantity:f} {line.unit} at {amount(line.unit_price, currency)} = {money(line.amount, currency)}"
    return f"{line.description}{when}: {told}{', estimated' if line.estimated else ''}."


def _total(charge: Charge, terms: Terms, exact: Decimal, bill: Taxed) -> Iterator[str]:
    currency = charge.currency
    what = "with tax" if terms.tax_inclusive else "before tax"
    asked_minor = bill.total_minor if terms.tax_inclusive else bill.net_minor
    rounded = major(asked_minor, currency)
    told = f"Together {money(exact, currency)} {what}"
    yield f"{told}, rounded to {money(rounded, currency)}." if rounded != exact else f"{told}."
    if bill.note:
        yield f"{bill.note}."
    for tax in bill.lines:
        verb = "of" if terms.tax_inclusive else "on"
        taxable, asked = (major(each, currency) for each in (tax.taxable_minor, tax.amount_minor))
        yield f"{tax.name} {number(tax.rate_percent)} % {verb} {money(taxable, currency)} net: {money(asked, currency)}."
    yield f"Net {money(major(bill.net_minor, currency), currency)}, total {money(major(bill.total_minor, currency), currency)}."


def _shares(charge: Charge, shares: Sequence[Share], electricity_minor: int | None) -> Iterator[str]:
    currency = charge.currency
    if electricity_minor is not None:
        yield f"Grid electricity: {money(major(electricity_minor, currency), currency)}."
    for each in shares:
        yield f"{each.party} gets {money(major(each.amount_minor, currency), currency)} ({each.about})."
