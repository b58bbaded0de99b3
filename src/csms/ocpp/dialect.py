"""A dialect: what one OCPP version can hear and say, as two tables, and the codes it refuses with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

from csms.core.commands import Answered, Command
from csms.core.ids import Place
from csms.core.quirks import KWH, NO_QUIRKS, Quirks
from csms.core.reports import Oddity, Report, Verdict
from csms.core.units import EARLIEST_PLAUSIBLE_AT, LATEST_PLAUSIBLE_AT, from_local, parse_instant

from .frames import Payload

__all__ = ["Codes", "Dialect", "Fault", "Hearing", "Hears", "Payload", "Says"]

MAX_ODDITIES = 32
MAX_HEARD_CHARS = 200
_INT64 = 2**63


class Fault(Exception):
    """A payload that cannot be understood. ``kind`` is ``missing``, ``type`` or ``property``; ``fields`` are paths into the payload."""

    def __init__(self, kind: str, fields: tuple[str, ...], description: str) -> None:
        super().__init__(description)
        self.kind = kind
        self.fields = fields
        self.description = description


class Hearing:
    """What a reader needs to know about the moment of hearing, and where it notes what was odd."""

    __slots__ = ("charger_id", "noted", "now", "quirks")

    def __init__(self, charger_id: str, now: int, quirks: Quirks = NO_QUIRKS) -> None:
        self.charger_id = charger_id
        self.now = now
        self.quirks = quirks
        self.noted: list[Oddity] = []

    def odd(self, rule: str, field: str, heard: object) -> None:
        """Note that a field was not as the specification wants it; only the first ``MAX_ODDITIES`` are kept."""
        if len(self.noted) < MAX_ODDITIES:
            self.noted.append(Oddity(rule, field, str(heard)[:MAX_HEARD_CHARS]))

    def oddities(self) -> tuple[Oddity, ...]:
        """What was noted. Ask after everything else was read."""
        return tuple(self.noted)

    def instant(self, text: str | None, field: str) -> tuple[int, str]:
        """The instant a charger told, and ``""``; or the time of hearing and the raw text when it cannot be trusted.

        It cannot where it is no date-time, or lies before ``EARLIEST_PLAUSIBLE_AT`` (a clock that was never set) or after
        ``LATEST_PLAUSIBLE_AT`` (with its zone it may even lie beyond the year 9999, which no date-time can say).
        """
        if text is None:
            return self.now, ""
        try:
            at, zoned = parse_instant(text)
        except ValueError:
            self.odd("timestamp", field, text)
            return self.now, text
        if not zoned:
            self.odd("zone", field, text)
        if self.quirks.time_zone and (not zoned or self.quirks.times_are_local):
            at = from_local(at, self.quirks.time_zone)
        if not EARLIEST_PLAUSIBLE_AT <= at <= LATEST_PLAUSIBLE_AT:
            self.odd("clock", field, text)
            return self.now, text
        return at, ""

    def integer(self, value: int | float, field: str) -> int:
        """The number, clamped to the 64 bits that a database has: chargers send -1 and 2**63 - 1, and these stay as they are.

        JSON Schema since draft-06 takes 3.0 for an integer, so a whole float may arrive here.
        """
        value = int(value)
        if -_INT64 <= value < _INT64:
            return value
        self.odd("range", field, value)
        return -_INT64 if value < 0 else _INT64 - 1

    def register_wh(self, value: int | float, field: str) -> int:
        """A meter register in Wh, which some chargers tell in kWh."""
        if self.quirks.register_unit == KWH:
            self.odd("unit", field, value)
            value *= 1000
        return self.integer(value, field)

    def place(self, evse: int | float, connector: int | float, field: str) -> Place:
        """A place; a number that can be neither EVSE nor connector means the charger as a whole."""
        if 0 <= evse < 2**31 and 0 <= connector < 2**31:
            return Place(int(evse), int(connector))
        self.odd("range", field, f"{evse}.{connector}")
        return Place(0, 0)


@attrs.frozen(slots=True, kw_only=True)
class Hears:
    """A CALL of the charger: how it becomes a report, and how our verdict becomes the answer."""

    action: str
    read: Callable[[Payload, Hearing], Report]
    """Raises ``Fault`` for a payload that says nothing we could act on."""
    write: Callable[[Payload, Any], Payload]
    """The answer to a request, for a verdict of type ``verdict`` (or ``TransactionVerdict`` after ``Mangled``); always schema-valid."""
    verdict: type[Verdict]
    identifies: Callable[[Payload], bool] | None = None
    """For a transaction message: whether what could be read of it says which transaction it belongs to (HOUSE §8)."""
    anew: bool = False
    """A repeated message id is processed anew instead of being answered from the cache."""
    registers: bool = False
    """Heard from every charger, and its verdict is a registration."""


@attrs.frozen(slots=True, kw_only=True)
class Says:
    """A command: how it becomes a CALL, and how the charger's answer becomes an outcome."""

    command: type[Command]
    action: str
    write: Callable[[Any], Payload]
    """Raises ``CannotSay`` where this version has no words for the arguments."""
    read: Callable[[Payload], Answered]
    """Every field may be missing; those that are there have their type."""
    when: Callable[[Any], bool] | None = None
    """Which commands of its kind this row is for, where a version has several messages for one kind; None is all that are left."""
    starts_or_stops: bool = False
    """Not for a charger whose registration is pending (1.6 §4.2; 2.0.1 B02)."""


@attrs.frozen(slots=True, kw_only=True)
class Codes:
    """The CALLERROR codes in which versions differ."""

    format: str
    """The payload is no object."""
    missing: str
    """A required field is not there."""
    unreadable: str
    """The frame is not one of OCPP-J."""
    unreadable_id: str | None
    """The id to answer with when none could be read; None is silence."""
    unknown_type: str | None
    """The code for an unknown message type; None ignores it."""
    type: str = "TypeConstraintViolation"
    property: str = "PropertyConstraintViolation"

    def for_fault(self, kind: str) -> str:
        """The code for a ``Fault``."""
        return {"missing": self.missing, "type": self.type}.get(kind, self.property)


@attrs.frozen(slots=True, kw_only=True, eq=False)
class Dialect:
    """One OCPP version. What it cannot say is a missing row in ``says``."""

    subprotocol: str
    title: str
    hears: tuple[Hears, ...]
    says: tuple[Says, ...]
    codes: Codes
    schemas: str
    """The folder of the ``ocpp`` package that holds its JSON schemas."""
    request_suffix: str = ""
    """What follows the action in the name of a request's schema file."""

    @property
    def can_say(self) -> frozenset[str]:
        """The names of the commands this version has."""
        return frozenset(row.command.__name__ for row in self.says)

    @property
    def can_hear(self) -> frozenset[str]:
        """The actions this dialect understands; a bounded set of names for metrics."""
        return frozenset(row.action for row in self.hears)
