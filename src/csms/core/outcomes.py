"""What can become of a command: the charger's answer, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs


@attrs.frozen(slots=True)
class Outcome:
    """What became of a command. ``certain`` is False where the charger may have obeyed although we did not hear so."""

    certain: ClassVar[bool] = True


@attrs.frozen(slots=True)
class Answered(Outcome):
    """The charger answered: its status word (``Accepted`` where the message has none) and whatever else it said, as JSON values."""

    status: str
    detail: dict[str, Any] = attrs.field(factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the charger said yes, perhaps with conditions (``Scheduled``, ``RebootRequired``, ``Unlocked``)."""
        return self.status in {"Accepted", "AcceptedCanceled", "Scheduled", "RebootRequired", "Unlocked"}


@attrs.frozen(slots=True)
class CallError(Outcome):
    """The charger answered with a CALLERROR."""

    code: str
    description: str = ""
    details: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(slots=True)
class TimedOut(Outcome):
    """Sent, and no answer within the time limit: it may have run."""

    certain = False


@attrs.frozen(slots=True)
class Lost(Outcome):
    """Sent, then the link died: it may have run."""

    certain = False


@attrs.frozen(slots=True)
class Expired(Outcome):
    """Its time to live passed before it could be sent: it has not run."""


@attrs.frozen(slots=True)
class Superseded(Outcome):
    """A newer equal command took its place before it was sent: it has not run."""


@attrs.frozen(slots=True)
class QueueFull(Outcome):
    """The charger's queue was full: it has not run."""


@attrs.frozen(slots=True)
class Offline(Outcome):
    """The charger is not connected, or was not accepted yet for this command: it has not run."""

    reason: str = "not connected"


@attrs.frozen(slots=True)
class NotSupported(Outcome):
    """The charger's OCPP version cannot say this: it has not run."""

    reason: str = ""


LONGEST_WORDS = 200
_UNKNOWN_THERE = frozenset({"NotSupported", "NotImplemented"})
"""Error codes that say that the charger does not know the message (OCPP-J 1.6 §4.2.3)."""


def told(outcome: Outcome) -> str:
    """An outcome in a few words, to be stored and shown: the charger's own if it answered, else such as ``CallError: GenericError``."""
    if isinstance(outcome, Answered):
        return _clean(outcome.status)
    said = " ".join(str(getattr(outcome, name, "")) for name in ("code", "description", "reason")).strip()
    name = type(outcome).__name__
    return _clean(f"{name}: {said}") if said else name


def _clean(text: str) -> str:
    """On one line and not too long; without what no store takes (NUL)."""
    return "".join(each for each in " ".join(text.split()) if each.isprintable())[:LONGEST_WORDS]


def obeyed(outcome: Outcome) -> bool | None:
    """Whether the charger will do what we asked; None where we cannot know."""
    if isinstance(outcome, Answered):
        return outcome.accepted
    return False if outcome.certain else None


def cannot(outcome: Outcome) -> bool:
    """Whether the charger, or its OCPP version, does not know the message at all."""
    return isinstance(outcome, NotSupported) or (isinstance(outcome, CallError) and outcome.code in _UNKNOWN_THERE)


def plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the API answers it: ``outcome`` is its name, ``certain``, and whatever else there is of it."""
    return {"outcome": type(outcome).__name__, "certain": outcome.certain, **attrs.asdict(outcome)}


@attrs.frozen(slots=True, kw_only=True)
class Told:
    """What became of asking a charger for something, as the API answers it beside the thing that it was about.

    ``outcome`` names it: ``Answered`` (with the charger's ``status`` and ``detail``), ``CallError`` (``code``, ``description``,
    ``details``), or why there is no answer: ``TimedOut``, ``Lost``, ``Expired``, ``Superseded``, ``QueueFull``, ``Offline``,
    ``NotSupported`` (the latter two with a ``reason``). ``accepted`` is whether the charger said yes, null where nobody knows; ``certain``
    is false where it may have obeyed although nobody heard so.
    """

    outcome: str
    certain: bool
    accepted: bool | None
    status: str | None = None
    detail: Mapping[str, Any] | None = None
    code: str | None = None
    description: str | None = None
    details: Mapping[str, Any] | None = None
    reason: str | None = None


def facts(outcome: Outcome) -> dict[str, Any]:
    """An outcome as the fields of ``Told``."""
    return {**plain(outcome), "accepted": obeyed(outcome)}
