"""Deletes what has been kept long enough, from the oldest, in slices so short that the writer's other work does not notice."""

from __future__ import annotations

from time import perf_counter

import attrs
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx

from .database import StoreDatabase

FIRST_SLICE_ROWS = 50
FEWEST_ROWS, MOST_ROWS = 10, 20_000
SHARE = 0.5
"""Of the slice, for the statements; the rest is for COMMIT, which has to write what they touched."""


@attrs.frozen(slots=True)
class Kept:
    """A table whose rows grow old: ``number`` grows with every row, ``at`` is when we got it, ``condition`` what else must hold."""

    table: str
    number: str = "id"
    at: str = "at"
    condition: str = ""


FRAMES = Kept("frames")
METER_READINGS = Kept("meter_readings", at="received_at")
SECURITY_EVENTS = Kept("security_events", at="received_at")
EVENTS = Kept(
    "events",
    number="sequence",
    condition=(
        "AND NOT EXISTS (SELECT 1 FROM cursors c WHERE (c.xid, c.sequence) < (events.xid, events.sequence)) "
        "AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.sequence = events.sequence)"
    ),
)
"""Events only once every known consumer has them, and not while one is to be tried again or is a dead letter."""


@attrs.frozen(slots=True)
class Slice:
    """What one verb did: rows deleted, the highest number it looked at, its time; ``more`` while there may be old rows above."""

    deleted: int
    last: int
    seconds: float
    more: bool


async def forget_old(database: StoreDatabase, kept: Kept, *, before: int, slice_ms: float = 10.0, rest_s: float = 0.05) -> int:
    """Delete the rows of a table that are older than the instant ``before``; how many.

    Every slice is a write of its own and takes about ``slice_ms`` of the writer at most, finding out by itself how many rows that
    is; between slices the writer is left alone for ``rest_s``. Raises ``StoreUnavailable``; what was deleted until then stays so.
    """
    deleted, last, rows, more = 0, -(2**62), FIRST_SLICE_ROWS, True
    while more:
        done = await database.write(
            delete_slice, kept, before, last, rows, tenant=DEFAULT_TENANT, keys=(f"retention:{kept.table}",)
        )
        deleted += done.deleted
        last, more = done.last, done.more
        wanted = rows * SHARE * slice_ms / 1000 / max(done.seconds, 1e-6)
        rows = round(min(max(wanted, rows / 4, FEWEST_ROWS), rows * 2, MOST_ROWS))
        if more:
            await trio.sleep(rest_s)
    return deleted


def delete_slice(tx: Tx, kept: Kept, before: int, after: int, rows: int) -> Slice:
    """Delete the old ones among the next rows by number."""
    started = perf_counter()
    system = tx.system("retention concerns the installation")
    table, number, at = kept.table, kept.number, kept.at
    look = (
        f"SELECT max({number}) AS last, sum(CASE WHEN {at} < :before THEN 1 ELSE 0 END) AS old FROM "  # noqa: S608 - constants
        f"(SELECT {number}, {at} FROM {table} WHERE {number} > :after ORDER BY {number} LIMIT :rows) next"
    )
    row = system.one(look, before=before, after=after, rows=rows)
    if row is None or not row["old"]:
        return Slice(0, after, perf_counter() - started, False)
    delete = f"DELETE FROM {table} WHERE {number} > :after AND {number} <= :last AND {at} < :before {kept.condition}"  # noqa: S608 - constants
    deleted = system.run(delete, after=after, last=row["last"], before=before)
    return Slice(deleted, row["last"], perf_counter() - started, True)
