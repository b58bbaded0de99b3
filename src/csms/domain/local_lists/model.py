"""Nouns and events of the local_lists slice."""

from __future__ import annotations

from typing import ClassVar, Protocol

import attrs

from csms.core.commands import LocalListEntry
from csms.core.events import ChargerEvent, event
from csms.core.paging import Paged, filter_by, one_of, sorts
from csms.core.reports import Token, TokenVerdict

AUTO, OFF = "auto", "off"
MODES = (AUTO, OFF)

UNKNOWN = "unknown"
"""Nothing was compared yet."""
IN_STEP = "in_step"
BEHIND = "behind"
"""Something is to be sent, or it was sent and not answered."""
DISABLED = "disabled"
"""The charger has local lists and does not use them (its LocalAuthListEnabled is false)."""
UNSUPPORTED = "unsupported"
FAILED = "failed"
"""The charger did not take it; tried again later."""

STATES = (UNKNOWN, IN_STEP, BEHIND, DISABLED, UNSUPPORTED, FAILED)

LONGEST_LISTED = 20
"""Characters of the longest token that every charger can keep (1.6 IdToken, CiString20)."""


class Settings(Protocol):
    """The configuration that local lists need (the section ``[local_lists]``)."""

    @property
    def mode(self) -> str:
        """Whether the lists of chargers that say nothing else are kept in step."""
        ...

    @property
    def message_limit(self) -> int:
        """Entries in one message, for a charger that does not say how many it takes."""
        ...

    @property
    def check_interval_s(self) -> int:
        """How often a list that should be in step is compared."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class LocalList:
    """A charger's local list as we know it. ``version`` is what we last sent successfully, ``heard_version`` what the charger told.

    ``left_out`` tokens may charge there and do not fit on it; the limits are the charger's own, in entries, None where it told none.
    """

    charger_id: str
    mode: str = ""
    state: str = UNKNOWN
    version: int = 0
    heard_version: int | None = None
    needs_full: bool = attrs.field(default=True, converter=bool)
    sending: str = ""
    left_out: int = 0
    list_limit: int | None = None
    message_limit: int | None = None
    limits_at: int | None = None
    problem: str = ""
    failures: int = 0
    due_at: int | None = None
    synchronised_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class LocalListItem:
    """How a charger's local list stands, as people see it.

    ``mode`` ``auto`` keeps it in step, ``off`` leaves it alone, ``""`` does as configured. ``version`` is what was last sent
    successfully, ``heard_version`` what the charger told. ``left_out`` tokens may charge there and have no room on it; the limits are the
    charger's own, in entries.
    """

    charger_id: str
    mode: str
    state: str
    version: int
    heard_version: int | None
    needs_full: bool = attrs.field(converter=bool)
    left_out: int
    list_limit: int | None
    message_limit: int | None
    limits_at: int | None
    problem: str
    failures: int
    due_at: int | None
    synchronised_at: int | None


SHOWN = tuple(field.name for field in attrs.fields(LocalListItem))


def shown(known: LocalList) -> LocalListItem:
    """A list without what is under way."""
    return LocalListItem(**{name: getattr(known, name) for name in SHOWN})


@attrs.frozen(slots=True, kw_only=True)
class LocalListDetail(LocalListItem):
    """How a charger's local list stands: ``entries`` are believed to be on it, ``should_be`` tokens should be."""

    entries: int
    should_be: int


@attrs.frozen(slots=True, kw_only=True)
class LocalListsQuery(Paged):
    """Which local lists somebody wants."""

    sort: str = sorts("charger_id", "synchronised_at", "state", default="charger_id")
    mode: str | None = one_of(*MODES, help="what was said of this very charger")
    state: str | None = one_of(*STATES, help="how it stands")
    station_id: int | None = filter_by("of a charger of this station")


@attrs.frozen(slots=True, kw_only=True)
class EntriesQuery(Paged):
    """Which entries of a local list somebody wants."""

    sort: str = sorts("token", "expires_at", default="token")
    status: str | None = filter_by("what the charger was told of the token, such as Accepted")
    parent: str | None = filter_by("of this group")


@attrs.frozen(slots=True)
class Listed:
    """A token on a list, and what the charger is told of it."""

    token: str
    kind: str = ""
    status: str = "Accepted"
    expires_at: int | None = None
    parent: str = ""

    @property
    def folded(self) -> str:
        """What is compared: tokens compare case-insensitively."""
        return self.token.casefold()

    def entry(self) -> LocalListEntry:
        """The entry that puts it on the list."""
        return LocalListEntry(Token(self.token, self.kind), TokenVerdict(self.status, self.expires_at, self.parent))


@attrs.frozen(slots=True)
class Message:
    """One part of an update: it takes the charger's list to ``version``."""

    version: int
    full: bool
    entries: tuple[LocalListEntry, ...]


@event
@attrs.frozen(slots=True, kw_only=True)
class LocalListChanged(ChargerEvent):
    """A charger's local list has a new version, or stands otherwise than before to what it should be (``state``)."""

    type: ClassVar[str] = "local_list_changed"

    state: str
    previous_state: str
    version: int
    entries: int
    problem: str
