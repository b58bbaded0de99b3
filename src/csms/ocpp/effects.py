"""What a conversation wants done: the effects that its link carries out, in order."""

from __future__ import annotations

import attrs

from csms.core.commands import Outcome
from csms.core.nouns import noun
from csms.core.ports import FrameEntry
from csms.core.reports import Report

from .codec import Ear
from .frames import Id, Payload


@attrs.define(slots=True, eq=False)
class Call:
    """A CALL of the charger that waits for our verdict. ``copies`` counts repetitions that will share the answer.

    ``payload`` is the request as it was understood.
    """

    id: Id
    action: str
    payload: Payload
    ear: Ear
    key: int
    heard_mono: float
    copies: int = 0
    done: bool = False


@noun
class Heard:
    """The frame-log entry of a received frame."""

    entry: FrameEntry


@noun
class Send:
    """Send this text, then log the entry."""

    text: str
    entry: FrameEntry


@noun
class Told:
    """The domain must hear this; ``Conversation.answer`` or ``fail`` follows for the call."""

    call: Call
    report: Report


@noun
class Ended:
    """A command ended."""

    ticket: int
    outcome: Outcome


@noun
class Shut:
    """Close the socket."""

    code: int
    reason: str


Effect = Heard | Send | Told | Ended | Shut
