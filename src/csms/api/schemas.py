"""JSON Schema (2020-12) of attrs classes, by the rules of ``shapes``: what the API takes and gives, for its OpenAPI page.

``Schemas`` collects every class that is asked for as a component. What a class looks like in an answer and in a body usually differs
(defaults may be left out of a body, which takes nothing unknown; an answer shows energy in kWh as well): it then has two components,
``Place`` and ``PlaceInput``.
"""

from __future__ import annotations

import ast
import collections.abc
import enum
import inspect
import sys
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import attrs

from .overlays import Schema, overlay
from .shapes import fields_of, is_energy, is_instant, show, without_none

ANSWER, BODY, QUERY = "answer", "body", "query"
"""What a schema is of; in a query there is no null."""

DECIMAL = r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$"
INSTANT: Schema = {"type": "string", "format": "date-time"}

_PLAIN: Mapping[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer", "format": "int64"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    date: {"type": "string", "format": "date"},
    datetime: INSTANT,
    type(None): {"type": "null"},
    Any: {},
    object: {},
}
_LISTS = (list, tuple, collections.abc.Sequence, collections.abc.Iterable, collections.abc.Collection)
_SETS = (set, frozenset, collections.abc.Set)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)

Key = tuple[str, Any]
"""A component before it has a name: whether it is of an answer or a body, and the class."""


class Schemas:
    """The components of one document. ``answer`` and ``body`` give schemas that refer to them; ``finish`` names them."""

    def __init__(self) -> None:
        self._made: dict[Key, Schema] = {}
        self._documented: dict[str, dict[str, dict[str, str]]] = {}

    def answer(self, kind: Any) -> Schema:
        """The schema of what is answered. Raises ``TypeError`` for a type that has no JSON form."""
        return self._schema(kind, ANSWER)

    def body(self, kind: Any) -> Schema:
        """The schema of what is taken. Raises ``TypeError`` for a type that has no JSON form."""
        return self._schema(kind, BODY)

    def arguments(self, kind: Any) -> Iterator[tuple[str, bool, Schema, str]]:
        """The arguments of a query class: name, whether it must be given, schema, and what it is for."""
        for field, hint in fields_of(kind):
            schema = overlay(self._field(field.name, without_none(hint), QUERY), field.validator)
            schema = _defaulted(schema, field)
            yield field.name, field.default is attrs.NOTHING, schema, self._about(kind, field)

    def finish(self, document: Any) -> tuple[Any, dict[str, Schema]]:
        """A document in which references are names, and the components under these names, in order."""
        names = self._names()
        components = {names[key]: _resolved(schema, names) for key, schema in self._made.items()}
        return _resolved(document, names), dict(sorted(components.items()))

    # --- from types to schemas --------------------------------------------------------------------------------------------------

    def _schema(self, kind: Any, side: str) -> Schema:
        kind = _bare(kind)
        if (plain := _PLAIN.get(kind) if _hashable(kind) else None) is not None:
            return dict(plain)
        if kind is Decimal:
            return {"type": ["string", "number"] if side == BODY else "string", "pattern": DECIMAL}
        origin, members = typing.get_origin(kind), typing.get_args(kind)
        if attrs.has(origin or kind):
            return self._component(kind, side)
        if isinstance(kind, type) and issubclass(kind, enum.Enum):
            return self._component(kind, side)
        if origin is typing.Literal:
            return _choices(members)
        if origin in (typing.Union, types.UnionType):
            return _either([self._schema(each, side) for each in members if side != QUERY or each is not type(None)])
        found = origin or kind
        if found is tuple and members and members[-1] is not Ellipsis:
            return {
                "type": "array",
                "prefixItems": [self._schema(each, side) for each in members],
                "minItems": len(members),
                "maxItems": len(members),
            }
        if found in _LISTS:
            return {"type": "array", "items": self._schema(members[0] if members else Any, side)}
        if found in _SETS:
            return {"type": "array", "items": self._schema(members[0] if members else Any, side), "uniqueItems": True}
        if found in _MAPPINGS:
            return self._mapping(members, side)
        raise TypeError(f"{kind!r} has no JSON form")

    def _mapping(self, members: tuple[Any, ...], side: str) -> Schema:
        names, values = members or (str, Any)
        schema: Schema = {"type": "object", "additionalProperties": self._schema(values, side)}
        if typing.get_origin(_bare(names)) is typing.Literal:
            schema["propertyNames"] = {"enum": list(typing.get_args(_bare(names)))}
        return schema

    def _component(self, kind: Any, side: str) -> Schema:
        key = (side if side == ANSWER else BODY, kind)
        if key not in self._made:
            self._made[key] = {}  # a class may hold itself
            try:
                self._made[key] = self._class(kind, side) if attrs.has(typing.get_origin(kind) or kind) else self._enum(kind)
            except TypeError as error:
                del self._made[key]
                raise TypeError(f"{getattr(kind, '__name__', kind)}: {error}") from None
        return {"$ref": key}

    def _enum(self, kind: type[enum.Enum]) -> Schema:
        return _described(_choices(tuple(each.value for each in kind)), _doc(kind))

    def _class(self, kind: Any, side: str) -> Schema:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        for field, hint in fields_of(kind):
            if side == BODY and not field.init:
                continue
            told = overlay(self._field(field.name, hint, side), field.validator)
            if side == BODY:
                told = _defaulted(told, field)
            if field.repr is False and side == BODY:
                told = {**told, "writeOnly": True}
            properties[field.name] = _described(told, self._about(kind, field))
            if side == ANSWER or field.default is attrs.NOTHING:
                required.append(field.name)
            if side == ANSWER and is_energy(field.name, hint):
                twin = field.name.removesuffix("_wh") + "_kwh"
                properties[twin] = _described(_as_nullable({"type": "string", "pattern": DECIMAL}, hint), "the same in kWh")
                required.append(twin)
        schema: Schema = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        if side == BODY:
            schema["additionalProperties"] = False
        return _described(schema, _doc(typing.get_origin(kind) or kind))

    def _field(self, name: str, hint: Any, side: str) -> Schema:
        if is_instant(name, hint):
            return _as_nullable(INSTANT, hint)
        return self._schema(hint, side)

    def _about(self, kind: Any, field: attrs.Attribute[Any]) -> str:
        """What a field is for: its help, else the text behind it in its class."""
        if told := field.metadata.get("help"):
            return str(told)
        origin = typing.get_origin(kind) or kind
        for each in origin.__mro__:
            if each.__module__ != "builtins" and (found := self._notes(each).get(field.name)):
                return found
        return ""

    def _notes(self, kind: Any) -> Mapping[str, str]:
        if kind.__module__ not in self._documented:
            self._documented[kind.__module__] = notes_of(kind.__module__)
        return self._documented[kind.__module__].get(kind.__qualname__, {})

    # --- names ------------------------------------------------------------------------------------------------------------------

    def _names(self) -> dict[Key, str]:
        """A name for each component: the class's, with its package where two classes have one, ``Input`` where a body differs."""
        kinds: dict[str, list[Any]] = {}
        for _, kind in self._made:
            same = kinds.setdefault(_name(kind), [])
            if kind not in same:
                same.append(kind)
        told = {
            kind: name if len(same) == 1 else f"{_package(kind)}{name}{'' if number == 0 or _alone(kind, same) else number + 1}"
            for name, same in kinds.items()
            for number, kind in enumerate(same)
        }
        alike = self._alike()
        names = {
            (side, kind): told[kind] + ("Input" if side == BODY and (ANSWER, kind) in self._made and kind not in alike else "")
            for side, kind in self._made
        }
        if len(set(names.values())) < len({(kind, names[side, kind]) for side, kind in names}):
            raise ValueError("two classes would have one name on the OpenAPI page; rename one")
        return names

    def _alike(self) -> set[Any]:
        """The classes that look the same in answers and in bodies, all the way down."""
        alike = {kind for side, kind in self._made if side == BODY and (ANSWER, kind) in self._made}
        while True:
            differ = {kind for kind in alike if not _same(self._made[ANSWER, kind], self._made[BODY, kind], alike)}
            if not differ:
                return alike
            alike -= differ


def _same(one: Any, other: Any, alike: set[Any]) -> bool:
    """Whether two schemas are one, where classes in ``alike`` are."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(each, other[name], alike) for name, each in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(_same(each, its, alike) for each, its in zip(one, other, strict=True))
    if isinstance(one, tuple) and isinstance(other, tuple):
        return bool(one == other or (one[1] == other[1] and one[1] in alike))
    return bool(one == other)


def _resolved(schema: Any, names: Mapping[Key, str]) -> Any:
    if isinstance(schema, dict):
        key = schema.get("$ref")
        if isinstance(key, tuple):
            schema = {**schema, "$ref": f"#/components/schemas/{names[key]}"}
        return {name: _resolved(each, names) for name, each in schema.items()}
    return [_resolved(each, names) for each in schema] if isinstance(schema, (list, tuple)) else schema


def _name(kind: Any) -> str:
    """``Station``, and ``PageOfStation`` for ``Page[Station]``."""
    members = "And".join(_name(_bare(each)) for each in typing.get_args(kind))
    name = str(getattr(typing.get_origin(kind) or kind, "__name__", kind)).lstrip("_")
    return f"{name[:1].upper()}{name[1:]}{f'Of{members}' if members else ''}"


def _package(kind: Any) -> str:
    """The slice or plugin that a class is of, as the beginning of a name."""
    kind = next((each for each in typing.get_args(kind) if isinstance(each, type)), kind)
    parts = kind.__module__.split(".")
    told = next((each for each in parts if each not in ("csms", "domain")), parts[0])
    return "".join(each.capitalize() for each in told.split("_"))


def _alone(kind: Any, same: list[Any]) -> bool:
    return sum(_package(each) == _package(kind) for each in same) == 1


# --- the parts of a schema ------------------------------------------------------------------------------------------------------


def _bare(kind: Any) -> Any:
    """The type behind ``NewType``s and ``Annotated``; any for a type variable that nothing fills."""
    while True:
        if isinstance(kind, typing.NewType):
            kind = kind.__supertype__
        elif typing.get_origin(kind) is typing.Annotated:
            kind = typing.get_args(kind)[0]
        else:
            return Any if isinstance(kind, typing.TypeVar) else kind


def _hashable(kind: Any) -> bool:
    return isinstance(kind, collections.abc.Hashable)


def _choices(options: tuple[Any, ...]) -> Schema:
    values = [show(each) for each in options]
    kinds = sorted({_PLAIN[type(each)]["type"] for each in values})
    return {"type": kinds[0] if len(kinds) == 1 else kinds, "enum": values}


def _either(schemas: list[Schema]) -> Schema:
    """One of several; ``null`` is said in ``type`` where that is enough."""
    rest = [each for each in schemas if each != {"type": "null"}]
    if {} in rest:
        return {}
    if len(rest) < len(schemas) and len(rest) == 1 and isinstance(kind := rest[0].get("type"), str):
        made = {**rest[0], "type": [kind, "null"]}
        return {**made, "enum": [*made["enum"], None]} if "enum" in made else made
    return schemas[0] if len(schemas) == 1 else {"anyOf": rest + ([{"type": "null"}] if len(rest) < len(schemas) else [])}


def _as_nullable(schema: Schema, hint: Any) -> Schema:
    return _either([schema, {"type": "null"}]) if type(None) in typing.get_args(hint) else dict(schema)


def _defaulted(schema: Schema, field: attrs.Attribute[Any]) -> Schema:
    """With the default of a field, where it can be said and is worth it."""
    default: Any = field.default
    if isinstance(default, attrs.Factory) and not default.takes_self:  # type: ignore[arg-type]  # attrs types it as a function
        default = default.factory()
    if default is attrs.NOTHING or default is None or isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return schema
    if isinstance(default, (str, int, float, Decimal, enum.Enum, tuple, list, Mapping)) or attrs.has(type(default)):
        return {**schema, "default": show(default)}
    return schema


def _described(schema: Schema, about: str) -> Schema:
    return {**schema, "description": about} if about and "description" not in schema else schema


def _doc(kind: Any) -> str:
    return inspect.cleandoc(kind.__dict__.get("__doc__") or "")


def notes_of(module: str) -> dict[str, dict[str, str]]:
    """The texts that stand behind the fields of each class of a module, by the class's qualified name; none where there is no source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (OSError, KeyError, TypeError, SyntaxError):
        return {}
    return {node.name: _notes(node) for node in tree.body if isinstance(node, ast.ClassDef)}


def _notes(node: ast.ClassDef) -> dict[str, str]:
    found: dict[str, str] = {}
    for statement, after in zip(node.body, node.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and isinstance(after, ast.Expr):
            text = after.value
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[statement.target.id] = " ".join(inspect.cleandoc(text.value).split())
    return found
