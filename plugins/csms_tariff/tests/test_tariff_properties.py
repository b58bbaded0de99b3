"""What holds for every tariff and every charge."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.hooks import Charge, Covered, MeterPoint, Price, Span, minor
from csms_tariff.pricing import price
from csms_tariff.rules import Component, Discount, GridCost, NamedTax, PartnerShare, Rules, Taxes, Window
from csms_tariff.terms import Surroundings, Terms, Version

MINUTE_MS = 60_000
BEGINS_AT = 1_774_000_200_000
"""2026-03-20T09:50Z, some days before clocks change in Berlin."""
ZONES = ("Asia/Kolkata", "Europe/Berlin", "America/New_York", "Asia/Kathmandu")

usual = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def decimals(most: str, places: int) -> st.SearchStrategy[Decimal]:
    return st.decimals(min_value=0, max_value=Decimal(most), places=places, allow_nan=False, allow_infinity=False)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start, end = draw(st.lists(st.integers(0, 95), min_size=2, max_size=2, unique=True))
    days: Any = draw(st.lists(st.sampled_from(("mon", "wed", "fri", "sat", "sun")), max_size=3, unique=True))
    times: dict[str, Any] = {"start": clock(start), "end": clock(end)} if draw(st.booleans()) else {}
    dates: dict[str, Any] = {"from_day": "03-21", "to_day": "03-30"} if draw(st.integers(0, 4)) == 0 else {}
    return Window(days=tuple(days), **times, **dates)


def clock(quarter: int) -> str:
    return f"{quarter // 4:02}:{quarter % 4 * 15:02}"


@st.composite
def windowed(draw: st.DrawFn, kind: str, *, powers: bool = False, steps: bool = True) -> Component:
    more: dict[str, Any] = {}
    if powers and kind in ("energy", "time") and draw(st.booleans()):
        more["from_kw" if draw(st.booleans()) else "to_kw"] = Decimal(draw(st.sampled_from(("3", "11", "22"))))
    if steps and draw(st.integers(0, 3)) == 0:
        more |= {"step_kwh": Decimal("0.5")} if kind == "energy" else {"step_s": 300}
    if kind in ("time", "idle") and draw(st.booleans()):
        more["grace_s"] = draw(st.sampled_from((60, 1000, 7200)))
    return Component(
        kind=kind,  # type: ignore[arg-type]  # drawn among the kinds
        rate=draw(decimals("30", 4)),
        windows=tuple(draw(st.lists(windows(), max_size=2))),
        priority=draw(st.integers(0, 2)),
        **more,
    )


@st.composite
def tiers(draw: st.DrawFn) -> list[Component]:
    """Energy that never gets cheaper as there is more of it."""
    bounds = sorted(draw(st.sets(st.integers(1, 40), max_size=3)))
    rates = sorted(draw(st.lists(decimals("30", 3), min_size=len(bounds) + 1, max_size=len(bounds) + 1)))
    ends = [*map(Decimal, bounds), None]
    return [
        Component(kind="energy", rate=rate, from_kwh=low or None, to_kwh=high)
        for rate, low, high in zip(rates, [Decimal(0), *ends[:-1]], ends, strict=True)
    ]


@st.composite
def rules(draw: st.DrawFn, *, powers: bool = False, steps: bool = True) -> Rules:
    energy = draw(tiers())
    stepped = steps and len(energy) == 1
    others = [draw(windowed("energy", powers=powers, steps=stepped)) for _ in range(draw(st.integers(0, 3)))]
    kinds = draw(st.lists(st.sampled_from(("time", "idle", "start")), max_size=4))
    timed = [
        draw(windowed(kind, powers=powers, steps=steps))
        if kind != "start"
        else Component(kind="start", rate=draw(decimals("30", 2)))
        for kind in kinds
    ]
    minimum = draw(st.none() | decimals("50", 2))
    maximum = draw(st.none() | decimals("400", 2).map(lambda each: each + (minimum or 0)))
    return Rules(
        components=(*energy, *others, *timed),
        minimum=minimum,
        maximum=maximum,
        discounts=tuple(draw(st.lists(discounts(), max_size=3))),
        combine=draw(st.sampled_from(("best", "add"))),
        taxes=draw(taxes()),
        electricity=tuple(
            GridCost(rate=draw(decimals("9", 3)), windows=(draw(windows()),)) for _ in range(draw(st.integers(0, 2)))
        ),
        shares=(PartnerShare(party="Mall", of="net", percent=Decimal(30)),),
    )


@st.composite
def discounts(draw: st.DrawFn) -> Discount:
    on: Any = draw(st.sampled_from(("energy", "all")))
    value: dict[str, Any] = {"percent": draw(decimals("100", 2))} if draw(st.booleans()) else {"amount": draw(decimals("60", 2))}
    return Discount(name="Some", on=on, below_minimum=on == "all" and draw(st.booleans()), **value)


@st.composite
def taxes(draw: st.DrawFn) -> Taxes:
    scheme: Any = draw(st.sampled_from(("none", "gst", "vat")))
    if scheme == "none":
        return Taxes()
    also = (NamedTax(name="Cess", percent=draw(decimals("5", 2))),) if draw(st.booleans()) else ()
    return Taxes(scheme=scheme, percent=draw(decimals("30", 2)), supplier_state=draw(st.sampled_from(("", "KA", "TN"))), also=also)


Leg = tuple[int, int]
"""So many minutes, and so many Wh in each: 0 is idling."""


legs = st.lists(st.tuples(st.integers(1, 400), st.integers(0, 400)), min_size=1, max_size=6)


def charge_of(said: list[Leg], zone: str, begins_at: int = BEGINS_AT, **more: Any) -> Charge:
    points, idle = [MeterPoint(begins_at, 0)], []
    for minutes, pace_wh in said:
        last = points[-1]
        points.append(MeterPoint(last.at + minutes * MINUTE_MS, last.energy_wh + minutes * pace_wh))
        if not pace_wh:
            idle.append(Span(last.at, points[-1].at))
    return Charge(
        purpose="final",
        currency="INR",
        time_zone=zone,
        started_at=begins_at,
        ended_at=points[-1].at,
        energy_wh=points[-1].energy_wh,
        points=tuple(points),
        idle=tuple(idle),
        station_state="KA",
        **more,
    )


covers = st.builds(
    Covered,
    energy_wh=st.sampled_from((0, 0, 7_000, 30_000)),
    whole=st.sampled_from((False, False, False, True)),
    rate_per_kwh=st.sampled_from((None, None, Decimal("12.5"))),
    by=st.just("Gold"),
)


def terms_of(*said: Rules, inclusive: bool = False, changes_at: int = BEGINS_AT + 300 * MINUTE_MS) -> Terms:
    begins = (0, changes_at)
    versions = tuple(Version(number=number + 1, valid_from_at=begins[number], rules=each) for number, each in enumerate(said))
    return Terms(id=1, name="Any", currency="INR", tax_inclusive=inclusive, versions=versions)


def cost(charge: Charge, terms: Terms) -> int:
    return price(charge, terms).total_minor


@usual
@given(rules(), legs, st.sampled_from(ZONES), covers, st.booleans(), st.data())
def test_more_energy_never_costs_less(
    said: Rules, way: list[Leg], zone: str, covered: Covered, inclusive: bool, data: st.DataObject
) -> None:
    terms = terms_of(said, inclusive=inclusive)
    less = charge_of(way, zone, covered=covered)
    grown = [(minutes, pace_wh + data.draw(st.integers(0, 200))) if pace_wh else (minutes, pace_wh) for minutes, pace_wh in way]
    more = attrs.evolve(charge_of(grown, zone, covered=covered), idle=less.idle)
    assert cost(less, terms) <= cost(more, terms)


@usual
@given(rules(), legs, st.sampled_from(ZONES), covers)
def test_a_charge_never_gets_cheaper_as_it_goes_on(said: Rules, way: list[Leg], zone: str, covered: Covered) -> None:
    terms = terms_of(said)
    costs = [cost(charge_of(way[:count], zone, covered=covered), terms) for count in range(1, len(way) + 1)]
    assert costs == sorted(costs)


@usual
@given(rules(powers=True), rules(powers=True), legs, st.sampled_from(ZONES), covers, st.data())
def test_more_readings_of_the_same_change_nothing(
    said: Rules, then: Rules, way: list[Leg], zone: str, covered: Covered, data: st.DataObject
) -> None:
    terms = terms_of(said, then)
    split: list[Leg] = []
    for minutes, pace_wh in way:
        cut = data.draw(st.integers(0, minutes - 1))
        split += [(cut, pace_wh), (minutes - cut, pace_wh)] if cut else [(minutes, pace_wh)]
    few, many = charge_of(way, zone, covered=covered), charge_of(split, zone, covered=covered)
    assert few.energy_wh == many.energy_wh
    one, other = price(few, terms), price(many, terms)
    assert numbers(one) == numbers(other)
    assert sum(each.quantity for each in one.lines if each.kind == "energy") == sum(
        each.quantity for each in other.lines if each.kind == "energy"
    )


def numbers(made: Price) -> tuple[Any, ...]:
    """All of a price but what is an estimate."""
    lines = tuple((each.kind, each.description, each.quantity, each.unit_price, each.amount) for each in made.lines)
    return lines, made.net_minor, made.taxes, made.total_minor, made.electricity_minor, made.shares


@usual
@given(rules(powers=True), legs, st.sampled_from(ZONES), st.integers(0, 2**32))
def test_the_order_of_components_does_not_matter(said: Rules, way: list[Leg], zone: str, seed: int) -> None:
    shuffled = list(said.components)
    random.Random(seed).shuffle(shuffled)
    charge = charge_of(way, zone)
    other = attrs.evolve(said, components=tuple(shuffled), electricity=said.electricity[::-1])
    assert price(charge, terms_of(said)) == price(charge, terms_of(other))
    backwards = attrs.evolve(said, discounts=said.discounts[::-1])
    assert cost(charge, terms_of(said)) == cost(charge, terms_of(backwards))


@usual
@given(rules(powers=True), legs, st.sampled_from(ZONES), covers, st.booleans(), st.none() | discounts())
def test_it_adds_up(said: Rules, way: list[Leg], zone: str, covered: Covered, inclusive: bool, offer: Discount | None) -> None:
    made = price(charge_of(way, zone, covered=covered), terms_of(said, inclusive=inclusive), Surroundings(offer=offer))
    exact = sum((each.amount for each in made.lines), Decimal(0))
    assert minor(exact, "INR") == (made.total_minor if inclusive else made.net_minor)
    assert made.net_minor + sum(each.amount_minor for each in made.taxes) == made.total_minor
    assert made.total_minor >= 0
    assert all(each.amount == each.quantity * each.unit_price for each in made.lines)
    halves = [each.amount_minor for each in made.taxes if each.name in ("CGST", "SGST")]
    assert len(set(halves)) <= 1
    if said.maximum is not None:
        assert exact <= said.maximum


@usual
@given(rules(powers=True, steps=False), legs, st.sampled_from(ZONES))
def test_a_version_that_says_the_same_changes_nothing(said: Rules, way: list[Leg], zone: str) -> None:
    charge = charge_of(way, zone)
    one, two = price(charge, terms_of(said)), price(charge, terms_of(said, said))
    assert abs(one.total_minor - two.total_minor) <= 2, "time is rounded to a thousandth of a minute in each line"
    assert one.electricity_minor == two.electricity_minor


@usual
@given(rules(powers=True), legs, st.sampled_from(ZONES))
def test_energy_is_neither_lost_nor_made(said: Rules, way: list[Leg], zone: str) -> None:
    """With one component that is always there, its lines have the charge's energy, whatever else splits it."""
    whole = Component(kind="energy", name="Whole", rate=Decimal(1), priority=2)
    others = tuple(attrs.evolve(each, priority=0) if each.kind == "energy" else each for each in said.components)
    charge = charge_of(way, zone)
    made = price(charge, terms_of(attrs.evolve(said, components=(*others, whole))))
    counted = sum((each.quantity for each in made.lines if each.kind == "energy"), Decimal(0))
    assert counted * 1000 == charge.energy_wh
