"""JSON Schemas of attrs classes: what they say is what the server takes and gives."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Generic, Literal, NewType, TypeVar

import attrs
import jsonschema
import pytest
from attrs import validators

from csms.api.overlays import overlay
from csms.api.problems import Problem
from csms.api.schemas import Schemas
from csms.api.shapes import show, structure
from csms.core.checks import Told
from csms.core.ids import Place
from csms.core.paging import Page, Paged, sorts

T = TypeVar("T")
Serial = NewType("Serial", str)


class Colour(enum.Enum):
    """A colour."""

    RED = "red"
    BLUE = "blue"


@attrs.frozen(slots=True, kw_only=True)
class Part:
    """A part of a thing."""

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(5)])
    weight_kg: Decimal = Decimal(1)


@attrs.frozen(slots=True, kw_only=True)
class Thing(Generic[T]):
    """Something with everything."""

    serial: Serial
    """What is on its plate."""
    made_at: int
    gone_at: int | None
    energy_wh: int
    spare_wh: int | None
    colour: Colour
    mode: Literal["on", "off"] | None
    part: Part | None
    parts: Sequence[Part]
    pair: tuple[int, str]
    labels: Mapping[str, T]
    places: frozenset[Place]
    anything: Any
    hidden: str = attrs.field(default="", repr=False)


def schema_of(kind: Any, side: str) -> dict[str, Any]:
    schemas = Schemas()
    document, components = schemas.finish(schemas.answer(kind) if side == "answer" else schemas.body(kind))
    return {**document, "components": {"schemas": components}}


def fits(data: Any, schema: Mapping[str, Any]) -> bool:
    return bool(jsonschema.Draft202012Validator(schema).is_valid(data))


THING: Thing[int] = Thing(
    serial=Serial("A1"),
    made_at=0,
    gone_at=None,
    energy_wh=1500,
    spare_wh=None,
    colour=Colour.RED,
    mode=None,
    part=None,
    parts=[Part(name="wheel")],
    pair=(1, "x"),
    labels={"a": 1},
    places=frozenset({Place(1, 1)}),
    anything={"whatever": [1]},
)


def test_an_answer_fits_its_schema_and_nothing_less_does() -> None:
    schema = schema_of(Thing[int], "answer")
    shown = show(THING)
    assert fits(shown, schema)
    assert shown["energy_kwh"] == "1.500"
    for name in shown:
        assert not fits({key: each for key, each in shown.items() if key != name}, schema), f"{name} is always there"
    for name, wrong in {
        "made_at": 12,
        "energy_kwh": "many",
        "colour": "green",
        "mode": "standby",
        "labels": {"a": "one"},
        "pair": [1],
        "parts": [{"name": "wheel"}],
        "serial": None,
    }.items():
        assert not fits({**shown, name: wrong}, schema), name


def test_classes_become_components_with_what_their_authors_said_of_them() -> None:
    components = schema_of(Thing[int], "answer")["components"]["schemas"]
    assert set(components) == {"ThingOfInt", "Part", "Place", "Colour"}
    thing = components["ThingOfInt"]
    assert thing["description"] == "Something with everything."
    assert thing["properties"]["serial"] == {"type": "string", "description": "What is on its plate."}
    assert thing["properties"]["gone_at"] == {"type": ["string", "null"], "format": "date-time"}
    assert thing["properties"]["spare_kwh"]["type"] == ["string", "null"]
    assert thing["properties"]["part"] == {"anyOf": [{"$ref": "#/components/schemas/Part"}, {"type": "null"}]}


@pytest.mark.parametrize(
    "body",
    [
        {"name": "wheel"},
        {"name": "wheel", "weight_kg": "1.5"},
        {"name": "wheel", "weight_kg": 1.5},
        {"name": ""},
        {"name": "too long"},
        {"name": 5},
        {"name": None},
        {},
        {"name": "wheel", "colour": "red"},
        {"name": "wheel", "weight_kg": "heavy"},
        {"name": "wheel", "weight_kg": None},
    ],
)
def test_a_body_fits_its_schema_exactly_if_the_server_takes_it(body: dict[str, Any]) -> None:
    try:
        structure(body, Part)
        taken = True
    except Problem:
        taken = False
    assert fits(body, schema_of(Part, "body")) is taken


def test_a_class_has_two_components_only_where_they_differ() -> None:
    schemas = Schemas()
    asked = [schemas.body(each) for each in (Part, Colour)] + [schemas.answer(each) for each in (Part, Colour)]
    (part_in, colour_in, part_out, colour_out), components = schemas.finish(asked)
    assert part_in != part_out
    assert colour_in == colour_out
    assert set(components) == {"Part", "PartInput", "Colour"}
    assert components["PartInput"]["additionalProperties"] is False
    assert "additionalProperties" not in components["Part"], "answers may grow"


def test_generic_lists_are_named_after_what_they_hold() -> None:
    assert set(schema_of(Page[Part], "answer")["components"]["schemas"]) == {"PageOfPart", "Part"}


def test_a_type_without_a_json_form_is_named() -> None:
    @attrs.frozen
    class Odd:
        what: complex

    with pytest.raises(TypeError, match=r"Odd: .*complex.* no JSON form"):
        schema_of(Odd, "answer")


@attrs.frozen(slots=True, kw_only=True)
class Query(Paged):
    sort: str = sorts("name", default="name")
    since_at: int | None = None
    kinds: tuple[str, ...] = ()


def test_a_query_says_its_parameters() -> None:
    told = {name: (required, schema, about) for name, required, schema, about in Schemas().arguments(Query)}
    assert told["limit"][1] == {"type": "integer", "format": "int64", "default": 20, "minimum": 1, "maximum": 200}
    assert told["sort"][1] == {"type": "string", "default": "name", "enum": ["name", "-name"]}
    assert told["since_at"] == (False, {"type": "string", "format": "date-time"}, "")
    assert told["kinds"][1]["items"] == {"type": "string"}
    assert told["search"][2].startswith("free text")


TEXT, NUMBER, LIST = {"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "validator", "added"),
    [
        (TEXT, validators.min_len(2), {"minLength": 2}),
        (LIST, validators.max_len(3), {"maxItems": 3}),
        ({"type": "object"}, validators.max_len(3), {"maxProperties": 3}),
        (NUMBER, validators.ge(1), {"minimum": 1}),
        (NUMBER, validators.gt(1), {"exclusiveMinimum": 1}),
        (NUMBER, validators.le(9), {"maximum": 9}),
        (NUMBER, validators.lt(9), {"exclusiveMaximum": 9}),
        (NUMBER, validators.in_(range(1, 5)), {"minimum": 1, "maximum": 4}),
        (TEXT, validators.ge(1), {}),
        (TEXT, validators.in_(("a", "b")), {"enum": ["a", "b"]}),
        ({"type": ["string", "null"]}, validators.optional(validators.in_(("a",))), {"enum": ["a", None]}),
        (TEXT, validators.matches_re(r"[a-z]+"), {"pattern": "^(?:[a-z]+)$"}),
        (TEXT, validators.matches_re(r"(?P<year>\d{4})"), {"pattern": r"^(?:(?<year>\d{4}))$"}),
        (TEXT, validators.matches_re(r"x", func=re.search), {"pattern": "x"}),
        (TEXT, validators.matches_re(r"x", func=re.match), {"pattern": "^(?:x)"}),
        (TEXT, validators.matches_re(r"x", flags=re.IGNORECASE), {}),
        (TEXT, validators.and_(validators.min_len(1), validators.max_len(2)), {"minLength": 1, "maxLength": 2}),
        (LIST, validators.deep_iterable(validators.max_len(2)), {"items": {"type": "string", "maxLength": 2}}),
        (TEXT, validators.instance_of(str), {}),
        (TEXT, None, {}),
    ],
)
def test_validators_are_said_in_the_schema(schema: dict[str, Any], validator: Any, added: dict[str, Any]) -> None:
    assert overlay(schema, validator) == {**schema, **added}


def test_the_members_of_mappings_are_checked_where_they_are_said() -> None:
    rule: Any = validators.deep_mapping(key_validator=validators.max_len(3), value_validator=validators.ge(1))
    schema = overlay({"type": "object", "additionalProperties": {"type": "integer"}}, rule)
    assert fits({"abc": 1}, schema)
    assert not fits({"abcd": 1}, schema)
    assert not fits({"abc": 0}, schema)


def test_a_validator_of_ours_tells_its_part_itself() -> None:
    def check(instance: Any, attribute: Any, value: Any) -> None: ...

    assert overlay(TEXT, validators.optional(Told(check, {"pattern": "^x"}))) == {"type": "string", "pattern": "^x"}
    assert overlay(TEXT, check) == TEXT
