"""Reading the event spine: events in the order in which they became facts, and never one that a late commit would put before them."""

from __future__ import annotations

from functools import lru_cache

import attrs
import msgspec

from csms.core.events import EVENT_TYPES, Event
from csms.core.ids import TenantId
from csms.core.ports import ReadTx

from .location import POSTGRESQL

Position = tuple[int, int]
"""(xid, sequence); xid is 0 on SQLite."""
START: Position = (-(2**62), 0)
"""Before every event; restored events have negative transaction numbers (see ``archive``)."""

HORIZON = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
"""Every transaction below this number has ended: what it wrote can be seen, and nothing more will come from it."""

_COLUMNS = """
    SELECT e.sequence, e.xid, e.tenant, e.key, e.type, e.payload, e.at,
        EXISTS (SELECT 1 FROM deliveries d WHERE d.consumer = :consumer AND d.sequence = e.sequence) AS recorded
    FROM events e
"""
SCAN = {
    "sqlite": f"{_COLUMNS} WHERE e.sequence > :sequence ORDER BY e.sequence LIMIT :limit",
    POSTGRESQL: f"{_COLUMNS} WHERE (e.xid, e.sequence) > (:xid, :sequence) AND e.xid < ({HORIZON}) "
    "ORDER BY e.xid, e.sequence LIMIT :limit",
}
END = {
    "sqlite": "SELECT 0 AS xid, coalesce(max(sequence), 0) AS sequence FROM events",
    POSTGRESQL: f"SELECT ({HORIZON}) - 1 AS xid, {2**62} AS sequence",
}
"""The position after all events that are settled now."""
_LATE = f"SELECT EXISTS (SELECT 1 FROM events WHERE xid >= ({HORIZON}))"  # noqa: S608 - constants


class Undecodable(ValueError):
    """A stored event does not fit its class any more."""


@attrs.define(slots=True, eq=False)
class Entry:
    """A stored event on its way to one consumer."""

    sequence: int
    xid: int
    tenant: TenantId
    key: str
    type: str
    payload: str
    at: int
    attempts: int = 0
    settled: bool = False
    """Whether the cursor may pass it: it is done, or what became of it is recorded."""
    recorded: bool = False
    """Whether it has a row in ``deliveries``."""

    @property
    def position(self) -> Position:
        """Its place in the order of events."""
        return (self.xid, self.sequence)

    def decode(self) -> Event:
        """The event itself. Raises ``KeyError`` for a type that nobody defined, ``Undecodable`` for one that does not fit."""
        try:
            event: Event = _decoder(EVENT_TYPES[self.type]).decode(self.payload)  # type: ignore[arg-type]  # classes are hashable
        except msgspec.MsgspecError as error:
            raise Undecodable(f"event {self.sequence} is no {self.type}: {error}") from error
        return event


@lru_cache(maxsize=1024)
def _decoder(cls: type[Event]) -> msgspec.json.Decoder[Event]:
    return msgspec.json.Decoder(cls)


def scan(tx: ReadTx, engine: str, consumer: str, after: Position, limit: int) -> tuple[list[Entry], bool]:
    """The next events in order, and whether there are others whose turn has not come, because a transaction before them still runs."""
    system = tx.system("event consumers read every tenant's events")
    rows = system.all(SCAN[engine], consumer=consumer, xid=after[0], sequence=after[1], limit=limit)
    late = engine == POSTGRESQL and len(rows) < limit and bool(system.value(_LATE))
    return [Entry(**row) for row in rows], late


def end(tx: ReadTx, engine: str) -> Position:
    """Where a consumer starts that wants no old events."""
    row = tx.system("a new consumer starts at the end").one(END[engine])
    return (row["xid"], row["sequence"]) if row is not None else START
