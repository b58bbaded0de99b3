"""How a command without a form of its own is written: ``FIELD=VALUE`` for each of its fields, as their types ask for."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs
import click
import msgspec

from csms.core.commands import Command
from csms.core.ids import Place
from csms.core.reports import Token

from .places import place_of
from .when import INSTANT

YES_NO = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def _kind(annotation: Any) -> Any:
    """The type of a field, without the ``None`` that it may also be."""
    if isinstance(annotation, types.UnionType):
        return next(each for each in typing.get_args(annotation) if each is not type(None))
    return annotation


def _fields(command: type[Command]) -> list[tuple[Any, Any]]:
    hints = typing.get_type_hints(command)
    return [(field, _kind(hints[field.name])) for field in attrs.fields(command)]


def usage(command: type[Command]) -> str:
    """``ReserveNow [reservation_id=N] place=EVSE[.CONNECTOR] token=TOKEN expires_at=TIME [parent=TEXT]``."""
    words = [command.__name__]
    for field, kind in _fields(command):
        word = f"{field.name}={_form(field.name, kind)}"
        words.append(word if field.default is attrs.NOTHING else f"[{word}]")
    return " ".join(words)


def _form(name: str, kind: Any) -> str:
    if kind is int:
        return "TIME" if name.endswith("_at") else "N"
    return {Place: "EVSE[.CONNECTOR]", Token: "TOKEN", bool: "yes|no", str: "TEXT"}.get(kind, "JSON")


def fields_from(command: type[Command], words: Sequence[str]) -> dict[str, Any]:
    """The fields as the API takes them. Bare words are those fields that must be given, in order; ``@FILE`` is a file's content.

    Raises ``UsageError`` that says how the command is written.
    """
    known = {field.name: kind for field, kind in _fields(command)}
    required = [field.name for field, _ in _fields(command) if field.default is attrs.NOTHING]
    told: dict[str, str] = {}
    for word in words:
        name, sep, value = word.partition("=")
        if not sep:
            name, value = next((name for name in required if name not in told), ""), word
        if name not in known or name in told:
            raise _wrong(command, f"{command.__name__} does not take {word}")
        told[name] = value
    if missing := [name for name in required if name not in told]:
        raise _wrong(command, f"{command.__name__} needs {', '.join(missing)}")
    return {name: _value(command, name, known[name], value) for name, value in told.items()}


def _wrong(command: type[Command], what: str) -> click.UsageError:
    return click.UsageError(f"{what}; write: {usage(command)}")


def _value(command: type[Command], name: str, kind: Any, text: str) -> Any:
    if text.startswith("@"):
        try:
            text = Path(text[1:]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _wrong(command, f"{name}: cannot read {text[1:]}: {error}") from None
    if kind is str:
        return text
    if kind is Token:
        return {"value": text}
    if kind is int and name.endswith("_at"):
        return INSTANT.convert(text, None, None)
    if kind is int:
        if not re.fullmatch(r"-?[0-9]+", text):
            raise _wrong(command, f"{name} must be a whole number, not {text!r}")
        return int(text)
    if kind is bool:
        if text.casefold() not in YES_NO:
            raise _wrong(command, f"{name} must be yes or no, not {text!r}")
        return YES_NO[text.casefold()]
    if kind is Place and (place := place_of(text, connector=1)) is not None:
        return attrs.asdict(place)
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise _wrong(command, f"{name} is neither JSON nor @FILE: {text[:60]!r}") from None
