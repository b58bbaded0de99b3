"""Tolerant reading: a payload that its JSON schema refuses is mended field by field, and every liberty taken is an ``Oddity``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import cache
from typing import Any

import attrs

from .dialect import Fault, Hearing, Payload
from .frames import json_text

Node = Mapping[str, Any]

_TRUE, _FALSE = frozenset({"true", "1", "yes", "on"}), frozenset({"false", "0", "no", "off"})
_MAX_NUMBER_CHARS = 64


@attrs.frozen(slots=True)
class _Broken:
    """Why a value had to be given up, as the fields to name in a refusal."""

    kind: str
    fields: tuple[str, ...]
    description: str


class Mender:
    """Mends payloads of one JSON schema (the subset of draft-04 and draft-06 that OCPP's schemas use)."""

    __slots__ = ("_definitions", "_lenient", "_root")

    def __init__(self, schema: Node, *, lenient: bool = False) -> None:
        """``lenient`` requires no field: for answers, which are taken as far as they go."""
        self._root = schema
        self._lenient = lenient
        self._definitions: Mapping[str, Node] = schema.get("definitions", {})

    def mend(self, payload: Payload, hearing: Hearing) -> tuple[Payload, Fault | None]:
        """A copy in which every known field has its type, and the fault if a required field is missing or beyond mending.

        Enum values that are unknown, texts that are too long and timestamps that are none stay as they are heard; unknown fields
        are left out. An optional field, or one of several items, that cannot be mended is left out: it costs itself, not the message.
        """
        mended, broken = self._object(self._root, payload, "", hearing)
        if not broken:
            return mended, None
        fields = tuple(dict.fromkeys(field for one in broken for field in one.fields))
        return mended, Fault(broken[0].kind, fields, "; ".join(dict.fromkeys(one.description for one in broken)))

    def _value(self, node: Node, value: Any, path: str, hearing: Hearing) -> Any:
        """The mended value, or a ``_Broken``."""
        while "$ref" in node:
            node = self._definitions[node["$ref"].rpartition("/")[2]]
        match node.get("type"):
            case "object":
                return self._nested(node, value, path, hearing)
            case "array":
                return self._array(node, value, path, hearing)
            case "string":
                return _string(node, value, path, hearing)
            case "integer":
                return _number(value, path, hearing, integral=True)
            case "number":
                return _number(value, path, hearing, integral=False)
            case "boolean":
                return _boolean(value, path, hearing)
        return value

    def _nested(self, node: Node, value: Any, path: str, hearing: Hearing) -> Any:
        if isinstance(value, list) and len(value) == 1:
            hearing.odd("type", path, "an array of one")
            value = value[0]
        if not isinstance(value, dict):
            return _mistyped(path, "an object", value)
        mended, broken = self._object(node, value, path, hearing)
        if broken:
            fields = tuple(field for one in broken for field in one.fields)
            return _Broken(broken[0].kind, fields, "; ".join(one.description for one in broken))
        return mended

    def _object(self, node: Node, value: Payload, path: str, hearing: Hearing) -> tuple[Payload, list[_Broken]]:
        properties: Mapping[str, Node] = node.get("properties", {})
        required = () if self._lenient else node.get("required", ())
        closed = node.get("additionalProperties") is False
        prefix = f"{path}." if path else ""
        strangers = {_fold(name): name for name in value if name not in properties}
        mended: Payload = {} if closed else {name: value[name] for name in strangers.values()}
        broken: list[_Broken] = []
        for name, below in properties.items():
            found = value.get(name)
            if found is None and strangers and (stranger := strangers.pop(_fold(name), None)) is not None:
                hearing.odd("name", f"{prefix}{name}", stranger)
                found = value[stranger]
            if found is None:
                if name in value:
                    hearing.odd("null", f"{prefix}{name}", "null")
                if name in required:
                    broken.append(_Broken("missing", (f"{prefix}{name}",), f"{prefix}{name} is required"))
                continue
            outcome = self._value(below, found, f"{prefix}{name}", hearing)
            if not isinstance(outcome, _Broken):
                mended[name] = outcome
            elif name in required:
                broken.append(outcome)
            else:
                _give_up(outcome, f"{prefix}{name}", found, hearing)
        if closed:
            for stranger in strangers.values():
                hearing.odd("extra", f"{prefix}{stranger[:50]}", _shown(value[stranger]))
        return mended, broken

    def _array(self, node: Node, value: Any, path: str, hearing: Hearing) -> Any:
        if not isinstance(value, list):
            hearing.odd("type", path, "a single value instead of an array")
            value = [value]
        below = node.get("items", {})
        mended, given_up = [], []
        for index, item in enumerate(value):
            outcome = self._value(below, item, f"{path}[{index}]", hearing)
            if isinstance(outcome, _Broken):
                given_up.append((outcome, f"{path}[{index}]", item))
            else:
                mended.append(outcome)
        if given_up and not mended:
            return given_up[0][0]
        for outcome, where, item in given_up:
            _give_up(outcome, where, item, hearing)
        if not node.get("minItems", 0) <= len(mended) <= node.get("maxItems", len(mended)):
            hearing.odd("occurrence", path, f"{len(mended)} items")
        return mended


def _string(node: Node, value: Any, path: str, hearing: Hearing) -> str | _Broken:
    if isinstance(value, str):
        text = value
    elif value is None:
        return _mistyped(path, "a string", value)
    else:
        text = json_text(value)
        hearing.odd("type", path, _shown(value))
    options = node.get("enum")
    if options is not None and text not in options:
        hearing.odd("enum", path, text)
        return _folded(tuple(options)).get(_fold(text), text)
    if len(text) > node.get("maxLength", len(text)):
        hearing.odd("length", path, text)
    return text


def _number(value: Any, path: str, hearing: Hearing, *, integral: bool) -> int | float | _Broken:
    wanted = "an integer" if integral else "a number"
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and not integral:
        return value
    if isinstance(value, bool) or not isinstance(value, str | float) or len(str(value)) > _MAX_NUMBER_CHARS:
        return _mistyped(path, wanted, value)
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value.strip())
    except InvalidOperation:
        return _mistyped(path, wanted, value)
    if not number.is_finite() or abs(number.adjusted()) > _MAX_NUMBER_CHARS:
        return _mistyped(path, wanted, value)
    hearing.odd("type", path, _shown(value))
    if integral or number == number.to_integral_value():
        return int(number.to_integral_value(rounding=ROUND_HALF_UP))
    return float(number)


def _boolean(value: Any, path: str, hearing: Hearing) -> bool | _Broken:
    if isinstance(value, bool):
        return value
    word = str(value).strip().casefold() if isinstance(value, str | int) else ""
    if word not in _TRUE and word not in _FALSE:
        return _mistyped(path, "a boolean", value)
    hearing.odd("type", path, _shown(value))
    return word in _TRUE


def _mistyped(path: str, wanted: str, value: Any) -> _Broken:
    return _Broken("type", (path,), f"{path} is not {wanted}: {_shown(value)}")


def _give_up(outcome: _Broken, path: str, value: Any, hearing: Hearing) -> None:
    hearing.odd(outcome.kind, outcome.fields[0] if outcome.fields else path, _shown(value))


def _shown(value: Any) -> str:
    return value[:100] if isinstance(value, str) else json_text(value)[:100]


def _fold(name: str) -> str:
    return "".join(filter(str.isalnum, name)).casefold()


@cache
def _folded(options: tuple[str, ...]) -> Mapping[str, str]:
    """The enum value for a spelling that differs in case or punctuation only."""
    return {_fold(option): option for option in options}
