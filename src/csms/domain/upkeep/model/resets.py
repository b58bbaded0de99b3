"""Resets of chargers: asked for, and seen by the boot that follows."""

from __future__ import annotations

import attrs

from csms.core.paging import Paged, filter_by, one_of, sorts

WHEN_IDLE, IMMEDIATELY = "when_idle", "immediately"

SENDING = "sending"
"""We are asking the charger, or its answer was lost: only a boot tells."""
ACCEPTED = "accepted"
DONE, REFUSED, FAILED = "done", "refused", "failed"
KINDS = (WHEN_IDLE, IMMEDIATELY)
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


@attrs.frozen(slots=True, kw_only=True)
class ResetsQuery(Paged):
    """Which resets somebody wants."""

    sort: str = sorts("asked_at", default="-asked_at")
    state: str | None = one_of(*RESET_STATES, help="exactly this state")
    open: bool | None = filter_by("true: it may still happen; false: over")
    kind: str | None = one_of(*KINDS, help="when it was to be done")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")
    from_at: int | None = filter_by("asked then or later")
    to_at: int | None = filter_by("asked before")
