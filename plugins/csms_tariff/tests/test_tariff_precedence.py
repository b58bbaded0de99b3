"""Which of many assignments is the nearest."""

from __future__ import annotations

from typing import Any

from csms.api.shapes import structure
from csms_tariff.model import Assignment, Book, Kept
from csms_tariff.precedence import Asked, candidates, chosen
from csms_tariff.rules import Rules
from csms_tariff.terms import Terms, Version

RULES = structure({"components": [{"kind": "energy", "rate": "1"}]}, Rules)


def kept(tariff_id: int, *, valid_from_at: int = 0, archived_at: int | None = None) -> Kept:
    version = Version(number=1, valid_from_at=valid_from_at, rules=RULES)
    terms = Terms(id=tariff_id, name=f"T{tariff_id}", currency="INR", tax_inclusive=False, versions=(version,))
    return Kept(terms=terms, description="", created_at=0, changed_at=0, archived_at=archived_at, told={})


def assignment(number: int, level: Any, **more: Any) -> Assignment:
    said: dict[str, Any] = {
        "tariff_id": 1,
        "tariff": "T1",
        "station_id": 7 if level == "station" else None,
        "charger_id": "C1" if level in ("charger", "connector") else "",
        "evse": 1 if level == "connector" else 0,
        "connector": 0,
        "driver_group": "",
        "valid_from_at": 0,
        "valid_until_at": None,
        "created_at": 0,
    }
    return Assignment(id=number, level=level, **{**said, **more})


def book(*assignments: Assignment, tariffs: tuple[Kept, ...] = (kept(1),)) -> Book:
    return Book(
        revision=1,
        tariffs={each.terms.id: each for each in tariffs},
        assignments=assignments,
        calendars={},
        holidays={},
        promo_codes={},
    )


def asked(**more: Any) -> Asked:
    said: dict[str, Any] = {"station_id": 7, "charger_id": "C1", "evse": 1, "connector": 2, "groups": ("Fleet",), "at": 1000}
    return Asked(**{**said, **more})


def test_the_nearest_comes_first_and_at_each_level_the_drivers_group() -> None:
    made = [
        assignment(1, "tenant"),
        assignment(2, "tenant", driver_group="fleet"),
        assignment(3, "station"),
        assignment(4, "station", driver_group="fleet"),
        assignment(5, "charger"),
        assignment(6, "charger", driver_group="fleet"),
        assignment(7, "connector"),
        assignment(8, "connector", driver_group="fleet"),
        assignment(9, "connector", connector=2),
        assignment(10, "connector", connector=2, driver_group="fleet"),
    ]
    found = candidates(book(*reversed(made)), asked())
    assert [each.assignment.id for each in found] == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert [each.verdict for each in found] == ["applies"] + ["outranked"] * 9
    strangers = candidates(book(*made), asked(groups=()))
    assert [each.assignment.id for each in strangers if each.verdict == "applies"] == [9]
    assert strangers[0].why == "the driver is not in the group fleet"


def test_other_places_are_no_candidates() -> None:
    elsewhere = (
        assignment(1, "station", station_id=8),
        assignment(2, "charger", charger_id="C2"),
        assignment(3, "connector", evse=2),
        assignment(4, "connector", connector=1),
    )
    assert candidates(book(*elsewhere), asked()) == []
    assert chosen(book(*elsewhere), asked()) is None


def test_of_two_the_one_that_began_last() -> None:
    found = candidates(book(assignment(1, "tenant", valid_from_at=500), assignment(2, "tenant", valid_from_at=10)), asked())
    assert [each.assignment.id for each in found] == [1, 2]


def test_what_does_not_hold_is_passed_over_and_told() -> None:
    tariffs = (kept(1), kept(2, archived_at=900), kept(3, valid_from_at=2000))
    said = (
        assignment(1, "tenant"),
        assignment(2, "station", valid_from_at=1001),
        assignment(3, "charger", valid_until_at=1000),
        assignment(4, "connector", tariff_id=2),
        assignment(5, "connector", connector=2, tariff_id=3),
    )
    found = candidates(book(*said, tariffs=tariffs), asked())
    assert [(each.assignment.id, each.verdict) for each in found] == [
        (5, "no_version"),
        (4, "archived"),
        (3, "not_now"),
        (2, "not_now"),
        (1, "applies"),
    ]
    terms, winner = chosen(book(*said, tariffs=tariffs), asked()) or (None, None)
    assert (terms, winner) == (tariffs[0].terms, said[0])
