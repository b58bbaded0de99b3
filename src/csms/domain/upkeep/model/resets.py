"""Resets of chargers: asked for, and seen by the boot that follows."""

from __future__ import annotations

import attrs

WHEN_IDLE, IMMEDIATELY = "when_idle", "immediately"

SENDING = "sending"
"""We are asking the charger, or its answer was lost: only a boot tells."""
ACCEPTED = "accepted"
DONE, REFUSED, FAILED = "done", "refused", "failed"
RESET_STATES = (SENDING, ACCEPTED, DONE, REFUSED, FAILED)


@attrs.frozen(slots=True, kw_only=True)
class ChargerReset:
    """One request to a charger to reset itself. Field names are column names (migration 0013).

    ``booted_at`` is when it was seen to have done so; ``failed`` is one that did not boot in time.
    """

    id: int = 0
    charger_id: str
    kind: str
    evse: int | None = None
    state: str = SENDING
    answer: str = ""
    note: str = ""
    asked_at: int = 0
    booted_at: int | None = None
    deadline_at: int | None = None
    closed_at: int | None = None
