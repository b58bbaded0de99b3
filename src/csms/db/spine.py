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
_NEXT = {
    "sqlite": """
        SELECT count(*) AS many, 0 AS xid, max(sequence) AS sequence
        FROM (SELECT sequence FROM events WHERE sequence > :sequence ORDER BY sequence LIMIT :limit) AS following
    """,
    POSTGRESQL: f"""
        SELECT count(*) OVER () AS many, xid, sequence FROM (
            SELECT e.xid, e.sequence FROM events e WHERE (e.xid, e.sequence) > (:xid, :sequence) AND e.xid < ({HORIZON})
            ORDER BY e.xid, e.sequence LIMIT :limit
        ) AS following ORDER BY xid DESC, sequence DESC LIMIT 1
    """,  # noqa: S608 - constants
}
"""How far the next events go, and how many those are, wanted or not: most consumers want few, and need not be shown the others."""
_SCAN = {
    "sqlite": f"{_COLUMNS} WHERE e.sequence > :sequence AND e.sequence <= :last_sequence{{wanted}} ORDER BY e.sequence",
    POSTGRESQL: f"{_COLUMNS} WHERE (e.xid, e.sequence) > (:xid, :sequence) AND (e.xid, e.sequence) <= (:last_xid, :last_sequence)"
    "{wanted} ORDER BY e.xid, e.sequence",
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


@attrs.frozen(slots=True)
class Scanned:
    """The next events in order, of those types that were asked for. ``reached`` is how far this looked, ``full`` that there may be more
    right behind. ``late``: there are others whose turn has not come, because a transaction before them still runs."""

    entries: list[Entry]
    reached: Position
    full: bool
    late: bool


def scan(tx: ReadTx, engine: str, consumer: str, after: Position, limit: int, types: frozenset[str] | None = None) -> Scanned:
    """The next events, of so many at most whatever their types. ``types`` None is all. Two statements."""
    system = tx.system("event consumers read every tenant's events")
    where = {"xid": after[0], "sequence": after[1]}
    top = system.one(_NEXT[engine], **where, limit=limit)
    many = 0 if top is None else int(top["many"])
    late = engine == POSTGRESQL and many < limit and bool(system.value(_LATE))
    if top is None or not many:
        return Scanned([], after, full=False, late=late)
    wanted, named = _wanted(engine, types)
    sql = _SCAN[engine].format(wanted=wanted)
    rows = system.all(sql, consumer=consumer, **where, last_xid=top["xid"], last_sequence=top["sequence"], **named)
    return Scanned([Entry(**row) for row in rows], (top["xid"], top["sequence"]), full=many == limit, late=late)


@lru_cache(maxsize=256)
def _wanted(engine: str, types: frozenset[str] | None) -> tuple[str, dict[str, str]]:
    if types is None:
        return "", {}
    named = {f"type_{number}": name for number, name in enumerate(sorted(types))}
    column = "e.type" if engine == POSTGRESQL else "+e.type"  # SQLite is to walk the few rows, and not an index of types
    return f" AND {column} IN ({', '.join(f':{name}' for name in named) or 'NULL'})", named


def end(tx: ReadTx, engine: str) -> Position:
    """Where a consumer starts that wants no old events."""
    row = tx.system("a new consumer starts at the end").one(END[engine])
    return (row["xid"], row["sequence"]) if row is not None else START
