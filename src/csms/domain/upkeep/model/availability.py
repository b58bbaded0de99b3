"""Availability: which places should be in service, and what their charger made of being told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import attrs

from csms.core.events import ChargerEvent, event
from csms.core.ids import Place
from csms.core.paging import Paged, filter_by, one_of, sorts
from csms.core.reports import AVAILABLE, FAULTED, UNAVAILABLE, UNKNOWN

PENDING = "pending"
"""The charger is to be told, as soon as it can be."""
UNCERTAIN = "uncertain"
"""It was told, and did not answer."""
ACCEPTED, SCHEDULED = "accepted", "scheduled"
"""It said yes, or yes after the transaction that runs (1.6 §5.2); its status does not show it yet."""
IN_FORCE = "in_force"
REJECTED, NOT_SUPPORTED = "rejected", "not_supported"
UNCONFIRMED = "unconfirmed"
"""It said yes again and again, and never showed it; nobody asks any more."""

AVAILABILITY_STATES = (PENDING, UNCERTAIN, ACCEPTED, SCHEDULED, IN_FORCE, REJECTED, NOT_SUPPORTED, UNCONFIRMED)

PLANNED, RUNNING, OVER, CANCELLED = "planned", "running", "over", "cancelled"
WINDOW_STATES = (PLANNED, RUNNING, OVER, CANCELLED)

BY_OPERATOR, BY_SCHEDULE = "operator", "schedule"
LONGEST_TEXT = 200
"""Characters of a reason, and of who gave it."""


@attrs.frozen(slots=True, kw_only=True)
class Availability:
    """A place that somebody took out of service or put back. Field names are column names (migration 0013).

    ``wished`` is what somebody wants, ``operative`` what the charger is to be told: not in service while a window of maintenance runs.
    Being in service is the normal state: once a charger has shown it, it is not insisted on any more, since a charger may go out of
    service by itself, as for an update.
    """

    charger_id: str
    evse: int = 0
    connector: int = 0
    wished: bool = attrs.field(default=True, converter=bool)
    reason: str = ""
    set_by: str = BY_OPERATOR
    since_at: int = 0
    operative: bool = attrs.field(default=True, converter=bool)
    state: str = PENDING
    answer: str = ""
    sent_at: int | None = None
    failures: int = 0
    due_at: int | None = None
    changed_at: int = 0
    charger_created_at: int = 0

    @property
    def place(self) -> Place:
        """Where."""
        return Place(self.evse, self.connector)


@attrs.frozen(slots=True, kw_only=True)
class Window:
    """Maintenance: a place is out of service from one instant until another, whatever is wished. Columns of migration 0013."""

    id: int = 0
    charger_id: str
    evse: int = 0
    connector: int = 0
    from_at: int
    until_at: int
    reason: str = ""
    set_by: str = BY_OPERATOR
    state: str = PLANNED
    next_at: int | None = None
    created_at: int = 0

    @property
    def place(self) -> Place:
        """Where."""
        return Place(self.evse, self.connector)


@attrs.frozen(slots=True, kw_only=True)
class PlaceAvailability:
    """A place that somebody took out of service or put back, as people see it.

    ``wished`` is what somebody wants, ``operative`` what the charger is to be told: not in service while maintenance runs. ``state`` is
    how far that is, ``answer`` what the charger said, ``due_at`` when it is told again.
    """

    charger_id: str
    evse: int
    connector: int
    wished: bool
    operative: bool
    state: str
    answer: str
    reason: str
    set_by: str
    since_at: int
    changed_at: int
    sent_at: int | None
    failures: int
    due_at: int | None


SHOWN = tuple(field.name for field in attrs.fields(PlaceAvailability))


def shown(known: Availability) -> PlaceAvailability:
    """Without what only tells one charger of an id from a later one."""
    return PlaceAvailability(**{name: getattr(known, name) for name in SHOWN})


@attrs.frozen(slots=True, kw_only=True)
class AvailabilityQuery(Paged):
    """Which places somebody wants, of those that anybody took out of service or put back."""

    sort: str = sorts("charger_id", "since_at", default="charger_id")
    operative: bool | None = filter_by("whether it is to be in service")
    state: str | None = one_of(*AVAILABILITY_STATES, help="how far that is")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")


@attrs.frozen(slots=True, kw_only=True)
class WindowsQuery(Paged):
    """Which maintenance somebody wants."""

    sort: str = sorts("created_at", "from_at", default="-created_at")
    state: str | None = one_of(*WINDOW_STATES, help="exactly this state")
    open: bool | None = filter_by("true: planned or running; false: past")
    charger_id: str | None = filter_by("of this charger")
    station_id: int | None = filter_by("of a charger of this station")
    from_at: int | None = filter_by("ends then or later")
    to_at: int | None = filter_by("begins before")


def covers(outer: Place, inner: Place) -> bool:
    """Whether a place is part of another: the whole charger has every EVSE, and an EVSE its connectors."""
    return outer.is_whole_charger or outer == inner or (outer.evse == inner.evse and outer.connector == 0)


BUSY = "busy"
"""What a place shows that is neither free nor out of service: it may have a transaction."""


def shows(place: Place, present: Iterable[tuple[Place, str]]) -> bool | str | None:
    """Whether a place is in service, by the present statuses of its charger: False where it is Unavailable, ``BUSY`` where it is used.

    A charger, or an EVSE, is out of service when it says so itself or when all its connectors are; one of them that is in service
    says that it is not. None where nothing is known: a fault says nothing either way (1.6 §4.9).
    """
    statuses = {where: status for where, status in present if covers(place, where) and status not in (FAULTED, UNKNOWN)}
    own = statuses.pop(place, None)
    if own == UNAVAILABLE:
        return False
    inner = list(statuses.values()) or ([] if own is None else [own])
    if not inner:
        return None
    if all(status == UNAVAILABLE for status in inner):
        return False
    return True if AVAILABLE in inner else BUSY


@event
@attrs.frozen(slots=True, kw_only=True)
class AvailabilityChanged(ChargerEvent):
    """A place is to be in service or not, or its charger answered to that or showed it. ``state`` says how far it is.

    ``reason`` is the operator's, ``answer`` the charger's.
    """

    type: ClassVar[str] = "availability_changed"

    place: Place
    operative: bool
    state: str
    reason: str
    set_by: str
    answer: str
