"""Charges whose prices were worked out by hand: ``golden/*.toml``, with the arithmetic beside each."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from csms.api.shapes import structure
from csms.hooks import Charge, Covered, MeterPoint, Price, Span, from_datetime, minor
from csms_tariff.pricing import price
from csms_tariff.rules import Discount, Rules
from csms_tariff.sources import Quote, Quotes
from csms_tariff.terms import Surroundings, Terms, Unpriceable, Version

FOLDER = Path(__file__).parent / "golden"
LEAST_CASES = 60


def cases() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.toml")):
        said = tomllib.loads(file.read_text(encoding="utf-8"))
        for each in said["case"]:
            yield pytest.param(said, each, id=f"{file.stem}: {each['name']}")


CASES = list(cases())


def at(text: str, zone: str) -> int:
    moment = datetime.fromisoformat(text)
    return from_datetime(moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)))


def terms_of(name: str, said: Mapping[str, Any], zone: str) -> Terms:
    tariff = dict(said["tariffs"][name])
    inclusive, currency = tariff.pop("inclusive", False), tariff.pop("currency", said.get("currency", "INR"))
    versions = tariff.pop("versions", None) or [{"from": "1990-01-01 00:00", "rules": tariff}]
    made = [
        Version(number=number, valid_from_at=at(each["from"], zone), rules=structure(each["rules"], Rules))
        for number, each in enumerate(versions, 1)
    ]
    return Terms(id=1, name=name, currency=currency, tax_inclusive=inclusive, versions=tuple(made))


def charge_of(case: Mapping[str, Any], said: Mapping[str, Any], zone: str) -> Charge:
    meter = [each.rpartition(" ") for each in case["meter"]]
    points = tuple(MeterPoint(at(when, zone), int(Decimal(kwh) * 1000)) for when, _, kwh in meter)
    idle = tuple(Span(*(at(when, zone) for when in each.split(" / "))) for each in case.get("idle", ()))
    covered = dict(case.get("covered", {}))
    return Charge(
        purpose="final",
        currency=case.get("currency", said.get("currency", "INR")),
        time_zone=zone,
        started_at=points[0].at,
        ended_at=points[-1].at,
        energy_wh=points[-1].energy_wh,
        points=points,
        idle=idle,
        driver_groups=tuple(case.get("groups", ())),
        membership=case.get("membership", ""),
        station_state=case.get("station_state", ""),
        customer_state=case.get("customer_state", ""),
        reserved_s=case.get("reserved_min", 0) * 60,
        estimated=case.get("estimated", False),
        version_at=at(case["version_at"], zone) if "version_at" in case else None,
        covered=Covered(
            energy_wh=int(Decimal(covered.get("kwh", "0")) * 1000),
            whole=covered.get("whole", False),
            rate_per_kwh=Decimal(covered["rate"]) if "rate" in covered else None,
            by=covered.get("by", ""),
        ),
    )


def surroundings(case: Mapping[str, Any], said: Mapping[str, Any], zone: str) -> Surroundings:
    quotes: dict[str, list[Quote]] = {}
    for each in case.get("quotes", ()):
        quotes.setdefault(each["source"], []).append(Quote(at(each["from"], zone), at(each["to"], zone), Decimal(each["price"])))
    return Surroundings(
        holidays={name: frozenset(days) for name, days in said.get("calendars", {}).items()},
        quotes={name: Quotes(each) for name, each in quotes.items()},
        offer=structure({"name": "Promo code X", **case["promo"]}, Discount) if "promo" in case else None,
    )


def written(made: Price) -> list[str]:
    return [
        f"{each.description}: {plain(each.quantity)} {each.unit} x {plain(each.unit_price)} = {plain(each.amount)}{' ~' * each.estimated}"
        for each in made.lines
    ]


def plain(value: Decimal) -> str:
    return f"{value.normalize():f}"


def tidied(line: str) -> str:
    """A line with its numbers without needless zeros."""
    return " ".join(plain(Decimal(word)) if word.lstrip("-").replace(".", "", 1).isdigit() else word for word in line.split())


def test_there_are_enough() -> None:
    assert len(CASES) >= LEAST_CASES


@pytest.mark.parametrize(("said", "case"), CASES)
def test_golden(said: Mapping[str, Any], case: Mapping[str, Any]) -> None:
    zone = case.get("zone", said.get("zone", "Asia/Kolkata"))
    terms = terms_of(case["tariff"], said, zone)
    charge, around = charge_of(case, said, zone), surroundings(case, said, zone)
    if "refused" in case:
        with pytest.raises(Unpriceable, match=case["refused"]):
            price(charge, terms, around)
        return
    made = price(charge, terms, around)

    def money(text: str) -> int:
        return minor(Decimal(text), terms.currency)

    assert written(made) == [tidied(each) for each in case["lines"]]
    assert made.net_minor == money(case["net"])
    assert [(f"{each.name} {plain(each.rate_percent)} %", each.amount_minor) for each in made.taxes] == [
        (name.strip(), money(amount)) for name, _, amount in (each.partition("=") for each in case.get("taxes", ()))
    ]
    assert made.total_minor == money(case.get("total", case["net"]))
    if "electricity" in case:
        assert made.electricity_minor == money(case["electricity"])
    if "shares" in case:
        assert [f"{each.party} {each.amount_minor}" for each in made.shares] == case["shares"]
    for words in case.get("notes", ()):
        assert any(words in each for each in made.notes), made.notes
    assert made.explained
    assert made.reference.startswith("tariff:1@")
