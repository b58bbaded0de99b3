"""A dialect with its JSON schemas compiled: strict for what we send, tolerant for what we hear."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import resources
from typing import Any

import attrs
import jsonschema_rs

from csms.core.commands import Answered, Command, RawCall
from csms.core.errors import CannotSay
from csms.core.quirks import NO_QUIRKS, Quirks
from csms.core.reports import Mangled, Report, TransactionVerdict, Verdict

from . import frames
from .dialect import Dialect, Fault, Hearing, Hears, Payload, Says
from .mending import Mender

Check = Callable[[Any], bool]


class Unsayable(Exception):
    """What we were about to send is not valid in this version, so it does not leave."""


@attrs.frozen(slots=True, eq=False)
class Ear:
    """A row of ``hears`` with its schemas: ``is_valid`` for the request, ``may_send`` for our answer."""

    row: Hears
    is_valid: Check
    mender: Mender
    may_send: Check


@attrs.frozen(slots=True, eq=False)
class Mouth:
    """A row of ``says`` with its schemas: ``request`` for our CALL, ``is_valid`` for the charger's answer."""

    row: Says
    request: jsonschema_rs.Validator
    is_valid: Check
    mender: Mender


class Codec:
    """Payloads of one dialect to reports and outcomes, verdicts and commands to payloads. Stateless; one serves every charger."""

    __slots__ = ("_known", "_raw", "_request", "dialect", "ears", "mouths")

    def __init__(self, dialect: Dialect) -> None:
        """Compile the schemas of every row. Raises ``FileNotFoundError`` when the ``ocpp`` package lacks one."""
        folder = resources.files("ocpp").joinpath(dialect.schemas, "schemas")
        suffix = dialect.request_suffix

        def load(name: str) -> dict[str, Any]:
            schema: dict[str, Any] = frames.json_value(folder.joinpath(f"{name}.json").read_text(encoding="utf-8-sig"))
            return schema

        def heard(schema: dict[str, Any]) -> Check:
            # Timestamps are judged once, where they are read: a date-time that RFC 3339 does not know is no reason to refuse.
            return jsonschema_rs.validator_for(schema, validate_formats=False).is_valid

        def said(schema: dict[str, Any]) -> jsonschema_rs.Validator:
            return jsonschema_rs.validator_for(schema, validate_formats=True)

        self.dialect = dialect
        self._request: Callable[[str], jsonschema_rs.Validator] = lambda action: said(load(action + suffix))
        self._raw: dict[tuple[str, bool], Mouth] = {}
        self.ears: dict[str, Ear] = {}
        for hears in dialect.hears:
            request, response = load(hears.action + suffix), load(f"{hears.action}Response")
            self.ears[hears.action] = Ear(hears, heard(request), Mender(request), said(response).is_valid)
        self.mouths: dict[type[Command], list[Mouth]] = {}
        for says in dialect.says:
            request, response = load(says.action + suffix), load(f"{says.action}Response")
            mouth = Mouth(says, said(request), heard(response), Mender(response, lenient=True))
            self.mouths.setdefault(says.command, []).append(mouth)
        names = {entry.name.removesuffix(".json") for entry in folder.iterdir() if entry.name.endswith(".json")}
        self._known = frozenset(name.removesuffix(suffix) for name in names if not name.endswith("Response"))

    def knows(self, action: str) -> bool:
        """Whether the specification has this action, in whichever direction."""
        return action in self._known

    def hear(self, ear: Ear, payload: Payload, charger_id: str, now: int, quirks: Quirks = NO_QUIRKS) -> tuple[Report, Payload]:
        """The report that a CALL makes, and the payload as it was understood.

        Raises ``Fault`` when it lacks what it must have and does not say whose it is.
        """
        hearing = Hearing(charger_id, now, quirks)
        read, fault = (payload, None) if ear.is_valid(payload) else ear.mender.mend(payload, hearing)
        if fault is None:
            try:
                return ear.row.read(read, hearing), read
            except Fault as refused:
                fault = refused
        if ear.row.identifies is not None and ear.row.identifies(read):
            mangled = Mangled(
                charger_id=charger_id,
                received_at=now,
                action=ear.row.action,
                payload=frames.json_text(payload),
                missing=fault.fields,
                oddities=hearing.oddities(),
            )
            return mangled, read
        raise fault

    def answer(self, ear: Ear, payload: Payload, verdict: Verdict) -> Payload:
        """Our answer to a request. Raises ``TypeError`` for a verdict of another report, ``Unsayable`` for one that is not valid."""
        quarantined = isinstance(verdict, TransactionVerdict) and ear.row.identifies is not None
        if not isinstance(verdict, ear.row.verdict) and not quarantined:
            raise TypeError(f"{ear.row.action} is answered with {ear.row.verdict.__name__}, not {type(verdict).__name__}")
        said = ear.row.write(payload, verdict)
        if not ear.may_send(said):
            raise Unsayable(f"{ear.row.action}: the answer is not valid in {self.dialect.title}")
        return said

    def say(self, command: Command) -> tuple[Mouth, Payload]:
        """The CALL for a command. Raises ``CannotSay`` with a reason when this version has none for it."""
        if isinstance(command, RawCall):
            return self._checked(self._raw_mouth(command), command.payload)
        mouths = self.mouths.get(type(command), ())
        mouth = next((each for each in mouths if each.row.when is None or each.row.when(command)), None)
        if mouth is None:
            raise CannotSay(f"csms has no {self.dialect.title} message for {type(command).__name__}")
        return self._checked(mouth, mouth.row.write(command))

    def _checked(self, mouth: Mouth, payload: Payload) -> tuple[Mouth, Payload]:
        """What is valid to say. Raises ``CannotSay``."""
        problem = next(iter(mouth.request.iter_errors(payload)), None)
        if problem is not None:
            where = ".".join(str(step) for step in problem.instance_path)
            raise CannotSay(f"{mouth.row.action} {where}: {problem.message}"[:300])
        try:
            frames.json_text(payload)
        except UnicodeEncodeError as error:  # half a surrogate pair: the schema lets it pass, the wire does not
            raise CannotSay(f"{mouth.row.action}: {error}") from error
        return mouth, payload

    def _raw_mouth(self, command: RawCall) -> Mouth:
        """How a call is said as it is written, to the charger's registration like any other. Raises ``CannotSay``.

        Its schema is read when it is first needed: there are as many as the version has messages.
        """
        action, known = command.action, self.knows(command.action)
        if command.check and not known:
            raise CannotSay(f"{self.dialect.title} has no {action}")
        key = (action if known else "", command.check)
        mouth = self._raw.get(key)
        if mouth is None:
            gated = any(row.starts_or_stops for row in self.dialect.says if row.action == action)
            row = Says(command=RawCall, action=action, write=_raw_payload, read=_raw_answer, starts_or_stops=gated)
            request = self._request(action) if command.check else jsonschema_rs.validator_for({})
            mouth = self._raw[key] = Mouth(row, request, _anything, Mender({}, lenient=True))
        return mouth if mouth.row.action == action else attrs.evolve(mouth, row=attrs.evolve(mouth.row, action=action))

    def outcome(self, mouth: Mouth, payload: Payload) -> tuple[Answered, str]:
        """What a charger answered, and what was odd about it; an answer that is not valid is read as far as it goes."""
        if mouth.is_valid(payload):
            return mouth.row.read(payload), ""
        hearing = Hearing("", 0)
        mended, fault = mouth.mender.mend(payload, hearing)
        problem = told(hearing.oddities())
        return mouth.row.read(mended), f"{fault.description}; {problem}" if fault is not None else problem


def _anything(_: Any) -> bool:
    return True


def _raw_payload(command: RawCall) -> Payload:
    return command.payload


def _raw_answer(payload: Payload) -> Answered:
    """The answer to a call that was sent as it was written: all of it."""
    status = payload.get("status")
    return Answered(status if isinstance(status, str) else "Accepted", dict(payload))


def told(oddities: tuple[Any, ...]) -> str:
    """Oddities for the ``problem`` of a frame-log entry."""
    return "; ".join(f"{odd.rule} {odd.field}: {odd.heard[:60]}" for odd in oddities)[:500]


@cache
def codec_for(dialect: Dialect) -> Codec:
    """The codec of a dialect, compiled once."""
    return Codec(dialect)
