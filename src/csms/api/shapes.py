"""What attrs classes look like in JSON, both ways: one rule for instants, for energy and for decimals, on every route.

An *instant* is an integer field called ``at`` or ending in ``_at``: in JSON it is ISO 8601 in UTC, both ways. A field that ends in ``_wh``
is shown a second time in kWh, as a decimal in a string. Decimals are strings, to lose nothing. Unknown keys are refused.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Hashable, Mapping, Sequence, Set
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

import attrs
import cattrs
import msgspec
from cattrs.gen import make_dict_structure_fn, override
from cattrs.preconf.json import make_converter
from cattrs.v import format_exception

from csms.core.units import iso, kwh, parse_instant

from .problems import Problem

T = TypeVar("T")
Show = Callable[[Any], Any]

LARGEST = 2**63 - 1
"""The largest number that a database has."""
_LISTED = (list, tuple, set, frozenset, Sequence, Set)
"""What is a list in JSON."""


def is_instant(name: str, kind: Any) -> bool:
    """Whether a field of this name and type is an instant."""
    return (name == "at" or name.endswith("_at")) and without_none(kind) is int


def is_energy(name: str, kind: Any) -> bool:
    """Whether a field of this name and type is an energy in Wh, which is shown in kWh as well."""
    return name.endswith("_wh") and without_none(kind) is int


def without_none(kind: Any) -> Any:
    """``int`` of ``int | None``; any other union as it is."""
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        rest = [each for each in typing.get_args(kind) if each is not type(None)]
        return _plain(rest[0]) if len(rest) == 1 else kind
    return _plain(kind)


def _plain(kind: Any) -> Any:
    """The type behind a ``NewType``."""
    while isinstance(kind, typing.NewType):
        kind = kind.__supertype__
    return kind


@cache
def fields_of(kind: Hashable) -> tuple[tuple[attrs.Attribute[Any], Any], ...]:
    """The fields of an attrs class (or of one such as ``Page[Station]``) with their resolved types."""
    origin: Any = typing.get_origin(kind) or kind
    hints = typing.get_type_hints(origin)
    parameters: Any = getattr(origin, "__parameters__", None) or ()
    named: dict[Any, Any] = dict(zip(parameters, typing.get_args(kind), strict=False))
    return tuple((field, _filled(hints.get(field.name, Any), named)) for field in attrs.fields(origin))


def _filled(hint: Any, named: Mapping[Any, Any]) -> Any:
    """A type with its type variables filled in."""
    if isinstance(hint, TypeVar):
        return named.get(hint, Any)
    if named and getattr(hint, "__parameters__", None):
        return hint[tuple(named.get(each, Any) for each in hint.__parameters__)]
    return hint


# --- out ------------------------------------------------------------------------------------------------------------------------


_AS_THEY_ARE = (str, int, bool, float)


@attrs.frozen(slots=True)
class _Form:
    """How instances of a class are shown: the names of the members, what reads all of them at once, and those that need more."""

    names: tuple[str, ...]
    read: Callable[[Any], tuple[Any, ...]]
    convert: tuple[tuple[str, Show], ...]


@cache
def _form(kind: Hashable, secrets: bool) -> _Form:
    names: list[str] = []
    fields: list[str] = []
    convert: list[tuple[str, Show]] = []

    def add(name: str, field: str, how: Show | None) -> None:
        names.append(name)
        fields.append(field)
        if how is not None:
            convert.append((name, how))

    for field, hint in fields_of(kind):
        if not secrets and field.repr is False:
            continue
        if is_instant(field.name, hint):
            add(field.name, field.name, iso)
        elif is_energy(field.name, hint):
            add(field.name, field.name, None)
            add(field.name.removesuffix("_wh") + "_kwh", field.name, kwh)
        else:
            plain = _plain(without_none(hint)) in _AS_THEY_ARE
            add(field.name, field.name, None if plain else show if secrets else without_secrets)
    if len(fields) > 1:
        read: Callable[[Any], tuple[Any, ...]] = attrgetter(*fields)
    else:
        read = lambda value: tuple(getattr(value, each) for each in fields)  # noqa: E731 - attrgetter gives no tuple of one
    return _Form(tuple(names), read, tuple(convert))


def show(value: Any) -> Any:
    """``value`` as plain JSON data: attrs instances as objects, under the rules of this module."""
    kind: Any = type(value)
    if value is None or kind in _AS_THEY_ARE:
        return value
    return _object(value, kind, True) if hasattr(kind, "__attrs_attrs__") else _others(value, show)


def without_secrets(value: Any) -> Any:
    """As ``show``, but without the fields that are hidden from ``repr``: for the audit log."""
    kind: Any = type(value)
    return _object(value, kind, False) if hasattr(kind, "__attrs_attrs__") else _others(value, without_secrets)


def _object(value: Any, kind: Any, secrets: bool) -> dict[str, Any]:
    form = _form(kind, secrets)
    shown = dict(zip(form.names, form.read(value), strict=True))
    for name, convert in form.convert:
        if (held := shown[name]) is not None:
            shown[name] = convert(held)
    return shown


def _others(value: Any, inner: Show) -> Any:
    if isinstance(value, Mapping):
        return {_key(name): _member(str(name), each, inner) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [inner(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted((inner(each) for each in value), key=str)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, enum.Enum):
        return value.value
    return value


def _member(name: str, value: Any, inner: Show) -> Any:
    """A member of a mapping; an instant is known by its name there, too."""
    if type(value) is int and (name == "at" or name.endswith("_at")):
        return iso(value)
    return inner(value)


def _key(name: Any) -> str:
    return name.value if isinstance(name, enum.Enum) else str(name)


def encode(value: Any) -> bytes:
    """``value`` as JSON text."""
    return msgspec.json.encode(show(value))


# --- in -------------------------------------------------------------------------------------------------------------------------


def instant_of(value: Any) -> int:
    """An instant out of JSON: ISO 8601 with its zone. Raises ``ValueError``."""
    if not isinstance(value, str):
        raise ValueError(f"expected an ISO 8601 date-time such as 2026-01-31T12:00:00Z, got {value!r}")
    instant, zoned = parse_instant(value)
    if not zoned:
        raise ValueError(f"expected a date-time with its zone, such as 2026-01-31T12:00:00Z, got {value!r}")
    return instant


def _instant(value: Any, _: Any) -> int:
    return instant_of(value)


def _instant_or_none(value: Any, _: Any) -> int | None:
    return None if value is None else instant_of(value)


def _decimal(value: Any, _: type) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"not a decimal number: {value!r}") from None
    if not number.is_finite():
        raise ValueError(f"not a decimal number: {value!r}")
    return number


def _strict(kind: type) -> Any:
    """A hook that takes only what JSON says is that kind: ``"5"`` is no integer, ``1`` is no boolean."""

    def hook(value: Any, _: type) -> Any:
        if type(value) is not kind:
            raise ValueError(f"expected {kind.__name__}, got {value!r}")
        return value

    return hook


def _integer(value: Any, kind: type) -> int:
    number: int = _strict(int)(value, kind)
    if not -LARGEST - 1 <= number <= LARGEST:
        raise ValueError("a number of more than 64 bits")
    return number


def _string(value: Any, kind: type) -> str:
    text: str = _strict(str)(value, kind)
    if "\x00" in text:
        raise ValueError("a text without the character NUL, which no database keeps")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text without lone surrogates, which are no characters") from None
    return text


def _float(value: Any, _: type) -> float:
    if type(value) not in (int, float):
        raise ValueError(f"expected a number, got {value!r}")
    return float(value)


def _is_listed(kind: Any) -> bool:
    return (typing.get_origin(kind) or kind) in _LISTED


def _listed(converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    """Takes a list alone: left to itself, the converter makes one of a text's letters or of an object's names."""

    def read(value: Any, kind: Any) -> Any:
        if value is not None and type(value) is not list:
            raise ValueError(f"expected a list, got {value!r}")
        return converter.structure(value, kind)

    return read


def _hook_of(field: attrs.Attribute[Any], hint: Any, converter: cattrs.Converter) -> Callable[[Any, Any], Any] | None:
    """How a field is read where its type alone does not say: an instant, a list, or a value that its validator looks at.

    The validator is asked here as well as by the class, so that every wrong field is told and not only the first.
    """
    read: Callable[[Any, Any], Any] | None = None
    if is_instant(field.name, hint):
        read = _instant if hint is int else _instant_or_none
    elif _is_listed(without_none(hint)):
        read = _listed(converter)
    validator = field.validator
    if validator is None or not type(validator).__module__.startswith("attr"):
        return read

    def checked(value: Any, kind: Any) -> Any:
        found = converter.structure(value, kind) if read is None else read(value, kind)
        validator(None, field, found)
        return found

    return checked


def _converter() -> cattrs.Converter:
    converter = make_converter(forbid_extra_keys=True, detailed_validation=True)
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_unstructure_hook(Decimal, str)
    converter.register_structure_hook(int, _integer)
    converter.register_structure_hook(str, _string)
    converter.register_structure_hook(bool, _strict(bool))
    converter.register_structure_hook(float, _float)

    def is_noun(kind: Any) -> bool:
        return attrs.has(typing.get_origin(kind) or kind)

    def structure_fn(kind: Any) -> Callable[[Any, Any], Any]:
        hooks = {
            field.name: override(struct_hook=hook) for field, hint in fields_of(kind) if (hook := _hook_of(field, hint, converter))
        }
        built: Callable[[Any, Any], Any] = make_dict_structure_fn(
            kind,
            converter,
            _cattrs_forbid_extra_keys=True,
            _cattrs_detailed_validation=True,
            **hooks,  # type: ignore[arg-type]  # overrides by field name
        )

        def whole(value: Any, into: Any) -> Any:
            if not isinstance(value, Mapping):
                raise ValueError(f"expected an object, got {value!r}")
            return built(value, into)

        return whole

    converter.register_structure_hook_factory(is_noun, structure_fn)
    return converter


CONVERTER = _converter()


def structure(data: Any, into: type[T]) -> T:
    """``data`` as an instance of an attrs class. Raises ``Problem`` 422 listing every wrong field."""
    if not isinstance(data, dict):
        raise Problem(422, "Invalid Input", f"not a valid {into.__name__}: expected a JSON object")
    try:
        return CONVERTER.structure(data, into)
    except (cattrs.BaseValidationError, cattrs.ForbiddenExtraKeysError) as error:
        raise Problem(422, "Invalid Input", f"not a valid {into.__name__}", errors=paths(error)) from None
    except (TypeError, ValueError, KeyError) as error:
        raise Problem(422, "Invalid Input", f"not a valid {into.__name__}: {error}") from None


def paths(error: Exception) -> list[dict[str, str]]:
    """Every wrong field with its path and what is wrong with it."""
    wrong = []
    for line in cattrs.transform_error(error, format_exception=_words):
        message, _, path = line.rpartition(" @ ")
        where = path.removeprefix("$").removeprefix(".")
        if message.startswith(_UNKNOWN):
            for name in message.removeprefix(_UNKNOWN).split("\n"):
                field, _, allowed = name.partition("\t")
                at = f"{where}.{field}" if where else field
                wrong.append({"field": at, "message": f"there is no such field here; there are: {allowed}"})
        else:
            wrong.append({"field": where, "message": message or line})
    return wrong


_UNKNOWN = "unknown fields\n"
LONGEST_NAME = 100
"""Of an unknown field's name, so much is said again."""


def _words(error: BaseException, kind: type | None) -> str:
    """What one error says; a validator's own words say what is allowed."""
    if isinstance(error, cattrs.ForbiddenExtraKeysError) and error.cl is not None:
        allowed = ", ".join(sorted(field.name for field, _ in fields_of(error.cl)))
        names = sorted(str(each).replace("\n", " ").replace("\t", " ")[:LONGEST_NAME] for each in error.extra_fields)
        return _UNKNOWN + "\n".join(f"{name}\t{allowed}" for name in names)
    if isinstance(error, ValueError) and error.args:
        return str(error.args[0])
    return format_exception(error, kind)
