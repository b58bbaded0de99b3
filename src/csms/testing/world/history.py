"""What chargers did and said: charges, the messages that tell of them, and what the server acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

Json = dict[str, Any]

START, METER, STOP, STATUS, BOOT, ASIDE = "start", "meter", "stop", "status", "boot", "aside"


@attrs.define(slots=True, eq=False, kw_only=True)
class Charge:
    """One charge as it really was. Instants named ``_said`` are by the charger's own clock, registers are in Wh."""

    charger_id: str
    evse: int
    number: int
    token: str
    started_said: int
    start_wh: int
    reference: str
    """The charger's own id for it (2.x)."""
    transaction_id: int | None = None
    """What the server called it, once that was heard (1.6)."""
    seq_no: int = 0
    stopped_said: int | None = None
    stop_wh: int | None = None
    remote_start_id: int | None = None
    """Under which id somebody asked for it from afar (2.x)."""
    stop_wanted: bool = False
    """Whether the server asked the charger to end it."""
    forgotten: bool = False
    """Whether the charger lost something it had to tell about it, so that the server cannot know how it ended."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.charger_id}/{self.evse} #{self.number} ({self.token})"


@attrs.define(slots=True, eq=False, kw_only=True)
class Message:
    """Something that must be told. ``payload`` is asked for when it is sent, with the transaction id that the charger then gives."""

    kind: str
    action: str
    payload: Callable[[int | None], Json]
    charger_id: str
    evse: int
    at: int
    """True instant at which it came to be."""
    said: int
    """The same by the charger's clock."""
    wh: int = 0
    word: str = ""
    """What tells this message from all others of its kind, where it has room for one."""
    status: str = ""
    charge: Charge | None = None
    fixed_id: int | None = None
    """The transaction id that it was given when it came to be; None: as known when it is sent."""
    message_id: str = ""
    tries: int = 0
    answer: Json | None = None
    """What the server said to it; from then on it is a fact that must not be lost."""


@attrs.define(slots=True, eq=False)
class History:
    """Everything that was really done and said in one world."""

    charges: list[Charge] = attrs.field(factory=list)
    messages: list[Message] = attrs.field(factory=list)
    """In the order in which they came to be."""
    refusals: list[str] = attrs.field(factory=list)
    """Messages that the server refused although nothing was wrong with them."""

    def acknowledged(self, kind: str) -> list[Message]:
        """The messages of a kind that the server acknowledged."""
        return [message for message in self.messages if message.kind == kind and message.answer is not None]
