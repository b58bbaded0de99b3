"""Tolerant reading: every liberty taken is an oddity, and only a required field beyond mending is a fault."""

from __future__ import annotations

from typing import Any

import pytest

from csms.ocpp.dialect import Fault, Hearing
from csms.ocpp.mending import Mender

SCHEMA: dict[str, Any] = {
    "type": "object",
    "definitions": {
        "Kind": {"type": "string", "enum": ["SuspendedEV", "L1-N", "Other"]},
        "Item": {
            "type": "object",
            "properties": {"value": {"type": "number"}, "unit": {"type": "string"}},
            "additionalProperties": False,
            "required": ["value"],
        },
        "Open": {"type": "object", "properties": {"vendorId": {"type": "string"}}, "required": ["vendorId"]},
    },
    "properties": {
        "id": {"type": "integer"},
        "name": {"type": "string", "maxLength": 5},
        "kind": {"$ref": "#/definitions/Kind"},
        "ready": {"type": "boolean"},
        "items": {"type": "array", "items": {"$ref": "#/definitions/Item"}, "minItems": 1, "maxItems": 3},
        "item": {"$ref": "#/definitions/Item"},
        "custom": {"$ref": "#/definitions/Open"},
        "names": {"type": "array", "items": {"type": "string"}},
        "anything": {},
    },
    "additionalProperties": False,
    "required": ["id"],
}


def mend(payload: dict[str, Any], *, lenient: bool = False) -> tuple[dict[str, Any], Fault | None, list[tuple[str, str]]]:
    hearing = Hearing("CP-1", 0)
    mended, fault = Mender(SCHEMA, lenient=lenient).mend(payload, hearing)
    return mended, fault, [(odd.rule, odd.field) for odd in hearing.noted]


@pytest.mark.parametrize(
    ("heard", "field", "mended", "rule"),
    [
        ("5", "id", 5, "type"),
        (" 5 ", "id", 5, "type"),
        (5.0, "id", 5, "type"),
        ("5.5", "id", 6, "type"),
        (1234.5, "id", 1235, "type"),
        (17, "name", "17", "type"),
        (True, "name", "true", "type"),
        ({"a": 1}, "name", '{"a":1}', "type"),
        ("longer than five", "name", "longer than five", "length"),
        ("suspendedEv", "kind", "SuspendedEV", "enum"),
        ("L1N", "kind", "L1-N", "enum"),
        ("Levitating", "kind", "Levitating", "enum"),
        ("true", "ready", True, "type"),
        (0, "ready", False, "type"),
        ({"value": 1}, "items", [{"value": 1}], "type"),
        ([], "items", [], "occurrence"),
        ([{"value": 1}] * 4, "items", [{"value": 1}] * 4, "occurrence"),
        ([{"value": 2}], "item", {"value": 2}, "type"),
        ("a", "names", ["a"], "type"),
        (["a", None, 5], "names", ["a", "5"], "type"),
    ],
)
def test_a_field_is_mended(heard: Any, field: str, mended: Any, rule: str) -> None:
    payload, fault, odd = mend({"id": 1, field: heard})
    assert fault is None
    assert payload == {"id": 1, field: mended}
    assert rule in {noted for noted, where in odd if where.startswith(field)}


@pytest.mark.parametrize(
    ("heard", "field"),
    [
        (None, "name"),
        ("soon", "ready"),
        (7.5, "ready"),
        ("x", "item"),
        ({"unit": "Wh"}, "item"),
        ({"value": "NaN"}, "item"),
        ({"value": "1e999"}, "item"),
        ([{"unit": "Wh"}, {}], "items"),
        ({"note": 1}, "custom"),
    ],
)
def test_an_optional_field_beyond_mending_costs_only_itself(heard: Any, field: str) -> None:
    payload, fault, odd = mend({"id": 1, field: heard})
    assert fault is None
    assert payload == {"id": 1}
    assert odd


def test_one_bad_item_of_several_costs_only_itself() -> None:
    payload, fault, odd = mend({"id": 1, "items": [{"value": "1.5"}, {"unit": "V"}, None, {"value": 2, "colour": "red"}]})
    assert fault is None
    assert payload["items"] == [{"value": 1.5}, {"value": 2}]
    assert odd == [
        ("type", "items[0].value"),
        ("extra", "items[3].colour"),
        ("missing", "items[1].value"),
        ("type", "items[2]"),
    ]


def test_a_field_under_a_slightly_other_name_is_found() -> None:
    assert mend({"ID": 4, "Na-me": "x"}) == ({"id": 4, "name": "x"}, None, [("name", "id"), ("name", "name")])


def test_unknown_fields_are_left_out_unless_the_schema_is_open() -> None:
    payload, _, odd = mend({"id": 1, "colour": "red", "custom": {"vendorId": 7, "more": [1]}})
    assert payload == {"id": 1, "custom": {"vendorId": "7", "more": [1]}}
    assert odd == [("type", "custom.vendorId"), ("extra", "colour")]


@pytest.mark.parametrize(
    ("payload", "kind", "fields"),
    [
        ({}, "missing", ("id",)),
        ({"id": None}, "missing", ("id",)),
        ({"id": "abc"}, "type", ("id",)),
        ({"id": []}, "type", ("id",)),
        ({"id": True}, "type", ("id",)),
        ({"id": "9" * 100}, "type", ("id",)),
    ],
)
def test_a_required_field_beyond_mending_is_a_fault_that_names_it(payload: Any, kind: str, fields: tuple[str, ...]) -> None:
    _, fault, _ = mend(payload | {"name": "kept"})
    assert fault is not None
    assert (fault.kind, fault.fields) == (kind, fields)
    assert "id" in fault.description


def test_what_could_be_read_is_there_beside_the_fault() -> None:
    payload, fault, _ = mend({"name": "abc"})
    assert fault is not None
    assert payload == {"name": "abc"}


def test_a_lenient_mender_requires_nothing() -> None:
    assert mend({"item": {"unit": "V"}}, lenient=True) == ({"item": {"unit": "V"}}, None, [])


def test_the_payload_that_was_heard_stays_as_it_was() -> None:
    heard = {"id": "5", "items": [{"value": "1"}], "colour": "red"}
    mend(heard)
    assert heard == {"id": "5", "items": [{"value": "1"}], "colour": "red"}


def test_oddities_are_bounded() -> None:
    _, _, odd = mend({"id": 1, "items": [{"value": "1"}] * 1000})
    assert len(odd) == 32
