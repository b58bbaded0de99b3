"""What attrs validators say, as keywords of JSON Schema: they check bodies and queries, and the schema tells beforehand.

A validator of ours tells its part itself (``core.checks.Told``: an attribute ``schema`` with the keywords). One that says nothing adds
nothing; the server still checks it.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .shapes import show

Schema = dict[str, Any]

_LEAST = {"string": "minLength", "array": "minItems", "object": "minProperties"}
_MOST = {"string": "maxLength", "array": "maxItems", "object": "maxProperties"}
_BOUNDS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}
_SCHEMA_FLAGS = re.UNICODE | re.ASCII
"""Flags of a pattern that may be left out; a pattern with others cannot be said in a schema."""


def overlay(schema: Schema, validator: Any) -> Schema:
    """``schema`` with what a field's validator adds to it; ``schema`` itself stays as it is."""
    if validator is None:
        return schema
    if isinstance(validator, (list, tuple)):  # attrs takes these for ``and_`` inside ``optional``
        for each in validator:
            schema = overlay(schema, each)
        return schema
    own = getattr(validator, "schema", None)
    if isinstance(own, Mapping):
        return _with(schema, own)
    add = _ADD.get(type(validator).__name__)
    return schema if add is None else add(schema, validator)


def types_of(schema: Schema) -> frozenset[str]:
    """The JSON types that a schema lets through, as far as it says; empty for any."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return frozenset({kinds})
    if kinds is not None:
        return frozenset(kinds)
    return frozenset(kind for each in schema.get("anyOf", ()) for kind in types_of(each))


def nullable(schema: Schema) -> bool:
    """Whether a schema lets null through."""
    return "null" in types_of(schema)


def _with(schema: Schema, keywords: Mapping[str, Any]) -> Schema:
    return {**schema, **keywords} if keywords else schema


def _length(names: Mapping[str, str], length: int, schema: Schema) -> Schema:
    return _with(schema, {names[kind]: length for kind in sorted(types_of(schema) & set(names))})


def _number(schema: Schema, validator: Any) -> Schema:
    if not types_of(schema) & {"integer", "number"}:
        return schema  # an instant, which is text
    bound = show(validator.bound)
    return _with(schema, {_BOUNDS[validator.compare_op]: bound}) if type(bound) in (int, float) else schema


def _choice(schema: Schema, validator: Any) -> Schema:
    options: Iterable[Any] = getattr(validator, "_original_options", None) or validator.options
    if isinstance(options, range) and options.step == 1:
        return _with(schema, {"minimum": options.start, "maximum": options.stop - 1})
    if isinstance(options, type) and issubclass(options, enum.Enum):
        return schema  # its type says so already
    listed = [show(each) for each in (sorted(options, key=str) if isinstance(options, (set, frozenset)) else options)]
    listed += [None] if nullable(schema) and None not in listed else []
    return _with(schema, {"enum": listed})


def pattern_of(compiled: re.Pattern[str], *, whole: bool) -> str | None:
    """A pattern in ECMA-262's spelling, as JSON Schema has them; None for one that cannot be said so."""
    if compiled.flags & ~_SCHEMA_FLAGS:
        return None
    text = compiled.pattern.replace("(?P<", "(?<").replace(r"\Z", "$").replace(r"\A", "^")
    return f"^(?:{text})$" if whole else text


def _matches(schema: Schema, validator: Any) -> Schema:
    how = getattr(validator.match_func, "__name__", "fullmatch")
    text = pattern_of(validator.pattern, whole=how == "fullmatch")
    if text is not None and how == "match":
        text = f"^(?:{text})"
    return schema if text is None else _with(schema, {"pattern": text})


def _members(schema: Schema, validator: Any) -> Schema:
    schema = overlay(schema, validator.iterable_validator)
    return _within(schema, "items", lambda each: overlay(each, validator.member_validator))


def _entries(schema: Schema, validator: Any) -> Schema:
    schema = overlay(schema, validator.mapping_validator)
    names = overlay({"type": "string"}, validator.key_validator)
    if len(names) > 1:
        schema = _with(schema, {"propertyNames": {key: each for key, each in names.items() if key != "type"}})
    return _within(schema, "additionalProperties", lambda each: overlay(each, validator.value_validator))


def _within(schema: Schema, key: str, change: Callable[[Schema], Schema]) -> Schema:
    """Change the schema of a list's members, or a mapping's values; also where a list or null is allowed."""
    if isinstance(schema.get(key), dict):
        return {**schema, key: change(schema[key])}
    if "anyOf" in schema:
        return {**schema, "anyOf": [_within(each, key, change) for each in schema["anyOf"]]}
    return schema


def _each(schema: Schema, validators: Iterable[Any]) -> Schema:
    for validator in validators:
        schema = overlay(schema, validator)
    return schema


_ADD: Mapping[str, Callable[[Schema, Any], Schema]] = {
    "_AndValidator": lambda schema, validator: _each(schema, validator._validators),
    "_OptionalValidator": lambda schema, validator: overlay(schema, validator.validator),
    "_InValidator": _choice,
    "_NumberValidator": _number,
    "_MinLengthValidator": lambda schema, validator: _length(_LEAST, validator.min_length, schema),
    "_MaxLengthValidator": lambda schema, validator: _length(_MOST, validator.max_length, schema),
    "_MatchesReValidator": _matches,
    "_DeepIterable": _members,
    "_DeepMapping": _entries,
}
"""attrs has no public names for its validators' classes; the tests of this module say when it renames one."""
