"""Nouns of the commands slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import validators

from csms.core.commands import COMMANDS
from csms.core.paging import Following, Paged, filter_by, one_of, sorts

QUEUED = "queued"
"""One of many, and its turn has not come."""
UNDER_WAY = "under_way"
"""In the charger's queue, or sent and not answered."""
ENDED = "ended"
"""``outcome`` says what became of it."""
REFUSED = "refused"
"""It was not sent; ``note`` says why."""
FAILED = "failed"
"""Something went wrong here, which was logged; what the charger did is not known."""
LOST = "lost"
"""The server ended while it was under way: the charger may have obeyed."""
CANCELLED = "cancelled"
"""Somebody cancelled it before its turn came."""

PROGRESS = (QUEUED, UNDER_WAY, ENDED, REFUSED, FAILED, LOST, CANCELLED)
OPEN = (QUEUED, UNDER_WAY)

RUNNING, DONE = "running", "done"
BULK_STATES = (RUNNING, DONE, CANCELLED)

OF_ONE_CHARGER = frozenset({"StartCharging", "StopCharging", "ReserveNow", "CancelReservation", "CertificateSigned"})
"""Commands about something that only one charger has."""
FOR_MANY = tuple(name for name in COMMANDS if name not in OF_ONE_CHARGER)

MOST_NAMED = 1_000
"""Chargers that a bulk can name one by one."""
LONGEST_BODY = 20_000
"""Characters of a body that are kept of a single command, for its history."""

LONGEST_WAIT_S = 300.0


def bulk_key(bulk_id: int) -> str:
    """The write key of a bulk and of the commands in it."""
    return f"bulk:{bulk_id}"


@attrs.frozen(slots=True, kw_only=True)
class Asker:
    """Who asked: the kind of principal, and what the audit log calls them."""

    kind: str
    name: str


@attrs.frozen(slots=True, kw_only=True)
class Limits:
    """How long a command may wait in the charger's queue, and for the charger's answer; None is as configured."""

    ttl_s: float | None = None
    timeout_s: float | None = None


@attrs.frozen(slots=True, kw_only=True)
class CommandAnswer:
    """A command and what became of it.

    ``progress`` says how far it is. Once it is ``ended``, ``outcome`` names what became of it: ``Answered`` (with the charger's
    ``status`` and ``detail``), ``CallError`` (``code``, ``description``, ``details``), or why there is no answer: ``TimedOut``, ``Lost``,
    ``Expired``, ``Superseded``, ``QueueFull``, ``Offline``, ``NotSupported`` (the latter two with a ``reason``). ``accepted`` is whether
    the charger said yes, null where nobody knows; ``certain`` is false where it may have obeyed although nobody heard so. The fields from ``transaction_id`` on are what this server keeps of it:
    the thing that the command made or changed, and its ``state``.
    """

    id: int
    charger_id: str
    command: str
    progress: str
    note: str
    accepted: bool | None
    bulk_id: int | None
    asked_by: str
    asked_at: int
    ended_at: int | None
    outcome: str | None = None
    certain: bool | None = None
    status: str | None = None
    detail: Mapping[str, Any] | None = None
    code: str | None = None
    description: str | None = None
    details: Mapping[str, Any] | None = None
    reason: str | None = None
    transaction_id: int | None = None
    reservation_id: int | None = None
    update_id: int | None = None
    upload_id: int | None = None
    profile_id: int | None = None
    state: str | None = None
    cleared: Sequence[int] | None = None
    computed: Mapping[str, Any] | None = None
    reported: Sequence[Mapping[str, Any]] | None = None
    differences: Sequence[Mapping[str, Any]] | None = None
    wanted: Mapping[str, str] | None = None
    more: Mapping[str, Any] | None = None

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.progress not in OPEN


@attrs.frozen(slots=True, kw_only=True)
class CommandDetail(CommandAnswer):
    """A command with the body that was sent, without its secrets, and where its charger stands."""

    body: Any
    station_id: int | None


@attrs.frozen(slots=True, kw_only=True)
class CommandsQuery(Following):
    """Which commands somebody wants."""

    charger_id: str | None = filter_by("sent to this charger")
    command: str | None = one_of(*COMMANDS, "RawCall", help="of this kind")
    progress: str | None = one_of(*PROGRESS, help="how far it is")
    bulk_id: int | None = filter_by("part of this bulk")
    from_at: int | None = filter_by("asked not before")
    to_at: int | None = filter_by("asked before")


@attrs.frozen(slots=True, kw_only=True)
class ChosenBy:
    """Which chargers a bulk is for: those that meet every criterion given."""

    charger_ids: tuple[str, ...] = attrs.field(default=(), validator=validators.max_len(MOST_NAMED))
    station_id: int | None = None
    vendor: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(200)))
    model: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(200)))
    firmware: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(200)))
    connected: bool | None = None
    everyone: bool = False
    """Say so where every charger of the tenant is meant."""

    @property
    def anything(self) -> bool:
        """Whether there is a criterion."""
        given = (self.charger_ids or None, self.station_id, self.vendor, self.model, self.firmware, self.connected)
        return any(each is not None for each in given)


@attrs.frozen(slots=True, kw_only=True)
class BulkCounts:
    """How many of a bulk's commands are how far; ``accepted`` are those of the ended ones that the charger said yes to."""

    total: int = 0
    accepted: int = 0
    queued: int = 0
    under_way: int = 0
    ended: int = 0
    refused: int = 0
    failed: int = 0
    lost: int = 0
    cancelled: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Bulk:
    """One command for many chargers. ``state`` is ``running`` until every charger has had its turn, or somebody cancels it."""

    id: int
    command: str
    body: Mapping[str, Any]
    chosen_by: Mapping[str, Any]
    at_a_time: int
    ttl_s: float | None
    timeout_s: float | None
    state: str
    asked_by: str
    asked_at: int
    ended_at: int | None
    counts: BulkCounts = attrs.field(factory=BulkCounts)


@attrs.frozen(slots=True, kw_only=True)
class BulksQuery(Paged):
    """Which bulks somebody wants."""

    sort: str = sorts("asked_at", default="-asked_at")
    state: str | None = one_of(*BULK_STATES, help="running, done or cancelled")
    command: str | None = one_of(*FOR_MANY, help="of this kind")


@attrs.frozen(slots=True, kw_only=True)
class ResultsQuery(Paged):
    """Which results of a bulk somebody wants."""

    sort: str = sorts("charger_id", "ended_at", default="charger_id")
    progress: str | None = one_of(*PROGRESS, help="how far it is")
    accepted: bool | None = filter_by("whether the charger said yes")
    charger_id: str | None = filter_by("of this charger")


@attrs.frozen(slots=True, kw_only=True)
class Work:
    """A bulk as it is worked off, with everything that sending needs."""

    id: int
    tenant: int
    command: str
    body: str
    sealed: str = attrs.field(repr=False)
    at_a_time: int
    limits: Limits
