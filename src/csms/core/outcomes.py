"""What can become of a command: the charger's answer, or why there is none."""

from __future__ import annotations

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
