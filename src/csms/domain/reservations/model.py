"""Nouns and events of the reservations slice."""

from __future__ import annotations

from typing import ClassVar, Protocol

import attrs

from csms.core.events import ChargerEvent, event
from csms.core.ids import Place
from csms.core.paging import Paged, filter_by, one_of, sorts
from csms.core.reports import Token

PENDING = "pending"
"""We asked the charger and do not know what it made of it: it may or may not stand. It is asked again until we know."""
ACTIVE = "active"
"""The charger keeps the place free."""
CANCELLING = "cancelling"
"""Nobody wants it any more; the charger has not said yet that it knows. It is told until it has, or until the reservation expires."""
USED = "used"
"""A transaction of its token, or of one of its group, took the place."""
CANCELLED = "cancelled"
EXPIRED = "expired"
"""Its time passed; the charger ended it by itself (1.6 §5.13)."""
RELEASED = "released"
"""The charger does not keep it any more, for the reason in ``note``: a fault, a wrong token let in, a restart that forgot it ..."""
REFUSED = "refused"
"""The charger never took it, or never heard of it."""

STATES = (PENDING, ACTIVE, CANCELLING, USED, CANCELLED, EXPIRED, RELEASED, REFUSED)
ENDED_STATES = frozenset({USED, CANCELLED, EXPIRED, RELEASED, REFUSED})

MAX_RESERVATION_ID = 2**31 - 1
"""The largest id that every charger takes."""

RESERVED_FOR_ANOTHER = "NotAtThisTime"
"""The verdict on a token that would take a place which is kept for somebody else (2.0.1 AuthorizationStatusEnumType)."""


class Settings(Protocol):
    """The configuration that reservations need (the section ``[reservations]``)."""

    @property
    def longest_s(self) -> int:
        """How far ahead a reservation may expire."""
        ...

    @property
    def retry_s(self) -> int:
        """How long until a charger is asked again about a reservation of which we do not know what stands."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class Terms:
    """What is reserved for whom until when. ``evse`` 0 is no connector in particular; ``parent`` names the group that may use it."""

    evse: int
    connector: int
    token: str
    token_kind: str = ""
    token_id: int | None = None
    driver_id: int | None = None
    parent: str = ""
    expires_at: int


TERMS = tuple(field.name for field in attrs.fields(Terms))


@attrs.frozen(slots=True, kw_only=True)
class Reservation(Terms):
    """A reservation. Field names are column names (migration 0007); ``id`` is what the charger is told."""

    id: int = 0
    charger_id: str
    state: str = PENDING
    asks: int = 1
    ask_at: int | None = None
    answer: str = ""
    shown: bool = attrs.field(default=False, converter=bool)
    replaced: str = ""
    transaction_id: int | None = None
    note: str = ""
    created_at: int = 0
    updated_at: int = 0
    made_at: int | None = None
    ended_at: int | None = None

    @property
    def place(self) -> Place:
        """What is kept free."""
        return Place(self.evse, self.connector)

    @property
    def open(self) -> bool:
        """Whether the charger may keep the place free, as far as we know."""
        return self.state not in ENDED_STATES

    def covers(self, evse: int) -> bool:
        """Whether charging at an EVSE would be a use of it (1.6 §5.13: on the reserved connector, or any when none is named)."""
        return self.evse in (0, evse)

    def fits(self, token: Token, parent: str) -> bool:
        """Whether a token, of the group ``parent`` if of any, may use it (1.6 §5.13)."""
        if self.token.casefold() == token.value.casefold():
            return True
        return parent != "" and self.parent.casefold() == parent.casefold()

    @property
    def public(self) -> ReservationItem:
        """Without what only keeps it in step with its charger."""
        return ReservationItem(**{name: getattr(self, name) for name in PUBLIC})


@attrs.frozen(slots=True, kw_only=True)
class ReservationItem(Terms):
    """A reservation, as an operator sees it. ``answer`` is what became of the last question to the charger, ``note`` why it ended.

    ``made_at`` is when the charger first said that it keeps the place free, ``transaction_id`` what used it.
    """

    id: int
    charger_id: str
    state: str
    answer: str
    note: str
    transaction_id: int | None
    created_at: int
    updated_at: int
    made_at: int | None
    ended_at: int | None


PUBLIC = tuple(field.name for field in attrs.fields(ReservationItem))


@attrs.frozen(slots=True, kw_only=True)
class ReservationsQuery(Paged):
    """Which reservations somebody wants."""

    sort: str = sorts("created_at", "expires_at", default="-created_at")
    state: str | None = one_of(*STATES, help="exactly this state")
    open: bool | None = filter_by("true: it may stand; false: it ended")
    charger_id: str | None = filter_by("at this charger")
    station_id: int | None = filter_by("at a charger of this station")
    token: str | None = filter_by("for this token, in any case")
    driver_id: int | None = filter_by("for this driver")
    from_at: int | None = filter_by("ends then or later")
    to_at: int | None = filter_by("ends before")


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class AboutReservation(ChargerEvent):
    """What every event about a reservation says."""

    reservation_id: int
    evse: int
    connector: int
    token: str
    parent: str
    driver_id: int | None
    expires_at: int


@event
@attrs.frozen(slots=True, kw_only=True)
class ReservationMade(AboutReservation):
    """A charger keeps a place free from now on, or on other terms than before (``changed``)."""

    type: ClassVar[str] = "reservation_made"

    changed: bool


@event
@attrs.frozen(slots=True, kw_only=True)
class ReservationEnded(AboutReservation):
    """A reservation was used (``transaction_id``), cancelled, expired, released by the charger, or refused; ``note`` says why.

    Told once more where a start that came late shows that it had been used after all: ``previous_state`` is an end then.
    """

    type: ClassVar[str] = "reservation_ended"

    state: str
    previous_state: str
    transaction_id: int | None
    note: str
