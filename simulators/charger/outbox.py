"""What a charger has to say, in order: transaction messages survive a lost connection, passing ones do not."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import attrs

from simulators.frames import Payload

from .connector import Transaction
from .signals import Nudge


@attrs.define(slots=True, eq=False)
class Parcel:
    """A message to deliver. ``keep`` makes it survive (1.6 §3.7.1, 2.0.1 E12); ``sheddable`` ones go first when the outbox is full."""

    action: str
    payload: Payload
    keep: bool = False
    sheddable: bool = False
    transaction: Transaction | None = None
    on_answer: Callable[[Payload], None] | None = None
    on_sent: Callable[[], None] | None = None
    message_id: str = ""
    sends: int = 0
    failures: int = 0


class Outbox:
    """A bounded queue whose head stays until it was answered."""

    __slots__ = ("_limit", "_parcels", "changed")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parcels: deque[Parcel] = deque()
        self.changed = Nudge()

    def __len__(self) -> int:
        return len(self._parcels)

    @property
    def kept(self) -> int:
        """How many transaction messages wait."""
        return sum(parcel.keep for parcel in self._parcels)

    def add(self, parcel: Parcel) -> Parcel | None:
        """Queue a message. When the outbox is full, what was given up for it: an old meter value, or the new message itself.

        Never the head, which may be under way (1.6 §3.7.1: intermediate meter values may be dropped).
        """
        shed = None
        if len(self._parcels) >= self._limit:
            shed = next((old for old in list(self._parcels)[1:] if old.sheddable or not old.keep), parcel)
            if shed is parcel:
                return parcel
            self._parcels.remove(shed)
        self._parcels.append(parcel)
        self.changed.give()
        return shed

    async def head(self) -> Parcel:
        """The message to deliver next."""
        while not self._parcels:
            await self.changed.wait()
        return self._parcels[0]

    async def first(self, most: int) -> list[Parcel]:
        """The next messages, for a charger that sends them without waiting; none after a start, whose answer the others need."""
        await self.head()
        found: list[Parcel] = []
        for parcel in self._parcels:
            found.append(parcel)
            if len(found) == most or parcel.action == "StartTransaction":
                break
        return found

    def done(self, parcel: Parcel) -> None:
        """A message was delivered, or given up."""
        if parcel in self._parcels:
            self._parcels.remove(parcel)
            self.changed.give()

    def forget_passing(self) -> None:
        """Drop what only mattered while the connection lived."""
        self._parcels = deque(parcel for parcel in self._parcels if parcel.keep)
        self.changed.give()

    def forget_all(self) -> int:
        """Lose everything, as firmware without memory does; how many transaction messages that were."""
        kept = self.kept
        self._parcels.clear()
        self.changed.give()
        return kept

    async def drained(self) -> None:
        """Wait until nothing waits: what is kept was delivered, what is passing was delivered or forgotten."""
        while self._parcels:
            await self.changed.wait()
