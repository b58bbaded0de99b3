"""What rules may say, what is refused with which words, and what is remarked."""

from __future__ import annotations

from typing import Any

import pytest

from csms.api.problems import Problem
from csms.api.shapes import show, structure
from csms_tariff.rules import Rules
from csms_tariff.shown import remarks
from csms_tariff.states import state_of
from csms_tariff.wording import rules as words_of

ENERGY = {"kind": "energy", "rate": "14.50"}


def with_component(**more: Any) -> dict[str, Any]:
    return {"components": [{**ENERGY, **more}]}


def with_window(**window: Any) -> dict[str, Any]:
    return with_component(windows=[window])


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"components": []}, "components"),
    ({"components": [{"kind": "water", "rate": "1"}]}, "components[0].kind"),
    (with_component(rate="-1"), "components[0].rate"),
    (with_component(rate="1.1234567"), "6 digits behind the point"),
    (with_component(rate="NaN"), "components[0].rate"),
    (with_component(kind="start", from_kwh="5"), "from_kwh, to_kwh and step_kwh are for energy, not for start"),
    (with_component(kind="start", grace_s=5), "step_s and grace_s are for time and idle and reservation"),
    (with_component(kind="idle", source="grid"), "source, factor and markup are for energy"),
    (with_component(kind="idle", from_kw="5"), "from_kw and to_kw are for energy and time"),
    (with_component(per="each"), "per = each are for reservation"),
    (with_component(kind="reservation", per="each", grace_s=5), "for what is per minute"),
    (with_component(only_with_energy=True), "only_with_energy"),
    (with_component(from_kwh="10", to_kwh="10"), "from_kwh, to_kwh: 10 to 10 is nothing"),
    (with_component(to_kw="0"), "from_kw, to_kw"),
    (with_component(step_kwh="0"), "step_kwh is above 0"),
    (with_component(step_kwh="0.0005"), "3 digits behind the point"),
    (with_component(markup="1"), "factor and markup are for a source"),
    (with_component(source="The Grid"), "source"),
    (with_window(start="25:00", end="06:00"), "windows[0].start"),
    (with_window(start="22:00"), "both start and end"),
    (with_window(start="22:00", end="22:00"), "is no time"),
    (with_window(start="24:00", end="06:00"), "is no time"),
    (with_window(days=["friday"]), "windows[0].days"),
    (with_window(from_day="2026-02-30", to_day="2026-03-01"), "not in the calendar"),
    (with_window(from_day="02-01", to_day="2026-03-01"), "both as"),
    (with_window(from_day="2026-03-02", to_day="2026-03-01"), "is after"),
    (with_window(holidays="only"), "need a calendar"),
    ({"components": [{**ENERGY, "windows": [{"days": ["mon"]}] * 51}] * 2}, "102 windows together; 100 are the most"),
    ({"components": [ENERGY], "minimum": "5", "maximum": "4"}, "minimum 5 is above maximum 4"),
    ({"components": [ENERGY], "shares": [{"party": "A", "of": "margin", "percent": "5"}]}, "needs electricity"),
    ({"components": [ENERGY], "shares": [{"party": "A", "of": "net", "rate": "5"}]}, "a percent"),
    ({"components": [ENERGY], "shares": [{"party": each, "of": "net", "percent": "60"} for each in "AB"]}, "120 percent"),
    ({"components": [ENERGY], "discounts": [{"name": "A"}]}, "either a percent or an amount"),
    ({"components": [ENERGY], "discounts": [{"name": "A", "percent": "101"}]}, "discounts[0].percent"),
    ({"components": [ENERGY], "discounts": [{"name": "A", "amount": "1", "on": "energy", "below_minimum": True}]}, "below_minimum"),
    ({"components": [ENERGY], "taxes": {"percent": "18"}}, "need a scheme"),
    ({"components": [ENERGY], "electricity": [{"rate": "1", "factor": "2"}]}, "factor and markup"),
    ({"components": [ENERGY], "surcharge": "1"}, "no such field"),
]


@pytest.mark.parametrize(("said", "words"), WRONG, ids=[words for _, words in WRONG])
def test_what_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(Problem) as caught:
        structure(said, Rules)
    assert any(words in f"{each['field']}: {each['message']}" for each in caught.value.more["errors"]), caught.value.more


WHOLE: dict[str, Any] = {
    "components": [
        {"kind": "energy", "name": "Day", "rate": "14.50", "step_kwh": "0.1"},
        {
            "kind": "energy",
            "rate": "9",
            "priority": 1,
            "windows": [{"start": "22:00", "end": "06:00", "days": ["mon", "tue", "wed"]}],
        },
        {"kind": "energy", "rate": "8", "priority": 2, "source": "grid", "factor": "1.1", "markup": "3", "from_kwh": "20"},
        {"kind": "time", "rate": "0.5", "from_kw": "3", "to_kw": "11"},
        {
            "kind": "idle",
            "rate": "1.5",
            "grace_s": 600,
            "windows": [{"holidays": "except"}, {"from_day": "12-24", "to_day": "12-24"}],
        },
        {"kind": "start", "rate": "10"},
        {"kind": "reservation", "rate": "0.2", "step_s": 60},
    ],
    "minimum": "20",
    "maximum": "900",
    "calendar": "India",
    "taxes": {"scheme": "gst", "percent": "18", "code": "996911", "also": [{"name": "Cess", "percent": "1"}]},
}


def test_they_come_back_as_they_were_said() -> None:
    rules = structure(WHOLE, Rules)
    assert structure(show(rules), Rules) == rules


def test_they_are_told_as_a_price_list() -> None:
    assert words_of(structure(WHOLE, Rules), "INR", tax_inclusive=False) == (
        "Day: 14.50 INR per kWh, in steps of 0.1 kWh",
        "Energy: 9.00 INR per kWh, Mon-Wed 22:00-06:00",
        "Energy: the price of grid times 1.1 plus 3.00 INR per kWh, 8.00 INR per kWh where it has none, from 20 kWh on",
        "Charging time: 0.50 INR per minute, from 3 to 11 kW",
        "Idle time: 1.50 INR per minute, not on holidays or 12-24, the first 10 minutes free",
        "Start: 10.00 INR each",
        "Reservation: 0.20 INR per minute, in steps of 60 s",
        "at least 20.00 INR",
        "at most 900.00 INR",
        "prices are before GST 18 %, Cess 1 %",
    )


def test_what_may_not_be_meant_so_is_remarked() -> None:
    night = {"kind": "energy", "name": "Night", "rate": "9", "windows": [{"start": "22:00", "end": "06:00"}]}
    both = structure({"components": [ENERGY, night], "taxes": {"scheme": "gst", "percent": "18"}}, Rules)
    assert [each.split(";")[0] for each in remarks(both)] == [
        "'Energy' and 'Night' (both energy, priority 0) add up where both apply",
        "taxes.code is empty: a GST invoice shows the HSN or SAC",
    ]
    assert not list(remarks(structure({"components": [ENERGY, {**night, "priority": 1}]}, Rules)))
    (only,) = remarks(structure({"components": [night]}, Rules))
    assert "no energy component applies always" in only


@pytest.mark.parametrize(
    "words", ["Karnataka", "karnataka ", "KA", "29", "IN-KA"], ids=["name", "small", "letters", "GST code", "ISO 3166-2"]
)
def test_a_state_is_one_however_it_is_written(words: str) -> None:
    assert state_of(words) == "29"


def test_states_elsewhere_are_what_they_are_called() -> None:
    assert state_of(" bavaria") == "BAVARIA"
    assert state_of("Jammu & Kashmir") == state_of("JK")
