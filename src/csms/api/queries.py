"""Query strings into attrs classes, by the same rules as bodies: unknown names and wrong values are refused."""

from __future__ import annotations

import typing
from collections.abc import Callable, Hashable
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import attrs

from .problems import Problem
from .shapes import LARGEST, fields_of, instant_of, is_instant, without_none

T = TypeVar("T")
Reader = Callable[[str], Any]

LONGEST = 2000


def _int(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and abs(int(text)) <= LARGEST):
        raise ValueError(f"expected a whole number, got {text!r}")
    return int(text)


def _float(text: str) -> float:
    number = float(text) if len(text) < 40 else float("nan")
    if number != number or number in (float("inf"), float("-inf")):
        raise ValueError(f"expected a number, got {text!r}")
    return number


def _bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"expected true or false, got {text!r}")
    return text == "true"


def _str(text: str) -> str:
    if "\x00" in text or not text.isprintable():
        raise ValueError("expected printable characters")
    return text


_READERS: dict[Any, Reader] = {int: _int, float: _float, bool: _bool, str: _str, Decimal: lambda text: Decimal(_int(text))}


def reader_of(name: str, kind: Any) -> Reader:
    """What reads a value of a query of this name and type. Raises ``TypeError`` for a type that no query can hold."""
    if is_instant(name, kind):
        return instant_of
    plain = without_none(kind)
    if typing.get_origin(plain) is tuple:
        inner = reader_of(name, typing.get_args(plain)[0])
        return lambda text: tuple(inner(each) for each in text.split(",") if each)
    if typing.get_origin(plain) is typing.Literal:
        return _str
    if plain not in _READERS:
        raise TypeError(f"a query cannot hold {name}: {kind}")
    return _READERS[plain]


@cache
def _readers(into: Hashable) -> dict[str, Reader]:
    return {field.name: reader_of(field.name, kind) for field, kind in fields_of(into)}


def query(into: type[T], arguments: typing.Mapping[str, str]) -> T:
    """The arguments of a query as an instance of an attrs class. Raises ``Problem`` 422 listing every wrong one."""
    kind: Any = into
    readers = _readers(kind)
    wrong: list[dict[str, str]] = []
    values: dict[str, Any] = {}
    for name, text in arguments.items():
        if name not in readers:
            known = ", ".join(sorted(readers)) or "none"
            wrong.append({"field": name[:100], "message": f"there is no such parameter here; there are: {known}"})
            continue
        if len(text) > LONGEST:
            wrong.append({"field": name, "message": f"longer than {LONGEST} characters"})
            continue
        try:
            values[name] = readers[name](text)
        except ValueError as error:
            wrong.append({"field": name, "message": str(error)})
    for field, _ in fields_of(kind):
        if field.default is attrs.NOTHING and field.name not in values and not any(each["field"] == field.name for each in wrong):
            wrong.append({"field": field.name, "message": "required"})
        if field.name in values and field.validator is not None:
            try:
                field.validator(None, field, values[field.name])
            except (ValueError, TypeError) as error:
                wrong.append({"field": field.name, "message": str(error.args[0])})
    if wrong:
        raise Problem(422, "Invalid Input", "the query is not valid", errors=wrong)
    return into(**values)
