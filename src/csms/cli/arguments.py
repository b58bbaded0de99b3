"""How a person writes a command's arguments: ``StartCharging token=ABC evse=1``, ``Reset immediately``, ``SetVariables A=1``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import attrs
import click

from csms.core.commands import (
    COMMANDS,
    ChangeAvailability,
    ClearCache,
    Command,
    GetVariables,
    Reset,
    SendData,
    Setting,
    SetVariables,
    StartCharging,
    StopCharging,
    UnlockConnector,
    VariableName,
)
from csms.core.ids import Place
from csms.core.reports import Token
from csms.domain.upkeep.model.configuration import variable_of

from .fields import fields_from, usage

WHEN = {"immediately": "immediately", "hard": "immediately", "when_idle": "when_idle", "soft": "when_idle", "onidle": "when_idle"}
STATES = {"operative": True, "inoperative": False}


class Words:
    """The words behind a command's name: ``key=value`` pairs and the rest, in order; whoever reads one takes it away."""

    def __init__(self, form: Form, words: Sequence[str]) -> None:
        self._form = form
        self._named = {key.casefold(): value for key, sep, value in (word.partition("=") for word in words) if sep}
        self._plain = [word for word in words if "=" not in word]

    def wrong(self, what: str) -> click.UsageError:
        """An error that says how the command is written."""
        return click.UsageError(f"{what}; write: {self._form.usage}")

    def take(self, *names: str, plain: bool = True, default: str | None = None) -> str:
        """The value of the first of these names, else (``plain``) the next bare word, else the default, which must then be there."""
        for name in names:
            if name in self._named:
                return self._named.pop(name)
        if plain and self._plain:
            return self._plain.pop(0)
        if default is None:
            raise self.wrong(f"{self._form.name} needs {names[0]}")
        return default

    def number(self, *names: str, plain: bool = True, default: int | None = None) -> int:
        """Like ``take``, for a whole number from 0."""
        text = self.take(*names, plain=plain, default=None if default is None else str(default))
        if not text.isascii() or not text.isdigit():
            raise self.wrong(f"{names[0]} must be a whole number, not {text!r}")
        return int(text)

    def word(self, *names: str, options: Mapping[str, Any], default: str | None = None) -> Any:
        """Like ``take``, for one of a few words, in any case."""
        text = self.take(*names, default=default)
        if text.casefold() not in options:
            raise self.wrong(f"{names[0]} must be one of {', '.join(options)}, not {text!r}")
        return options[text.casefold()]

    def place(self, *, connector: int, optional: bool = False) -> Place | None:
        """``evse=1 connector=2``, or the bare words ``1`` or ``1.2``; ``connector`` is the one meant when none is said."""
        if "evse" not in self._named and self._plain and re.fullmatch(r"\d+\.\d+", self._plain[0]):
            evse, _, inner = self._plain.pop(0).partition(".")
            return Place(int(evse), int(inner))
        if optional and "evse" not in self._named and not self._plain:
            return None
        evse_number = self.number("evse")
        return Place(evse_number, self.number("connector", plain=False, default=connector if evse_number else 0))

    def finish(self) -> None:
        """Refuse what nobody took."""
        if left := [*self._plain, *(f"{name}=" for name in self._named)]:
            raise self.wrong(f"{self._form.name} does not take {', '.join(left)}")


def variable_name(text: str, wrong: Callable[[str], click.UsageError]) -> VariableName:
    """``HeartbeatInterval``, or 2.x's ``Component[instance]@evse.connector.Variable[instance]`` with most of it left out."""
    variable = variable_of(text)
    if any(mark in variable.name for mark in ".[]@="):
        raise wrong(f"{text!r} is no variable: NAME, or COMPONENT.NAME for OCPP 2.x")
    return variable


def _start(words: Words) -> Command:
    token = Token(words.take("token"), words.take("kind", plain=False, default=""))
    return StartCharging(token, words.place(connector=0, optional=True))


def _reset(words: Words) -> Command:
    when = words.word("when", options=WHEN, default="when_idle")
    evse = words.number("evse", plain=False, default=0)
    return Reset(when, evse or None)


def _unlock(words: Words) -> Command:
    place = words.place(connector=1)
    if place is None or place.is_whole_charger:
        raise words.wrong("UnlockConnector needs a connector, counted from 1")
    return UnlockConnector(place)


def _availability(words: Words) -> Command:
    place = words.place(connector=0)
    return ChangeAvailability(place or Place(), words.word("state", options=STATES))


@attrs.frozen
class Form:
    """How one command is written, and what makes it. ``build`` gets the words, or for variables the words as they are."""

    name: str
    usage: str
    build: Callable[[Words], Command] | None = None


FORMS = {
    form.name: form
    for form in (
        Form("StartCharging", "StartCharging token=TOKEN [evse=N] [kind=KIND]", _start),
        Form(
            "StopCharging", "StopCharging transaction=ID", lambda words: StopCharging(words.number("transaction", "transaction_id"))
        ),
        Form("Reset", "Reset [when=when_idle|immediately] [evse=N]", _reset),
        Form("UnlockConnector", "UnlockConnector EVSE[.CONNECTOR]", _unlock),
        Form(
            "ChangeAvailability",
            "ChangeAvailability EVSE[.CONNECTOR] operative|inoperative  (0 is the whole charger)",
            _availability,
        ),
        Form("GetVariables", "GetVariables [[COMPONENT.]NAME ...]"),
        Form("SetVariables", "SetVariables [COMPONENT.]NAME=VALUE ..."),
        Form("ClearCache", "ClearCache", lambda words: ClearCache()),
        Form(
            "SendData",
            "SendData vendor=ID [message=ID] [data=TEXT]",
            lambda words: SendData(
                words.take("vendor", "vendor_id"), words.take("message", "message_id", default=""), words.take("data", default="")
            ),
        ),
    )
}


def form_of(name: str) -> Form:
    """The form of a command, whose name may be in any case. Raises ``UsageError`` with the nearest name."""
    by_fold = {known.casefold(): known for known in COMMANDS}
    known = by_fold.get(name.casefold())
    if known is None:
        near = get_close_matches(name.casefold(), by_fold, n=1)
        hint = f"did you mean {by_fold[near[0]]}?" if near else f"there are {', '.join(COMMANDS)}"
        raise click.UsageError(f"there is no command {name}; {hint}")
    return FORMS.get(known) or Form(known, usage(COMMANDS[known]))


def fields_of(form: Form, words: Sequence[str]) -> dict[str, Any]:
    """The fields of a command as the API takes them. Raises ``UsageError`` that says how the command is written."""
    reader = Words(form, words)
    if form.name == "GetVariables":
        return attrs.asdict(GetVariables(tuple(variable_name(word, reader.wrong) for word in words)))
    if form.name == "SetVariables":
        return attrs.asdict(_settings(words, reader))
    if form.build is None:
        return fields_from(COMMANDS[form.name], words)
    command = form.build(reader)
    reader.finish()
    return attrs.asdict(command)


def _settings(words: Sequence[str], reader: Words) -> SetVariables:
    if not words:
        raise reader.wrong("SetVariables needs a variable and its value")
    settings = []
    for word in words:
        name, sep, value = word.partition("=")
        if not sep:
            raise reader.wrong(f"{word!r} has no value")
        settings.append(Setting(variable_name(name, reader.wrong), value))
    return SetVariables(tuple(settings))
