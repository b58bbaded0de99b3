"""What an event is: a past-tense fact, stored in the same transaction as the facts it tells.

The events themselves are nouns of the slices (``domain/*/model.py``); this is only what the spine needs to carry any of them.
"""

from __future__ import annotations

from typing import ClassVar

import attrs

from .ids import charger_key
from .nouns import noun

EVENT_TYPES: dict[str, type[Event]] = {}
"""Every event class by its ``type``; filled as classes are defined."""


@noun(kw_only=True)
class Event:
    """A fact. ``type`` is its name and the name of its hook; ``key`` orders it: events of one key reach a consumer in order."""

    type: ClassVar[str] = ""
    durable: ClassVar[bool] = True
    """Durable events are stored and reach every consumer at least once; others are told once, after commit, to whoever listens."""

    @property
    def key(self) -> str:
        """The aggregate whose order matters, one of the write's keys."""
        raise NotImplementedError


@attrs.frozen(slots=True, kw_only=True)
class ChargerEvent(Event):
    """What the events of one charger share: they reach a consumer in order, with everything else of the charger."""

    charger_id: str

    @property
    def key(self) -> str:
        """The charger's write key."""
        return charger_key(self.charger_id)


def event(cls: type[Event]) -> type[Event]:
    """Register an event class under its ``type``. Raises ``ValueError`` when the name is missing or taken.

    The same class may come again, as it does when its module is loaded twice, perhaps by its path from another folder.
    """
    known = EVENT_TYPES.get(cls.type, cls)
    if not cls.type or not is_same(known, cls):
        raise ValueError(f"event class {cls.__qualname__} needs a type of its own, not {cls.type!r}")
    EVENT_TYPES[cls.type] = cls
    return cls


def is_same(one: type[Event], other: type[Event]) -> bool:
    """Whether two classes are one, perhaps of a module that was loaded twice by different paths."""
    modules = sorted((f".{one.__module__}", f".{other.__module__}"), key=len)
    return one.__qualname__ == other.__qualname__ and modules[1].endswith(modules[0])


@noun
class Delivered:
    """An event as a consumer receives it. ``event_id`` is the same at every delivery, so a consumer can be idempotent."""

    event_id: int
    tenant: int
    occurred_at: int
    event: Event
    attempt: int = 1
