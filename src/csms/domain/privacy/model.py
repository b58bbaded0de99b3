"""Nouns and events of the privacy slice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from csms.core.events import Event, event
from csms.core.paging import one_of

FORGOTTEN = "erased-token-"
"""How a forgotten token's pseudonym begins."""


def erasure_key(tenant: int, driver_id: int) -> str:
    """The write key of a driver's erasure."""
    return f"erasure:{tenant}:{driver_id}"


@attrs.frozen(slots=True, kw_only=True)
class Erasure:
    """A driver's data was erased: at ``asked_at`` from everything that is looked at, and by ``done_at`` from the logs, too.

    ``masked`` counts the rows of logs that were changed.
    """

    id: int
    driver_id: int
    asked_by: str
    asked_at: int
    masked: int
    done_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Progress:
    """How far the logs are masked: up to the row ``last`` of ``place``. ``sealed`` is what is to be masked, encrypted."""

    erasure_id: int
    sealed: str = attrs.field(repr=False)
    place: str
    last: int


@attrs.frozen(slots=True, kw_only=True)
class ExportQuery:
    """How a driver's data is wanted."""

    format: str | None = one_of("zip", "json", help="zip, with files and meter readings, or json alone; as a rule zip")


@attrs.frozen(slots=True)
class Trace:
    """Where a log may name a driver: columns of a table with a growing number ``id``. What is masked there are whole JSON texts.

    Chargers know tokens only (``tokens_only``), and a driver may be called what OCPP calls a status.
    """

    table: str
    columns: tuple[str, ...]
    id: str = "id"
    tokens_only: bool = False


TRACES: Mapping[str, Trace] = {
    each.table: each
    for each in (
        Trace("frames", ("text",), tokens_only=True),
        Trace("events", ("payload",), id="sequence"),
        Trace("late_stops", ("report",), tokens_only=True),
        Trace("quarantine", ("report",), tokens_only=True),
        Trace("commands", ("body",), tokens_only=True),
        Trace("bulk_commands", ("body",), tokens_only=True),
        Trace("alerts", ("detail",)),
    )
}
"""Every log that may name a driver, in the order in which they are masked. The audit log is not among them: nothing changes it."""


@event
@attrs.frozen(slots=True, kw_only=True)
class DriverErased(Event):
    """A driver's personal data was erased. Whoever keeps some of it elsewhere must erase it there."""

    type: ClassVar[str] = "driver_erased"

    driver_id: int

    @property
    def key(self) -> str:
        """The driver's."""
        return f"driver:{self.driver_id}"
