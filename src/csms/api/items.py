"""The nouns of the live feed: what is told, what the feed says about itself, who wants what, and who may see what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from csms.core.facts import as_json, public

FRAME = "frame"
"""The kind of an item that is a frame; the other kinds are the types of events."""

Position = tuple[int, int]
"""Where a stored event stands in the order of events."""


@attrs.define(slots=True, eq=False)
class Item:
    """One thing that happened. ``kind`` is ``frame`` or an event's type; what is not stored has no ``position`` and ``event_id`` 0."""

    kind: str
    tenant: int
    charger_id: str
    facts: Mapping[str, Any]
    at: int
    event_id: int = 0
    position: Position | None = None
    _text: bytes | None = None

    @property
    def text(self) -> bytes:
        """Its public form as JSON: made once, for all who want it."""
        if self._text is None:
            self._text = as_json(public(self.kind, self.facts, at=self.at, event_id=self.event_id))
        return self._text

    @property
    def place(self) -> tuple[int, int] | None:
        """EVSE and connector, where it is about one."""
        place = self.facts.get("place", self.facts)
        try:
            return place["evse"], place["connector"]
        except (KeyError, TypeError):
            return None


@attrs.frozen(slots=True, kw_only=True)
class Word:
    """What the feed says about itself: ``begin``, ``alive``, ``reset`` (stored events are missing), ``end``.

    ``event_id``: everything up to there was told; whoever comes back with it misses nothing.
    """

    kind: str
    reason: str = ""
    event_id: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Wants:
    """What somebody asks for; empty is all. A connector 0 in ``places`` is every one of its EVSE."""

    kinds: frozenset[str] = frozenset()
    chargers: frozenset[str] = frozenset()
    stations: frozenset[int] = frozenset()
    places: frozenset[tuple[int, int]] = frozenset()
    transactions: frozenset[int] = frozenset()


@attrs.frozen(slots=True, kw_only=True)
class Scope:
    """What somebody may see. ``stations`` None is every one of the tenant; with ``driver_id`` it is that driver's transactions only."""

    tenant: int
    identity: str = ""
    stations: frozenset[int] | None = None
    frames: bool = True
    driver_id: int | None = None


class History(Protocol):
    """The stored events, and what of the store decides who may see an item."""

    async def position_of(self, event_id: int) -> Position | None:
        """Where a stored event stands; None when it is not there (any more)."""
        ...

    async def after(self, position: Position, limit: int) -> tuple[list[Item], Position, bool]:
        """The next events of all tenants, up to where that read, and whether there may be more already. Raises ``StoreUnavailable``."""
        ...

    async def stations(self, tenant: int) -> Mapping[str, int | None]:
        """Where every charger of a tenant stands. Raises ``StoreUnavailable``."""
        ...

    async def open_transactions(self, tenant: int, driver_id: int) -> Sequence[int]:
        """A driver's running transactions. Raises ``StoreUnavailable``."""
        ...


Check = Callable[[], Awaitable[Scope | None]]
"""Whether somebody may still listen, and to what; None where not."""
