"""The engine: what a charge costs by a tariff. No I/O; decimals that are exact until the one rounding at the end."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow, localcontext

from csms.hooks import Charge, Price, PriceLine, Share, major, minor

from .discounting import ALLOWANCE, finished, single
from .explaining import explained, notes
from .metering import Meter, Tally
from .rules import ENERGY, IDLE, RESERVATION, START, TIME, PartnerShare
from .taxing import taxed
from .terms import NOWHERE, ZERO, Surroundings, Terms, Unpriceable
from .wording import number

_EXACT = Context(prec=80, traps=[Inexact, InvalidOperation, Overflow, DivisionByZero])
"""Adding and multiplying never rounds here: if it would, that is an error and no price."""
_ROUNDED = Context(prec=80, traps=[InvalidOperation, Overflow, DivisionByZero])
"""For shares and taxes, whose quotients are rounded at once, by ``minor``."""

_KINDS = (START, RESERVATION, ENERGY, TIME, IDLE)
_UNITS = {ENERGY: "kWh", TIME: "min", IDLE: "min", RESERVATION: "min", START: "1"}


def price(charge: Charge, terms: Terms, around: Surroundings = NOWHERE) -> Price:
    """What a charge costs. The same question always has the same answer, whatever the order of components and points is.

    Raises ``Unpriceable`` where the tariff has another currency, or no version in force when the charge starts.
    """
    if charge.currency != terms.currency:
        raise Unpriceable(f"tariff {terms.name!r} is in {terms.currency}, the charge in {charge.currency}")
    with localcontext(_EXACT):
        meter = Meter(charge, terms, around)
        meter.run()
        rules = meter.first.rules
        lines = sorted(_lines(meter), key=_place)
        allowances = list(_allowances(charge, meter, lines))
        energy = sum((each.amount for each in lines if each.kind == ENERGY), ZERO)
        energy += sum((each.amount for each in allowances if each.unit == "kWh"), ZERO)
        lines += allowances
        lines += finished(charge, rules, lines, ZERO if charge.covered.whole else energy, around.offer)
        exact = sum((each.amount for each in lines), ZERO)
    currency = terms.currency
    with localcontext(_ROUNDED):
        bill = taxed(minor(exact, currency), currency, rules.taxes, charge, inclusive=terms.tax_inclusive)
        electricity_minor = minor(meter.electricity, currency) if rules.electricity else None
        shares = tuple(_share(each, charge, bill.net_minor, electricity_minor) for each in rules.shares)
    numbers = tuple(each.number for each in meter.versions)
    return Price(
        currency=currency,
        lines=tuple(lines),
        net_minor=bill.net_minor,
        taxes=bill.lines,
        total_minor=bill.total_minor,
        tax_inclusive=terms.tax_inclusive,
        tax_code=rules.taxes.code,
        place_of_supply=bill.place,
        tariff=terms.name,
        reference=f"tariff:{terms.id}@{','.join(map(str, numbers))}",
        electricity_minor=electricity_minor,
        shares=shares,
        priced_until_at=charge.ended_at,
        notes=notes(charge, meter, around),
        explained=explained(charge, terms, meter, around, lines, exact, bill, shares, electricity_minor),
        details={"tariff_id": str(terms.id), "versions": ",".join(map(str, numbers)), **around.details},
    )


def _lines(meter: Meter) -> Iterator[PriceLine]:
    for tally in meter.tallies.values():
        quantity = tally.quantity
        part = tally.part
        yield PriceLine(
            kind=part.kind,
            description=_said(tally),
            quantity=quantity,
            unit="1" if part.each else _UNITS[part.kind],
            unit_price=tally.rate,
            amount=quantity * tally.rate,
            from_at=tally.from_at,
            to_at=tally.to_at,
            estimated=tally.estimated,
        )


def _said(tally: Tally) -> str:
    part = tally.part
    if part.source:
        return f"{part.label} ({part.source})"
    return f"{part.label}, the first {number(Decimal(part.grace_ms // 1000))} s free" if part.grace_ms else part.label


def _place(line: PriceLine) -> tuple[int, int, str, Decimal, Decimal]:
    """Where a line stands on the bill: by kind and time, never by where its component stands in the tariff."""
    return _KINDS.index(line.kind), line.from_at or 0, line.description, line.unit_price, line.quantity


def _allowances(charge: Charge, meter: Meter, lines: list[PriceLine]) -> Iterator[PriceLine]:
    """What a plan pays: the energy from the beginning, at what it would have cost, or everything but idling and the reservation."""
    by = charge.covered.by or "a plan"
    if charge.covered.whole:
        if paid := sum((each.amount for each in lines if each.kind in (ENERGY, TIME, START)), ZERO):
            yield single(ALLOWANCE, f"Paid by {by}: all but idle time and reservation", -paid)
        return
    for tally in sorted(meter.tallies.values(), key=lambda each: (each.from_at, each.part.label, each.rate)):
        if tally.covered:
            quantity = tally.covered_quantity
            yield PriceLine(
                kind=ALLOWANCE,
                description=f"Paid by {by}: {_said(tally)}",
                quantity=quantity,
                unit="kWh",
                unit_price=-tally.rate,
                amount=-tally.rate * quantity,
                from_at=tally.from_at,
                to_at=tally.to_at,
            )


def _share(share: PartnerShare, charge: Charge, net_minor: int, electricity_minor: int | None) -> Share:
    """A partner's share of the net, rounded by itself."""
    currency = charge.currency
    if share.rate is not None:
        amount = share.rate * Decimal(max(charge.energy_wh, 0)).scaleb(-3)
        return Share(party=share.party, amount_minor=minor(amount, currency), about=f"{share.rate:f} per kWh")
    percent = share.percent or ZERO
    if share.of == "margin":
        left_minor = max(net_minor - (electricity_minor or 0), 0)
        about = f"{percent:f} % of the margin: net less grid electricity"
    else:
        left_minor, about = net_minor, f"{percent:f} % of the net"
    return Share(party=share.party, amount_minor=minor(major(left_minor, currency) * percent / 100, currency), about=about)
